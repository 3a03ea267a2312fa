"""Discriminators with fixed preferences, so that the optimal generator is known."""

import keras
import tensorflow as tf

from tf_textgan.discriminators import base


class LikesToken(base.Discriminator):
  """Scores a sequence, ids or points, by the share of one token: from -4 for none to 4 for all positions."""

  def __init__(self, spec, token):
    super().__init__(spec)
    self.token = token
    self.scale = self.add_weight((), keras.initializers.Constant(8.0), name="scale")
    self.built = True

  def call(self, inputs, *, context=None, seed=None):
    del context, seed
    points = tf.one_hot(inputs, self.spec.vocab_size) if inputs.dtype.is_integer else inputs
    return tf.convert_to_tensor(self.scale) * (tf.reduce_mean(points[:, :, self.token], axis=1) - 0.5)
