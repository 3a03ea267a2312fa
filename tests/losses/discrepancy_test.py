"""Tests of tf_textgan.losses.discrepancy."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.losses import discrepancy


def _sequences(num, length, seed, size=3):
  random = np.random.default_rng(seed)
  weights = random.random([num, length]) * (np.arange(length) < random.integers(1, length + 1, [num, 1]))
  return random.normal(size=[num, length, size]).astype(np.float32), (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _twin(x, y, scale):
  """K(x, y) of two sequences, pairs of points and weights, by its definition."""
  return sum(w * v * np.exp(-np.sum((a - b) ** 2) / scale) for a, w in zip(*x) for b, v in zip(*y))


@pytest.mark.parametrize("compiled", [None, False, True])
def test_mean_kernel_matches_a_slow_twin(compiled):
  x, y = _sequences(5, 4, 0), _sequences(3, 2, 1)
  expected = [np.mean([_twin(a, b, 1.7) for b in zip(*y)]) for a in zip(*x)]
  function = discrepancy.mean_kernel if compiled is None else tf.function(discrepancy.mean_kernel, jit_compile=compiled)
  np.testing.assert_allclose(function(*map(tf.constant, x + y), 1.7), expected, rtol=1e-5)


def test_mean_kernel_within_leaves_out_the_sequence_itself():
  points, weights = _sequences(6, 4, 2)
  groups = [list(zip(points[first : first + 3], weights[first : first + 3])) for first in (0, 3)]
  expected = [[np.mean([_twin(a, b, 0.8) for j, b in enumerate(group) if j != i]) for i, a in enumerate(group)] for group in groups]
  found = discrepancy.mean_kernel_within(tf.reshape(points, [2, 3, 4, 3]), tf.reshape(weights, [2, 3, 4]), 0.8)
  np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_inner_products_of_embeddings_approximate_the_kernel():
  points, weights = _sequences(6, 4, 3)
  frequencies = np.random.default_rng(4).normal(size=[3, 20_000]).astype(np.float32) * np.sqrt(2.0 / 1.3).astype(np.float32)
  embedded = discrepancy.embeddings(*map(tf.constant, (points, weights, frequencies))).numpy()
  expected = [[_twin(a, b, 1.3) for b in zip(points, weights)] for a in zip(points, weights)]
  # The standard error is at most 1 / sqrt(40,000).
  np.testing.assert_allclose(embedded @ embedded.T, expected, atol=0.02)


def test_the_median_is_over_pairs_of_different_points():
  points = np.array([[0.0], [1.0], [3.0]], np.float32)  # Squared distances 1, 4 and 9.
  np.testing.assert_allclose(discrepancy.median_squared_distance(tf.constant(points)), 4.0, rtol=1e-6)
  assert discrepancy.median_squared_distance(tf.zeros([4, 2])) > 0.0
