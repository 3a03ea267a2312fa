"""How well a goal, a direction in a space of features, agrees with where the features went.

A prefix of t tokens has the features f_t, at which a manager set the goal g_t for the tokens that follow. Feudal networks,
https://arxiv.org/abs/1703.01161; in LeakGAN, https://arxiv.org/abs/1709.08624, the features are the discriminator's.
"""

import tensorflow as tf


def agreement(features, goals, horizon):
  """cos(f_{t + horizon} - f_t, g_t); where the sequence is over before, its last features.

  Args:
    features: float `[B, T + 1, F]`, f_0 to f_T.
    goals: float `[B, T, F]`, g_0 to g_{T - 1}, of length one.
    horizon: for how many tokens a goal is.

  Returns:
    float `[B, T]`; 0 where the features did not change.
  """
  _check(features, goals)
  length = goals.shape[1]
  reached = tf.gather(features, tf.minimum(tf.range(length) + horizon, length), axis=1)
  return _cosine(reached - features[:, :-1], goals)


def intrinsic_rewards(features, goals, horizon):
  """How well each token followed the goals set before it: the mean over i = 1..horizon of cos(f_t - f_{t - i}, g_{t - i}).

  Args:
    features: float `[B, T + 1, F]`, f_0 to f_T.
    goals: float `[B, T, F]`, g_0 to g_{T - 1}, of length one.
    horizon: for how many tokens a goal is.

  Returns:
    float `[B, T]`, of the tokens 1 to T; the first ones have fewer goals before them.
  """
  _check(features, goals)
  length = goals.shape[1]
  total, counts = 0.0, tf.minimum(tf.range(1, length + 1), horizon)
  for i in range(1, min(horizon, length) + 1):
    followed = _cosine(features[:, i:] - features[:, :-i], goals[:, : length + 1 - i])
    total += tf.pad(followed, [[0, 0], [i - 1, 0]])
  return total / tf.cast(counts, features.dtype)


def _cosine(direction, goals):
  """Of the angle between a direction, float `[..., F]`, and a goal of length one."""
  along = tf.reduce_sum(direction * goals, axis=-1)
  return tf.math.divide_no_nan(along, tf.norm(direction, axis=-1))


def _check(features, goals):
  features.shape.assert_has_rank(3)
  goals.shape.assert_has_rank(3)
  if features.shape[1] != goals.shape[1] + 1:
    raise ValueError(f"features of {features.shape[1]} prefixes and {goals.shape[1]} goals; the whole sequence has features and no goal")
