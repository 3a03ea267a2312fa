"""A reward of one's own, for rewards.py: a function from sentences to a number for each."""

from collections.abc import Sequence


def brevity(sentences: Sequence[str]) -> list[float]:
  """1 for a sentence of at most six words, less for each further one."""
  return [6 / max(6, len(sentence.split())) for sentence in sentences]
