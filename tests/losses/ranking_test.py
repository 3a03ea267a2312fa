"""Tests of tf_textgan.losses.ranking."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.losses import ranking

RANDOM = np.random.default_rng(0)
SENTENCES, REFERENCES, COMPARED = (RANDOM.normal(size=[n, 5]).astype(np.float32) for n in (4, 3, 6))


def _cosine(a, b):
  return np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b))


@pytest.mark.parametrize("gamma", [1.0, 16.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_ranks_equal_a_slow_implementation(gamma, weighted):
  weights = np.array([[1, 1, 1], [0, 1, 1], [1, 0, 0], [0, 1, 0]], np.float32) if weighted else np.ones([4, 3], np.float32)
  expected = np.zeros(4)
  for i, s in enumerate(SENTENCES):
    logs = []
    for u in REFERENCES:
      shares = np.exp([gamma * _cosine(x, u) for x in [s, *COMPARED]])
      logs.append(np.log(shares[0] / shares.sum()))
    expected[i] = np.average(logs, weights=weights[i])
  level = ranking.level(ranking.relevance(tf.constant(COMPARED), tf.constant(REFERENCES)), gamma)
  relevance = ranking.relevance(tf.constant(SENTENCES), tf.constant(REFERENCES))
  ranks = ranking.log_rank(relevance, level, gamma, tf.constant(weights) if weighted else None)
  np.testing.assert_allclose(ranks, expected, rtol=1e-4)


def test_a_sentence_like_the_others_has_an_equal_share():
  alike = tf.ones([7, 3])
  level = ranking.level(ranking.relevance(alike, alike[:2]), 3.0)
  np.testing.assert_allclose(ranking.log_rank(ranking.relevance(alike[:1], alike[:2]), level, 3.0), [-np.log(8.0)], rtol=1e-5)


def test_a_sentence_without_references_has_rank_zero_and_a_finite_gradient():
  relevance = tf.constant([[0.5, 0.1]])
  with tf.GradientTape() as tape:
    tape.watch(relevance)
    rank = ranking.log_rank(relevance, tf.zeros([2]), 1.0, tf.zeros([1, 2]))
  assert rank == 0.0 and np.isfinite(tape.gradient(rank, relevance)).all()
