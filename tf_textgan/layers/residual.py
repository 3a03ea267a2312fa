"""Residual block of the WGAN-GP language model, used by its generator and its critic."""

import keras
import tensorflow as tf


class Block(keras.layers.Layer):
  """x + 0.3 * conv(relu(conv(relu(x)))), convolutions of width 5 (https://arxiv.org/abs/1704.00028; the factor is from the official code)."""

  def __init__(self, channels: int, seed: int, name: str):
    """Creates the convolutions.

    Args:
      channels: channels of input and output (C).
      seed: seed of the initial weights; `seed` and `seed + 1` are used.
      name: layer name.
    """
    super().__init__(name=name)
    self.first, self.second = (
      # He initialization, as in the official code for these layers.
      keras.layers.Conv1D(channels, 5, padding="same", kernel_initializer=keras.initializers.HeUniform(seed=seed + i), name=f"conv_{i}")
      for i in range(2)
    )

  def build(self, shape):
    self.first.build(shape)
    self.second.build(shape)
    self.built = True

  def call(self, inputs: tf.Tensor) -> tf.Tensor:
    """Maps float `[B, T, C]` to float `[B, T, C]`."""
    return inputs + 0.3 * self.second(tf.nn.relu(self.first(tf.nn.relu(inputs))))
