"""SeqGAN's discriminator: convolutions of many widths, max-pooling over time, a highway layer.

Yu et al., https://arxiv.org/abs/1609.05473; the network is Kim's sentence classifier, https://arxiv.org/abs/1408.5882, with a highway layer,
https://arxiv.org/abs/1505.00387.
"""

import dataclasses
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.layers import biased
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes for sequences of 20 tokens, as published."""

  # Size of a token's embedding.
  embedding_size: int = 64
  # Widths of the convolutions, in tokens; widths above the sequence length are left out.
  widths: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
  # Number of filters of each width.
  filters: tuple[int, ...] = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)
  # Dropout rate of the features.
  dropout: float = 0.25
  # Weight of the squared norm of the output layer, beside the mean cross-entropy. The published 0.2 / 2 applies to two outputs of a softmax; this
  # network has their difference, whose gradient is twice as large beside the same penalty.
  output_l2: float = 0.05

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "widths", "filters")
    checks.share(self, "dropout")
    checks.at_least(self, 0, "output_l2")
    if not self.widths or len(self.widths) != len(self.filters):
      raise errors.UserError(f"widths and filters must be as many, but are {self.widths} and {self.filters}")


class Prefix(NamedTuple):
  """The state of sequences that are read token by token.

  Attributes:
    recent: float `[B, W, E]`, embeddings of the last W tokens, W the largest width.
    best: float `[B, F]`, the largest response of each filter so far; 0 before its first window.
    count: int32 `[B]`, tokens read; -1 before the start token, which is read too but is not part of the sequence.
  """

  recent: tf.Tensor
  best: tf.Tensor
  count: tf.Tensor


class Discriminator(base.Discriminator, base.Features, base.Completions, base.PrefixFeatures):
  """See the module.

  Attributes:
    feature_size: inputs of the output layer (F).
  """

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0, outputs: int = 1):
    """Creates the variables; `seed` determines their initial values. A derived network may have more than one output."""
    super().__init__(spec, config, seed)
    seeds = iter(range(seed * 100, seed * 100 + 100))

    def normal(stddev=0.1):
      return keras.initializers.TruncatedNormal(0.0, stddev, seed=next(seeds))

    self.dropout = config.dropout
    self.embedding = self.add_weight(
      (spec.vocab_size, config.embedding_size), keras.initializers.RandomUniform(-1.0, 1.0, seed=next(seeds)), name="embedding"
    )
    self.convolutions = []
    features = 0
    for width, filters in zip(config.widths, config.filters, strict=True):
      if width <= spec.length:
        layer = biased.Conv1D(
          filters, width, activation="relu", kernel_initializer=normal(), bias_initializer=keras.initializers.Constant(0.1), name=f"width_{width}"
        )
        layer.build((None, spec.length, config.embedding_size))
        self.convolutions.append(layer)
        features += filters
    if not features:
      raise errors.UserError(f"widths are {config.widths}; one of them must be at most the {spec.length} tokens of a sequence")
    # The published code leaves these two layers to TensorFlow 1's default initializer, which is Glorot's, for biases too.
    bound = (3.0 / features) ** 0.5
    self.highway, self.gate = (
      biased.Dense(
        features,
        activation=activation,
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
        bias_initializer=keras.initializers.RandomUniform(-bound, bound, seed=next(seeds)),
        name=name,
      )
      for name, activation in (("highway", "relu"), ("gate", "sigmoid"))
    )
    # One output stands for the difference of two outputs with a deviation of 0.1 each, whose biases are equal. The code penalizes biases too.
    penalty = keras.regularizers.L2(config.output_l2)
    self.score = keras.layers.Dense(
      outputs,
      kernel_initializer=normal(0.1 * 2.0**0.5 if outputs == 1 else 0.1),
      kernel_regularizer=penalty,
      bias_regularizer=penalty,
      dtype="float32",
      name="score",
    )
    for layer in (self.highway, self.gate, self.score):
      layer.build((None, features))
    self.feature_size = features
    # The width of each feature's filter.
    self._widths = tf.concat([tf.fill([layer.filters], layer.kernel_size[0]) for layer in self.convolutions], axis=0)
    self.built = True

  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    return self._score_of(self.features(inputs, context=context, seed=seed))

  def features(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """See `base.Features`."""
    del context
    embedded = self._embed(inputs)
    return self._pass_on(tf.concat([tf.reduce_max(layer(embedded), axis=1) for layer in self.convolutions], axis=-1), seed)

  def prefix_cache(self, tokens: tf.Tensor) -> list[tf.Tensor]:
    """See `base.Completions`: for each width, the running maximum of the responses, float `[B, T, F_i]`."""
    return tf.split(self._running_maxima(tokens), [layer.filters for layer in self.convolutions], axis=-1)

  def score_completions(self, cache: list[tf.Tensor], tokens: tf.Tensor, rows: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    return self._score_of(self.features_of_completions(cache, tokens, rows, t))

  def features_of_completions(self, cache: list[tf.Tensor], tokens: tf.Tensor, rows: tf.Tensor, t: tf.Tensor) -> tf.Tensor:
    """See `base.Completions`."""
    embedded = self._embed(tokens)
    features = []
    for layer, best in zip(self.convolutions, cache):
      first = tf.maximum(t + 2 - layer.kernel_size[0], 0)
      reaching = layer(embedded[:, first:])
      features.append(tf.maximum(tf.reduce_max(reaching, axis=1), tf.gather(best[:, t], rows)))
    return self._pass_on(tf.concat(features, axis=-1), None)

  def prefix_features(self, inputs: tf.Tensor, highway: bool = True) -> tf.Tensor:
    """Computes the features of every prefix, from the windows inside the prefix.

    Args:
      inputs: ids int32 `[B, T]` or points float `[B, T, V]`.
      highway: whether to apply the highway layer; without it the features are the largest responses.

    Returns:
      float32 `[B, T + 1, F]`: features of the empty prefix, of the first token, ..., of the whole sequence. The last equal `features`.
    """
    maxima = tf.pad(self._running_maxima(inputs), [[0, 0], [1, 0], [0, 0]])
    if not highway:
      return tf.cast(maxima, tf.float32)
    features = self._pass_highway(tf.reshape(maxima, [-1, self.feature_size]))
    return tf.reshape(tf.cast(features, tf.float32), [-1, maxima.shape[1], self.feature_size])

  def unread(self, num: int | tf.Tensor) -> Prefix:
    """The state of `num` sequences before the start token is read."""
    widest = max(layer.kernel_size[0] for layer in self.convolutions)
    recent = tf.zeros([num, widest, self.embedding.shape[1]], self.compute_dtype)
    return Prefix(recent, tf.zeros([num, self.feature_size], self.compute_dtype), tf.fill([num], -1))

  def extend(self, prefix: Prefix, inputs: tf.Tensor) -> Prefix:
    """Reads one more token, ids int32 `[B]` or points float `[B, V]`. Computes only the windows that end there."""
    recent = tf.concat([prefix.recent[:, 1:], self._embed(inputs[:, None])], axis=1)
    count = prefix.count + 1
    responses = []
    for layer in self.convolutions:
      kernel = tf.cast(tf.convert_to_tensor(layer.kernel), self.compute_dtype)
      window = tf.reshape(recent[:, -layer.kernel_size[0] :], [-1, kernel.shape[0] * kernel.shape[1]])
      responses.append(tf.matmul(window, tf.reshape(kernel, [-1, layer.filters])) + tf.cast(tf.convert_to_tensor(layer.bias), self.compute_dtype))
    # 0 for a window that would begin before the first token.
    responses = tf.where(count[:, None] >= self._widths, tf.nn.relu(tf.concat(responses, axis=-1)), tf.zeros([], self.compute_dtype))
    return Prefix(recent, tf.maximum(prefix.best, responses), count)

  def features_of(self, prefix: Prefix, highway: bool = True) -> tf.Tensor:
    """The features of the tokens read so far, float32 `[B, F]`: equal to `prefix_features`."""
    return tf.cast(self._pass_highway(prefix.best) if highway else prefix.best, tf.float32)

  def _running_maxima(self, inputs):
    """The running maximum of each filter's responses, `[B, T, F]`."""
    embedded = self._embed(inputs)
    # A window's response stands at its last token. Rectified responses are at least 0, so 0 also means no window yet.
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
    """Computes the score `[B]` of features `[B, F]`."""
    return self.score(features)[:, 0]
