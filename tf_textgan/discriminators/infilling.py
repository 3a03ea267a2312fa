"""MaskGAN's discriminator: it reads text with blanks, then the filled text from left to right, and scores every token.

Fedus et al., "MaskGAN: Better Text Generation via Filling in the ______", https://arxiv.org/abs/1801.07736, as in its code: encoder and decoder are
the generator's (`layers.seq2seq`) with weights of their own, and one number takes the place of the logits. With m(x) the text with blanks and y_t the
output of the decoder, which has read x_1..x_t,

  score_t = w y_t + b,   D(x_t | x_1..x_{t-1}, m(x)) = sigmoid(score_t).

Text without a mask, as in generation from nothing, is all blank.
"""

import dataclasses

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.layers import biased
from tf_textgan.layers import seq2seq
from tf_textgan.sampling import noise

# Seeds of initial weights for each seed of a network.
_SEEDS = 1000


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of the paper and its code."""

  # Size of a token's embedding, for the encoder and the decoder.
  embedding_size: int = 650
  # Size of the hidden state of each layer.
  hidden_size: int = 650
  # LSTM layers of the encoder, and of the decoder.
  layers: int = 2
  # Rate of variational dropout: of each layer's inputs and its state, and of the outputs of encoder and decoder; the same entries at all positions.
  dropout: float = 0.2806

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "hidden_size", "layers")
    checks.at_most(self, checks.MOST_PARTS, "layers")
    checks.share(self, "dropout")


class Discriminator(base.Discriminator, base.PrefixScores, base.BlankScores):
  """See the module."""

  per_prefix = True

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    self.dropout = config.dropout
    self.feature_size = config.hidden_size
    sizes = (config.embedding_size, config.hidden_size, config.layers, config.hidden_size)
    self.seq2seq = seq2seq.Seq2Seq(spec.vocab_size, *sizes, seed * _SEEDS)
    self.score = biased.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=(seed + 1) * _SEEDS - 1), name="score")
    self.score.build((None, config.hidden_size))
    self.built = True

  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    return base.mean_score(self.token_scores(inputs, context=context, seed=seed), self.mask(inputs))

  def token_scores(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Scores each token given the tokens before it, as if nothing had been given, see `base.PrefixScores`. `call` returns the mean."""
    del context
    return self.read(inputs, tf.zeros(tf.shape(inputs)[:2], tf.bool), seed=seed).scores * self.mask(inputs)

  def read(self, inputs: tf.Tensor, present: tf.Tensor, *, seed: tf.Tensor | None = None) -> base.Reading:
    """See `base.BlankScores`."""
    drop = noise.variational_dropout(tf.shape(inputs)[0], self.dropout, seed)
    embedded = base.embed(inputs, self.seq2seq.table())
    state = self.seq2seq.encode(embedded, present, drop)
    outputs = self.seq2seq.decode(embedded, state, drop)
    first = self.seq2seq.attend(state.cells[-1][0][:, None], state.memory)
    return base.Reading(tf.cast(self.score(outputs), tf.float32)[:, :, 0], tf.concat([first, outputs[:, :-1]], axis=1))
