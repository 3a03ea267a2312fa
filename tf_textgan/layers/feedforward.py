"""Networks of vectors, for latent noise, codes and their scores: a perceptron and a stack of residual blocks.

B batch, I inputs, O outputs. Both have `train`, which also gives the new values of what is tracked beside the weights.
"""

from collections.abc import Callable
from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_textgan.layers import biased

# Averages a tensor over the replicas.
Average = Callable[[tf.Tensor], tf.Tensor]
# Variables that no gradient changes, and their new values.
Tracked = list[tuple[keras.Variable, tf.Tensor]]

# As in PyTorch, in which the papers' networks are written.
_EPSILON = 1e-5
_MOMENTUM = 0.9


def normal_or_glorot(stddev: float, seed: int) -> keras.initializers.Initializer:
  """Normal weights with a standard deviation; Glorot's uniform ones if it is 0."""
  return keras.initializers.RandomNormal(0.0, stddev, seed=seed) if stddev else keras.initializers.GlorotUniform(seed=seed)


class BatchNormalization(keras.layers.Layer):
  """(x - mean) / sqrt(variance + epsilon) gamma + beta, in training with the moments of the batch of all replicas (https://arxiv.org/abs/1502.03167)."""

  def __init__(self, size: int, name: str):
    super().__init__(name=name, dtype="float32")
    self.gamma = self.add_weight((size,), "ones", name="gamma")
    self.beta = self.add_weight((size,), "zeros", name="beta")
    self.moving_mean = self.add_weight((size,), "zeros", name="moving_mean", trainable=False)
    self.moving_variance = self.add_weight((size,), "ones", name="moving_variance", trainable=False)
    self.built = True

  def call(self, inputs: tf.Tensor) -> tf.Tensor:
    """Normalizes float `[B, I]` with the moving averages: float32."""
    return self._normalize(tf.cast(inputs, tf.float32), tf.convert_to_tensor(self.moving_mean), tf.convert_to_tensor(self.moving_variance))

  def train(self, inputs: tf.Tensor, average: Average) -> tuple[tf.Tensor, Tracked]:
    """Normalizes float `[B, I]` with the moments of the batch; also returns the new moving averages."""
    values = tf.cast(inputs, tf.float32)
    mean = average(tf.reduce_mean(values, axis=0))
    variance = average(tf.reduce_mean(tf.square(values - mean), axis=0))
    moved = [
      (variable, _MOMENTUM * variable + (1.0 - _MOMENTUM) * tf.stop_gradient(value))
      for variable, value in ((self.moving_mean, mean), (self.moving_variance, variance))
    ]
    return self._normalize(values, mean, variance), moved

  def _normalize(self, values, mean, variance):
    return (values - mean) * tf.math.rsqrt(variance + _EPSILON) * self.gamma + self.beta


class Perceptron(keras.layers.Layer):
  """Linear maps with leaky rectifiers between them."""

  def __init__(
    self,
    inputs: int,
    sizes: Sequence[int],
    outputs: int,
    seed: int,
    name: str,
    slope: float = 0.0,
    stddev: float = 0.0,
    normalized: bool = False,
    dtype: str | None = None,
  ):
    """Creates the variables.

    Args:
      inputs: I.
      sizes: numbers in the hidden layers.
      outputs: O.
      seed: seed of the initial weights; `seed` to `seed + len(sizes)` are used.
      name: layer name.
      slope: of the rectifiers below 0.
      stddev: see `normal_or_glorot`.
      normalized: whether a batch normalization stands before each rectifier.
      dtype: of all layers; None for the current policy.
    """
    super().__init__(name=name, dtype=dtype)
    self.slope = slope
    # A bias before a normalization has no effect, and a gradient of roundings alone, which Adam would make as large as any.
    layers = [keras.layers.Dense if normalized else biased.Dense] * len(sizes) + [biased.Dense]
    self.linear = [
      layer(size, use_bias=layer is biased.Dense, kernel_initializer=normal_or_glorot(stddev, seed + i), name=f"linear_{i}", dtype=dtype)
      for i, (layer, size) in enumerate(zip(layers, (*sizes, outputs), strict=True))
    ]
    for layer, size in zip(self.linear, (inputs, *sizes)):
      layer.build((None, size))
    self.norms = [BatchNormalization(size, f"norm_{i}") for i, size in enumerate(sizes)] if normalized else []
    self.built = True

  def call(self, inputs: tf.Tensor) -> tf.Tensor:
    """Maps float `[B, I]` to float `[B, O]`."""
    return self._pass(inputs, lambda norm, x: norm(x))

  def train(self, inputs: tf.Tensor, average: Average) -> tuple[tf.Tensor, Tracked]:
    """As a call, with the moments of the batch."""
    tracked = []

    def normalize(norm, x):
      x, moved = norm.train(x, average)
      tracked.extend(moved)
      return x

    return self._pass(inputs, normalize), tracked

  def _pass(self, x, normalize):
    for i, layer in enumerate(self.linear[:-1]):
      x = layer(x)
      if self.norms:
        x = tf.cast(normalize(self.norms[i], x), x.dtype)
      x = tf.nn.leaky_relu(x, self.slope)
    return self.linear[-1](x)


class Residual(keras.layers.Layer):
  """A linear map to S numbers, blocks x + 0.3 W relu(V relu(x)), and, if O is given, a linear map to O numbers."""

  def __init__(self, inputs: int, size: int, blocks: int, outputs: int | None, seed: int, name: str, dtype: str | None = None):
    """Creates the variables.

    Args:
      inputs: I.
      size: S.
      blocks: number of blocks.
      outputs: O; None for the S numbers themselves.
      seed: seed of the initial weights; `seed` to `seed + 2 blocks + 1` are used.
      name: layer name.
      dtype: of all layers; None for the current policy.
    """
    super().__init__(name=name, dtype=dtype)

    def linear(outputs, number, initializer=keras.initializers.GlorotUniform):
      return biased.Dense(outputs, kernel_initializer=initializer(seed=seed + number), name=f"linear_{number}", dtype=dtype)

    self.first = linear(size, 0)
    self.blocks = [(linear(size, 2 * i + 1, keras.initializers.HeNormal), linear(size, 2 * i + 2)) for i in range(blocks)]
    self.last = linear(outputs, 2 * blocks + 1) if outputs else None
    self.first.build((None, inputs))
    for layer in [layer for block in self.blocks for layer in block] + ([self.last] if outputs else []):
      layer.build((None, size))
    self.built = True

  def call(self, inputs: tf.Tensor) -> tf.Tensor:
    """Maps float `[B, I]` to float `[B, O]` or `[B, S]`."""
    x = self.first(inputs)
    for inner, outer in self.blocks:
      x += 0.3 * outer(tf.nn.relu(inner(tf.nn.relu(x))))
    return self.last(x) if self.last else x

  def train(self, inputs: tf.Tensor, average: Average) -> tuple[tf.Tensor, Tracked]:
    """As a call; nothing is tracked."""
    del average
    return self(inputs), []
