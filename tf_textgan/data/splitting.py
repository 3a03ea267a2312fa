"""Divides one text into the three splits of a corpus, by a hash of each sentence's number."""

import dataclasses
import hashlib
from typing import Any

from tf_textgan import errors


@dataclasses.dataclass(frozen=True)
class Assignment:
  """The split of a sentence, by a hash of its number: deterministic, and spread over the whole text.

  The hashes lie in [0, 1): the lowest go to the validation split, the highest to the test split, each at least one sentence, even if the
  shares are too small for any.

  Attributes:
    validation_share: fraction of sentences for the validation split.
    test_share: fraction of sentences for the test split.
    lowest: number of the sentence with the lowest hash.
    highest: number of the sentence with the highest hash.
  """

  validation_share: float
  test_share: float
  lowest: int
  highest: int

  def __call__(self, number: int) -> str:
    if number == self.lowest or number != self.highest and _hash(number) < self.validation_share:
      return "validation"
    return "test" if number == self.highest or _hash(number) >= 1 - self.test_share else "train"


def check(config: Any) -> None:
  """Raises a `UserError` unless a config's `validation_share` and `test_share` lie in [0, 1) and leave sentences to train on."""
  for name in ("validation_share", "test_share"):
    if not 0 <= getattr(config, name) < 1:
      raise errors.UserError(f"{name} must be at least 0 and below 1, not {getattr(config, name)}")
  if config.validation_share + config.test_share >= 1:
    raise errors.UserError(
        f"validation_share and test_share must leave lines to train on, but add up to {config.validation_share + config.test_share}")


def assign(num: int, config: Any, source: str) -> Assignment:
  """Assigns `num` sentences to splits.

  Args:
    num: number of sentences.
    config: has `validation_share` and `test_share`.
    source: the sentences' source, for the message.

  Raises:
    UserError: fewer than 2 sentences are left to train on.
  """
  num_low, num_high = 0, 0
  lowest, highest = (2., 0), (-1., 0)
  for number in range(num):
    value = _hash(number)
    lowest, highest = min(lowest, (value, number)), max(highest, (value, number))
    num_low += value < config.validation_share
    num_high += value >= 1 - config.test_share
  num_train = num - max(num_low, 1) - max(num_high, 1)
  if num_train < 2:
    raise errors.UserError(
        f"{source}: {num} lines of text are too few, because with a validation_share of {config.validation_share} and a "
        f"test_share of {config.test_share} {max(num_train, 0)} are left to train on; at least 2 are needed")
  return Assignment(config.validation_share, config.test_share, lowest[1], highest[1])


def _hash(number):
  """A pseudo-random number in [0, 1)."""
  return int.from_bytes(hashlib.blake2b(b"%d" % number, digest_size=6).digest(), "big") / 2**48
