"""Maximum likelihood: the language model every text GAN starts from and is measured against.

Minimises -log p(x) of the real sequences, teacher-forced; of a corpus with categories -log p(x | c), the conditional language model.
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise


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

  def __init__(self, config, generator, discriminator=None):
    super().__init__(config, generator, discriminator)
    self._learner = generator
    self.optimizers["mle_optimizer"] = base.adam(generator, config.mle_learning_rate)
    if config.weight_average:
      self.generator = generator.twin()
      self.copies["learner"] = generator

  def phases(self, schedule):
    return [base.Phase("mle", schedule.mle_steps, (base.Update("mle", self.mle_step),))]

  def mle_step(self, real, seed, progress):
    """Raises the likelihood of a real batch."""
    del progress
    config, optimizer = self.config, self.optimizers["mle_optimizer"]
    metrics = step(self._learner, optimizer, real, seed, config.clip_norm, config.weight_decay)
    if config.weight_average:
      # As TensorFlow's own average has it, the first steps count for less: they are nearer the initial weights than what follows.
      steps = tf.cast(tf.convert_to_tensor(optimizer.iterations), tf.float32)
      base.move_towards(self.generator, self._learner, 1.0 - tf.minimum(config.weight_average, steps / (9.0 + steps)))
    return metrics


class Pretrained(base.Algorithm):
  """An adversarial algorithm that begins with maximum likelihood: its optimizers, Adam with the config's three learning rates, its first step, and
  the usual phases of it, of `discriminator_step` and of `generator_step`, which a subclass has."""

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
    """Raises the likelihood of a real batch, each sequence in its category if it has one."""
    del progress
    return step(self.generator, self.optimizers["mle_optimizer"], real, seed, self.config.clip_norm)


def step(generator, optimizer, real, seed, clip_norm, weight_decay=0.0):
  """One maximum-likelihood step, for this algorithm and for those that start with it.

  Args:
    generator: autoregressive.
    optimizer: built on it.
    real: int32 `[B, T]`, or `sequences.Labelled` for a generator with categories.
    seed: int32 `[2]`, for the latent and the dropout.
    clip_norm: see `base.minimize`.
    weight_decay: weight of the squared norm of the generator's weights, added to the loss.

  Returns:
    `nll` (nats per token) and `gradient_norm`, scalars.
  """
  tokens, categories = sequences.split(real)
  latent = generator.draw_latent(tf.shape(tokens)[0], seed, categories)
  with tf.GradientTape() as tape:
    log_probs = generator.log_probs(tokens, latent, noise.fold(seed, "dropout"))
    nll = loss = base.mean(-log_probs, generator.spec.mask(tokens))
    if weight_decay:
      loss += weight_decay * tf.add_n([tf.reduce_sum(tf.square(tf.convert_to_tensor(weight))) for weight in generator.trainable_variables])
  norm = base.minimize(tape, loss, generator, optimizer, clip_norm)
  return {"nll": nll, "gradient_norm": norm}
