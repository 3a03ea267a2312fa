"""RelGAN: relaxed picks for the discriminator, hard ones for the generator, and a discriminator that compares instead of judging.

Nie et al., "RelGAN: Relational Generative Adversarial Networks for Text Generation", https://openreview.net/forum?id=rJedV3R5tm.

  x_t = argmax(logits_t + g),   y_t = softmax(beta (logits_t + g)),   g Gumbel noise;
  loss_D = -log sigmoid(f(real) - f(y)),   loss_G = -log sigmoid(f(y) - f(real)), in each of the discriminator's views.

The discriminator sees y, the generator goes on from x. The inverse temperature beta grows: small ones explore, large ones make y the sentence itself.
"""

import dataclasses
import functools
import math
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan.algorithms import base
from tf_textgan.algorithms import mle
from tf_textgan.discriminators import multi_representation
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import relational_memory
from tf_textgan.losses import adversarial
from tf_textgan.losses import gradient_penalty
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers


@dataclasses.dataclass(frozen=True)
class Config:
  """The settings of the paper's code, for real text. The paper trains no discriminator between the phases (--discriminator_steps 0)."""

  # Adam's learning rate in pretraining.
  mle_learning_rate: float = 1e-2
  # Adam's learning rate for the generator.
  generator_learning_rate: float = 1e-4
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 1e-4
  # Largest norm of either gradient.
  clip_norm: float = 5.0
  # The game: "relativistic" (each pair of a real and a fake score), or "standard" (non-saturating), "hinge", "least_squares", "wasserstein".
  loss: Literal["relativistic", "standard", "hinge", "least_squares", "wasserstein"] = "relativistic"
  # Weight of the gradient penalty of "wasserstein".
  penalty_weight: float = 10.0
  # Largest inverse temperature: 100 or 1000 for real text, 1 and 2 for the oracle at lengths 20 and 40.
  max_inverse_temperature: float = 100.0
  # How the inverse temperature grows from 1; "constant" starts with the largest.
  temperature_schedule: Literal["exponential", "linear", "logarithmic", "sigmoid", "quadratic", "square_root", "constant"] = "exponential"
  # Rounds (N) after which it is the largest. The code has 5000 and stops at 2000 or 3000; 0 takes the rounds there are, as the paper's text has it.
  schedule_steps: int = 5000
  # What the generator goes on from: "hard", the picked token, as the code has it, or "soft", the relaxed point, as the paper's text has it.
  feedback: Literal["hard", "soft"] = "hard"
  # Discriminator steps for each generator step.
  discriminator_steps_per_round: int = 5

  def __post_init__(self):
    checks.at_least(self, 0, "mle_learning_rate", "generator_learning_rate", "discriminator_learning_rate", "clip_norm", "penalty_weight")
    checks.at_least(self, 0, "schedule_steps")
    checks.above_zero(self, "max_inverse_temperature")
    checks.at_least(self, 1, "discriminator_steps_per_round")


GENERATOR = ("relational_memory", relational_memory.Config())
DISCRIMINATOR = ("multi_representation", multi_representation.Config())
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive


def _of_fakes(loss):
  return lambda real_scores, fake_scores: loss(fake_scores)


# The discriminator's loss and the generator's, each a function of real and fake scores.
LOSSES = {
  "relativistic": (adversarial.relativistic_discriminator, adversarial.relativistic_generator),
  "standard": (adversarial.discriminator, _of_fakes(adversarial.non_saturating_generator)),
  "hinge": (adversarial.hinge_discriminator, _of_fakes(adversarial.wasserstein_generator)),
  "least_squares": (adversarial.least_squares_discriminator, _of_fakes(adversarial.least_squares_generator)),
  "wasserstein": (adversarial.wasserstein_critic, _of_fakes(adversarial.wasserstein_generator)),
}

# How far between 1 and the largest inverse temperature round n of N is, as the code has it.
_GROWTHS = {
  "linear": lambda n, total: n / (total - 1),
  "logarithmic": lambda n, total: tf.math.log(n + 1) / math.log(total),
  "sigmoid": lambda n, total: tf.sigmoid(20.0 * (n / total - 0.5)),
  "quadratic": lambda n, total: tf.square(n / (total - 1)),
  "square_root": lambda n, total: tf.sqrt(n / (total - 1)),
  "constant": lambda n, total: tf.ones_like(n),
}


