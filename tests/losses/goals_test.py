"""Tests of tf_textgan.losses.goals."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.losses import goals as goal_losses


def _case(num=3, length=5, size=4):
  random = np.random.default_rng(0)
  features, goals = random.normal(size=[num, length + 1, size]), random.normal(size=[num, length, size])
  return features, goals / np.linalg.norm(goals, axis=-1, keepdims=True)


def _cos(a, b):
  return np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))


def test_agreement_of_hand_made_arrays():
  features = tf.constant([[[0.0, 0.0], [3.0, 4.0], [3.0, 0.0], [3.0, 0.0]]])
  goals = tf.constant([[[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]])
  # The last features did not change.
  np.testing.assert_allclose(goal_losses.agreement(features, goals, 1), [[0.6, -1.0, 0.0]], atol=1e-6)
  # The last goal covers one token only, f_3 - f_2.
  np.testing.assert_allclose(goal_losses.agreement(features, goals, 2), [[1.0, -1.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize("horizon", [1, 2, 4, 9])
def test_agreement_and_rewards_equal_their_definitions(horizon):
  features, goals = _case()
  agreement = [[_cos(f[min(t + horizon, 5)] - f[t], g[t]) for t in range(5)] for f, g in zip(features, goals)]
  rewards = [
    [np.mean([_cos(f[t] - f[t - i], g[t - i]) for i in range(1, horizon + 1) if t - i >= 0]) for t in range(1, 6)] for f, g in zip(features, goals)
  ]
  features, goals = tf.constant(features, tf.float32), tf.constant(goals, tf.float32)
  np.testing.assert_allclose(goal_losses.agreement(features, goals, horizon), agreement, atol=1e-5)
  np.testing.assert_allclose(goal_losses.intrinsic_rewards(features, goals, horizon), rewards, atol=1e-5)


def test_the_gradient_is_finite_where_nothing_changes():
  goals = tf.constant([[[1.0, 0.0], [0.0, 1.0]]])
  with tf.GradientTape() as tape:
    tape.watch(goals)
    value = tf.reduce_sum(goal_losses.agreement(tf.ones([1, 3, 2]), goals, 1))
  np.testing.assert_array_equal(tape.gradient(value, goals), np.zeros([1, 2, 2]))


def test_mismatched_features_and_goals_are_refused():
  with pytest.raises(ValueError, match="features of 5 prefixes and 5 goals"):
    goal_losses.agreement(tf.zeros([1, 5, 2]), tf.zeros([1, 5, 2]), 1)
