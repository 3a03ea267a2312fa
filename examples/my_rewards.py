"""Rewards of one's own, for rewards.py: functions from sentences to a number for each."""

from collections.abc import Sequence
import functools
import math

from tf_textgan.data import caption_rules
from tf_textgan.data import grammar


def brevity(sentences: Sequence[str]) -> list[float]:
  """1 for a sentence of at most six words, less for each further one."""
  return [6 / max(6, len(sentence.split())) for sentence in sentences]


def grammatical(sentences: Sequence[str]) -> list[float]:
  """1 for a sentence of the caption grammar, 0 for any other."""
  return [float(_rules().log_prob(sentence.split()) > -math.inf) for sentence in sentences]


@functools.cache
def _rules() -> grammar.Grammar:
  return grammar.parse(caption_rules.text())
