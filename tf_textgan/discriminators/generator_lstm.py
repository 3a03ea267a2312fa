"""A recurrent discriminator that starts from the generator's language model: its embedding and LSTM layers are copies of the pretrained generator's.

A language model learns more from few real sequences than a classifier, which gets one bit from each. With h_t the last layer's output after x_1..x_t:

  score(x_1..x_t) = w relu(W [mean of h_1..h_t; largest of h_1..h_t; mean of log p(x_s | x_1..x_{s-1})] + b) + c.

The last feature is optional; p is the generator at the time of the copy. One pass scores all prefixes, each as a whole sequence: one discriminator
for whole sequences, for guided search and for dense rewards.
"""

from collections.abc import Mapping
import dataclasses
import itertools
import math

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.discriminators import language_model
from tf_textgan.layers import biased
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """Embedding and LSTM layers have the generator's sizes."""

  # Size of the layer between the features and the score.
  head_size: int = 64
  # Dropout rate of the embeddings.
  input_dropout: float = 0.25
  # Dropout rate of the features.
  dropout: float = 0.5
  # Weight of the squared norm of all weights, beside the mean cross-entropy.
  weight_decay: float = 0.0
  # Add a feature: the log-probability, nats per token, under the generator that the weights are copied from. It costs a pass over the vocabulary.
  log_prob: bool = False
  # Train on the scores of every prefix rather than on the score of the whole sequence.
  per_prefix: bool = False

  def __post_init__(self):
    checks.sizes(self, "head_size")
    checks.at_least(self, 0, "weight_decay")
    checks.share(self, "input_dropout", "dropout")


