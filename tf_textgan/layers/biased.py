"""Keras's layers with biases whose gradients are summed in float32.

Keras adds a bias with `tf.nn.bias_add`, whose gradient is a sum over all rows of a batch: on a CPU it is taken in the inputs' own type, and in
bfloat16 such a sum soon stops growing. `tf.add` sums in float32. In float32 the layers are Keras's own.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf


class Dense(keras.layers.Dense):
  """See the module and `keras.layers.Dense`."""

  def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
    """See `keras.layers.Dense`."""
    if self.compute_dtype == "float32":
      return super().call(inputs, training)
    return self.activation(_add(keras.ops.matmul(inputs, self.kernel), self.bias))


class Conv1D(keras.layers.Conv1D):
  """See the module and `keras.layers.Conv1D`."""

  def call(self, inputs: tf.Tensor) -> tf.Tensor:
    """See `keras.layers.Conv1D`."""
    if self.compute_dtype == "float32":
      return super().call(inputs)
    return self.activation(_add(self.convolution_op(inputs, self.kernel), self.bias))


class LSTMCell(keras.layers.LSTMCell):
  """See the module and `keras.layers.LSTMCell`; without dropout."""

  def call(self, inputs: tf.Tensor, states: Sequence[tf.Tensor], training: bool | None = False) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """See `keras.layers.LSTMCell`."""
    if self.compute_dtype == "float32":
      return super().call(inputs, states, training)
    output, cell_state = states
    gates = keras.ops.matmul(inputs, self.kernel) + keras.ops.matmul(output, self.recurrent_kernel)
    input_gate, forget_gate, candidate, output_gate = tf.split(_add(gates, self.bias), 4, axis=1)
    cell_state = tf.sigmoid(forget_gate) * cell_state + tf.sigmoid(input_gate) * tf.tanh(candidate)
    output = tf.sigmoid(output_gate) * tf.tanh(cell_state)
    return output, [output, cell_state]


class LSTM(keras.layers.LSTM):
  """See the module and `keras.layers.LSTM`; without dropout."""

  def __init__(self, units: int, **settings):
    """Args: as of `keras.layers.LSTM`."""
    super().__init__(units, **settings)
    # Keras makes the cell itself; a second one would leave a variable of the first behind.
    self.cell.__class__ = LSTMCell


def step(layers: Sequence[keras.layers.LSTM], inputs: tf.Tensor, state: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
  """Computes one time step of LSTM layers, each on the outputs of the one below.

  Args:
    layers: the lowest first.
    inputs: float `[B, I]`.
    state: output and cell state of each layer, float `[B, H]` each.

  Returns:
    The highest layer's outputs, float `[B, H]`, and the next state.
  """
  following = []
  for i, layer in enumerate(layers):
    inputs, part = layer.cell(inputs, state[2 * i : 2 * i + 2])
    following += part
  return inputs, following


def _add(x, bias):
  return tf.add(x, tf.cast(tf.convert_to_tensor(bias), x.dtype))
