"""ScratchGAN's discriminator: an LSTM with layer norm that scores every token given the tokens before it.

De Masson d'Autume et al., "Training Language GANs from Scratch", https://arxiv.org/abs/1905.09922. The LSTM's input is a linear map of the token's
embedding and cosines of its position; a second linear map gives the score of each output.
"""

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.layers import recurrence
from tf_textgan.layers import word_embedding

# Number of cosines of the position.
_WAVES = 8


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of the paper and its code."""

  # Size of the trained part of a token's embedding.
  embedding_size: int = 64
  # Size of the fixed part of a token's embedding, read from --embedding_file; 0 for none. The paper has GloVe's 300.
  pretrained_size: int = 0
  # Size of the hidden state.
  hidden_size: int = 512
  # Dropout rate of the embedding table.
  dropout: float = 0.1
  # Weight of half the squared norm of all weights.
  l2: float = 1e-6

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "hidden_size")
    checks.at_least(self, 0, "pretrained_size", "l2")
    checks.at_most(self, checks.LARGEST_SIZE, "pretrained_size")
    checks.share(self, "dropout")


class Discriminator(base.Discriminator, base.PrefixScores):
  """See the module.

  Attributes:
    pretrained: variable `[V, pretrained_size]` that is not trained; None if pretrained_size is 0.
  """

  per_prefix = True

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    seeds = iter(range(seed * 100, seed * 100 + 100, 3))
    regularizer = keras.regularizers.L2(0.5 * config.l2) if config.l2 else None

    def linear(name, inputs, outputs):
      initializer = keras.initializers.TruncatedNormal(0.0, inputs**-0.5, seed=next(seeds))
      kernel = self.add_weight((inputs, outputs), initializer, name=f"{name}_kernel", regularizer=regularizer)
      return kernel, self.add_weight((outputs,), "zeros", name=f"{name}_bias", regularizer=regularizer)

    self.dropout = config.dropout
    self.embedding = word_embedding.Embedding(spec.vocab_size, config.embedding_size, config.pretrained_size, next(seeds), regularizer)
    self.pretrained = self.embedding.given
    self.projection_kernel, self.projection_bias = linear("projection", self.embedding.size + _WAVES, config.hidden_size)
    self.lstm = recurrence.LSTM(config.hidden_size, config.hidden_size, next(seeds), "lstm", layer_norm=True, regularizer=regularizer)
    self.score_kernel, self.score_bias = linear("score", config.hidden_size, 1)
    self._positions = positions(spec.length)
    self.built = True

  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    return base.mean_score(self.token_scores(inputs, context=context, seed=seed), self.mask(inputs))

  def token_scores(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Scores each token given the tokens before it, see `base.PrefixScores`. `call` returns the mean."""
    del context
    table = self.embedding.table()
    if seed is not None and self.dropout:
      # Dropout of the table, as in the code: equal tokens lose the same entries, at all positions and on all replicas.
      keep = tf.random.stateless_uniform(table.shape, seed) >= self.dropout
      table = tf.where(keep, table / (1.0 - self.dropout), tf.zeros([], table.dtype))
    embedded = tf.transpose(base.embed(inputs, table), [1, 0, 2])
    length, num = embedded.shape[0], tf.shape(embedded)[1]
    # Cosines of the position, and a one for the bias.
    rest = np.concatenate([self._positions[:length], np.ones([length, 1])], axis=1)
    rest = tf.tile(tf.constant(rest, embedded.dtype)[:, None], [1, num, 1])
    # The map and the LSTM's kernel are linear: their product, which has few rows, is cheaper than applying both to all inputs.
    projection = tf.concat([self._cast(self.projection_kernel), self._cast(self.projection_bias)[None]], axis=0)
    composed = tf.matmul(projection, self._cast(self.lstm.input_kernel))
    features = tf.reshape(tf.concat([embedded, rest], axis=-1), [-1, composed.shape[0]])
    projected = tf.reshape(tf.matmul(features, composed), [length, -1, composed.shape[1]])
    outputs = tf.reshape(self.lstm.unroll(projected, self.lstm.initial_state(num)), [-1, self.lstm.units])
    scores = tf.matmul(outputs, self._cast(self.score_kernel)) + self._cast(self.score_bias)
    return tf.transpose(tf.cast(tf.reshape(scores, [length, -1]), tf.float32)) * self.mask(inputs)

  def _cast(self, variable):
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)


def positions(length: int) -> np.ndarray:
  """Cosines of the positions, float64 `[T, 8]`, with periods from 4 to 2 T tokens, evenly spaced in their logarithm, and different phases."""
  frequencies = np.exp(-np.linspace(math.log(2.0), math.log(length), _WAVES))
  return np.cos(math.pi * (np.arange(length)[:, None] * frequencies + np.linspace(0.0, 2.0, _WAVES)))
