"""Tests of tf_textgan.losses.matching."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.losses import matching

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=[7, 3]).astype(np.float32), RANDOM.normal(0.5, 2.0, size=[5, 3]).astype(np.float32)


def test_the_mean_distance_by_hand():
  found = matching.mean_distance(tf.constant([[0.0, 2.0], [2.0, 4.0]]), tf.constant([[4.0, 3.0]]))
  assert float(found) == pytest.approx((9 / 2) ** 0.5)


def test_a_distance_of_zero_has_a_finite_gradient():
  x = tf.constant(X)
  for distance in (lambda: matching.mean_distance(x, x), lambda: matching.squared_mmd(x, x, 1.0)):
    with tf.GradientTape() as tape:
      tape.watch(x)
      value = distance()
    assert abs(float(value)) < 1e-5 and np.isfinite(tape.gradient(value, x)).all()


def test_the_discrepancy_equals_a_sum_over_pairs():
  def kernel(xs, ys):
    return np.mean([[np.exp(-np.sum((x - y) ** 2) / (2 * 1.7**2)) for y in ys] for x in xs])

  expected = kernel(X, X) + kernel(Y, Y) - 2 * kernel(X, Y)
  assert float(matching.squared_mmd(tf.constant(X), tf.constant(Y), 1.7)) == pytest.approx(expected, rel=1e-4)
  assert expected > 0.01


def test_samples_of_one_distribution_are_nearer_than_those_of_two_with_the_same_mean():
  wide, narrow, more = RANDOM.normal(size=[500, 2]), RANDOM.normal(0.0, 0.2, size=[500, 2]), RANDOM.normal(size=[500, 2])
  discrepancy = lambda x, y: float(matching.squared_mmd(tf.constant(x), tf.constant(y), 1.0))  # noqa: E731
  assert discrepancy(wide, more) < 0.02 < discrepancy(wide, narrow)


def test_the_median_is_of_the_distances_between_different_rows():
  distances = sorted(np.linalg.norm(X[i] - X[j]) for i in range(7) for j in range(i))
  assert float(matching.median_deviation(tf.constant(X))) == pytest.approx(distances[len(distances) // 2], rel=1e-4)
