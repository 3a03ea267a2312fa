"""Tests of splitting.py."""

import collections
import dataclasses

import pytest

from tf_textgan import errors
from tf_textgan.data import splitting


@dataclasses.dataclass
class Shares:
  validation_share: float = 0.1
  test_share: float = 0.2


def test_shares_are_met_and_the_same_every_time():
  assign = splitting.assign(10_000, Shares(), "text")
  counts = collections.Counter(map(assign, range(10_000)))
  assert abs(counts["validation"] - 1000) < 100 and abs(counts["test"] - 2000) < 150
  assert splitting.assign(10_000, Shares(), "text") == assign


@pytest.mark.parametrize("num", [4, 5, 10])
def test_every_split_has_a_sentence(num):
  assign = splitting.assign(num, Shares(0.0, 0.0), "text")
  assert collections.Counter(map(assign, range(num))) == {"train": num - 2, "validation": 1, "test": 1}


def test_too_few_and_wrong_shares():
  with pytest.raises(errors.UserError, match="my.txt: 3 lines of text are too few, .* 0 are left to train on; at least 2 are needed"):
    splitting.assign(3, Shares(), "my.txt")
  with pytest.raises(errors.UserError, match="test_share must be at least 0 and below 1, not 1.0"):
    splitting.check(Shares(0.1, 1.0))
  with pytest.raises(errors.UserError, match="must leave lines to train on, but add up to 1.1"):
    splitting.check(Shares(0.5, 0.6))
