"""LSTM layer of ScratchGAN's and MaskGAN's networks, with a custom gradient for whole sequences.

With input x_t and kernels W and U:

  z_t = x_t W + h_{t-1} U,   i, g, f, o = z_t + b,   or norm(z_t) s + b with layer norm (https://arxiv.org/abs/1607.06450),
  c_t = sigmoid(f + 1) c_{t-1} + sigmoid(i) tanh(g),   h_t = sigmoid(o) tanh(c_t).

T time, B batch, I input, H hidden.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

# Added to the variance in layer norm.
_EPSILON = 1e-5


class LSTM(keras.layers.Layer):
  """Weights of an LSTM layer. Its methods take the product x_t W, which the caller can often compute more cheaply than the layer.

  Attributes:
    units: size of output and cell state (H).
    input_kernel: W, variable `[I, 4H]`.
  """

  def __init__(
    self,
    input_size: int,
    units: int,
    seed: int,
    name: str,
    layer_norm: bool = False,
    regularizer: keras.regularizers.Regularizer | None = None,
  ):
    """Creates the weights.

    Args:
      input_size: I.
      units: H.
      seed: seed of the initial weights; `seed` to `seed + 2` are used.
      name: layer name.
      layer_norm: normalize the four gates together, as Sonnet does.
      regularizer: of all weights.
    """
    super().__init__(name=name)
    self.units = units

    def weight(name, shape, seed):
      initializer = keras.initializers.TruncatedNormal(0.0, (input_size + units) ** -0.5, seed=seed)
      return self.add_weight(shape, initializer, name=name, regularizer=regularizer)

    self.input_kernel = weight("input_kernel", (input_size, 4 * units), seed)
    self.recurrent_kernel = weight("recurrent_kernel", (units, 4 * units), seed + 1)
    self.bias = weight("bias", (4 * units,), seed + 2)
    # Layer norm has no offset: the bias serves as one.
    self.scale = self.add_weight((4 * units,), "ones", name="scale", regularizer=regularizer) if layer_norm else None
    self.built = True

  def initial_state(self, num: int | tf.Tensor) -> list[tf.Tensor]:
    """Returns zeros for output and cell state, `[num, H]` each."""
    return [tf.zeros([num, self.units], self.compute_dtype)] * 2

  def step(self, projected: tf.Tensor, state: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Computes one time step.

    Args:
      projected: x_t W, float `[B, 4H]`.
      state: output and cell state, float `[B, H]` each.

    Returns:
      Next output and cell state, float `[B, H]` each.
    """
    output, cell_state = state
    kernel, *vectors = self._weights()
    return list(_cell(projected + tf.matmul(output, kernel), cell_state, *vectors))

  def unroll(self, projected: tf.Tensor, state: Sequence[tf.Tensor]) -> tf.Tensor:
    """Computes all time steps.

    Args:
      projected: x_t W, float `[T, B, 4H]`.
      state: output and cell state before the first step, float `[B, H]` each.

    Returns:
      Outputs, float `[T, B, H]`.
    """
    return self.read(projected, state)[0]

  def read(self, projected: tf.Tensor, state: Sequence[tf.Tensor], kept: tf.Tensor | None = None) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """As `unroll`, but also returns the state after the last step.

    Args:
      projected: see `unroll`.
      state: see `unroll`.
      kept: factors of h_{t-1} in every step, for variational dropout (https://arxiv.org/abs/1512.05287): float `[B, H]`; None for none.
    """
    kernel, *vectors = self._weights()
    outputs, cell_state = _unroll(projected, *state, kernel, vectors, kept)
    return outputs, [outputs[-1], cell_state]

  def _weights(self):
    weights = [self.recurrent_kernel, self.bias, *([] if self.scale is None else [self.scale])]
    return [tf.cast(tf.convert_to_tensor(weight), self.compute_dtype) for weight in weights]


