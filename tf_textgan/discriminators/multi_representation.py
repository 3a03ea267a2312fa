"""RelGAN's discriminator: many small embeddings of a sequence, each scored separately by the same network.

Nie et al., "RelGAN: Relational Generative Adversarial Networks for Text Generation", https://openreview.net/forum?id=rJedV3R5tm.

A token's embedding of size E is split into R views of size E / R. Each view of a sequence is scored by the same network: convolutions of several
widths, max-pooling over time, a highway layer, https://arxiv.org/abs/1505.00387, and two linear layers.
"""

from collections.abc import Sequence
import dataclasses

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.sampling import noise

# Windows compared in one iteration of the compiled loop; more of them compile slowly.
_BLOCK = 20


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of the paper and its code."""

  # Size of a token's embedding, all views together.
  embedding_size: int = 64
  # Size of each view of the embedding.
  view_size: int = 1
  # Widths of the convolutions, in tokens; widths above the sequence length are left out.
  widths: tuple[int, ...] = (2, 3, 4, 5)
  # Number of filters of each width.
  filters: tuple[int, ...] = (300, 300, 300, 300)
  # Size of the layer between the highway layer and the score.
  feature_size: int = 100
  # Dropout rate of the highway layer's outputs.
  dropout: float = 0.25

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "view_size", "widths", "filters", "feature_size")
    checks.share(self, "dropout")
    if self.embedding_size % self.view_size:
      raise errors.UserError(f"embedding_size must be a multiple of view_size, but they are {self.embedding_size} and {self.view_size}")
    if not self.widths or len(self.widths) != len(self.filters):
      raise errors.UserError(f"widths and filters must be as many, but are {self.widths} and {self.filters}")


class Discriminator(base.Discriminator, base.Views):
  """See the module."""

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
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
    # As in the code, the highway layer has no bias, and the next layer no rectifier.
    self.highway = weight("highway", (features, features), 1.0 / features)
    self.gate = weight("gate", (features, features), 1.0 / features)
    self.feature_kernel = weight("feature_kernel", (features, config.feature_size), 1.0 / features)
    self.feature_bias = bias("feature_bias", config.feature_size)
    self.score_kernel = weight("score_kernel", (config.feature_size, 1), 1.0 / config.feature_size)
    self.score_bias = bias("score_bias", 1)
    self.built = True

  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    return tf.reduce_mean(self.scores(inputs, context=context, seed=seed), axis=1)

  def scores(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """See `base.Views`."""
    del context
    embedded = base.embed(inputs, self._cast(self.embedding))
    length, size, views = inputs.shape[1], self.view_size, self.representations
    rows = tf.reshape(tf.transpose(tf.reshape(embedded, [-1, length, views, size]), [0, 2, 1, 3]), [-1, length, size])
    kernels, biases = [[self._cast(weight) for weight in weights] for weights in (self.kernels, self.biases)]
    features = largest_responses(rows, kernels, biases)
    gate, candidate = (tf.matmul(features, self._cast(kernel)) for kernel in (self.gate, self.highway))
    if seed is not None and self.dropout:
      # Drawn for each sequence, because the first axis must be the batch.
      kept = tf.reshape(noise.kept([tf.shape(embedded)[0], views * features.shape[1]], self.dropout, seed), [-1, features.shape[1]])
      features = _highway_with_dropout(features, gate, candidate, kept, self.dropout)
    else:
      features += tf.sigmoid(gate) * (tf.nn.relu(candidate) - features)
    features = tf.matmul(features, self._cast(self.feature_kernel)) + self._cast(self.feature_bias)
    scores = tf.matmul(features, self._cast(self.score_kernel)) + self._cast(self.score_bias)
    return tf.cast(tf.reshape(scores, [-1, views]), tf.float32)

  def _cast(self, variable):
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)


def largest_responses(rows: tf.Tensor, kernels: Sequence[tf.Tensor], biases: Sequence[tf.Tensor]) -> tf.Tensor:
  """Convolves over time, rectifies, and max-pools over time: max_t relu(sum_k rows[t + k] kernel[k] + bias).

  With S = 1, convolution and pooling are fused into one pass that keeps the largest response and its position: the responses `[N, T, F]` would be
  two orders of magnitude larger than inputs and outputs.

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


