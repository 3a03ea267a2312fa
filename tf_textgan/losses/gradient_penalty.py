"""The gradient penalty that keeps a critic near 1-Lipschitz."""

import tensorflow as tf


def penalty(critic, real, fake, mix):
  """(|grad f(x)| - 1)^2 at points between real and generated ones (https://arxiv.org/abs/1704.00028).

  Args:
    critic: function of points `[B, T, V]`, giving scores `[B]`.
    real: float `[B, T, V]`.
    fake: float `[B, T, V]`.
    mix: float `[B]` in [0, 1], the share of the generated point.

  Returns:
    float `[B]`, not yet multiplied by the penalty's weight.
  """
  real.shape.assert_has_rank(3)
  fake.shape.assert_has_rank(3)
  mix = mix[:, None, None]
  between = real + mix * (fake - real)
  with tf.GradientTape(watch_accessed_variables=False) as tape:
    tape.watch(between)
    scores = critic(between)
  gradient = tape.gradient(scores, between)
  # The square root has no derivative at zero: a small number under it keeps the penalty's own gradient finite.
  norm = tf.sqrt(tf.reduce_sum(gradient**2, axis=[1, 2]) + 1e-12)
  return (norm - 1.0) ** 2