def _cell(gates, cell_state, bias, scale=None):
  """Computes the next output and cell state, `[B, H]` each, from z_t `[B, 4H]` and the previous cell state."""
  if scale is not None:
    z = tf.cast(gates, tf.float32)
    z -= tf.reduce_mean(z, axis=-1, keepdims=True)
    z *= tf.math.rsqrt(tf.reduce_mean(tf.square(z), axis=-1, keepdims=True) + _EPSILON)
    gates = tf.cast(z, gates.dtype) * scale
  input_gate, candidate, forget_gate, output_gate = tf.split(gates + bias, 4, axis=-1)
  cell_state = tf.sigmoid(forget_gate + 1.0) * cell_state + tf.sigmoid(input_gate) * tf.tanh(candidate)
  return tf.sigmoid(output_gate) * tf.tanh(cell_state), cell_state


# XLA fuses the gates' operations into few loops: a sixth of the time of a layer's gradient.
@tf.function(jit_compile=True, autograph=False)
def _cell_gradient(inputs, upstream):
  """Backward pass of `_cell`."""
  with tf.GradientTape(watch_accessed_variables=False) as tape:
    tape.watch(inputs)
    results = _cell(*inputs)
  return tape.gradient(results, inputs, upstream)


def _unroll(projected, output, cell_state, kernel, vectors, kept=None):
  """Computes outputs `[T, B, H]` and the last cell state, `[B, H]`.

  The backward loop has one matrix product per step; the kernel's gradient is one product over all steps.
  """
  length, dtype = projected.shape[0], projected.dtype

  def drop(x):
    return x if kept is None else x * kept

  @tf.custom_gradient
  def unrolled(projected, output, cell_state, kernel, *vectors):
    def advance(t, output, cell_state, outputs, cell_states, gates):
      z = projected[t] + tf.matmul(drop(output), kernel)
      output, cell_state = _cell(z, cell_state, *vectors)
      return t + 1, output, cell_state, outputs.write(t, output), cell_states.write(t, cell_state), gates.write(t, z)

    # A while_loop: see `sampling.unrolling`.
    loop = (tf.constant(0), output, cell_state, *[tf.TensorArray(dtype, length) for _ in range(3)])
    *_, outputs, cell_states, gates = tf.while_loop(lambda t, *_: t < length, advance, loop, maximum_iterations=length)
    outputs, cell_states = (tf.ensure_shape(x.stack(), [length, *output.shape]) for x in (outputs, cell_states))
    gates = tf.ensure_shape(gates.stack(), projected.shape)

    def gradient(upstream, d_last):
      outputs_before, cell_states_before = (tf.concat([x[None], xs[:-1]], axis=0) for x, xs in ((output, outputs), (cell_state, cell_states)))

      def go_back(t, d_output, d_cell_state, d_vectors, d_gates):
        d_gates_t, d_cell_state, *more = _cell_gradient([gates[t], cell_states_before[t], *vectors], [d_output + upstream[t], d_cell_state])
        d_output = drop(tf.matmul(d_gates_t, kernel, transpose_b=True))
        return t - 1, d_output, d_cell_state, [a + b for a, b in zip(d_vectors, more)], d_gates.write(t, d_gates_t)

      zeros = [tf.zeros_like(x) for x in vectors]
      loop = (tf.constant(length - 1), tf.zeros_like(output), d_last, zeros, tf.TensorArray(dtype, length))
      _, d_output, d_cell_state, d_vectors, d_gates = tf.while_loop(lambda t, *_: t >= 0, go_back, loop, maximum_iterations=length)
      d_gates = tf.ensure_shape(d_gates.stack(), projected.shape)
      flat = [tf.reshape(x, [-1, x.shape[-1]]) for x in (drop(outputs_before), d_gates)]
      return d_gates, d_output, d_cell_state, tf.matmul(*flat, transpose_a=True), *d_vectors

    return (outputs, cell_states[-1]), gradient

  return unrolled(projected, output, cell_state, kernel, *vectors)
