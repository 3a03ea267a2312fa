"""ScratchGAN's generator: LSTM layers with skip connections to input and output, and one embedding table for inputs and output layer.

De Masson d'Autume et al., "Training Language GANs from Scratch", https://arxiv.org/abs/1905.09922; skip connections from the input as in the code
(Sonnet's). With embeddings e, the table E, layers 1 to L and linear maps P and Q:

  h^1_t = lstm_1(P e_t),   h^l_t = lstm_l([P e_t; h^{l-1}_t]),   logits_t = E Q [h^1_t; ..; h^L_t] + b.
"""

from collections.abc import Sequence
import dataclasses
import itertools

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.generators import base
from tf_textgan.layers import lookup
from tf_textgan.layers import recurrence
from tf_textgan.layers import word_embedding


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of the paper and its code."""

  # Size of the trained part of a token's embedding.
  embedding_size: int = 64
  # Size of the fixed part of a token's embedding, read from --embedding_file; 0 for none. The paper has GloVe's 300.
  pretrained_size: int = 0
  # Size of the hidden state of each layer.
  hidden_size: int = 512
  # LSTM layers.
  layers: int = 2
  # Size of the latent z; 0 starts from the zero state, as in ScratchGAN.
  latent_size: int = 0

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "hidden_size", "layers")
    checks.at_least(self, 0, "pretrained_size", "latent_size")
    checks.at_most(self, checks.LARGEST_SIZE, "pretrained_size", "latent_size")
    checks.at_most(self, checks.MOST_PARTS, "layers")


class Generator(base.Autoregressive):
  """See the module. The initial state is a linear map and tanh of z.

  Attributes:
    pretrained: variable `[V, pretrained_size]` that is not trained; None if pretrained_size is 0.
  """

  any_length = True

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    seeds = itertools.count(seed * 100, 3)

    def weight(name, shape):
      return self.add_weight(shape, keras.initializers.GlorotUniform(seed=next(seeds)), name=name)

    units, layers = config.hidden_size, config.layers
    self.embedding = word_embedding.Embedding(spec.vocab_size, config.embedding_size, config.pretrained_size, next(seeds))
    self.pretrained = self.embedding.given
    self.input_projection = weight("input_projection", (self.embedding.size, units))
    self.lstms = [recurrence.LSTM(units if i == 0 else 2 * units, units, next(seeds), f"lstm_{i}") for i in range(layers)]
    # With one layer, the code has one matrix for both projections; here there are always two.
    self.output_projection = weight("output_projection", (layers * units, self.embedding.size))
    self.output_bias = weight("output_bias", (spec.vocab_size,))
    self.latent_kernel = weight("latent_kernel", (config.latent_size, 2 * layers * units)) if config.latent_size else None
    # Added to the bias, so that excluding tokens costs nothing.
    self._excluded = spec.exclusion()
    self.built = True

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> list[Sequence[tf.Tensor]]:
    del context  # It is not conditional.
    if self.latent_kernel is None:
      return [layer.initial_state(tf.shape(latent)[0]) for layer in self.lstms]
    parts = tf.split(tf.tanh(tf.matmul(tf.cast(latent, self.compute_dtype), self._cast(self.latent_kernel))), 2 * len(self.lstms), axis=-1)
    return [parts[i : i + 2] for i in range(0, len(parts), 2)]

  def step(self, inputs: tf.Tensor, state: list[Sequence[tf.Tensor]]) -> tuple[tf.Tensor, list[Sequence[tf.Tensor]]]:
    table = self.embedding.table()
    embedded = lookup.embed(inputs, table)
    shown = embedded = tf.matmul(embedded, self._cast(self.input_projection))
    states = []
    for layer, before in zip(self.lstms, state):
      states.append(layer.step(tf.matmul(shown, self._cast(layer.input_kernel)), before))
      shown = tf.concat([embedded, states[-1][0]], axis=-1)
    outputs = tf.matmul(tf.concat([output for output, _ in states], axis=-1), self._cast(self.output_projection))
    # Not `likelihood.logits`, which would copy the table.
    return tf.matmul(outputs, table, transpose_b=True) + self._bias(), states

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    del context, seed  # It is not conditional and has no dropout.
    length, units = tokens.shape[1], self.config.hidden_size
    start = tf.fill([1, tf.shape(tokens)[0]], self.spec.start_token)
    embedded = lookup.rows(self.embedding.table(), tf.concat([start, tf.transpose(tokens)[:-1]], axis=0))
    # Projection and input kernels are linear: their product, which has few rows, is cheaper than applying both to all inputs.
    kernels = [self._cast(layer.input_kernel) for layer in self.lstms]
    composed = tf.matmul(self._cast(self.input_projection), tf.concat([kernel[:units] for kernel in kernels], axis=1))
    shown = tf.split(_product(embedded, composed), len(kernels), axis=-1)
    outputs = []
    for layer, kernel, projected, state in zip(self.lstms, kernels, shown, self.initial_state(latent)):
      if outputs:
        projected += _product(outputs[-1], kernel[units:])
      outputs.append(layer.unroll(projected, state))
    outputs = _product(tf.concat(outputs, axis=-1), self._cast(self.output_projection))
    return tf.ensure_shape(tf.transpose(outputs, [1, 0, 2]), [None, length, self.embedding.size])

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.transpose(self.embedding.table()), self._bias()

  def output_variables(self) -> list[keras.Variable]:
    return [self.output_projection, self.output_bias]  # Not the embedding, which inputs use too.

  def _bias(self):
    return self._cast(self.output_bias) + tf.cast(self._excluded, self.compute_dtype)

  def _cast(self, variable):
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)


def _product(x, kernel):
  """Multiplies `[T, B, N]` with `[N, M]` in one product."""
  return tf.reshape(tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), kernel), [x.shape[0], -1, kernel.shape[-1]])
