"""An algorithm of one's own: the generator learns the better of two sentences that it writes.

  python train.py --algorithm examples.better_of_two --workdir runs/better_of_two

For each sentence of the batch it writes two, and is trained by maximum likelihood on the one with the higher score:

  loss = -log G(x_k),   k = argmax(D(x_1), D(x_2)).
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import likelihood
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.sampling import guidance
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """Settings."""

  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 1e-3
  # Discriminator steps for each generator step.
  discriminator_steps_per_round: int = 1

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 1, "discriminator_steps_per_round")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("recurrent", recurrent.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(pretrained.Algorithm):
  """See the module."""

  def discriminator_step(self, real, seed, phase_fraction):
    """Trains the discriminator on a real batch and a new sample."""
    del phase_fraction
    return vanilla.step(self.generator, self.discriminator, self.optimizers["discriminator_optimizer"], real, seed)

  def generator_step(self, real, seed, phase_fraction):
    """Raises the likelihood of the better of two samples."""
    del phase_fraction
    tokens = self.generator.sample(2 * tf.shape(real.tokens)[0], noise.fold(seed, "candidates")).tokens
    scores = self.discriminator(tokens)
    better = sequences.Batch(tf.gather(tokens, guidance.best(scores, 2)))
    metrics = likelihood.step(self.generator, self.optimizers["generator_optimizer"], better, seed, self.config.clip_norm)
    return metrics | {"score": base.mean(scores)}
