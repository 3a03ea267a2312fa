"""Base of the algorithms that pretrain by maximum likelihood: learning rates, optimizers and the usual phases."""

import dataclasses

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import likelihood


@dataclasses.dataclass(frozen=True)
class Config:
  """Learning rates and gradient clipping."""

  # Adam's learning rate in pretraining.
  mle_learning_rate: float = 1e-2
  # Learning rate of the generator in the adversarial phase: Adam's, unless the paper uses another optimizer.
  generator_learning_rate: float = 1e-3
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 1e-4
  # Largest norm of the generator's gradient, and of the discriminator's where the paper clips both.
  clip_norm: float = 5.0

  def __post_init__(self):
    checks.at_least(self, 0, "mle_learning_rate", "generator_learning_rate", "discriminator_learning_rate", "clip_norm")


class Algorithm(base.Algorithm):
  """Maximum likelihood, the discriminator alone, adversarial rounds.

  A subclass defines `discriminator_step` and `generator_step`; its config derives from `Config` and has `discriminator_steps_per_round`.
  """

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    self.optimizers["mle_optimizer"] = base.adam(self.trained(), config.mle_learning_rate)
    self.optimizers["generator_optimizer"] = base.adam(self.trained(), config.generator_learning_rate)
    self.optimizers["discriminator_optimizer"] = base.adam(self.discriminator, config.discriminator_learning_rate)

  def trained(self) -> keras.layers.Layer:
    """What of the generator is trained."""
    return self.generator

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    generator = base.Update("generator", self.generator_step)
    discriminator = base.Update("discriminator", self.discriminator_step)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def mle_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the likelihood of a real batch, conditioned on its context if it has one."""
    del phase_fraction
    return likelihood.step(self.generator, self.optimizers["mle_optimizer"], real, seed, self.config.clip_norm)