class Algorithm(mle.Pretrained):
  """See the module."""

  @property
  def scores_log_ratios(self):
    return self.config.loss in ("relativistic", "standard")

  def phases(self, schedule):
    rounds = schedule.adversarial_steps
    generator = base.Update("generator", functools.partial(self.generator_step, rounds=rounds))
    discriminator = base.Update("discriminator", functools.partial(self.discriminator_step, rounds=rounds))
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def discriminator_step(self, real, seed, progress, rounds):
    """Teaches the discriminator to tell a real batch from relaxed samples. `rounds`: of the adversarial phase, for the inverse temperature."""
    config = self.config
    fake = self._sample(tf.shape(real)[0], noise.fold(seed, "fake"), self._inverse_temperature(progress, rounds)).points
    with tf.GradientTape() as tape:
      real_scores = self._scores(real, noise.fold(seed, "real_dropout"))
      fake_scores = self._scores(fake, noise.fold(seed, "fake_dropout"))
      loss = base.mean(LOSSES[config.loss][0](real_scores, fake_scores))
      total = loss + self.discriminator.regularization()
      if config.loss == "wasserstein":
        total += config.penalty_weight * base.mean(self._penalty(real, fake, seed))
    norm = base.minimize(tape, total, self.discriminator, self.optimizers["discriminator_optimizer"], config.clip_norm)
    # Pairs in the right order: of a score that is only compared, zero means nothing.
    accuracy = base.mean(tf.cast(real_scores > fake_scores, tf.float32))
    return {"loss": loss, "accuracy": accuracy, "gradient_norm": norm}

  def generator_step(self, real, seed, progress, rounds):
    """Moves the relaxed samples to where they score as real ones do. `rounds`: as in `discriminator_step`."""
    inverse_temperature = self._inverse_temperature(progress, rounds)
    num, hard = tf.shape(real)[0], self.config.feedback == "hard"
    real_scores = self._scores(real, noise.fold(seed, "real_dropout"))
    if hard:
      samples = self._sample(num, seed, inverse_temperature)
    with tf.GradientTape() as tape:
      if not hard:
        samples = self._sample(num, seed, inverse_temperature)
      points = self._points(samples, num, seed, inverse_temperature) if hard else samples.points
      scores = self._scores(points, noise.fold(seed, "dropout"))
      loss = base.mean(LOSSES[self.config.loss][1](real_scores, scores))
    norm = base.minimize(tape, loss, self.generator, self.optimizers["generator_optimizer"], self.config.clip_norm)
    return {
      "loss": loss,
      "entropy": base.mean(-samples.log_probs, self.generator.spec.mask(samples.tokens)),
      "inverse_temperature": inverse_temperature,
      "gradient_norm": norm,
    }

  def _sample(self, num, seed, inverse_temperature):
    picker = pickers.GumbelSoftmax(1.0 / inverse_temperature)
    return self.generator.sample(num, seed, picker, soft_feedback=self.config.feedback == "soft")

  def _points(self, samples, num, seed, inverse_temperature):
    return points_of_tokens(self.generator, samples, self.generator.sample_latent(num, seed), inverse_temperature)

  def _scores(self, inputs, seed):
    return scores(self.discriminator, inputs, seed)

  def _penalty(self, real, fake, seed):
    mix = noise.uniform([tf.shape(real)[0]], noise.fold(seed, "mix"))
    # Of the mean over the views, without dropout: the code has the sum of the views, with dropout.
    return gradient_penalty.penalty(self.discriminator, tf.one_hot(real, self.generator.spec.vocab_size), fake, mix)

  def _inverse_temperature(self, progress, rounds):
    config = self.config
    total = max(config.schedule_steps or rounds, 2)
    return inverse_temperature(progress * rounds, total, config.max_inverse_temperature, config.temperature_schedule)


def inverse_temperature(n, total, largest, schedule):
  """The inverse temperature in a round.

  Args:
    n: number of the round, a float32 scalar from 0; past `total` it is the largest.
    total: rounds after which it is the largest, 2 or more.
    largest: Python number.
    schedule: one of `Config.temperature_schedule`'s.

  Returns:
    float32 scalar.
  """
  n = tf.minimum(n, float(total))
  if schedule == "exponential":
    return largest ** (n / total)
  return 1.0 + (largest - 1.0) * _GROWTHS[schedule](n, total)


def scores(discriminator, inputs, seed):
  """A discriminator's score of each view, `[B, R]`, if it has views; else `[B]`. Arguments as of `discriminators.base.Discriminator`."""
  return getattr(discriminator, "scores", discriminator)(inputs, seed)


def points_of_tokens(generator, samples, latent, inverse_temperature):
  """The points of a sample whose tokens were fed back, with their gradient to the generator's weights.

  None flows through the picked tokens, so that it is the gradient of reading them: for all positions at once, rather than in the sample's loop.

  Args:
    generator: `generators.base.Autoregressive`.
    samples: `unrolling.Samples` made with `pickers.GumbelSoftmax(1 / inverse_temperature)`.
    latent: float `[B, Z + C]`, from which they were written.
    inverse_temperature: float32 scalar.

  Returns:
    float32 `[B, T, V]`.
  """
  outputs = generator.outputs(samples.tokens, latent)
  outputs = tf.reshape(outputs, [-1, outputs.shape[-1]])
  points = tf.reshape(samples.points, [-1, generator.spec.vocab_size])
  return tf.reshape(_with_gradient(points, outputs, *generator.output_layer(), inverse_temperature), tf.shape(samples.points))


def _with_gradient(points, outputs, kernel, bias, inverse_temperature):
  """Points that were made as softmax(inverse_temperature (outputs @ kernel + bias + noise)), with the gradient of that.

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
