"""A recurrent discriminator: an LSTM reads the sequence, its mean output is scored."""

import dataclasses

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan.discriminators import base
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes."""

  # Numbers in a token's embedding.
  embedding_size: int = 64
  # Numbers in the hidden state.
  hidden_size: int = 64
  # Share of the features left out in training.
  dropout: float = 0.25

  def __post_init__(self):
    checks.at_least(self, 1, "embedding_size", "hidden_size")
    checks.share(self, "dropout")


class Discriminator(base.Discriminator):
  """See the module."""

  def __init__(self, spec, config, seed=0):
    """Args: spec: `sequences.Spec`; config: `Config`; seed: integer, for the initial weights."""
    super().__init__(spec)
    seeds = iter(range(seed * 100, seed * 100 + 100))
    self.dropout = config.dropout
    self.embedding = self.add_weight(
      (spec.vocab_size, config.embedding_size), keras.initializers.RandomUniform(-1.0, 1.0, seed=next(seeds)), name="embedding"
    )
    self.lstm = keras.layers.LSTM(
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

  def call(self, inputs, seed=None):
    embedded = base.embed(inputs, tf.cast(tf.convert_to_tensor(self.embedding), self.compute_dtype))
    # The mean rather than the last output: with padding the last one is far from the text.
    features = tf.reduce_mean(self.lstm(embedded), axis=1)
    if seed is not None and self.dropout:
      features = noise.dropout(features, self.dropout, seed)
    return self.score(features)[:, 0]
