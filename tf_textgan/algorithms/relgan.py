"""RelGAN: the discriminator reads relaxed picks, the generator its own hard picks; the relativistic loss compares real and fake scores.

Nie et al., "RelGAN: Relational Generative Adversarial Networks for Text Generation", https://openreview.net/forum?id=rJedV3R5tm.

  x_t = argmax(logits_t + g),   y_t = softmax(beta (logits_t + g)),   g Gumbel noise;
  loss_D = -log sigmoid(f(real) - f(y)),   loss_G = -log sigmoid(f(y) - f(real)), in each of the discriminator's views.

The discriminator reads y, and the generator is fed x. The inverse temperature beta grows from exploration to points y that are nearly one-hot.
"""

import dataclasses
import functools
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import relaxed
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import multi_representation
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import relational_memory
from tf_textgan.losses import gradient_penalty
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The settings of the paper's code for real text. The paper has no phase for the discriminator alone (--discriminator_steps 0)."""

  # Adam's learning rate for the generator.
  generator_learning_rate: float = 1e-4
  # Adversarial loss: "relativistic" (pairs of a real and a fake score), "standard" (non-saturating), "hinge", "least_squares", "wasserstein".
  loss: Literal["relativistic", "standard", "hinge", "least_squares", "wasserstein"] = "relativistic"
  # Weight of the gradient penalty of "wasserstein".
  penalty_weight: float = 10.0
  # Largest inverse temperature: 100 or 1000 for real text, 1 and 2 for the oracle at lengths 20 and 40.
  max_inverse_temperature: float = 100.0
  # Growth of the inverse temperature from 1; "constant" starts with the largest.
  temperature_schedule: Literal["exponential", "linear", "logarithmic", "sigmoid", "quadratic", "square_root", "constant"] = "exponential"
  # Rounds (N) until the largest inverse temperature. The code has 5000 and stops at 2000 or 3000; 0 for all adversarial rounds, as in the paper.
  schedule_steps: int = 5000
  # Pick that is fed back to the generator: "hard", the token, as in the code, or "soft", the relaxed point, as in the paper's text.
  feedback: Literal["hard", "soft"] = "hard"
  # Discriminator steps for each generator step.
  discriminator_steps_per_round: int = 5

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 0, "penalty_weight")
    checks.at_least(self, 0, "schedule_steps")
    checks.above_zero(self, "max_inverse_temperature")
    checks.at_least(self, 1, "discriminator_steps_per_round")


GENERATOR = ("relational_memory", relational_memory.Config())
DISCRIMINATOR = ("multi_representation", multi_representation.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(pretrained.Algorithm):
  """See the module."""

  @property
  def scores_log_ratios(self) -> bool:
    return self.config.loss in ("relativistic", "standard")

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    rounds = schedule.adversarial_steps
    generator = base.Update("generator", functools.partial(self.generator_step, rounds=rounds))
    discriminator = base.Update("discriminator", functools.partial(self.discriminator_step, rounds=rounds))
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor, rounds: int) -> base.Metrics:
    """Trains the discriminator on a real batch and relaxed samples. `rounds`: length of the adversarial phase, for the inverse temperature."""
    config = self.config
    fake = self._sample(tf.shape(real.tokens)[0], noise.fold(seed, "fake"), self._inverse_temperature(phase_fraction, rounds)).points
    with tf.GradientTape() as tape:
      real_scores = self._scores(real.tokens, noise.fold(seed, "real_dropout"))
      fake_scores = self._scores(fake, noise.fold(seed, "fake_dropout"))
      loss = base.mean(relaxed.GAMES[config.loss][0](real_scores, fake_scores))
      total = loss + self.discriminator.regularization()
      if config.loss == "wasserstein":
        total += config.penalty_weight * base.mean(self._penalty(real.tokens, fake, seed))
    norm = base.minimize(tape, total, self.discriminator, self.optimizers["discriminator_optimizer"], config.clip_norm)
    # Pairs in the right order: scores are only compared, so their sign has no meaning.
    accuracy = base.mean(tf.cast(real_scores > fake_scores, tf.float32))
    return {"loss": loss, "accuracy": accuracy, "gradient_norm": norm}

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor, rounds: int) -> base.Metrics:
    """Moves relaxed samples towards higher scores. `rounds`: as in `discriminator_step`."""
    inverse_temperature = self._inverse_temperature(phase_fraction, rounds)
    num, hard = tf.shape(real.tokens)[0], self.config.feedback == "hard"
    real_scores = self._scores(real.tokens, noise.fold(seed, "real_dropout"))
    if hard:
      samples = self._sample(num, seed, inverse_temperature)
    with tf.GradientTape() as tape:
      if not hard:
        samples = self._sample(num, seed, inverse_temperature)
      points = relaxed.points_of_tokens(self.generator, samples, inverse_temperature) if hard else samples.points
      scores = self._scores(points, noise.fold(seed, "dropout"))
      loss = base.mean(relaxed.GAMES[self.config.loss][1](real_scores, scores))
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

  def _scores(self, inputs, seed):
    return discriminator_base.view_scores(self.discriminator, inputs, seed=seed)

  def _penalty(self, real, fake, seed):
    mix = noise.uniform([tf.shape(real)[0]], noise.fold(seed, "mix"))
    # On the mean over views, without dropout; the code sums over views, with dropout.
    return gradient_penalty.penalty(self.discriminator, tf.one_hot(real, self.generator.spec.vocab_size), fake, mix)

  def _inverse_temperature(self, phase_fraction, rounds):
    config = self.config
    total = max(config.schedule_steps or rounds, 2)
    return relaxed.inverse_temperature(phase_fraction * rounds, total, config.max_inverse_temperature, config.temperature_schedule)


# See `tf_textgan.published`; docs/algorithms.md has the table.
PUBLISHED = {
  "mle_learning_rate": published.Setting(1e-2, 1e-2),
  "generator_learning_rate": published.Setting(1e-4, 1e-4),
  "discriminator_learning_rate": published.Setting(1e-4, 1e-4),
  "clip_norm": published.Setting(None, 5.0),
  **published.RELGAN_GENERATOR,
  "layer norms": published.Setting("over a row, in the relational memory's paper", "over all rows together", "over a row"),
  **published.RELGAN_DISCRIMINATOR,
  "initial weights": published.Setting(
    None, "truncated normal, variance 1 / inputs, 2 / inputs in convolutions; biases 0", "the same distributions"
  ),
  "batch_size": published.Setting(64, 64),
  "loss": published.Setting("relativistic", "relativistic"),
  "penalty_weight": published.Setting(None, 10.0, "on the mean of the views without dropout; the code's is on their sum, with it"),
  "max_inverse_temperature": published.Setting(
    "100 or 1,000 on text, 1 and 2 on the oracle", "100 or 1,000 on text, 1 and 2 on the oracle", "for text"
  ),
  "temperature_schedule": published.Setting("exponential", "exponential"),
  "schedule_steps": published.Setting("all rounds", 5000),
  "feedback": published.Setting("soft", "hard"),
  "mle_steps": published.Setting("150 epochs", "150 epochs", published.SHORT),
  "discriminator_steps": published.Setting(0, 0, "--discriminator_steps 0 for the paper's"),
  "adversarial_steps": published.Setting("2,000 on text, 3,000 on the oracle", "2,000 on text, 3,000 on the oracle", published.SHORT),
  "discriminator_steps_per_round": published.Setting(5, 5),
}
