"""Adversarial losses by name, schedules of the inverse temperature, and the gradient of relaxed samples: shared by RelGAN and CatGAN."""

import math

import tensorflow as tf

from tf_textgan.generators import base as generator_base
from tf_textgan.losses import adversarial
from tf_textgan.sampling import unrolling


def _of_fakes(loss):
  return lambda real_scores, fake_scores: loss(fake_scores)


# The discriminator's and the generator's loss, functions of real and fake scores.
GAMES = {
  "relativistic": (adversarial.relativistic_discriminator, adversarial.relativistic_generator),
  "standard": (adversarial.discriminator, _of_fakes(adversarial.non_saturating_generator)),
  "hinge": (adversarial.hinge_discriminator, _of_fakes(adversarial.wasserstein_generator)),
  "least_squares": (adversarial.least_squares_discriminator, _of_fakes(adversarial.least_squares_generator)),
  "wasserstein": (adversarial.wasserstein_critic, _of_fakes(adversarial.wasserstein_generator)),
}

# Fraction of the way from 1 to the largest inverse temperature in round n of N, as in RelGAN's code. The exponential schedule is not of this form.
SCHEDULES = {
  "linear": lambda n, total: n / (total - 1),
  "logarithmic": lambda n, total: tf.math.log(n + 1) / math.log(total),
  "sigmoid": lambda n, total: tf.sigmoid(20.0 * (n / total - 0.5)),
  "quadratic": lambda n, total: tf.square(n / (total - 1)),
  "square_root": lambda n, total: tf.sqrt(n / (total - 1)),
  "constant": lambda n, total: tf.ones_like(n),
}


def inverse_temperature(n: tf.Tensor, total: int, largest: float, schedule: str) -> tf.Tensor:
  """The inverse temperature in round n.

  Args:
    n: number of the round from 0, float32 scalar; rounds after `total` have the largest inverse temperature.
    total: rounds until the largest inverse temperature, 2 or more.
    largest: the largest inverse temperature.
    schedule: one of `SCHEDULES`.

  Returns:
    float32 scalar.
  """
  n = tf.minimum(n, float(total))
  if schedule == "exponential":
    return largest ** (n / total)
  return 1.0 + (largest - 1.0) * SCHEDULES[schedule](n, total)


def points_of_tokens(generator: generator_base.Autoregressive, samples: unrolling.Samples, inverse_temperature: tf.Tensor) -> tf.Tensor:
  """The points of samples whose tokens were fed back, with their gradient to the generator's weights.

  No gradient flows through the picked tokens, so teacher forcing gives the same gradient as the sampling loop, for all positions at once.

  Args:
    generator: the network that generated the samples.
    samples: drawn with `pickers.GumbelSoftmax(1 / inverse_temperature)`.
    inverse_temperature: float32 scalar.

  Returns:
    float32 `[B, T, V]`.
  """
  outputs = generator.outputs(samples.tokens, samples.latent, samples.context)
  outputs = tf.reshape(outputs, [-1, outputs.shape[-1]])
  points = tf.reshape(samples.points, [-1, generator.spec.vocab_size])
  return tf.reshape(_with_gradient(points, outputs, *generator.output_layer(), inverse_temperature), tf.shape(samples.points))


def _with_gradient(points, outputs, kernel, bias, inverse_temperature):
  """Points softmax(inverse_temperature (outputs @ kernel + bias + noise)) that are already known, with the gradient of this softmax.

  Args:
    points: float32 `[N, V]`; one-hot points, such as padding, pass no gradient.
    outputs: float `[N, H]`.
    kernel: float `[H, V]`.
    bias: float `[V]`.
    inverse_temperature: float32 scalar.

  Returns:
    The points.
  """
  points = tf.stop_gradient(points)

  @tf.custom_gradient
  def attach(outputs, kernel, bias):
    def gradient(upstream):
      weighted = points * upstream
      slope = inverse_temperature * (weighted - points * tf.reduce_sum(weighted, axis=1, keepdims=True))
      bias_slope = tf.cast(tf.reduce_sum(slope, axis=0), bias.dtype)
      slope = tf.cast(slope, outputs.dtype)
      return tf.matmul(slope, kernel, transpose_b=True), tf.matmul(outputs, slope, transpose_a=True), bias_slope

    return tf.identity(points), gradient

  return attach(outputs, kernel, bias)
