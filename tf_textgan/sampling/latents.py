"""Points of a latent space: between two of them, and near one. N points, Z numbers in each."""

import tensorflow as tf

from tf_textgan.sampling import noise

# Below this angle, and as near to opposite, a great circle is taken for a line.
_SMALL = 1e-4


def line(first: tf.Tensor, second: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
  """Points on the line from one point to another.

  Args:
    first: float `[Z]`.
    second: float `[Z]`.
    weights: float `[N]` from 0, the first point, to 1, the second.

  Returns:
    float `[N, Z]`.
  """
  first.shape.assert_has_rank(1)
  second.shape.assert_has_rank(1)
  return first + weights[:, None] * (second - first)


def great_circle(first: tf.Tensor, second: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
  """As `line`, on the great circle through two points of the unit sphere (spherical interpolation, https://arxiv.org/abs/1609.04468)."""
  angle = tf.acos(tf.clip_by_value(tf.reduce_sum(first * second), -1.0, 1.0))
  sine = tf.sin(angle)
  parts = tf.sin((1.0 - weights)[:, None] * angle) * first + tf.sin(weights[:, None] * angle) * second
  return tf.where(sine > _SMALL, tf.math.divide_no_nan(parts, sine), line(first, second, weights))


def neighbours(point: tf.Tensor, num: int | tf.Tensor, radius: float | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  """Points in random directions at a distance from one.

  Args:
    point: float `[Z]`.
    num: N.
    radius: the distance, as a share of the point's own norm.
    seed: int32 `[2]`.

  Returns:
    float `[N, Z]`.
  """
  point.shape.assert_has_rank(1)
  directions = tf.math.l2_normalize(noise.normal([num, point.shape[0]], seed), axis=1)
  return point + radius * tf.norm(point) * directions
