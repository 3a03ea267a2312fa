"""Integer ids of n-grams, for counting with arrays: an n-gram is the pair of its first n - 1 tokens, an (n-1)-gram, and its last token."""

from collections.abc import Hashable
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Sentences are sequences of hashable tokens, words or ids, without padding.
Sentences = Sequence[Sequence[Hashable]]


class Text(NamedTuple):
  """Sentences as one array of token ids; P is the total number of tokens.

  Attributes:
    tokens: int64 `[P]`, ids from 0.
    left: int64 `[P]`, number of tokens from here to the end of the sentence, this one included.
    sentence: int64 `[P]`, index of the sentence.
  """

  tokens: np.ndarray
  left: np.ndarray
  sentence: np.ndarray


def number(sentences: Sentences) -> Text:
  """Numbers the tokens of a list of sentences."""
  ids = {}
  tokens = np.array([ids.setdefault(token, len(ids)) for sentence in sentences for token in sentence], np.int64)
  lengths = np.array([len(sentence) for sentence in sentences], np.int64)
  left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(tokens))
  return Text(tokens, left, np.repeat(np.arange(len(sentences)), lengths))


def lengthen(text: Text, positions: np.ndarray, ids: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
  """Extends n-grams by their next token.

  Args:
    text: the sentences.
    positions: int `[P']`, first positions of n-grams of order - 1.
    ids: int `[P']`, their ids.
    order: length of the extended n-grams.

  Returns:
    Positions of the n-grams that do not cross the end of their sentence, and ids, from 0, of the extended ones; int64 `[P'']` each.
  """
  on = text.left[positions] >= order
  positions, ids = positions[on], ids[on]
  pairs = ids * (int(text.tokens.max(initial=0)) + 1) + text.tokens[positions + order - 1]
  return positions, np.unique(pairs, return_inverse=True)[1]
