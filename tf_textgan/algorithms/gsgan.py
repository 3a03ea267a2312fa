"""GSGAN: the generator's picks relaxed with Gumbel-softmax, so that the discriminator's gradient flows through them.

Kusner & Hernandez-Lobato, "GANs for Sequences of Discrete Elements with the Gumbel-softmax Distribution", https://arxiv.org/abs/1611.04051.

The latent z is the LSTM's initial state, as in the paper; each relaxed pick y = softmax((logits + g) / temperature) is both fed back and shown to the
discriminator. The game is the minimax value function E[log D(x)] + E[log(1 - D(G(z)))].
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan.algorithms import base
from tf_textgan.algorithms import mle
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import adversarial
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers


@dataclasses.dataclass(frozen=True)
class Config:
  """The paper anneals the temperature from large to small and pretrains nothing; the numbers here are ours."""

  # Adam's learning rate in pretraining. The paper starts from scratch (--mle_steps 0).
  mle_learning_rate: float = 1e-2
  # Adam's learning rate for the generator.
  generator_learning_rate: float = 1e-4
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 1e-4
  # Largest norm of either gradient.
  clip_norm: float = 5.0
  # What the generator minimises: "saturating", log(1 - D(G(z))), or "non_saturating", -log D(G(z)).
  objective: Literal["saturating", "non_saturating"] = "non_saturating"
  # "gumbel_softmax", or "straight_through" with the same gradient and exact one-hot picks.
  estimator: Literal["gumbel_softmax", "straight_through"] = "gumbel_softmax"
  # Temperature of the picks at the beginning of the adversarial phase.
  max_temperature: float = 2.0
  # Temperature at its end; it falls geometrically.
  min_temperature: float = 0.5
  # Discriminator steps for each generator step.
  discriminator_steps_per_round: int = 1

  def __post_init__(self):
    checks.at_least(self, 0, "mle_learning_rate", "generator_learning_rate", "discriminator_learning_rate", "clip_norm")
    checks.above_zero(self, "max_temperature", "min_temperature")
    checks.at_least(self, 1, "discriminator_steps_per_round")


GENERATOR = ("lstm", lstm.Config(latent_size=32))
DISCRIMINATOR = ("recurrent", recurrent.Config())
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive

_OBJECTIVES = {"saturating": adversarial.saturating_generator, "non_saturating": adversarial.non_saturating_generator}
_ESTIMATORS = {"gumbel_softmax": pickers.GumbelSoftmax, "straight_through": pickers.StraightThrough}


class Algorithm(base.Algorithm):
  """See the module."""

  def __init__(self, config, generator, discriminator):
    super().__init__(config, generator, discriminator)
    self.optimizers["mle_optimizer"] = base.adam(generator, config.mle_learning_rate)
    self.optimizers["generator_optimizer"] = base.adam(generator, config.generator_learning_rate)
    self.optimizers["discriminator_optimizer"] = base.adam(discriminator, config.discriminator_learning_rate)

  def phases(self, schedule):
    generator = base.Update("generator", self.generator_step)
    discriminator = base.Update("discriminator", self.discriminator_step)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def mle_step(self, real, seed, progress):
    """Raises the likelihood of a real batch."""
    del progress
    return mle.step(self.generator, self.optimizers["mle_optimizer"], real, seed, self.config.clip_norm)

  def discriminator_step(self, real, seed, progress):
    """Teaches the discriminator to tell a real batch, one-hot, from relaxed samples."""
    fake = self._relaxed(tf.shape(real)[0], noise.fold(seed, "fake"), progress).points
    with tf.GradientTape() as tape:
      real_scores = self.discriminator(real, noise.fold(seed, "real_dropout"))
      fake_scores = self.discriminator(fake, noise.fold(seed, "fake_dropout"))
      loss = base.mean(adversarial.discriminator(real_scores, fake_scores))
      total = loss + self.discriminator.regularization()
    norm = base.minimize(tape, total, self.discriminator, self.optimizers["discriminator_optimizer"], self.config.clip_norm)
    return {"loss": loss, "accuracy": base.mean(adversarial.accuracy(real_scores, fake_scores)), "gradient_norm": norm}

  def generator_step(self, real, seed, progress):
    """Moves the relaxed samples to where the discriminator takes them for real."""
    with tf.GradientTape() as tape:
      samples = self._relaxed(tf.shape(real)[0], seed, progress)
      scores = self.discriminator(samples.points, noise.fold(seed, "dropout"))
      loss = base.mean(_OBJECTIVES[self.config.objective](scores))
    norm = base.minimize(tape, loss, self.generator, self.optimizers["generator_optimizer"], self.config.clip_norm)
    return {
      "loss": loss,
      "entropy": base.mean(-samples.log_probs, self.generator.spec.mask(samples.tokens)),
      "temperature": self._temperature(progress),
      "gradient_norm": norm,
    }

  def _relaxed(self, num, seed, progress):
    picker = _ESTIMATORS[self.config.estimator](self._temperature(progress))
    return self.generator.sample(num, seed, picker, soft_feedback=True)

  def _temperature(self, progress):
    config = self.config
    return config.max_temperature * (config.min_temperature / config.max_temperature) ** progress
