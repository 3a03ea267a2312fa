"""Agreement of a manager's goals with the change of features, for LeakGAN.

A goal is a direction in feature space. Features f_t belong to the prefix of t tokens; goal g_t is set at that prefix for the next tokens.
Feudal networks: https://arxiv.org/abs/1703.01161. LeakGAN, with the discriminator's features: https://arxiv.org/abs/1709.08624.
F features.
"""

import tensorflow as tf


def agreement(features: tf.Tensor, goals: tf.Tensor, horizon: int) -> tf.Tensor:
  """Computes cos(f_{t + horizon} - f_t, g_t); beyond the end of the sequence f_T stands for f_{t + horizon}.

  Args:
    features: float `[B, T + 1, F]`, f_0 to f_T.
    goals: float `[B, T, F]`, g_0 to g_{T - 1}, unit vectors.
    horizon: number of tokens a goal covers.

  Returns:
    float `[B, T]`; 0 where the features did not change.

  Raises:
    ValueError: if the numbers of features and goals do not match.
  """
  _check(features, goals)
  length = goals.shape[1]
  reached = tf.gather(features, tf.minimum(tf.range(length) + horizon, length), axis=1)
  return _cosine(reached - features[:, :-1], goals)


def intrinsic_rewards(features: tf.Tensor, goals: tf.Tensor, horizon: int) -> tf.Tensor:
  """Computes how well each token followed earlier goals: the mean over i = 1..horizon of cos(f_t - f_{t - i}, g_{t - i}).

  Args:
    features: float `[B, T + 1, F]`, f_0 to f_T.
    goals: float `[B, T, F]`, g_0 to g_{T - 1}, unit vectors.
    horizon: number of tokens a goal covers.

  Returns:
    float `[B, T]`, rewards of tokens 1 to T; token t < horizon averages over its t goals.

  Raises:
    ValueError: if the numbers of features and goals do not match.
  """
  _check(features, goals)
  length = goals.shape[1]
  total, counts = 0.0, tf.minimum(tf.range(1, length + 1), horizon)
  for i in range(1, min(horizon, length) + 1):
    followed = _cosine(features[:, i:] - features[:, :-i], goals[:, : length + 1 - i])
    total += tf.pad(followed, [[0, 0], [i - 1, 0]])
  return total / tf.cast(counts, features.dtype)


def _cosine(direction, goals):
  """Computes the cosine between directions and unit goals, float `[..., F]` both; 0 for a zero direction."""
  along = tf.reduce_sum(direction * goals, axis=-1)
  return tf.math.divide_no_nan(along, tf.norm(direction, axis=-1))


def _check(features, goals):
  features.shape.assert_has_rank(3)
  goals.shape.assert_has_rank(3)
  if features.shape[1] != goals.shape[1] + 1:
    raise ValueError(f"features of {features.shape[1]} prefixes and {goals.shape[1]} goals; the whole sequence has features and no goal")
