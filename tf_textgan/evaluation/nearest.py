"""The training sentence nearest to a generated one: does the generator copy?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.feature_extraction import text

# Training sentences in the index, which takes about a second to make.
MOST = 10_000
# Fewer words than this in an average sentence are no words: the text has no spaces.
_FEW_WORDS = 2.5


class Neighbour(NamedTuple):
  """A training sentence.

  Attributes:
    text: the sentence.
    similarity: cosine of the counts of words and word pairs, weighted by their rarity: 0 for none in common, 1 for a copy.
  """

  text: str
  similarity: float


class Index:
  """An index of training sentences, made once, which finds the nearest ones to other sentences.

  Attributes:
    size: number of sentences in it.
  """

  def __init__(self, sentences: Sequence[str]):
    """Indexes the first `MOST` of some sentences, at least one."""
    self._sentences = list(dict.fromkeys(sentences[:MOST]))
    self.size = len(self._sentences)
    words = np.mean([len(sentence.split()) for sentence in self._sentences])
    units = {"token_pattern": r"\S+", "ngram_range": (1, 2)} if words >= _FEW_WORDS else {"analyzer": "char", "ngram_range": (1, 3)}
    self._vectorizer = text.TfidfVectorizer(lowercase=False, dtype=np.float32, **units)
    try:
      self._vectors = self._vectorizer.fit_transform(self._sentences)
    except ValueError:  # Only empty sentences.
      self._vectors = None

  def __call__(self, sentences: Sequence[str]) -> list[Neighbour]:
    """The nearest training sentence to each of some sentences; the first of equally near ones."""
    if self._vectors is None or not sentences:
      return [Neighbour(self._sentences[0], 0.0) for _ in sentences]
    similarities = (self._vectorizer.transform(sentences) @ self._vectors.T).toarray()
    best = similarities.argmax(axis=1)
    return [Neighbour(self._sentences[place], float(min(row[place], 1.0))) for place, row in zip(best, similarities)]
