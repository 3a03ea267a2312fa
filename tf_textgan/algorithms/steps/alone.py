"""Base of the algorithms that train no discriminator: maximum likelihood, then steps of the generator alone."""

import abc
import dataclasses

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
  # Adam's learning rate for the generator in the adversarial phase.
  generator_learning_rate: float = 1e-3
  # Largest norm of the generator's gradient.
  clip_norm: float = 5.0

  def __post_init__(self):
    checks.at_least(self, 0, "mle_learning_rate", "generator_learning_rate", "clip_norm")


class Algorithm(base.Algorithm):
  """Maximum likelihood, then an adversarial phase whose rounds are one step of the generator each."""

  scheduled = ("mle_steps", "adversarial_steps")

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    self.optimizers["mle_optimizer"] = base.adam(self.generator, config.mle_learning_rate)
    self.optimizers["generator_optimizer"] = base.adam(self.generator, config.generator_learning_rate)

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    return [
      base.Phase("mle", schedule.mle_steps, (base.Update("mle", self.mle_step),)),
      base.Phase("adversarial", schedule.adversarial_steps, (base.Update("generator", self.generator_step),), annealed=True),
    ]

  def mle_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the likelihood of a real batch."""
    del phase_fraction
    return likelihood.step(self.generator, self.optimizers["mle_optimizer"], real, seed, self.config.clip_norm)

  @abc.abstractmethod
  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """The train step of the adversarial phase."""
