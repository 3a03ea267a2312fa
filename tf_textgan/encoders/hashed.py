"""Embeddings that need no download: hashed n-gram counts under a fixed random projection.

Method: words, word pairs, and 3 to 5 characters within a word are counted and hashed to 2 x 65,536 signed features. Word features and character
features are each scaled to length sqrt(1/2), and a fixed sparse random matrix maps both to 256 numbers, so embeddings have a length of about 1. Inner
products equal the inner products of the counts, with a random error of about 1/16. Nothing is trained, and the same text has the same embedding on
every machine.

Limits: the embedding does not measure meaning. Synonyms are as far apart as any two words, and only neighbouring words carry their order. It
captures the frequencies of words and word pairs, not fluency over more than two words, agreement or sense. Distances are comparable only with
distances of this encoder, not with published figures. Text is not normalized: case and spaces around punctuation make different words.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn import random_projection
from sklearn.feature_extraction import text

from tf_textgan.encoders import base

_SIZE = 256
# Features of words, and of characters.
_FEATURES = 2**16
# Fraction of non-zero entries of the matrix: about 8 of 256 per feature.
_DENSITY = 1 / 32


class Encoder(base.Encoder):
  """Encoder by hashed n-gram counts; see the module."""

  def __init__(self):
    super().__init__("hashed", _SIZE, batch_size=10_000)
    options = {"lowercase": False, "n_features": _FEATURES, "dtype": np.float32}
    self._hashers = (
      text.HashingVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), **options),
      text.HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), **options),
    )
    projection = random_projection.SparseRandomProjection(_SIZE, density=_DENSITY, dense_output=True, random_state=0)
    # `fit` only reads the number of features.
    self._projection = projection.fit(sparse.csr_matrix((1, 2 * _FEATURES), dtype=np.float32))

  def encode(self, sentences: Sequence[str]) -> np.ndarray:
    counts = sparse.hstack([hasher.transform(sentences) for hasher in self._hashers], format="csr")
    return self._projection.transform(counts * np.float32(0.5**0.5))
