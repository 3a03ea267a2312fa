"""A recurrent discriminator: scores the mean output of an LSTM, which has read the source before, if there is one."""

import dataclasses

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.layers import biased
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes."""

  # Size of a token's embedding.
  embedding_size: int = 64
  # Size of the hidden state.
  hidden_size: int = 64
  # Dropout rate of the features.
  dropout: float = 0.25

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "hidden_size")
    checks.share(self, "dropout")


class Discriminator(base.Discriminator, base.Features, base.PointScores):
  """See the module."""

  reads_sources = True

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    seeds = iter(range(seed * 100, seed * 100 + 100))
    self.dropout = config.dropout
    self.embedding = self.add_weight(
      (spec.vocab_size, config.embedding_size), keras.initializers.RandomUniform(-1.0, 1.0, seed=next(seeds)), name="embedding"
    )
    self.lstm = biased.LSTM(
      config.hidden_size,
      kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
      recurrent_initializer=keras.initializers.Orthogonal(seed=next(seeds)),
      return_sequences=True,
      seed=seed,  # Unused, but a variable: two runs should not differ in it.
      name="lstm",
    )
    self.lstm.build((None, spec.length, config.embedding_size))
    self.score = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)), dtype="float32", name="score")
    self.score.build((None, config.hidden_size))
    self.built = True

  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    return self.score(self.features(inputs, context=context, seed=seed))[:, 0]

  def features(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """See `base.Features`."""
    # The mean rather than the last output, because padding may separate the last output from the text.
    outputs = self.lstm(self._embed(inputs), initial_state=self._begin(tf.shape(inputs)[0], context))
    return self._drop(tf.reduce_mean(outputs, axis=1), seed)

  def prefixes(
    self, tokens: tf.Tensor, points: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None
  ) -> tf.Tensor:
    """See `base.PointScores`."""
    inputs = tf.transpose(self._embed(tokens), [1, 0, 2])
    # One pass computes the states of all prefixes; the points of all positions are then read at once.
    begun = self._begin(tf.shape(tokens)[0], context)
    states = tf.scan(lambda state, x: self.lstm.cell(x, state)[1], inputs, begun)
    before = [tf.concat([first[None], state[:-1]], axis=0) for first, state in zip(begun, states)]
    flat = lambda x: tf.reshape(tf.transpose(x, [1, 0, 2]), [-1, x.shape[-1]])  # noqa: E731, [T, B, N] to [B * T, N]
    embedded = self._embed(points)
    last, _ = self.lstm.cell(tf.reshape(embedded, [-1, embedded.shape[-1]]), [flat(x) for x in before])
    count = tf.cast(tf.range(1, tokens.shape[1] + 1), self.compute_dtype)[None, :, None]
    # The first output is the source's, which no mean has in it.
    sums = tf.transpose(tf.cumsum(before[0], axis=0) - begun[0], [1, 0, 2])
    features = (sums + tf.reshape(last, tf.shape(sums))) / count
    return tf.reshape(self.score(self._drop(tf.reshape(features, [-1, self.lstm.units]), seed)), tf.shape(tokens))

  def _begin(self, num, context):
    """Output and cell state after the source, float `[B, H]` each; zeros without one."""
    zeros = tf.zeros([num, self.lstm.units], self.compute_dtype)
    if not self.spec.source_length:
      return [zeros, zeros]
    kept = tf.transpose(self.spec.mask(context) > 0.0)[:, :, None]

    def read(state, element):
      x, keep = element
      # A short source is read as without its padding.
      return [tf.where(keep, new, old) for new, old in zip(self.lstm.cell(x, state)[1], state)]

    return [states[-1] for states in tf.scan(read, (tf.transpose(self._embed(context), [1, 0, 2]), kept), [zeros, zeros])]

  def _embed(self, inputs):
    return base.embed(inputs, tf.cast(tf.convert_to_tensor(self.embedding), self.compute_dtype))

  def _drop(self, features, seed):
    return features if seed is None or not self.dropout else noise.dropout(features, self.dropout, seed)
