"""Embeddings that need no download: hashed counts of n-grams, projected at random.

What it is: counts of words, pairs of words, and 3 to 5 characters within a word, hashed to 2 x 65,536 signed features. The counts of words and
pairs are scaled to length sqrt(1/2), so are those of characters, and a fixed random matrix takes both to 256 numbers; embeddings have a length of
about 1. Inner products are those of the counts, with a random error of about 1/16. Nothing is learnt, and the same text has the same embedding on
every machine.

What it is not: a measure of meaning. Synonyms are as far apart as any two words, and word order counts only between neighbours. It sees which words
and word pairs a text uses, and how often; fluency over more than two words, agreement and sense it does not see. Distances compare with those of
this encoder only, not with any published figure. Text is taken as it is: upper case and spaces around punctuation make different words.
"""

import numpy as np
from scipy import sparse
from sklearn import random_projection
from sklearn.feature_extraction import text

from tf_textgan.encoders import base

_SIZE = 256
# Features of each kind.
_FEATURES = 2**16
# Non-zero share of the matrix: about 8 of the 256 numbers for each feature.
_DENSITY = 1 / 32


class Encoder(base.Encoder):
  """See the module."""

  def __init__(self):
    super().__init__("hashed", _SIZE, batch_size=10_000)
    options = {"lowercase": False, "n_features": _FEATURES, "dtype": np.float32}
    self._hashers = (
      text.HashingVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), **options),
      text.HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), **options),
    )
    projection = random_projection.SparseRandomProjection(_SIZE, density=_DENSITY, dense_output=True, random_state=0)
    # It learns no more than the number of features.
    self._projection = projection.fit(sparse.csr_matrix((1, 2 * _FEATURES), dtype=np.float32))

  def encode(self, sentences):
    counts = sparse.hstack([hasher.transform(sentences) for hasher in self._hashers], format="csr")
    return self._projection.transform(counts * np.float32(0.5**0.5))
