"""A transformer discriminator with causal attention: one pass scores every prefix as a whole sequence. See `transformer`."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from tf_textgan.discriminators import base
from tf_textgan.discriminators import transformer


@dataclasses.dataclass(frozen=True)
class Config(transformer.Config):
  """Sizes of the generator `transformer`."""

  # Train on the scores of every prefix rather than on the score of the whole sequence.
  per_prefix: bool = False


class Discriminator(transformer.Discriminator, base.PrefixScores):
  """See the module."""

  causal: ClassVar[bool] = True

  def __init__(self, spec, config, seed=0):
    super().__init__(spec, config, seed)
    self.per_prefix = config.per_prefix

  def token_scores(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """See `base.PrefixScores`."""
    mask = self.mask(inputs)[:, :, None]
    means = tf.cumsum(self._outputs(inputs, mask, seed, context) * mask, axis=1) / tf.maximum(tf.cumsum(mask, axis=1), 1.0)
    return (self.score(self._drop(means, seed, "features")) * mask)[:, :, 0]
