"""Kernels between sequences of feature vectors, for the maximum mean discrepancy (Gretton et al., 2012, https://jmlr.org/papers/v13/gretton12a.html).

A sequence x is a weighted set of points h_i, its weights summing to 1. With k(a, b) = exp(-|a - b|^2 / s) the kernel of two sequences is

  K(x, y) = sum_ij w_i^x w_j^y k(h_i^x, h_j^y),

and MMD^2(P, Q) = E K(x, x') - 2 E K(x, y) + E K(y, y') for x, x' ~ P and y, y' ~ Q. B sequences, M points of each, H features.
"""

import tensorflow as tf


def mean_kernel(points: tf.Tensor, weights: tf.Tensor, others: tf.Tensor, other_weights: tf.Tensor, scale: float | tf.Tensor) -> tf.Tensor:
  """Computes the mean of K(x, y) over the other sequences y, in memory for B * N * M numbers: one position of all x at a time.

  Args:
    points: float32 `[B, M, H]`.
    weights: float32 `[B, M]`.
    others: float32 `[N, M', H]`.
    other_weights: float32 `[N, M']`.
    scale: s, the squared distance at which k is 1/e, above 0.

  Returns:
    float32 `[B]`.
  """
  points.shape.assert_has_rank(3)
  others.shape.assert_has_rank(3)
  flat = tf.reshape(others, [-1, others.shape[2]])
  mass = tf.reshape(other_weights, [-1]) / tf.cast(tf.shape(others)[0], tf.float32)

  def add(i, total):
    kernel = _kernel(tf.gather(points, i, axis=1), flat, scale)
    return i + 1, total + tf.gather(weights, i, axis=1) * tf.linalg.matvec(kernel, mass)

  return _sum_over_positions(add, points, tf.zeros_like(points[:, 0, 0]))


def mean_kernel_within(points: tf.Tensor, weights: tf.Tensor, scale: float | tf.Tensor) -> tf.Tensor:
  """Computes, within each of P groups, the mean of K(x, x') over the other sequences x' of x's group.

  Args:
    points: float32 `[P, B, M, H]`, B at least 2.
    weights: float32 `[P, B, M]`.
    scale: see `mean_kernel`.

  Returns:
    float32 `[P, B]`.
  """
  points.shape.assert_has_rank(4)
  shape = tf.shape(points)
  flat = tf.reshape(points, [shape[0], shape[1] * shape[2], points.shape[3]])

  def add(i, total):
    kernel = tf.reshape(_kernel(tf.gather(points, i, axis=2), flat, scale), tf.concat([shape[:2], shape[1:3]], axis=0))
    return i + 1, total + tf.gather(weights, i, axis=2)[..., None] * tf.reduce_sum(kernel * weights[:, None], axis=3)

  pairs = _sum_over_positions(add, points, tf.zeros(tf.concat([shape[:2], shape[1:2]], axis=0)), axis=2)
  pairs = tf.linalg.set_diag(pairs, tf.zeros(shape[:2]))
  return tf.reduce_sum(pairs, axis=2) / tf.cast(shape[1] - 1, tf.float32)


def embeddings(points: tf.Tensor, weights: tf.Tensor, frequencies: tf.Tensor) -> tf.Tensor:
  """Embeds sequences so that inner products approximate K: random Fourier features of the points, weighted and summed.

  Rahimi and Recht, 2007, https://papers.nips.cc/paper/3182-random-features-for-large-scale-kernel-machines. The inner product is a kernel itself,
  whose MMD is the distance of the mean embeddings, so that all real sequences are one vector.

  Args:
    points: float32 `[B, M, H]`.
    weights: float32 `[B, M]`.
    frequencies: float32 `[H, D]`, normal with variance 2 / s.

  Returns:
    float32 `[B, 2 D]`.
  """
  points.shape.assert_has_rank(3)
  count = tf.shape(frequencies)[1]

  def add(i, total):
    angles = tf.matmul(tf.gather(points, i, axis=1), frequencies)
    return i + 1, total + tf.gather(weights, i, axis=1)[:, None] * tf.concat([tf.cos(angles), tf.sin(angles)], axis=1)

  total = _sum_over_positions(add, points, tf.zeros([tf.shape(points)[0], 2 * count]))
  return total * tf.math.rsqrt(tf.cast(count, tf.float32))


def median_squared_distance(points: tf.Tensor) -> tf.Tensor:
  """Computes the median squared distance of all pairs of different points, float32 `[N, H]`, N at least 2: a scalar above 0."""
  points.shape.assert_has_rank(2)
  distances = _squared_distances(points, points)
  place = tf.range(tf.shape(points)[0])
  pairs = tf.sort(tf.boolean_mask(distances, place[:, None] < place[None, :]))
  return tf.maximum(pairs[tf.size(pairs) // 2], 1e-12)


def _kernel(a, b, scale):
  return tf.exp(-_squared_distances(a, b) / scale)


def _squared_distances(a, b):
  """Squared distances of the points in `[..., N, H]` and `[..., M, H]`: `[..., N, M]`."""
  norms = tf.reduce_sum(tf.square(a), axis=-1)[..., :, None] + tf.reduce_sum(tf.square(b), axis=-1)[..., None, :]
  # At least 0: rounding may make the distance of two equal points negative.
  return tf.maximum(norms - 2.0 * tf.matmul(a, b, transpose_b=True), 0.0)


def _sum_over_positions(add, points, total, axis=1):
  # No parallel iterations: they would need the memory that the loop saves.
  return tf.while_loop(lambda i, _: i < tf.shape(points)[axis], add, (tf.constant(0), total), parallel_iterations=1)[1]
