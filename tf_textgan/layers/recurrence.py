"""The LSTM layer of ScratchGAN's two networks, with a gradient of its own over the whole of a sequence.

With x_t what the layer is shown, W and U its kernels:

  z_t = x_t W + h_{t-1} U,   i, g, f, o = z_t + b,   or norm(z_t) s + b with layer norm (https://arxiv.org/abs/1607.06450),
  c_t = sigmoid(f + 1) c_{t-1} + sigmoid(i) tanh(g),   h_t = sigmoid(o) tanh(c_t).
"""

import keras
import tensorflow as tf

# Under the square root of the layer norm.
_EPSILON = 1e-5


class LSTM(keras.layers.Layer):
  """The weights of a layer and what is computed with them. Where it takes x_t W, the caller may have found that in a cheaper way.

  Attributes:
    units: numbers in the output (H).
    input_kernel: W, variable `[I, 4H]`.
  """

  def __init__(self, input_size, units, seed, name, layer_norm=False, regularizer=None):
    """Takes sizes.

    Args:
      input_size: I.
      units: H.
      seed: integer, for the initial weights, of which it takes three.
      name: string.
      layer_norm: normalise the gates together, as Sonnet does.
      regularizer: Keras regularizer of all weights; None for none.
    """
    super().__init__(name=name)
    self.units = units

    def weight(name, shape, seed):
      initializer = keras.initializers.TruncatedNormal(0.0, (input_size + units) ** -0.5, seed=seed)
      return self.add_weight(shape, initializer, name=name, regularizer=regularizer)

    self.input_kernel = weight("input_kernel", (input_size, 4 * units), seed)
    self.recurrent_kernel = weight("recurrent_kernel", (units, 4 * units), seed + 1)
    self.bias = weight("bias", (4 * units,), seed + 2)
    # Layer norm has no offset of its own here: the bias is one.
    self.scale = self.add_weight((4 * units,), "ones", name="scale", regularizer=regularizer) if layer_norm else None
    self.built = True

  def initial_state(self, num):
    """Zeros: output and memory, `[num, H]` each."""
    return [tf.zeros([num, self.units], self.compute_dtype)] * 2

  def step(self, projected, state):
    """One position: x_t W `[B, 4H]` and a state to the next state, whose first part is the output `[B, H]`."""
    output, memory = state
    kernel, *vectors = self._weights()
    return list(_cell(projected + tf.matmul(output, kernel), memory, *vectors))

  def unroll(self, projected, state):
    """All positions: x_t W `[T, B, 4H]` and the state before the first to outputs `[T, B, H]`."""
    return _unroll(projected, *state, *self._weights())

  def _weights(self):
    weights = [self.recurrent_kernel, self.bias, *([] if self.scale is None else [self.scale])]
    return [tf.cast(tf.convert_to_tensor(weight), self.compute_dtype) for weight in weights]


def _cell(gates, memory, bias, scale=None):
  """The next output and memory, `[B, H]` each, from z_t `[B, 4H]` and the memory before."""
  if scale is not None:
    z = tf.cast(gates, tf.float32)
    z -= tf.reduce_mean(z, axis=-1, keepdims=True)
    z *= tf.math.rsqrt(tf.reduce_mean(tf.square(z), axis=-1, keepdims=True) + _EPSILON)
    gates = tf.cast(z, gates.dtype) * scale
  take, candidate, keep, show = tf.split(gates + bias, 4, axis=-1)
  memory = tf.sigmoid(keep + 1.0) * memory + tf.sigmoid(take) * tf.tanh(candidate)
  return tf.sigmoid(show) * tf.tanh(memory), memory


# XLA makes few loops over the gates of it: a sixth of the time of a layer's gradient.
@tf.function(jit_compile=True, autograph=False)
def _cell_slopes(inputs, slopes):
  """The gradients of `_cell` by its arguments, from those by what it gives."""
  with tf.GradientTape(watch_accessed_variables=False) as tape:
    tape.watch(inputs)
    later = _cell(*inputs)
  return tape.gradient(later, inputs, slopes)


@tf.custom_gradient
def _unroll(projected, output, memory, kernel, *vectors):
  """Outputs `[T, B, H]`. The gradient goes back in one loop, in which a step costs one product; the kernel's is one over all positions after it."""
  length, dtype = projected.shape[0], projected.dtype

  def advance(t, output, memory, outputs, memories, gates):
    z = projected[t] + tf.matmul(output, kernel)
    output, memory = _cell(z, memory, *vectors)
    return t + 1, output, memory, outputs.write(t, output), memories.write(t, memory), gates.write(t, z)

  # A while_loop: see `sampling.unrolling`.
  loop = (tf.constant(0), output, memory, *[tf.TensorArray(dtype, length) for _ in range(3)])
  *_, outputs, memories, gates = tf.while_loop(lambda t, *_: t < length, advance, loop, maximum_iterations=length)
  outputs, memories = (tf.ensure_shape(x.stack(), [length, *output.shape]) for x in (outputs, memories))
  gates = tf.ensure_shape(gates.stack(), projected.shape)

  def gradient(upstream):
    outputs_before, memories_before = (tf.concat([x[None], xs[:-1]], axis=0) for x, xs in ((output, outputs), (memory, memories)))

    def go_back(t, output_slope, memory_slope, vector_slopes, slopes):
      slope, memory_slope, *more = _cell_slopes([gates[t], memories_before[t], *vectors], [output_slope + upstream[t], memory_slope])
      output_slope = tf.matmul(slope, kernel, transpose_b=True)
      return t - 1, output_slope, memory_slope, [a + b for a, b in zip(vector_slopes, more)], slopes.write(t, slope)

    zeros = [tf.zeros_like(x) for x in (output, memory)]
    loop = (tf.constant(length - 1), *zeros, [tf.zeros_like(x) for x in vectors], tf.TensorArray(dtype, length))
    _, output_slope, memory_slope, vector_slopes, slopes = tf.while_loop(lambda t, *_: t >= 0, go_back, loop, maximum_iterations=length)
    slopes = tf.ensure_shape(slopes.stack(), projected.shape)
    flat = [tf.reshape(x, [-1, x.shape[-1]]) for x in (outputs_before, slopes)]
    return slopes, output_slope, memory_slope, tf.matmul(*flat, transpose_a=True), *vector_slopes

  return outputs, gradient
