"""Residual block of the WGAN-GP language model, used by its generator and its critic."""

import keras
import tensorflow as tf

from tf_textgan.layers import biased


def he(seed: int) -> keras.initializers.Initializer:
  """The official code's initializer of convolutions, "He", also of width 1: uniform with variance 4 / (fan in + fan out)."""
  return keras.initializers.VarianceScaling(2.0, "fan_avg", "uniform", seed=seed)


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
      biased.Conv1D(channels, 5, padding="same", kernel_initializer=he(seed + i), name=f"conv_{i}")
      for i in range(2)
    )

  def build(self, shape):
    self.first.build(shape)
    self.second.build(shape)
    self.built = True

  def call(self, inputs: tf.Tensor) -> tf.Tensor:
    """Maps float `[B, T, C]` to float `[B, T, C]`."""
    return inputs + 0.3 * self.second(tf.nn.relu(self.first(tf.nn.relu(inputs))))
