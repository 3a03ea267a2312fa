"""The residual block that the WGAN-GP language model's generator and critic share."""

import keras
import tensorflow as tf


class Block(keras.layers.Layer):
  """x + 0.3 * conv(relu(conv(relu(x)))), convolutions of width 5 (https://arxiv.org/abs/1704.00028; the factor is the official code's)."""

  def __init__(self, channels, seed, name):
    """Args: channels: of input and output; seed: integer, for the initial weights, of which it takes two; name: string."""
    super().__init__(name=name)
    self.first, self.second = (
      # He's initialisation, as the official code has it for these layers.
      keras.layers.Conv1D(channels, 5, padding="same", kernel_initializer=keras.initializers.HeUniform(seed=seed + i), name=f"conv_{i}")
      for i in range(2)
    )

  def build(self, shape):
    self.first.build(shape)
    self.second.build(shape)
    self.built = True

  def call(self, inputs):
    """float `[B, T, C]` to `[B, T, C]`."""
    return inputs + 0.3 * self.second(tf.nn.relu(self.first(tf.nn.relu(inputs))))