class Discriminator(base.Discriminator, base.Features, base.PrefixScores, base.PointScores):
  """See the module. Its variables are created when it is attached to a generator; they are random until `begin`.

  Attributes:
    language_model: a frozen copy of the generator; None without `log_prob`.
  """

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    self.dropout = config.dropout
    self.per_prefix = config.per_prefix
    self.language_model = None
    self._generator = lambda: None

  def attach(self, networks: Mapping[str, keras.Model]) -> None:
    """See the base class. The generator must be an LSTM."""
    generator = networks["generator"]
    layers = getattr(generator, "lstms", ())
    if not layers or not all(isinstance(layer, keras.layers.LSTM) for layer in layers):
      name = registry.name_of(generator)
      raise errors.UserError(f"the discriminator generator_lstm begins as the LSTM of its generator, which {name} has not; expected --generator lstm")
    # In a function: see `generators.base`.
    self._generator = lambda: generator
    if not self.built:  # Attached to another generator, it keeps its weights.
      self._make_variables(generator.embedding.shape[1], layers[0].units, len(layers))

  def attachment(self) -> dict[str, int] | None:
    """The sizes of the generator, all that a discriminator with weights of its own needs."""
    if not self.built:
      return None
    return {"embedding_size": self.embedding.shape[1], "units": self.lstms[0].units, "layers": len(self.lstms)}

  def restore_attachment(self, attachment: dict[str, int]) -> None:
    self._make_variables(**attachment)

  def _make_variables(self, embedding_size, units, layers):
    seeds = itertools.count(self.seed * 100)
    shape = (self.spec.vocab_size, embedding_size)
    self.embedding = self.add_weight(shape, keras.initializers.RandomUniform(-1.0, 1.0, seed=next(seeds)), name="embedding")

    def layer(number):
      initial = {
        "kernel_initializer": keras.initializers.GlorotUniform(seed=next(seeds)),
        "recurrent_initializer": keras.initializers.Orthogonal(seed=next(seeds)),
      }
      # The seed is unused, but Keras makes it a variable, which should not differ between two runs.
      made = biased.LSTM(units, return_sequences=True, seed=self.seed, name=f"lstm_{number}", **initial)
      made.build((None, None, units if number else embedding_size))
      return made

    self.lstms = [layer(i) for i in range(layers)]
    self.head = biased.Dense(
      self.config.head_size, activation="relu", kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)), name="head"
    )
    self.head.build((None, 2 * units + int(self.config.log_prob)))
    self.score = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)), dtype="float32", name="score")
    self.score.build((None, self.config.head_size))
    if self.config.log_prob:
      sizes = language_model.Config(embedding_size, units, layers=layers)
      self.language_model = language_model.Discriminator(self.spec, sizes, self.seed + 1)
      self.language_model.trainable = False
    self.built = True

  def begin(self) -> None:
    """Copies the generator's embedding and LSTM layers."""
    generator = self._generator()
    layers = _weights_without_categories(generator)
    copied = [(self.embedding, generator.embedding), *_assignments(self.lstms, layers)]
    if self.language_model is not None:
      frozen = self.language_model
      copied += [(frozen.embedding, generator.embedding), *_assignments(frozen.lstms, layers)]
      kernel, projection = generator.output_kernel, generator.output_projection
      if projection is not None:
        kernel = tf.matmul(tf.convert_to_tensor(projection), tf.convert_to_tensor(generator.embedding), transpose_b=True)
      # Bounded, as in `likelihood.token_nll`, so that the gradients of points stay finite.
      excluded = tf.maximum(generator.spec.exclusion(), -87.0)
      copied += [(frozen.output_kernel, kernel), (frozen.output_bias, tf.convert_to_tensor(generator.output_bias) + excluded)]
    for variable, value in copied:
      variable.assign(value)

  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    return self.score(self.features(inputs, context=context, seed=seed))[:, 0]

  def features(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """See `base.Features`."""
    del context
    mask = self.mask(inputs)[:, :, None]
    outputs = self._outputs(inputs, seed)
    count = tf.maximum(tf.reduce_sum(mask, axis=1), 1.0)
    parts = [tf.reduce_sum(outputs * mask, axis=1) / count, tf.reduce_max(_hide(outputs, mask), axis=1)]
    if self.language_model is not None:
      parts.append(self._log_prob(tf.reduce_sum(self.language_model.token_nll(inputs), axis=1, keepdims=True), count))
    return self._pass_head(parts, seed)

  def token_scores(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """See `base.PrefixScores`. Each prefix is scored as a whole sequence."""
    del context
    mask = self.mask(inputs)[:, :, None]
    outputs = self._outputs(inputs, seed)
    count = tf.maximum(tf.cumsum(mask, axis=1), 1.0)
    parts = [tf.cumsum(outputs * mask, axis=1) / count, _running_maximum(_hide(outputs, mask))]
    if self.language_model is not None:
      parts.append(self._log_prob(tf.cumsum(self.language_model.token_nll(inputs), axis=1)[:, :, None], count))
    return (self.score(self._pass_head(parts, seed)) * mask)[:, :, 0]

  def prefixes(
    self, tokens: tf.Tensor, points: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None
  ) -> tf.Tensor:
    """See `base.PointScores`."""
    del context
    # One pass computes the states of all prefixes; the points of all positions are then read at once.
    zeros = tf.zeros([tf.shape(tokens)[0], self.lstms[0].units], self.compute_dtype)
    given = tf.transpose(self._embed(tokens, seed)[:, :-1], [1, 0, 2])
    states = tf.scan(lambda state, x: biased.step(self.lstms, x, state)[1], given, [zeros] * 2 * len(self.lstms))
    flat = lambda x: tf.reshape(tf.transpose(x, [1, 0, 2]), [-1, x.shape[-1]])  # noqa: E731, [T, B, N] to [B * T, N]
    embedded = self._embed(points, seed)[:, 1:]
    last, _ = biased.step(self.lstms, tf.reshape(embedded, [-1, embedded.shape[-1]]), [flat(state) for state in states])
    outputs = tf.cast(tf.transpose(states[-2], [1, 0, 2]), tf.float32)  # Of the last layer.
    last = tf.reshape(tf.cast(last, tf.float32), tf.shape(outputs))
    # Masks the outputs before each point.
    mask = tf.pad(self.spec.mask(tokens)[:, :-1], [[0, 0], [1, 0]])[:, :, None]
    own = self.mask(points)[:, :, None]
    count = tf.maximum(tf.cumsum(mask, axis=1) + own, 1.0)
    mean = (tf.cumsum(outputs * mask, axis=1) + last * own) / count
    parts = [mean, tf.maximum(_running_maximum(_hide(outputs, mask)), _hide(last, own))]
    if self.language_model is not None:
      before = tf.cumsum(self.language_model.token_nll(tokens), axis=1, exclusive=True)
      parts.append(self._log_prob((before + self.language_model.token_nll(points, tokens))[:, :, None], count))
    return self.score(self._pass_head(parts, seed))[:, :, 0]

  def regularization(self) -> tf.Tensor:
    if not self.config.weight_decay:
      return tf.zeros([])
    return self.config.weight_decay * tf.add_n([tf.reduce_sum(tf.square(tf.convert_to_tensor(weight))) for weight in self.trainable_variables])

  def _outputs(self, inputs, seed):
    """The last layer's outputs after each token, float32 `[B, T, H]`; the start token is read first."""
    outputs = self._embed(inputs, seed)
    for layer in self.lstms:
      outputs = layer(outputs)
    return tf.cast(outputs[:, 1:], tf.float32)

  def _embed(self, inputs, seed):
    """Embeds the start token and ids `[B, T]` or points `[B, T, V]`: `[B, T + 1, E]`."""
    table = tf.cast(tf.convert_to_tensor(self.embedding), self.compute_dtype)
    start = tf.tile(table[None, self.spec.start_token : self.spec.start_token + 1], [tf.shape(inputs)[0], 1, 1])
    embedded = tf.concat([start, base.embed(inputs, table)], axis=1)
    return _drop(embedded, self.config.input_dropout, seed, "inputs")

  def _log_prob(self, nll, count):
    """The mean log-probability plus log V, 0 for the uniform distribution."""
    return math.log(self.spec.vocab_size) - nll / count

  def _pass_head(self, parts, seed):
    return tf.cast(self.head(_drop(tf.concat(parts, axis=-1), self.dropout, seed, "features")), tf.float32)


def _weights_without_categories(generator):
  """Kernel, recurrent kernel and bias of each LSTM layer, whose inputs are embeddings without a category."""
  layers = [[tf.convert_to_tensor(x) for x in (layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias)] for layer in generator.lstms]
  kernel, recurrent_kernel, bias = layers[0]
  size = generator.embedding.shape[1]
  # The discriminator does not read the category: the mean over all categories takes its place.
  if kernel.shape[0] > size:
    bias += tf.reduce_mean(kernel[size:], axis=0)
  return [[kernel[:size], recurrent_kernel, bias], *layers[1:]]


def _assignments(lstms, layers):
  """Pairs of LSTM layers' variables and their new values, kernel, recurrent kernel and bias for each layer."""
  cells = [lstm.cell for lstm in lstms]
  return [pair for cell, values in zip(cells, layers, strict=True) for pair in zip((cell.kernel, cell.recurrent_kernel, cell.bias), values)]


def _hide(outputs, mask):
  """Outputs where the mask is 1, and -1, less than any output of an LSTM, where it is 0."""
  return outputs * mask + (mask - 1.0)


def _running_maximum(x):
  """The running maximum over time, float `[B, T, H]`, in log2 T passes: over 2, then 4, then 8 positions, and so on."""
  reach = 1
  while reach < x.shape[1]:
    x = tf.maximum(x, tf.pad(x[:, :-reach], [[0, 0], [reach, 0], [0, 0]], constant_values=-1.0))
    reach *= 2
  return x


def _drop(x, rate, seed, purpose):
  return x if seed is None or not rate else noise.dropout(x, rate, noise.fold(seed, purpose))
