"""The critic of the WGAN-GP language model: residual convolutions, no normalisation (https://arxiv.org/abs/1704.00028, section 5.4)."""

import dataclasses

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.layers import residual


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of the published critic."""

  # Channels of the convolutions.
  channels: int = 512
  # Residual blocks.
  blocks: int = 5

  def __post_init__(self):
    checks.sizes(self, "channels")
    checks.at_least(self, 0, "blocks")
    checks.at_most(self, checks.MOST_PARTS, "blocks")


class Discriminator(base.Discriminator):
  """See the module. It has no dropout, so the seed has no effect."""

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    self.channels = config.channels
    self.embedding = self.add_weight(
      (spec.vocab_size, config.channels), residual.he(seed * 100), name="embedding"
    )
    self.embedding_bias = self.add_weight((config.channels,), "zeros", name="embedding_bias")
    self.blocks = [residual.Block(config.channels, seed * 100 + 1 + 2 * i, name=f"block_{i}") for i in range(config.blocks)]
    self.score = keras.layers.Dense(
      1, kernel_initializer=keras.initializers.GlorotUniform(seed=seed * 100 + 99), dtype="float32", name="score"
    )
    for block in self.blocks:
      block.build((None, spec.length, config.channels))
    self.score.build((None, spec.length * config.channels))
    self.built = True

  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    del context, seed
    table = tf.cast(tf.convert_to_tensor(self.embedding), self.compute_dtype)
    # A convolution of width 1 over one-hot rows is this lookup.
    features = base.embed(inputs, table) + tf.cast(tf.convert_to_tensor(self.embedding_bias), self.compute_dtype)
    for block in self.blocks:
      features = block(features)
    return self.score(tf.reshape(features, [-1, self.spec.length * self.channels]))[:, 0]
