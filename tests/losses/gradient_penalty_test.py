"""Tests of tf_textgan.losses.gradient_penalty."""

import numpy as np
import tensorflow as tf

from tf_textgan.losses import gradient_penalty

B, T, V = 3, 4, 5
RANDOM = np.random.default_rng(0)
REAL, FAKE = (tf.constant(RANDOM.normal(size=[B, T, V]), tf.float32) for _ in range(2))
W = RANDOM.normal(size=[T, V]).astype(np.float32)
MIX = tf.constant([0.0, 0.3, 1.0])


def test_a_linear_critic_has_the_same_gradient_everywhere():
  w = tf.Variable(W)
  with tf.GradientTape() as tape:
    penalty = gradient_penalty.penalty(lambda x: tf.reduce_sum(w * x, axis=[1, 2]), REAL, FAKE, MIX)
    value = tf.reduce_sum(penalty)
  norm = np.linalg.norm(W)
  np.testing.assert_allclose(penalty, [(norm - 1) ** 2] * B, rtol=1e-5)
  # d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w|, once for each example.
  np.testing.assert_allclose(tape.gradient(value, w), B * 2 * (norm - 1) * W / norm, rtol=1e-4)


def test_the_gradient_is_taken_between_the_points():
  # f(x) = |x|^2 / 2 has gradient x.
  penalty = gradient_penalty.penalty(lambda x: 0.5 * tf.reduce_sum(x**2, axis=[1, 2]), REAL, FAKE, MIX)
  mix = MIX.numpy()[:, None, None]
  between = (1 - mix) * REAL.numpy() + mix * FAKE.numpy()
  np.testing.assert_allclose(penalty, (np.sqrt((between**2).sum(axis=(1, 2))) - 1) ** 2, rtol=1e-5)


def test_a_flat_critic_has_a_finite_gradient():
  w = tf.Variable(tf.zeros([T, V]))
  with tf.GradientTape() as tape:
    penalty = gradient_penalty.penalty(lambda x: tf.reduce_sum(w * x, axis=[1, 2]), REAL, FAKE, MIX)
  np.testing.assert_allclose(penalty, [1.0] * B, atol=1e-5)
  assert np.isfinite(tape.gradient(penalty, w)).all()
