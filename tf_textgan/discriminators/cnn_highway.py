"""SeqGAN's discriminator: convolutions of many widths, the largest response over time, a highway layer.

Yu et al., https://arxiv.org/abs/1609.05473; the network is Kim's sentence classifier, https://arxiv.org/abs/1408.5882, with a highway layer,
https://arxiv.org/abs/1505.00387.
"""

import dataclasses
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan.discriminators import base
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes for sequences of 20 tokens, as published."""

  # Numbers in a token's embedding.
  embedding_size: int = 64
  # Widths of the convolutions, in tokens; those wider than the sequence are left out.
  widths: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
  # Filters of each width.
  filters: tuple[int, ...] = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)
  # Share of the features left out in training.
  dropout: float = 0.25
  # Weight of the squared norm of the output layer. The published 0.2 / 2 is on two outputs of a softmax; on their difference it is a quarter.
  output_l2: float = 0.05

  def __post_init__(self):
    checks.at_least(self, 1, "embedding_size", "widths", "filters")
    checks.share(self, "dropout")
    checks.at_least(self, 0, "output_l2")
    if not self.widths or len(self.widths) != len(self.filters):
      raise errors.UserError(f"widths and filters must be as many, but are {self.widths} and {self.filters}")


class Prefix(NamedTuple):
  """What the discriminator knows of sequences that are read token by token.

  Attributes:
    recent: float `[B, W, E]`, the embedded tokens that the widest window reaches.
    best: float `[B, F]`, the largest response so far of each filter; 0 before its first window.
    count: int32 `[B]`, tokens read; -1 before the start token, which is read like the others and is no part of the sequence.
  """

  recent: tf.Tensor
  best: tf.Tensor
  count: tf.Tensor


class Discriminator(base.Discriminator, base.Features, base.Completions, base.PrefixFeatures):
  """See the module.

  Attributes:
    feature_size: numbers that the score is a linear function of (F).
  """

  def __init__(self, spec, config, seed=0, outputs=1):
    """Args: spec: `sequences.Spec`; config: `Config`; seed: integer, for the initial weights; outputs: of the last layer, for derived networks."""
    super().__init__(spec, config, seed)
    seeds = iter(range(seed * 100, seed * 100 + 100))

    def normal():
      return keras.initializers.TruncatedNormal(0.0, 0.1, seed=next(seeds))

    self.dropout = config.dropout
    self.embedding = self.add_weight(
      (spec.vocab_size, config.embedding_size), keras.initializers.RandomUniform(-1.0, 1.0, seed=next(seeds)), name="embedding"
    )
    self.convolutions = []
    features = 0
    for width, filters in zip(config.widths, config.filters, strict=True):
      if width <= spec.length:
        layer = keras.layers.Conv1D(
          filters, width, activation="relu", kernel_initializer=normal(), bias_initializer=keras.initializers.Constant(0.1), name=f"width_{width}"
        )
        layer.build((None, spec.length, config.embedding_size))
        self.convolutions.append(layer)
        features += filters
    if not features:
      raise errors.UserError(f"widths are {config.widths}; one of them must be at most the {spec.length} tokens of a sequence")
    self.highway = keras.layers.Dense(features, activation="relu", kernel_initializer=normal(), name="highway")
    self.gate = keras.layers.Dense(features, activation="sigmoid", kernel_initializer=normal(), name="gate")
    self.score = keras.layers.Dense(
      outputs, kernel_initializer=normal(), kernel_regularizer=keras.regularizers.L2(config.output_l2), dtype="float32", name="score"
    )
    for layer in (self.highway, self.gate, self.score):
      layer.build((None, features))
    self.feature_size = features
    # Of each feature, the tokens that its filter looks at.
    self._widths = tf.concat([tf.fill([layer.filters], layer.kernel_size[0]) for layer in self.convolutions], axis=0)
    self.built = True

  def call(self, inputs, *, context=None, seed=None):
    return self._score_of(self.features(inputs, context=context, seed=seed))

  def features(self, inputs, *, context=None, seed=None):
    """See `base.Features`."""
    del context
    embedded = self._embed(inputs)
    return self._pass_on(tf.concat([tf.reduce_max(layer(embedded), axis=1) for layer in self.convolutions], axis=-1), seed)

  def prefix_cache(self, tokens):
    """See `base.Completions`: for each width, the largest response so far at each position, float `[B, T, F]`."""
    return tf.split(self._running_maxima(tokens), [layer.filters for layer in self.convolutions], axis=-1)

  def score_completions(self, cache, tokens, rows, t):
    return self._score_of(self.features_of_completions(cache, tokens, rows, t))

  def features_of_completions(self, cache, tokens, rows, t):
    """See `base.Completions`."""
    embedded = self._embed(tokens)
    features = []
    for layer, best in zip(self.convolutions, cache):
      first = tf.maximum(t + 2 - layer.kernel_size[0], 0)
      reaching = layer(embedded[:, first:])
      features.append(tf.maximum(tf.reduce_max(reaching, axis=1), tf.gather(best[:, t], rows)))
    return self._pass_on(tf.concat(features, axis=-1), None)

  def prefix_features(self, inputs, highway=True):
    """What the score is a linear function of, for every prefix: only windows that lie in the prefix count.

    Args:
      inputs: ids int32 `[B, T]` or points float `[B, T, V]`.
      highway: whether the features have passed the highway layer; without it they are the largest responses.

    Returns:
      float32 `[B, T + 1, F]`: of the empty prefix, of the first token, ..., of the whole sequence, where they are what `call` has.
    """
    maxima = tf.pad(self._running_maxima(inputs), [[0, 0], [1, 0], [0, 0]])
    if not highway:
      return tf.cast(maxima, tf.float32)
    features = self._pass_highway(tf.reshape(maxima, [-1, self.feature_size]))
    return tf.reshape(tf.cast(features, tf.float32), [-1, maxima.shape[1], self.feature_size])

  def unread(self, num):
    """A `Prefix` of `num` sequences of which not even the start token has been read."""
    widest = max(layer.kernel_size[0] for layer in self.convolutions)
    recent = tf.zeros([num, widest, self.embedding.shape[1]], self.compute_dtype)
    return Prefix(recent, tf.zeros([num, self.feature_size], self.compute_dtype), tf.fill([num], -1))

  def extend(self, prefix, inputs):
    """Reads one more token: ids int32 `[B]` or points float `[B, V]`. Only the windows that end there are computed."""
    recent = tf.concat([prefix.recent[:, 1:], self._embed(inputs[:, None])], axis=1)
    count = prefix.count + 1
    responses = []
    for layer in self.convolutions:
      kernel = tf.cast(tf.convert_to_tensor(layer.kernel), self.compute_dtype)
      window = tf.reshape(recent[:, -layer.kernel_size[0] :], [-1, kernel.shape[0] * kernel.shape[1]])
      responses.append(tf.matmul(window, tf.reshape(kernel, [-1, layer.filters])) + tf.cast(tf.convert_to_tensor(layer.bias), self.compute_dtype))
    # 0, and not the response, for a window that would begin before the first token.
    responses = tf.where(count[:, None] >= self._widths, tf.nn.relu(tf.concat(responses, axis=-1)), tf.zeros([], self.compute_dtype))
    return Prefix(recent, tf.maximum(prefix.best, responses), count)

  def features_of(self, prefix, highway=True):
    """The features of what has been read: float32 `[B, F]`, as `prefix_features` has them."""
    return tf.cast(self._pass_highway(prefix.best) if highway else prefix.best, tf.float32)

  def _running_maxima(self, inputs):
    """The largest response of each filter up to each position, `[B, T, F]`."""
    embedded = self._embed(inputs)
    # A window's response belongs to its last token; a rectified response is at least 0, which stands for "no window yet".
    responses = [tf.pad(layer(embedded), [[0, 0], [layer.kernel_size[0] - 1, 0], [0, 0]]) for layer in self.convolutions]
    return tf.transpose(tf.scan(tf.maximum, tf.transpose(tf.concat(responses, axis=-1), [1, 0, 2])), [1, 0, 2])

  def _embed(self, inputs):
    return base.embed(inputs, tf.cast(tf.convert_to_tensor(self.embedding), self.compute_dtype))

  def _pass_highway(self, features):
    gate = self.gate(features)
    return gate * self.highway(features) + (1.0 - gate) * features

  def _pass_on(self, maxima, seed):
    features = self._pass_highway(maxima)
    if seed is not None and self.dropout:
      features = noise.dropout(features, self.dropout, seed)
    return features

  def _score_of(self, features):
    """The score `[B]` of features `[B, F]`."""
    return self.score(features)[:, 0]
