"""RelGAN's discriminator: many small embeddings of a sequence, each judged by itself through the same network.

Nie et al., "RelGAN: Relational Generative Adversarial Networks for Text Generation", https://openreview.net/forum?id=rJedV3R5tm.

A token's embedding of E numbers is cut into R views of E / R numbers. Each view of a sequence goes through the same convolutions of several widths,
the largest response over time, a highway layer, https://arxiv.org/abs/1505.00387, and two linear layers, and gets a score of its own.
"""

import dataclasses

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan.discriminators import base
from tf_textgan.sampling import noise

# Windows that one compiled loop compares; more of them make it slow to compile.
_BLOCK = 20


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of the paper and its code."""

  # Numbers in a token's embedding, over all views.
  embedding_size: int = 64
  # Numbers in each view of it; 1 makes as many views as the embedding has numbers.
  view_size: int = 1
  # Widths of the convolutions, in tokens; those wider than the sequence are left out.
  widths: tuple[int, ...] = (2, 3, 4, 5)
  # Filters of each width.
  filters: tuple[int, ...] = (300, 300, 300, 300)
  # Numbers between the highway layer and the score.
  feature_size: int = 100
  # Share of the highway layer's outputs left out in training.
  dropout: float = 0.25

  def __post_init__(self):
    checks.at_least(self, 1, "embedding_size", "view_size", "widths", "filters", "feature_size")
    checks.share(self, "dropout")
    if self.embedding_size % self.view_size:
      raise errors.UserError(f"embedding_size must be a multiple of view_size, but they are {self.embedding_size} and {self.view_size}")
    if not self.widths or len(self.widths) != len(self.filters):
      raise errors.UserError(f"widths and filters must be as many, but are {self.widths} and {self.filters}")


class Discriminator(base.Discriminator, base.Views):
  """See the module."""

  def __init__(self, spec, config, seed=0):
    """Args: spec: `sequences.Spec`; config: `Config`; seed: integer, for the initial weights."""
    super().__init__(spec, config, seed)
    seeds = iter(range(seed * 100, seed * 100 + 100))

    def weight(name, shape, variance):
      return self.add_weight(shape, keras.initializers.TruncatedNormal(0.0, variance**0.5, seed=next(seeds)), name=name)

    def bias(name, size):
      return self.add_weight((size,), keras.initializers.Zeros(), name=name)

    self.dropout = config.dropout
    self.view_size = config.view_size
    # The number of views (R).
    self.representations = config.embedding_size // config.view_size
    self.embedding = weight("embedding", (spec.vocab_size, config.embedding_size), 1.0 / spec.vocab_size)
    self.kernels, self.biases = [], []
    for width, filters in zip(config.widths, config.filters, strict=True):
      if width <= spec.length:
        self.kernels.append(weight(f"width_{width}_kernel", (width, config.view_size, filters), 2.0 / (width * config.view_size)))
        self.biases.append(bias(f"width_{width}_bias", filters))
    if not self.kernels:
      raise errors.UserError(f"widths are {config.widths}; one of them must be at most the {spec.length} tokens of a sequence")
    features = sum(kernel.shape[-1] for kernel in self.kernels)
    # No bias in the highway layer, and no rectifier after the next one: so the code has it.
    self.highway = weight("highway", (features, features), 1.0 / features)
    self.gate = weight("gate", (features, features), 1.0 / features)
    self.feature_kernel = weight("feature_kernel", (features, config.feature_size), 1.0 / features)
    self.feature_bias = bias("feature_bias", config.feature_size)
    self.score_kernel = weight("score_kernel", (config.feature_size, 1), 1.0 / config.feature_size)
    self.score_bias = bias("score_bias", 1)
    self.built = True

  def call(self, inputs, *, context=None, seed=None):
    return tf.reduce_mean(self.scores(inputs, context=context, seed=seed), axis=1)

  def scores(self, inputs, *, context=None, seed=None):
    """See `base.Views`."""
    del context
    embedded = base.embed(inputs, self._cast(self.embedding))
    length, size, views = inputs.shape[1], self.view_size, self.representations
    rows = tf.reshape(tf.transpose(tf.reshape(embedded, [-1, length, views, size]), [0, 2, 1, 3]), [-1, length, size])
    kernels, biases = [[self._cast(weight) for weight in weights] for weights in (self.kernels, self.biases)]
    features = largest_responses(rows, kernels, biases)
    gate, candidate = (tf.matmul(features, self._cast(kernel)) for kernel in (self.gate, self.highway))
    if seed is not None and self.dropout:
      # Drawn by sequence, as the first axis must count examples.
      kept = tf.reshape(noise.kept([tf.shape(embedded)[0], views * features.shape[1]], self.dropout, seed), [-1, features.shape[1]])
      features = _highway_with_dropout(features, gate, candidate, kept, self.dropout)
    else:
      features += tf.sigmoid(gate) * (tf.nn.relu(candidate) - features)
    features = tf.matmul(features, self._cast(self.feature_kernel)) + self._cast(self.feature_bias)
    scores = tf.matmul(features, self._cast(self.score_kernel)) + self._cast(self.score_bias)
    return tf.cast(tf.reshape(scores, [-1, views]), tf.float32)

  def _cast(self, variable):
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)


def largest_responses(rows, kernels, biases):
  """Convolves over time, rectifies, and takes the largest response over time: max_t relu(sum_k rows[t + k] kernel[k] + bias).

  Rows of one number a token are convolved and pooled in one pass that keeps the largest response and its place, since `[N, T, F]` numbers would be
  two orders of magnitude more than what comes in or goes out.

  Args:
    rows: float `[N, T, S]`.
    kernels: list of float `[width, S, F_i]`.
    biases: list of float `[F_i]`.

  Returns:
    float `[N, sum of F_i]`.
  """
  rows.shape.assert_has_rank(3)
  if rows.shape[-1] == 1:
    return _largest_responses(rows[:, :, 0], *[kernel[:, 0] for kernel in kernels], *biases)
  pooled = [tf.reduce_max(tf.nn.conv1d(rows, kernel, 1, "VALID"), axis=1) + bias for kernel, bias in zip(kernels, biases)]
  return tf.nn.relu(tf.concat(pooled, axis=1))


# A function in eager mode too, where TensorFlow would otherwise ready the pooling's own loop for a gradient that is never asked for.
@tf.function(autograph=False)
@tf.custom_gradient
def _largest_responses(rows, *kernels_and_biases):
  kernels, biases = kernels_and_biases[: len(kernels_and_biases) // 2], kernels_and_biases[len(kernels_and_biases) // 2 :]
  pooled, places = _pool(rows, kernels, biases)
  sizes = [kernel.shape[1] for kernel in kernels]

  def gradient(upstream):
    # Only the window that won has a derivative, and none where the rectifier cut it off.
    slopes = tf.split(tf.where(pooled > 0.0, upstream, tf.zeros([], upstream.dtype)), sizes, axis=1)
    kernel_slopes = _kernel_slopes(rows, [kernel.shape[0] for kernel in kernels], slopes, places)
    # Apart, so that a graph that needs one of the two does not make the other.
    return _row_slopes(rows.shape[1], kernels, slopes, places), *kernel_slopes, *[tf.reduce_sum(slope, axis=0) for slope in slopes]

  return pooled, gradient


def _highway_with_dropout(features, gate, candidate, kept, rate):
  """dropout(sigmoid(gate) relu(candidate) + (1 - sigmoid(gate)) features), in one pass forward and one back. All `[N, F]`.

  Args:
    features: what the layer sees.
    gate: its product with the gate's weights.
    candidate: its product with the highway's.
    kept: bool, which numbers stay.
    rate: Python number, the share that does not.
  """

  @tf.custom_gradient
  def run(features, gate, candidate):
    def gradient(upstream):
      return _highway_slopes(features, gate, candidate, kept, upstream, rate)

    return _highway(features, gate, candidate, kept, rate), gradient

  return run(features, gate, candidate)


# XLA makes one loop over the numbers of each of these; operation by operation all the responses would go through memory many times.
@tf.function(jit_compile=True, autograph=False)
def _highway(features, gate, candidate, kept, rate):
  mixed = features + tf.sigmoid(gate) * (tf.nn.relu(candidate) - features)
  return tf.where(kept, mixed / (1.0 - rate), tf.zeros([], mixed.dtype))


@tf.function(jit_compile=True, autograph=False)
def _highway_slopes(features, gate, candidate, kept, upstream, rate):
  """The gradients of `_highway` by its first three arguments."""
  upstream = tf.where(kept, upstream / (1.0 - rate), tf.zeros([], upstream.dtype))
  gate = tf.sigmoid(gate)
  by_gate = upstream * (tf.nn.relu(candidate) - features) * gate * (1.0 - gate)
  return upstream * (1.0 - gate), by_gate, tf.where(candidate > 0.0, upstream * gate, tf.zeros([], upstream.dtype))


@tf.function(jit_compile=True, autograph=False)
def _pool(rows, kernels, biases):
  """The largest responses, `[N, F]`, and for each width the places of their windows, `[N, F_i]`."""
  length = rows.shape[1]
  # Small integers: they are kept for the gradient.
  dtype = tf.int8 if length < 128 else tf.int32
  pooled, places = [], []
  for kernel, bias in zip(kernels, biases):
    best, place = _best_windows(rows, kernel)
    pooled.append(best + bias)
    places.append(tf.cast(place, dtype))
  return tf.nn.relu(tf.concat(pooled, axis=1)), places


def _best_windows(rows, kernel):
  """The largest of sum_k rows[:, t + k] kernel[k] over t, and its t, both `[N, F_i]`."""
  width, windows = kernel.shape[0], rows.shape[1] - kernel.shape[0] + 1
  block = min(windows, _BLOCK)

  def advance(first, best, place):
    # The last block begins where it still fits: a window seen twice changes nothing.
    first = tf.minimum(first, windows - block)
    part = tf.slice(rows, [0, first], [-1, block + width - 1])
    for t in range(block):
      response = tf.add_n([part[:, t + k, None] * kernel[k] for k in range(width)])
      place = tf.where(response > best, first + t, place)
      best = tf.maximum(best, response)
    return first + block, best, place

  shape = [tf.shape(rows)[0], kernel.shape[1]]
  state = tf.constant(0), tf.fill(shape, rows.dtype.min), tf.zeros(shape, tf.int32)
  if block == windows:
    return advance(*state)[1:]
  return tf.while_loop(lambda first, *_: first < windows, advance, state, maximum_iterations=-(-windows // block))[1:]


@tf.function(jit_compile=True, autograph=False)
def _kernel_slopes(rows, widths, slopes, places):
  """The kernels' gradients: sum_n slope[n] rows[n, place[n] + k]."""
  gradients = []
  for width, slope, place in zip(widths, slopes, places):
    place = tf.cast(place, tf.int32)
    gradients.append(tf.stack([tf.reduce_sum(slope * tf.gather(rows, place + k, batch_dims=1), axis=0) for k in range(width)]))
  return gradients


@tf.function(jit_compile=True, autograph=False)
def _row_slopes(length, kernels, slopes, places):
  """The rows' gradient: slope[n] kernel[k] added to the number at place[n] + k."""
  num = tf.shape(slopes[0])[0]
  first = length * tf.range(num)[:, None]
  gradient = tf.zeros([num * length], slopes[0].dtype)
  for kernel, slope, place in zip(kernels, slopes, places):
    for k in range(kernel.shape[0]):
      where = tf.reshape(first + tf.cast(place, tf.int32) + k, [-1, 1])
      gradient = tf.tensor_scatter_nd_add(gradient, where, tf.reshape(slope * kernel[k], [-1]))
  return tf.reshape(gradient, [num, length])
