"""Relaxed picks at an inverse temperature that grows, and games of real and fake scores: shared by RelGAN and CatGAN."""

import math

import tensorflow as tf

from tf_textgan.losses import adversarial


def _of_fakes(loss):
  return lambda real_scores, fake_scores: loss(fake_scores)


# The discriminator's loss and the generator's, each a function of real and fake scores.
GAMES = {
  "relativistic": (adversarial.relativistic_discriminator, adversarial.relativistic_generator),
  "standard": (adversarial.discriminator, _of_fakes(adversarial.non_saturating_generator)),
  "hinge": (adversarial.hinge_discriminator, _of_fakes(adversarial.wasserstein_generator)),
  "least_squares": (adversarial.least_squares_discriminator, _of_fakes(adversarial.least_squares_generator)),
  "wasserstein": (adversarial.wasserstein_critic, _of_fakes(adversarial.wasserstein_generator)),
}

# How far between 1 and the largest inverse temperature round n of N is, as RelGAN's code has it; the exponential schedule is no such share.
SCHEDULES = {
  "linear": lambda n, total: n / (total - 1),
  "logarithmic": lambda n, total: tf.math.log(n + 1) / math.log(total),
  "sigmoid": lambda n, total: tf.sigmoid(20.0 * (n / total - 0.5)),
  "quadratic": lambda n, total: tf.square(n / (total - 1)),
  "square_root": lambda n, total: tf.sqrt(n / (total - 1)),
  "constant": lambda n, total: tf.ones_like(n),
}


def inverse_temperature(n, total, largest, schedule):
  """The inverse temperature in a round.

  Args:
    n: number of the round, a float32 scalar from 0; past `total` it is the largest.
    total: rounds after which it is the largest, 2 or more.
    largest: Python number.
    schedule: one of `SCHEDULES`.

  Returns:
    float32 scalar.
  """
  n = tf.minimum(n, float(total))
  if schedule == "exponential":
    return largest ** (n / total)
  return 1.0 + (largest - 1.0) * SCHEDULES[schedule](n, total)


def points_of_tokens(generator, samples, inverse_temperature):
  """The points of a sample whose tokens were fed back, with their gradient to the generator's weights.

  None flows through the picked tokens, so that it is the gradient of reading them: for all positions at once, rather than in the sample's loop.

  Args:
    generator: `generators.base.Autoregressive`.
    samples: `unrolling.Samples` made with `pickers.GumbelSoftmax(1 / inverse_temperature)`.
    inverse_temperature: float32 scalar.

  Returns:
    float32 `[B, T, V]`.
  """
  outputs = generator.outputs(samples.tokens, samples.latent, samples.context)
  outputs = tf.reshape(outputs, [-1, outputs.shape[-1]])
  points = tf.reshape(samples.points, [-1, generator.spec.vocab_size])
  return tf.reshape(_with_gradient(points, outputs, *generator.output_layer(), inverse_temperature), tf.shape(samples.points))


def _with_gradient(points, outputs, kernel, bias, inverse_temperature):
  """Points that were made as softmax(inverse_temperature (outputs @ kernel + bias + noise)), with the gradient of that softmax.

  Args:
    points: float32 `[N, V]`; those that are one-hot, as padding is, pass no gradient.
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
