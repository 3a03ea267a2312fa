"""The one-shot generator of the WGAN-GP language model: maps z to the distributions of all tokens (https://arxiv.org/abs/1704.00028, section 5.4)."""

from collections.abc import Callable
import dataclasses

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.generators import base
from tf_textgan.layers import biased
from tf_textgan.layers import residual
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of the published generator."""

  # Size of the latent z.
  latent_size: int = 128
  # Channels of the convolutions.
  channels: int = 512
  # Residual blocks.
  blocks: int = 5

  def __post_init__(self):
    checks.sizes(self, "latent_size", "channels")
    checks.at_least(self, 0, "blocks")
    checks.at_most(self, checks.MOST_PARTS, "blocks")


class Generator(base.Generator):
  """A linear map of z, residual convolutions, and one distribution over tokens for each position.

  Given z the positions are independent, and log p(x) has no closed form: this generator has no likelihood. Padding is one of its tokens, so
  it can generate short sequences; text ends at the first end or padding token.
  """

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    # The default picker takes the most probable token of each position, as published.
    super().__init__(spec, config, seed, pickers.Argmax())
    self.channels = config.channels
    self.project = biased.Dense(
      spec.length * config.channels, kernel_initializer=keras.initializers.GlorotUniform(seed=seed * 100), name="project"
    )
    self.blocks = [residual.Block(config.channels, seed * 100 + 1 + 2 * i, name=f"block_{i}") for i in range(config.blocks)]
    self.logits = biased.Dense(
      spec.vocab_size, kernel_initializer=residual.he(seed * 100 + 99), name="logits"
    )
    # Padding is not excluded: it may follow the end of a sequence.
    forbidden = [token for token in spec.forbidden_tokens if token != sequences.PAD]
    self._excluded = tf.reduce_sum(tf.one_hot(forbidden, spec.vocab_size), axis=0) * -1e9
    self.project.build((None, config.latent_size))
    for block in self.blocks:
      block.build((None, spec.length, config.channels))
    self.logits.build((None, spec.length, config.channels))
    self.built = True

  def call(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
    """Maps z `[B, Z]` to logits `[B, T, V]`."""
    del context  # It is not conditional.
    features = tf.reshape(self.project(latent), [-1, self.spec.length, self.channels])
    for block in self.blocks:
      features = block(features)
    return self.logits(features) + tf.cast(self._excluded, self.compute_dtype)

  def sample(
    self, num: int | tf.Tensor, seed: tf.Tensor, picker: Callable[..., pickers.Pick] | None = None, context: tf.Tensor | None = None
  ) -> unrolling.Samples:
    """Generates sequences; each position is picked independently. Arguments as of `base.Generator.write`."""
    picker = picker or self.picker
    spec = self.spec
    latent, context = self.draw_inputs(num, seed, context)
    logits = self(latent, context)
    tokens, log_probs, points, _ = picker(tf.reshape(logits, [-1, spec.vocab_size]), noise.fold(seed, "tokens"))
    tokens = tf.reshape(tokens, [-1, spec.length])
    log_probs = tf.reshape(log_probs, [-1, spec.length])
    if spec.end_token is not None:
      ends = tf.cast((tokens == spec.end_token) | (tokens == sequences.PAD), tf.int32)
      kept = tf.cumsum(ends, axis=1, exclusive=True) == 0
      tokens = tf.where(kept, tokens, sequences.PAD)
      log_probs = tf.where(kept, log_probs, 0.0)
    if points is not None:
      # The critic reads the distributions of all positions, also after the end, as published.
      points = tf.reshape(points, [-1, spec.length, spec.vocab_size])
    return unrolling.Samples(tokens, log_probs, points, latent=latent, context=context)
