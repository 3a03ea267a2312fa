"""Distances between the features of two samples. N and M rows, F features."""

import tensorflow as tf


def mean_distance(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
  """The root of the mean square difference of the means of two samples (feature matching, https://arxiv.org/abs/1606.03498).

  Args:
    first: float `[N, F]`.
    second: float `[M, F]`.

  Returns:
    float scalar.
  """
  difference = tf.reduce_mean(first, axis=0) - tf.reduce_mean(second, axis=0)
  # sqrt has no derivative at zero.
  return tf.sqrt(tf.reduce_mean(tf.square(difference)) + 1e-12)


def squared_mmd(first: tf.Tensor, second: tf.Tensor, deviation: float | tf.Tensor) -> tf.Tensor:
  """The squared maximum mean discrepancy, E k(x, x') + E k(y, y') - 2 E k(x, y), with k(x, y) = exp(-|x - y|^2 / (2 deviation^2)).

  The expectations are over all pairs, a row with itself too, so that the result is at least 0 (Gretton et al., 2012, the biased estimate).

  Args:
    first: float `[N, F]`.
    second: float `[M, F]`.
    deviation: of the kernel, a number or float scalar.

  Returns:
    float scalar.
  """

  def kernel(x, y):
    return tf.reduce_mean(tf.exp(-squared_distances(x, y) / (2.0 * deviation**2)))

  return kernel(first, first) + kernel(second, second) - 2.0 * kernel(first, second)


def squared_distances(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
  """The squared distances of all pairs: float `[N, F]` and `[M, F]` to `[N, M]`."""
  first.shape.assert_has_rank(2)
  second.shape.assert_has_rank(2)
  squares = [tf.reduce_sum(tf.square(x), axis=1) for x in (first, second)]
  return tf.maximum(squares[0][:, None] + squares[1] - 2.0 * tf.matmul(first, second, transpose_b=True), 0.0)


def median_deviation(features: tf.Tensor) -> tf.Tensor:
  """The median distance between different rows of float `[N, F]`, a common deviation of a kernel: float scalar, without a gradient."""
  num = tf.shape(features)[0]
  distances = tf.sqrt(tf.linalg.set_diag(squared_distances(features, features), tf.zeros([num], features.dtype)))
  # The rows' distances to themselves come first, then those of each pair, twice.
  return tf.stop_gradient(tf.sort(tf.reshape(distances, [-1]))[num + num * (num - 1) // 4 * 2])
