"""Tests of tf_textgan.metrics.naive_bayes, against a slow implementation and by hand."""

import math

import numpy as np

from tf_textgan.metrics import naive_bayes


def _features(sentence):
  return {*((token,) for token in sentence), *zip(sentence, sentence[1:])}


def _slow_scores(training, labels, sentence):
  """Computes log-scores of the categories by the formula of the module."""
  known = set().union(*map(_features, training))
  scores = []
  for category in sorted(set(labels)):
    of_category = [_features(other) for other, label in zip(training, labels) if label == category]
    total = sum(map(len, of_category)) + len(known)
    score = math.log(len(of_category) / len(training))
    for feature in _features(sentence) & known:
      score += math.log((sum(feature in other for other in of_category) + 1) / total)
    scores.append(score)
  return scores


def test_the_category_equals_the_formula():
  random = np.random.default_rng(0)
  training = [tuple(random.integers(0, 6, random.integers(1, 6)).tolist()) for _ in range(40)]
  labels = [int(sum(sentence) % 3) for sentence in training]
  sentences = [tuple(random.integers(0, 8, random.integers(0, 7)).tolist()) for _ in range(200)]  # 6 and 7 do not occur in training.
  scores = np.array([_slow_scores(training, labels, sentence) for sentence in sentences])
  found = naive_bayes.Classifier(training, labels)(sentences)
  # Categories with equal scores, up to rounding, are both right.
  np.testing.assert_allclose(scores[np.arange(200), found], scores.max(axis=1), atol=1e-9)
  assert len(set(found.tolist())) == 3


def test_by_hand():
  classifier = naive_bayes.Classifier([("so", "good"), ("good",), ("so", "bad")], [1, 1, 0])
  # Without known features, the most frequent category.
  assert classifier([("good",), ("bad",), (), ("unknown",)]).tolist() == [1, 0, 1, 1]


def test_word_pairs_count():
  training = [("not", "good", "film"), ("good", "not", "film")]
  assert naive_bayes.Classifier(training, [0, 1])([("not", "good"), ("good", "not")]).tolist() == [0, 1]
