"""An encoder of sources, and the attention of a decoder to it, for recurrent generators.

Two LSTMs read the source, one in each direction; e_s are their outputs, side by side, and m_s = e_s M. An output h_t of the decoder becomes

  a_t = softmax over s of (h_t . m_s),   y_t = tanh([h_t; sum_s a_ts m_s] C),

and the decoder begins with tanh(mean over s of e_s W). Luong et al., https://arxiv.org/abs/1508.04025, the global attention with a "general" score
and without input feeding, so that all outputs of a sequence attend at once. B batch, S tokens in a source, E embedding, H hidden.
"""

from collections.abc import Iterator
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan.layers import biased

# In place of the scores of padding.
_HIDDEN = -1e9


class Memory(NamedTuple):
  """What was read of sources.

  Attributes:
    values: m, float `[B, S, H]`.
    hidden: float32 `[B, S]`, 0, and very negative on padding.
  """

  values: tf.Tensor
  hidden: tf.Tensor


class SourceReader(keras.layers.Layer):
  """See the module."""

  def __init__(self, inputs: int, units: int, state_size: int, seeds: Iterator[int]):
    """Creates the weights.

    Args:
      inputs: E.
      units: H.
      state_size: numbers in the decoder's state.
      seeds: seeds of the initial weights; seven are taken.
    """
    super().__init__(name="source_reader")

    def glorot():
      return keras.initializers.GlorotUniform(seed=next(seeds))

    def layer(name):
      # The seed is unused, but a variable: two runs should not differ in it.
      made = biased.LSTM(
        units, kernel_initializer=glorot(), recurrent_initializer=glorot(), return_sequences=True, seed=0, name=name,
      )  # fmt: skip
      made.build((None, None, inputs))
      return made

    self.forward, self.backward = layer("forward"), layer("backward")
    self.memory_kernel = self.add_weight((2 * units, units), glorot(), name="memory_kernel")
    self.state_kernel = self.add_weight((2 * units, state_size), glorot(), name="state_kernel")
    self.attention_kernel = self.add_weight((2 * units, units), glorot(), name="attention_kernel")
    self.built = True

  def read(self, embedded: tf.Tensor, mask: tf.Tensor) -> tuple[Memory, tf.Tensor]:
    """Reads sources.

    Args:
      embedded: float `[B, S, E]`.
      mask: bool `[B, S]`, False on the padding at the end.

    Returns:
      The memory, and the decoder's first state before tanh, float `[B, state_size]`.
    """
    lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    turned = lambda x: tf.ensure_shape(tf.reverse_sequence(x, lengths, seq_axis=1), x.shape)  # noqa: E731
    outputs = tf.concat([self.forward(embedded), turned(self.backward(turned(embedded)))], axis=-1)
    # Without the padding, on which the forward one goes on.
    outputs = tf.where(mask[:, :, None], outputs, tf.zeros([], outputs.dtype))
    mean = tf.reduce_sum(outputs, axis=1) / tf.cast(tf.maximum(lengths, 1), outputs.dtype)[:, None]
    memory = Memory(tf.tensordot(outputs, self._cast(self.memory_kernel), 1), tf.where(mask, 0.0, _HIDDEN))
    return memory, tf.matmul(mean, self._cast(self.state_kernel))

  def attend(self, outputs: tf.Tensor, memory: Memory) -> tf.Tensor:
    """The outputs of the decoder with what they attend to: float `[B, T, H]`, or `[B, H]` of one step, to the same shape."""
    if outputs.shape.rank == 2:
      return self.attend(outputs[:, None], memory)[:, 0]
    scores = tf.cast(tf.matmul(outputs, memory.values, transpose_b=True), tf.float32)
    shares = tf.cast(tf.nn.softmax(scores + memory.hidden[:, None]), outputs.dtype)
    together = tf.concat([outputs, tf.matmul(shares, memory.values)], axis=-1)
    return tf.tanh(tf.tensordot(together, self._cast(self.attention_kernel), 1))

  def _cast(self, variable):
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)
