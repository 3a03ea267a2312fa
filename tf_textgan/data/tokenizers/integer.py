"""Uses the ids 0 to V - 1 as they are, for corpora without words: a sentence is `12 4093 77`, always of the same length."""

from collections.abc import Iterable
import dataclasses
import re
from typing import Any
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import schema
from tf_textgan import sequences
from tf_textgan.data import text_ops
from tf_textgan.data.tokenizers import base

# The largest vocabulary: an integer has nine digits at most.
MOST = 10**9


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Tokenizer):
  """Converts integers separated by white space. There are no special tokens, and nothing is padded."""

  size: int
  ends: ClassVar[bool] = False

  @classmethod
  def check(cls, config: Any) -> None:
    super().check(config)
    base.refuse_lowercase(config, "integers have no case")

  @classmethod
  def build(cls, sentences: Iterable[str], config: Any) -> "Tokenizer":
    """Takes the largest integer as the last token."""
    if config.min_count != 1 or config.max_vocab_size:
      raise errors.UserError("min_count and max_vocab_size choose among tokens, but the tokenizer integer keeps them all; expected 1 and 0")
    largest = -1
    for sentence in sentences:
      largest = max(largest, *_integers(sentence), -1)
    if largest < 0:
      raise errors.UserError("expected integers to learn from, but there is no sentence")
    if largest >= sequences.LARGEST_VOCABULARY:
      raise errors.UserError(f"the largest integer is {largest}; expected at most {sequences.LARGEST_VOCABULARY - 1}")
    return cls(largest + 1)

  def tokenize(self, sentence: str) -> list[int]:
    """The integers of a sentence; raises a `UserError` for anything else."""
    integers = _integers(sentence)
    wrong = [integer for integer in integers if integer >= self.size]
    if wrong:
      raise errors.UserError(f"expected integers from 0 to {self.size - 1}, but {sentence[:60]!r} has '{wrong[0]}'")
    return integers

  def spec(self, length: int) -> sequences.Spec:
    """The `sequences.Spec` of sequences of exactly `length` tokens; the first is conditioned on token 0."""
    return sequences.Spec(self.size, length, start_token=0)

  def decode(self, tokens: np.ndarray) -> list[str]:
    return [" ".join(map(str, row)) for row in np.asarray(tokens).tolist()]

  def graph(self) -> tf.Module:
    return text_ops.Integers(self.size)

  def to_json(self) -> dict[str, Any]:
    return {"size": self.size}

  @classmethod
  def from_json(cls, fields: dict[str, Any]) -> "Tokenizer":
    tokenizer = cls(**schema.arguments(cls, fields, ""))
    if not 1 <= tokenizer.size <= sequences.LARGEST_VOCABULARY:
      raise ValueError(f"size is {schema.shown(tokenizer.size)}; expected an integer from 1 to {sequences.LARGEST_VOCABULARY}")
    return tokenizer


def _integers(sentence):
  """The integers of a sentence; raises a `UserError` for anything else."""
  fields = sentence.split()
  wrong = [field for field in fields if not re.fullmatch("[0-9]{1,9}", field)]
  if wrong:
    raise errors.UserError(f"expected integers from 0 up, but {sentence[:60]!r} has {wrong[0]!r}")
  return [int(field) for field in fields]
