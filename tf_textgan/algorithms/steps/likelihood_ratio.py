"""The generator against a frozen copy of itself, whose likelihood ratio to the generator is the discriminator: shared by DDO and DGSAN."""

import abc
import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import alone
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(alone.Config):
  """Learning rates and the length of a round."""

  # Steps between two renewals of the frozen copy.
  round_steps: int = 80

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 1, "round_steps")


class Algorithm(alone.Algorithm):
  """Maximum likelihood, then steps in which real sentences and samples of the copy are told apart by the ratio. A subclass defines `losses`."""

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    self.modules["reference"] = self.generator.clone()

  @abc.abstractmethod
  def losses(self, real: tf.Tensor, fake: tf.Tensor, real_mask: tf.Tensor, fake_mask: tf.Tensor) -> tf.Tensor:
    """The loss of each pair of a real sentence and a sample.

    Args:
      real: log G - log G_0 of each real token, float32 `[B, T]`, 0 on padding.
      fake: the same of the samples' tokens.
      real_mask, fake_mask: float32 `[B, T]`, 0 on padding.

    Returns:
      float32 `[B]`.
    """

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the ratio of real sentences and lowers that of the frozen copy's samples."""
    del phase_fraction
    generator, reference, optimizer = self.generator, self.modules["reference"], self.optimizers["generator_optimizer"]
    begins = tf.equal(tf.convert_to_tensor(optimizer.iterations) % self.config.round_steps, 0)
    base.move_towards(reference, generator, tf.cast(begins, tf.float32))
    num = tf.shape(real.tokens)[0]
    fake = reference.sample(num, noise.fold(seed, "fake"), context=real.context)
    # The same z for both networks: with a latent the ratio is of log G(x | z).
    tokens = tf.concat([real.tokens, fake.tokens], axis=0)
    latent = tf.concat([generator.prior(num, noise.fold(seed, "real")), fake.latent], axis=0)
    context = None if real.context is None else tf.concat([real.context, real.context], axis=0)
    real_mask, fake_mask = tf.split(generator.spec.mask(tokens), 2)
    old = reference.log_probs(tokens, latent, context)
    with tf.GradientTape() as tape:
      # No dropout: it would be a ratio of two different networks.
      log_probs = generator.log_probs(tokens, latent, context)
      real_ratio, fake_ratio = tf.split(log_probs - old, 2)
      loss = base.mean(self.losses(real_ratio, fake_ratio, real_mask, fake_mask))
    norm = base.minimize(tape, loss, generator, optimizer, self.config.clip_norm)
    real_sum, fake_sum = (tf.reduce_sum(ratio, axis=1) for ratio in (real_ratio, fake_ratio))
    return {
      "loss": loss,
      "accuracy": base.mean(tf.cast(real_sum > fake_sum, tf.float32)),
      "real_ratio": base.mean(real_sum),
      "fake_ratio": base.mean(fake_sum),
      "entropy": base.mean(-log_probs[num:], fake_mask),
      "gradient_norm": norm,
    }
