"""Encoder and decoder of MaskGAN's networks: the encoder reads text with blanks, the decoder a text that fills them, with attention to the encoder.

Fedus et al., "MaskGAN: Better Text Generation via Filling in the ______", https://arxiv.org/abs/1801.07736, as the `seq2seq_vd` of its code. The
encoder's outputs are e_1..e_T; the decoder begins with its last states, and its output h_t becomes

  a_t = softmax over s of (h_t A e_s),   y_t = [h_t; sum_s a_ts e_s] C.

Luong et al., https://arxiv.org/abs/1508.04025, with one linear map C in place of theirs with tanh, as in the code. T time, B batch, E embedding,
H hidden, O output.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan.layers import recurrence

# Function of a name and a size, returning the factors of variational dropout, float `[B, size]`; None for no dropout.
Drop = Callable[[str, int], tf.Tensor] | None


class State(NamedTuple):
  """The decoder's state.

  Attributes:
    cells: output and cell state of each layer, float `[B, H]` each.
    memory: the encoder's outputs, which no step changes: float `[B, T, H]`.
  """

  cells: list[list[tf.Tensor]]
  memory: tf.Tensor


class Seq2Seq(keras.layers.Layer):
  """Encoder, decoder and one embedding table for both."""

  def __init__(self, vocab_size: int, embedding_size: int, hidden_size: int, layers: int, output_size: int, seed: int):
    """Creates the weights.

    Args:
      vocab_size: V.
      embedding_size: E.
      hidden_size: H.
      layers: LSTM layers of the encoder, and of the decoder.
      output_size: O.
      seed: seed of the initial weights; `seed` to `seed + 6 * layers + 3` are used.
    """
    super().__init__(name="seq2seq")
    seeds = iter(range(seed, seed + 4))

    def weight(name, shape):
      return self.add_weight(shape, keras.initializers.GlorotUniform(seed=next(seeds)), name=name)

    def lstms(name, seed):
      sizes = [embedding_size, *[hidden_size] * (layers - 1)]
      return [recurrence.LSTM(size, hidden_size, seed + 3 * i, f"{name}_{i}") for i, size in enumerate(sizes)]

    self.embedding = weight("embedding", (vocab_size, embedding_size))
    self.missing = weight("missing_embedding", (1, embedding_size))
    self.encoder = lstms("encoder", seed + 4)
    self.decoder = lstms("decoder", seed + 4 + 3 * layers)
    self.attention_kernel = weight("attention_kernel", (hidden_size, hidden_size))
    self.combination_kernel = weight("combination_kernel", (2 * hidden_size, output_size))
    self.built = True

  def table(self) -> tf.Tensor:
    """The embeddings of the tokens, float `[V, E]`."""
    return self._cast(self.embedding)

  def encode(self, embedded: tf.Tensor, present: tf.Tensor, drop: Drop = None) -> State:
    """Reads text with blanks.

    Args:
      embedded: the tokens, float `[B, T, E]`; those in blanks are not read.
      present: see `sampling.blanks`, bool `[B, T]`.
      drop: see `Drop`.

    Returns:
      The decoder's state before its first input.
    """
    shown = tf.where(present[:, :, None], embedded, self._cast(self.missing))
    zeros = [layer.initial_state(tf.shape(shown)[0]) for layer in self.encoder]
    outputs, cells = self._read("encoder", shown, zeros, drop)
    return State(cells, _dropped(outputs, drop, "encoder"))

  def decode(self, embedded: tf.Tensor, state: State, drop: Drop = None) -> tf.Tensor:
    """Reads tokens, float `[B, T, E]`, after a state: y_t at all positions, float `[B, T, O]`."""
    outputs, _ = self._read("decoder", embedded, state.cells, drop)
    return _dropped(self.attend(outputs, state.memory), drop, "decoder")

  def step(self, embedded: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
    """Reads one token, float `[B, E]`: y_t, float `[B, O]`, and the next state."""
    cells = []
    for layer, before in zip(self.decoder, state.cells):
      cells.append(layer.step(tf.matmul(embedded, self._cast(layer.input_kernel)), before))
      embedded = cells[-1][0]
    return self.attend(embedded[:, None], state.memory)[:, 0], State(cells, state.memory)

  def attend(self, outputs: tf.Tensor, memory: tf.Tensor) -> tf.Tensor:
    """Computes y of the decoder's outputs, float `[B, N, H]` to float `[B, N, O]`; the memory is float `[B, T, H]`."""
    scores = tf.matmul(_product(outputs, self._cast(self.attention_kernel)), memory, transpose_b=True)
    # In float32: the weights of a long text are small.
    weights = tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), memory.dtype)
    return _product(tf.concat([outputs, tf.matmul(weights, memory)], axis=-1), self._cast(self.combination_kernel))

  def _read(self, part, embedded, states, drop):
    """Reads `[B, T, E]` with the LSTM layers of a part: outputs `[B, T, H]`, and each layer's last state."""
    x, last = embedded, []
    for i, (layer, state) in enumerate(zip(getattr(self, part), states, strict=True)):
      # The code has one mask for a layer's inputs and its state.
      projected = _product(_dropped(x, drop, f"{part}_{i}_inputs"), self._cast(layer.input_kernel))
      kept = None if drop is None else tf.cast(drop(f"{part}_{i}_states", layer.units), x.dtype)
      outputs, state = layer.read(tf.transpose(projected, [1, 0, 2]), state, kept)
      x = tf.transpose(outputs, [1, 0, 2])
      last.append(state)
    return x, last

  def _cast(self, variable):
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)


def _dropped(x, drop, name):
  """Multiplies `[B, T, N]` with the factors of its dropout, the same at all positions."""
  return x if drop is None else x * tf.cast(drop(name, x.shape[-1]), x.dtype)[:, None]


def _product(x, kernel):
  """Multiplies `[B, T, N]` with `[N, M]` in one product."""
  flat = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), kernel)
  return tf.ensure_shape(tf.reshape(flat, [-1, x.shape[1], kernel.shape[1]]), [*x.shape[:2], kernel.shape[1]])