# A tf.function also in eager mode, where TensorFlow would otherwise prepare an unused gradient of the pooling loop.
@tf.function(autograph=False)
@tf.custom_gradient
def _largest_responses(rows, *kernels_and_biases):
  kernels, biases = kernels_and_biases[: len(kernels_and_biases) // 2], kernels_and_biases[len(kernels_and_biases) // 2 :]
  pooled, positions = _pool(rows, kernels, biases)
  sizes = [kernel.shape[1] for kernel in kernels]

  def gradient(upstream):
    # Only the window with the largest response has a gradient, and only where the rectifier passes it.
    d_responses = tf.split(tf.where(pooled > 0.0, upstream, tf.zeros([], upstream.dtype)), sizes, axis=1)
    d_kernels = _kernel_gradients(rows, [kernel.shape[0] for kernel in kernels], d_responses, positions)
    # Two functions, so that a graph that needs one gradient does not compute the other.
    d_rows = _row_gradient(rows.shape[1], kernels, d_responses, positions)
    return d_rows, *d_kernels, *[tf.reduce_sum(d_response, axis=0) for d_response in d_responses]

  return pooled, gradient


def _highway_with_dropout(features, gate, candidate, kept, rate):
  """dropout(sigmoid(gate) relu(candidate) + (1 - sigmoid(gate)) features), in one pass forward and one backward. All tensors are `[N, F]`.

  Args:
    features: inputs of the layer.
    gate: product of the features and the gate's weights.
    candidate: product of the features and the highway's weights.
    kept: bool, false for dropped features.
    rate: Python number, the dropout rate.
  """

  @tf.custom_gradient
  def run(features, gate, candidate):
    def gradient(upstream):
      return _highway_gradients(features, gate, candidate, kept, upstream, rate)

    return _highway(features, gate, candidate, kept, rate), gradient

  return run(features, gate, candidate)


# XLA fuses each of the following functions into one loop; single operations would read and write all responses many times.
@tf.function(jit_compile=True, autograph=False)
def _highway(features, gate, candidate, kept, rate):
  mixed = features + tf.sigmoid(gate) * (tf.nn.relu(candidate) - features)
  return tf.where(kept, mixed / (1.0 - rate), tf.zeros([], mixed.dtype))


@tf.function(jit_compile=True, autograph=False)
def _highway_gradients(features, gate, candidate, kept, upstream, rate):
  """Backward pass of `_highway`: gradients of features, gate and candidate."""
  upstream = tf.where(kept, upstream / (1.0 - rate), tf.zeros([], upstream.dtype))
  gate = tf.sigmoid(gate)
  d_gate = upstream * (tf.nn.relu(candidate) - features) * gate * (1.0 - gate)
  return upstream * (1.0 - gate), d_gate, tf.where(candidate > 0.0, upstream * gate, tf.zeros([], upstream.dtype))


@tf.function(jit_compile=True, autograph=False)
def _pool(rows, kernels, biases):
  """The largest responses, `[N, F]`, and for each width the positions of their windows, `[N, F_i]`."""
  length = rows.shape[1]
  # Small integers, because they are kept for the gradient.
  dtype = tf.int8 if length < 128 else tf.int32
  pooled, positions = [], []
  for kernel, bias in zip(kernels, biases):
    best, position = _best_windows(rows, kernel)
    pooled.append(best + bias)
    positions.append(tf.cast(position, dtype))
  return tf.nn.relu(tf.concat(pooled, axis=1)), positions


def _best_windows(rows, kernel):
  """The maximum of sum_k rows[:, t + k] kernel[k] over t, and its t, `[N, F_i]` each."""
  width, windows = kernel.shape[0], rows.shape[1] - kernel.shape[0] + 1
  block = min(windows, _BLOCK)

  def advance(first, best, position):
    # The last block is shifted to fit: comparing a window twice changes nothing.
    first = tf.minimum(first, windows - block)
    part = tf.slice(rows, [0, first], [-1, block + width - 1])
    for t in range(block):
      response = tf.add_n([part[:, t + k, None] * kernel[k] for k in range(width)])
      position = tf.where(response > best, first + t, position)
      best = tf.maximum(best, response)
    return first + block, best, position

  shape = [tf.shape(rows)[0], kernel.shape[1]]
  state = tf.constant(0), tf.fill(shape, rows.dtype.min), tf.zeros(shape, tf.int32)
  if block == windows:
    return advance(*state)[1:]
  return tf.while_loop(lambda first, *_: first < windows, advance, state, maximum_iterations=-(-windows // block))[1:]


@tf.function(jit_compile=True, autograph=False)
def _kernel_gradients(rows, widths, d_responses, positions):
  """Gradients of the kernels: sum_n d_response[n] rows[n, position[n] + k]."""
  gradients = []
  for width, d_response, position in zip(widths, d_responses, positions):
    position = tf.cast(position, tf.int32)
    gradients.append(tf.stack([tf.reduce_sum(d_response * tf.gather(rows, position + k, batch_dims=1), axis=0) for k in range(width)]))
  return gradients


@tf.function(jit_compile=True, autograph=False)
def _row_gradient(length, kernels, d_responses, positions):
  """Gradient of the rows: adds d_response[n] kernel[k] at position[n] + k."""
  num = tf.shape(d_responses[0])[0]
  first = length * tf.range(num)[:, None]
  gradient = tf.zeros([num * length], d_responses[0].dtype)
  for kernel, d_response, position in zip(kernels, d_responses, positions):
    for k in range(kernel.shape[0]):
      where = tf.reshape(first + tf.cast(position, tf.int32) + k, [-1, 1])
      gradient = tf.tensor_scatter_nd_add(gradient, where, tf.reshape(d_response * kernel[k], [-1]))
  return tf.reshape(gradient, [num, length])
