"""Classification of sentences into categories by naive Bayes on the presence of words and word pairs.

  log p(c | x) = log p(c) + sum over the features f of x of log p(f | c) + constant,   p(f | c) = (n(f, c) + 1) / sum_g (n(g, c) + 1),

where the features of a sentence are its distinct unigrams and bigrams, and n(f, c) is the number of training sentences of category c with feature f.
Features absent from the training sentences are ignored. The method has no hyperparameters and no randomness, and on short text it is hardly worse
than a neural network: Wang and Manning, 2012, https://aclanthology.org/P12-2018 (MNB there).
"""

from collections.abc import Sequence

import numpy as np
from sklearn import naive_bayes
from sklearn.feature_extraction import text

from tf_textgan.metrics import numbering


class Classifier:
  """Classifies sentences, sequences of words or ids."""

  def __init__(self, sentences: numbering.Sentences, labels: Sequence[int] | np.ndarray):
    """Trains on labelled sentences.

    Args:
      sentences: N sentences, at least one.
      labels: int `[N]`.
    """
    self._count = text.CountVectorizer(analyzer=_features, binary=True)
    self._model = naive_bayes.MultinomialNB().fit(self._count.fit_transform(sentences), np.asarray(labels))

  def __call__(self, sentences: numbering.Sentences) -> np.ndarray:
    """Predicts the most probable label of each sentence: int `[N]`."""
    return self._model.predict(self._count.transform(sentences))


def _features(sentence):
  sentence = tuple(sentence)
  return [*((token,) for token in sentence), *zip(sentence, sentence[1:])]
