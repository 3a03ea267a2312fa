"""Maximum likelihood: the language model every text GAN starts from and is measured against.

Minimises -log p(x) of the real sequences, teacher-forced; of a corpus with categories -log p(x | c), the conditional language model.
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import likelihood
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm


@dataclasses.dataclass(frozen=True)
class Config:
  """The settings of SeqGAN's pretraining (https://arxiv.org/abs/1609.05473)."""

  # Adam's learning rate.
  mle_learning_rate: float = 1e-2
  # Largest norm of the gradient.
  clip_norm: float = 5.0
  # Weight of the squared norm of all weights, added to the loss.
  weight_decay: float = 0.0
  # Share that an average of the weights over past steps keeps at each step; it is this average that writes. 0 writes with the weights themselves.
  weight_average: float = 0.0

  def __post_init__(self):
    checks.at_least(self, 0, "mle_learning_rate", "clip_norm", "weight_decay")
    checks.share(self, "weight_average")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = None
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive
# It learns to write in the categories of a corpus that has some.
CATEGORIES = True


class Algorithm(base.Algorithm):
  """See the module."""

  def __init__(self, config, networks, seed=0):
    super().__init__(config, networks, seed)
    self._learner = self.generator
    self.optimizers["mle_optimizer"] = base.adam(self._learner, config.mle_learning_rate)
    if config.weight_average:
      self.networks["generator"] = self._learner.clone()
      self.modules["learner"] = self._learner

  def phases(self, schedule):
    return [base.Phase("mle", schedule.mle_steps, (base.Update("mle", self.mle_step),))]

  def mle_step(self, real, seed, phase_fraction):
    """Raises the likelihood of a real batch."""
    del phase_fraction
    config, optimizer = self.config, self.optimizers["mle_optimizer"]
    metrics = likelihood.step(self._learner, optimizer, real, seed, config.clip_norm, config.weight_decay)
    if config.weight_average:
      # As TensorFlow's own average has it, the first steps count for less: they are nearer the initial weights than what follows.
      steps = tf.cast(tf.convert_to_tensor(optimizer.iterations), tf.float32)
      base.move_towards(self.generator, self._learner, 1.0 - tf.minimum(config.weight_average, steps / (9.0 + steps)))
    return metrics
