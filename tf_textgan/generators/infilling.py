"""MaskGAN's generator: an encoder reads text with blanks, and a decoder writes the text from left to right, given tokens as they are.

Fedus et al., "MaskGAN: Better Text Generation via Filling in the ______", https://arxiv.org/abs/1801.07736, as in its code (`layers.seq2seq`). With
m(x) the text with blanks, the probability of a token in a blank is

  G(x_t | x_1..x_{t-1}, m(x)) = softmax(E y_t + b),

y_t the decoder's output and E the embedding table, which is also the output layer's. Generating from nothing is filling one blank as long as the
longest sequence: the encoder then reads the same for every sequence, and the likelihood is exact, as any language model's.
"""

from collections.abc import Callable
import dataclasses
from typing import ClassVar

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.generators import base
from tf_textgan.layers import lookup
from tf_textgan.layers import seq2seq
from tf_textgan.losses import likelihood
from tf_textgan.sampling import blanks
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling

# Seeds of initial weights for each seed of a network.
_SEEDS = 1000


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of the paper and its code."""

  # Size of a token's embedding, for the encoder, the decoder and the output layer.
  embedding_size: int = 650
  # Size of the hidden state of each layer.
  hidden_size: int = 650
  # LSTM layers of the encoder, and of the decoder.
  layers: int = 2
  # Rate of variational dropout in maximum-likelihood training: of each layer's inputs and its state, and of the outputs of encoder and decoder; the
  # same entries at all positions.
  dropout: float = 0.66029

  # Nothing but the picks is random.
  latent_size: ClassVar[int] = 0

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "hidden_size", "layers")
    checks.at_most(self, checks.MOST_PARTS, "layers")
    checks.share(self, "dropout")


class Generator(base.Autoregressive, base.Fills):
  """See the module."""

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    sizes = (config.embedding_size, config.hidden_size, config.layers, config.embedding_size)
    self.seq2seq = seq2seq.Seq2Seq(spec.vocab_size, *sizes, seed * _SEEDS)
    self.output_bias = self.add_weight((spec.vocab_size,), "zeros", name="output_bias")
    # Added to the bias, so that excluding tokens costs nothing.
    self._excluded = spec.exclusion()
    self.dropout = config.dropout
    self.built = True

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> seq2seq.State:
    del context  # It is not conditional.
    num = tf.shape(latent)[0]
    # Nothing is given, so that the encoder reads the same for all sequences.
    state = self._read(tf.zeros([1, self.spec.length], tf.int32), tf.zeros([1, self.spec.length], tf.bool))
    return tf.nest.map_structure(lambda x: tf.repeat(x, num, axis=0), state)

  def step(self, inputs: tf.Tensor, state: seq2seq.State) -> tuple[tf.Tensor, seq2seq.State]:
    table = self.seq2seq.table()
    outputs, state = self.seq2seq.step(lookup.embed(inputs, table), state)
    # Not `likelihood.logits`, which would copy the table.
    return tf.matmul(outputs, table, transpose_b=True) + self._bias(), state

  def stacked(self, state: seq2seq.State) -> list[list[tf.Tensor]]:
    return state.cells

  def state_at(self, history: unrolling.History, positions: tf.Tensor, rows: tf.Tensor | None = None) -> seq2seq.State:
    memory = history.last.memory
    return seq2seq.State(super().state_at(history, positions, rows), memory if rows is None else tf.gather(memory, rows))

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    del latent, context  # It has no latent, and is not conditional.
    return self._outputs(tokens, tf.zeros_like(tokens, tf.bool), seed)

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.transpose(self.seq2seq.table()), self._bias()

  def output_variables(self) -> list[keras.Variable]:
    return [self.seq2seq.combination_kernel, self.output_bias]  # Not the embedding, which inputs use too.

  def fill(
    self, tokens: tf.Tensor, present: tf.Tensor, seed: tf.Tensor, picker: Callable[..., pickers.Pick] | None = None
  ) -> unrolling.Samples:
    """See `base.Fills`."""
    closed = self._closed(present)

    def step(inputs, state):
      t, state = state
      logits, state = self.step(inputs, state)
      return logits + tf.cast(closed[:, t, None], logits.dtype) * self._ending(), (t + 1, state)

    start = tf.fill([tf.shape(tokens)[0]], self.spec.start_token)
    state = (tf.constant(0), self._read(tokens, present))
    length, end = self.spec.length, self.spec.end_token
    return unrolling.unroll(step, picker or self.picker, start, state, length, noise.fold(seed, "tokens"), end, given=(tokens, present))

  def blank_log_probs(self, tokens: tf.Tensor, present: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
    """See `base.Fills`."""
    outputs = self._outputs(tokens, present, seed)
    kernel, bias = self.output_layer()
    # That no end token stands in a closed blank is one more input of the output layer.
    outputs = tf.concat([outputs, tf.cast(self._closed(present), outputs.dtype)[:, :, None]], axis=-1)
    kernel = tf.concat([kernel, self._ending()[None]], axis=0)
    nll = likelihood.token_nll(tf.reshape(outputs, [-1, outputs.shape[-1]]), kernel, bias, tf.reshape(tokens, [-1]))
    log_probs = -tf.reshape(nll, [-1, tokens.shape[1]]) * self.spec.mask(tokens)
    return tf.where(present, 0.0, log_probs)

  def _read(self, tokens, present, drop=None):
    """The decoder's state after the encoder has read text with blanks."""
    return self.seq2seq.encode(lookup.embed(tokens, self.seq2seq.table()), present, drop)

  def _outputs(self, tokens, present, seed):
    drop = noise.variational_dropout(tf.shape(tokens)[0], self.dropout, seed)
    inputs = lookup.embed(self._inputs(tokens), self.seq2seq.table())
    return self.seq2seq.decode(inputs, self._read(tokens, present, drop), drop)

  def _closed(self, present):
    """Marks blanks that given tokens follow: bool `[B, T]`."""
    return ~present & ~blanks.open_ends(present)

  def _ending(self):
    """Offsets of the logits that exclude the end token, `[V]`; zeros without one."""
    end = self.spec.end_token
    return tf.one_hot(-1 if end is None else end, self.spec.vocab_size, -1e9, 0.0, dtype=self.compute_dtype)

  def _bias(self):
    return tf.cast(tf.convert_to_tensor(self.output_bias), self.compute_dtype) + tf.cast(self._excluded, self.compute_dtype)
