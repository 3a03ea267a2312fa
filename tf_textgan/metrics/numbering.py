"""Numbers for n-grams, so that arrays can count them: an n-gram is the pair of the (n-1)-gram before its last token, and that token."""

from typing import NamedTuple

import numpy as np


class Text(NamedTuple):
  """Sentences, numbered, one after the other; P is the number of all tokens.

  Attributes: tokens: int64 `[P]`; left: int64 `[P]`, tokens from here to the end of the sentence; sentence: int64 `[P]`, which one it is.
  """

  tokens: np.ndarray
  left: np.ndarray
  sentence: np.ndarray


def number(sentences):
  """The `Text` of a list of sentences."""
  ids = {}
  tokens = np.array([ids.setdefault(token, len(ids)) for sentence in sentences for token in sentence], np.int64)
  lengths = np.array([len(sentence) for sentence in sentences], np.int64)
  left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(tokens))
  return Text(tokens, left, np.repeat(np.arange(len(sentences)), lengths))


def lengthen(text, positions, ids, order):
  """Adds the next token to n-grams of order - 1: the positions of those whose sentence goes on, and the numbers, from 0, of the n-grams there."""
  on = text.left[positions] >= order
  positions, ids = positions[on], ids[on]
  pairs = ids * (int(text.tokens.max(initial=0)) + 1) + text.tokens[positions + order - 1]
  return positions, np.unique(pairs, return_inverse=True)[1]
