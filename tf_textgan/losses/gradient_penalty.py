"""Gradient penalty of WGAN-GP."""

from collections.abc import Callable

import tensorflow as tf


def penalty(critic: Callable[[tf.Tensor], tf.Tensor], real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor) -> tf.Tensor:
  """Computes (|grad f(x)| - 1)^2 at points x between real and generated ones (https://arxiv.org/abs/1704.00028).

  Args:
    critic: maps points `[B, ...]` to scores `[B]`.
    real: float `[B, ...]`, such as rows over the vocabulary, `[B, T, V]`, or codes, `[B, Z]`.
    fake: float, of the same shape.
    mix: float `[B]` in [0, 1], weight of the generated point.

  Returns:
    float `[B]`, without the penalty's weight.
  """
  rank = real.shape.rank
  fake.shape.assert_has_rank(rank)
  mix.shape.assert_has_rank(1)
  mix = tf.reshape(mix, [-1] + [1] * (rank - 1))
  between = real + mix * (fake - real)
  with tf.GradientTape(watch_accessed_variables=False) as tape:
    tape.watch(between)
    scores = critic(between)
  gradient = tape.gradient(scores, between)
  # sqrt has no derivative at zero; the constant keeps the penalty's own gradient finite.
  norm = tf.sqrt(tf.reduce_sum(gradient**2, axis=list(range(1, rank))) + 1e-12)
  return (norm - 1.0) ** 2
