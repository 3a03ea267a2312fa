"""Base of the algorithms that match features of soft samples: y_t = softmax(L logits) is fed back and read by the discriminator, without noise.

All randomness is in z. Shared by TextGAN and FM-GAN: a generator that decodes z, pretrained as the decoder of an autoencoder, and a discriminator
whose features are compared.
"""

import dataclasses

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import reconstruction
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling


@dataclasses.dataclass(frozen=True)
class Config:
  """Learning rates, pretraining and the relaxation."""

  # Adam's learning rate for the autoencoder, whose decoder is the generator.
  mle_learning_rate: float = 1e-4
  # Weight of the divergence of the codes from the normal distribution in the autoencoder's loss.
  divergence_weight: float = 1.0
  # Adam's learning rate for the generator.
  generator_learning_rate: float = 1e-5
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 1e-5
  # Largest norm of the gradients of the autoencoder and the generator.
  clip_norm: float = 5.0
  # Factor of the logits in the soft samples (L): the larger, the nearer to tokens, and the smaller the gradient.
  inverse_temperature: float = 100.0

  def __post_init__(self):
    rates = ("mle_learning_rate", "generator_learning_rate", "discriminator_learning_rate")
    checks.at_least(self, 0, *rates, "divergence_weight", "clip_norm")
    checks.above_zero(self, "inverse_temperature")


class Algorithm(pretrained.Algorithm):
  """Autoencoder, the discriminator alone, adversarial rounds: see `pretrained.Algorithm`."""

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    if self.generator.config.prior != "normal":
      raise errors.UserError(f"the generator's z is drawn as it is; expected --generator_prior normal, not {self.generator.config.prior}")

  def trained(self) -> keras.layers.Layer:
    """See `pretrained.Algorithm`."""
    return self.generator.autoencoder

  def mle_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the generator as the decoder of an autoencoder."""
    del phase_fraction
    config, optimizer = self.config, self.optimizers["mle_optimizer"]
    return reconstruction.step(self.generator, optimizer, real, seed, config.clip_norm, divergence_weight=config.divergence_weight)

  def soft_samples(self, num: tf.Tensor, seed: tf.Tensor) -> unrolling.Samples:
    """Generates soft samples, whose points pass gradients to the decoder through every step."""
    return self.generator.sample(num, seed, pickers.SoftArgmax(1.0 / self.config.inverse_temperature), soft_feedback=True)

  def features(self, inputs: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
    """The discriminator's features of this replica's ids or points, float32 `[B, F]`."""
    return tf.cast(self.discriminator.features(inputs, seed=seed), tf.float32)

  def scores_of(self, features: tf.Tensor) -> tf.Tensor:
    """The discriminator's scores, float32 `[B]`, of its features."""
    return self.discriminator.score(features)[:, 0]


def sharpness(points: tf.Tensor) -> tf.Tensor:
  """How near points `[B, T, V]` are to tokens: the mean of their largest numbers, 1 where no gradient is left; this replica's share, a scalar."""
  return tf.reduce_mean(tf.reduce_max(points, axis=-1))


# Published facts of the generator, whose prior has no network; see `tf_textgan.published`.
PRIOR = {
  "generator_prior": published.Setting("normal", "normal"),
  **{
    f"generator_{name}": published.Setting(note="unused: z is normal noise")
    for name in ("noise_size", "prior_sizes", "prior_slope", "prior_stddev", "prior_blocks")
  },
}
