"""WGAN-GP for text: the critic reads softmax outputs; no token is picked in training.

Gulrajani et al., "Improved Training of Wasserstein GANs", https://arxiv.org/abs/1704.00028, section 5.4 (the character-level language model).

  critic: minimise E[f(G(z))] - E[f(x)] + lambda E[(|grad f(x')| - 1)^2] with x' between one-hot real rows and softmax rows;
  generator: minimise -E[f(G(z))].
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.discriminators import conv_resnet as conv_resnet_critic
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import conv_resnet
from tf_textgan.losses import adversarial
from tf_textgan.losses import gradient_penalty
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers


@dataclasses.dataclass(frozen=True)
class Config:
  """The settings of the paper and its code."""

  # Adam's learning rate for both networks.
  learning_rate: float = 1e-4
  # Adam's decay of the gradient's mean.
  beta_1: float = 0.5
  # Adam's decay of the gradient's square.
  beta_2: float = 0.9
  # Weight of the gradient penalty (lambda).
  penalty_weight: float = 10.0
  # Critic steps for each generator step.
  discriminator_steps_per_round: int = 10

  def __post_init__(self):
    checks.at_least(self, 0, "learning_rate", "penalty_weight")
    checks.share(self, "beta_1", "beta_2")
    checks.at_least(self, 1, "discriminator_steps_per_round")


GENERATOR = ("conv_resnet", conv_resnet.Config())
DISCRIMINATOR = ("conv_resnet", conv_resnet_critic.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Generator


class Algorithm(base.Algorithm):
  """See the module."""

  scheduled = ("adversarial_steps",)

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    self.optimizers["generator_optimizer"] = base.adam(self.generator, config.learning_rate, config.beta_1, config.beta_2)
    self.optimizers["discriminator_optimizer"] = base.adam(self.discriminator, config.learning_rate, config.beta_1, config.beta_2)

  @property
  def scores_log_ratios(self) -> bool:
    return False

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    # No pretraining: a one-shot generator has no likelihood. The critic's steps come before the generator's.
    return [
      base.Phase(
        "adversarial",
        schedule.adversarial_steps,
        (
          base.Update("discriminator", self.discriminator_step, self.config.discriminator_steps_per_round),
          base.Update("generator", self.generator_step),
        ),
        annealed=True,
      )
    ]

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the critic to estimate the Wasserstein distance."""
    del phase_fraction
    num = tf.shape(real.tokens)[0]
    onehots = tf.one_hot(real.tokens, self.generator.spec.vocab_size)  # The penalty interpolates, which ids do not allow.
    fake = self._softmax_rows(num, noise.fold(seed, "fake"))
    mix = noise.uniform([num], noise.fold(seed, "mix"))
    with tf.GradientTape() as tape:
      distance = -adversarial.wasserstein_critic(self.discriminator(real.tokens), self.discriminator(fake))
      penalty = gradient_penalty.penalty(self.discriminator, onehots, fake, mix)
      loss = base.mean(self.config.penalty_weight * penalty - distance)
    norm = base.minimize(tape, loss, self.discriminator, self.optimizers["discriminator_optimizer"])
    return {"loss": loss, "distance": base.mean(distance), "penalty": base.mean(penalty), "gradient_norm": norm}

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Moves the softmax rows towards higher scores."""
    del phase_fraction
    with tf.GradientTape() as tape:
      points = self._softmax_rows(tf.shape(real.tokens)[0], seed)
      loss = base.mean(adversarial.wasserstein_generator(self.discriminator(points)))
    norm = base.minimize(tape, loss, self.generator, self.optimizers["generator_optimizer"])
    entropy = -tf.reduce_sum(tf.math.xlogy(points, points), axis=-1)
    return {"loss": loss, "entropy": tf.reduce_mean(entropy), "gradient_norm": norm}

  def _softmax_rows(self, num, seed):
    return self.generator.sample(num, seed, pickers.SoftArgmax()).points


# See `tf_textgan.published`; docs/algorithms.md has the table.
PUBLISHED = {
  "learning_rate": published.Setting(1e-4, 1e-4),
  "beta_1": published.Setting(None, 0.5),
  "beta_2": published.Setting(None, 0.9),
  "penalty_weight": published.Setting(10.0, 10.0, "1e-12 under the square root"),
  "discriminator_steps_per_round": published.Setting(10, 10),
  "generator_latent_size": published.Setting(None, 128),
  "generator_channels": published.Setting(512, 512),
  "generator_blocks": published.Setting(5, 5),
  "discriminator_channels": published.Setting(512, 512),
  "discriminator_blocks": published.Setting(5, 5),
  "initial weights": published.Setting(
    None, "uniform; variance 4 / (fan in + fan out) in convolutions, half of that in linear layers", "the same distributions"
  ),
  "batch_size": published.Setting(64, 64),
  "text": published.Setting("32 characters", "32 characters", "the corpus's length: `--tokenizer char --max_length 32`"),
  "adversarial_steps": published.Setting(200_000, 200_000, published.SHORT),
}
