"""The relational memory core as a generator: memory slots attend to one another and to the last token.

Santoro et al., "Relational recurrent neural networks", https://arxiv.org/abs/1806.01822; as in RelGAN, https://openreview.net/forum?id=rJedV3R5tm.

With memory M `[slots, heads * head_size]` and the projected input x as one more row:

  A = softmax(q(M) k([M; x])^T / scale) v([M; x]),   R = norm(M + A),   N = norm(R + mlp(R)),
  M' = sigmoid(i) tanh(N) + sigmoid(f + 1) M,        [i; f] = W tanh(M) + U x.
"""

import dataclasses
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.generators import base
from tf_textgan.layers import lookup
from tf_textgan.losses import likelihood

# Added to the variance in layer norm.
_EPSILON = 1e-6


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes of RelGAN's generator."""

  # Size of a token's embedding.
  embedding_size: int = 32
  # Memory slots.
  slots: int = 1
  # Attention heads.
  heads: int = 2
  # Size of a head's query, key and value; a memory slot has size heads * head_size (M).
  head_size: int = 256
  # Layers of the network after attention.
  layers: int = 2
  # Size of the latent z, which changes the initial memory; 0 for a constant initial memory, as in RelGAN.
  latent_size: int = 0

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "slots", "heads", "head_size", "layers")
    checks.at_least(self, 0, "latent_size")
    checks.at_most(self, checks.LARGEST_SIZE, "latent_size")
    checks.at_most(self, checks.MOST_PARTS, "heads", "layers")
    if self.heads * self.head_size > checks.LARGEST_SIZE:
      raise errors.UserError(f"heads * head_size must be at most {checks.LARGEST_SIZE}, not {self.heads} * {self.head_size}")


class Generator(base.Autoregressive):
  """Embedding, relational memory, a linear map of the whole memory to logits. A linear map and tanh of z is added to the initial memory.

  A category, as a one-hot, is concatenated to the embedding of every token (https://arxiv.org/abs/1911.06641).
  """

  conditional = True
  any_length = True

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    seeds = iter(range(seed * 100, seed * 100 + 100))
    size = config.heads * config.head_size

    def weight(name, *shape):
      return self.add_weight(shape, keras.initializers.TruncatedNormal(0.0, shape[0] ** -0.5, seed=next(seeds)), name=name)

    def constant(name, value, size):
      return self.add_weight((size,), keras.initializers.Constant(value), name=name)

    def norm(name, size):
      return constant(f"{name}_scale", 1.0, size), constant(f"{name}_offset", 0.0, size)

    self.embedding = weight("embedding", spec.vocab_size, config.embedding_size)
    self.input_kernel = weight("input_kernel", config.embedding_size + len(spec.categories), size)
    self.input_bias = constant("input_bias", 0.0, size)
    self.attention_kernel = weight("attention_kernel", size, 3 * size)
    self.attention_scale = constant("attention_scale", 1.0, 3 * size)
    # For queries and values. The code has an offset for keys too, which has no effect: it adds the same number to all logits of the softmax.
    self.attention_offset = constant("attention_offset", 0.0, 2 * size)
    self.memory_norm = norm("memory_norm", size)
    self.mlp = [(weight(f"mlp_kernel_{i}", size, size), constant(f"mlp_bias_{i}", 0.0, size)) for i in range(config.layers)]
    self.mlp_norm = norm("mlp_norm", size)
    self.gate_input_kernel = weight("gate_input_kernel", size, 2 * size)
    self.gate_memory_kernel = weight("gate_memory_kernel", size, 2 * size)
    self.output_kernel = weight("output_kernel", config.slots * size, spec.vocab_size)
    self.output_bias = constant("output_bias", 0.0, spec.vocab_size)
    self.latent_kernel = weight("latent_kernel", config.latent_size, config.slots * size) if config.latent_size else None
    # Added to the bias, so that excluding tokens costs nothing.
    self._excluded = spec.exclusion()
    self.memory_size = size
    self.built = True

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor | list[tf.Tensor]:
    num, slots, size = tf.shape(latent)[0], self.config.slots, self.memory_size
    # Slots must differ for the attention to distinguish them.
    memory = tf.tile(tf.eye(slots, size, dtype=self.compute_dtype)[None], [num, 1, 1])
    if self.latent_kernel is not None:
      shift = tf.tanh(tf.matmul(tf.cast(latent, self.compute_dtype), self._cast(self.latent_kernel)))
      memory += tf.reshape(shift, [num, slots, size])
    return [memory, tf.one_hot(context, len(self.spec.categories), dtype=self.compute_dtype)] if self.spec.categories else memory

  def step(self, inputs: tf.Tensor, state: tf.Tensor | list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor | list[tf.Tensor]]:
    memory, category = state if self.spec.categories else (state, None)
    memory = _update_memory(self._read(inputs, category), memory, self._memory_weights(), self.config.heads)
    kernel, bias = self.output_layer()
    # Not `likelihood.logits`: copying such a large kernel costs more than a pass over the logits.
    return tf.matmul(self._flat(memory), kernel) + bias, [memory, category] if self.spec.categories else memory

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    del seed  # There is no dropout.
    length = tokens.shape[1]
    start = tf.fill([1, tf.shape(tokens)[0]], self.spec.start_token)
    inputs = tf.concat([start, tf.transpose(tokens)[:-1]], axis=0)
    memory, category = self.initial_state(latent, context), None
    if self.spec.categories:
      memory, category = memory
      category = tf.tile(category, [length, 1])
    # The memory's inputs do not depend on the memory: computed for all positions at once.
    read = [tf.reshape(x, [length, -1, x.shape[-1]]) for x in self._read(tf.reshape(inputs, [-1]), category)]
    memories = _unroll_memory(read, memory, self._memory_weights(), self.config.heads)
    return tf.reshape(tf.transpose(memories, [1, 0, 2, 3]), [-1, length, self.config.slots * self.memory_size])

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    return self._cast(self.output_kernel), self._cast(self.output_bias) + tf.cast(self._excluded, self.compute_dtype)

  def output_variables(self) -> list[keras.Variable]:
    return [self.output_kernel, self.output_bias]

  def _read(self, inputs, category):
    """Computes the memory's inputs from tokens, ids `[N]` or points `[N, V]`, and one-hot categories `[N, C]` or None.

    Returns:
      Key and value, `[N, M]` each, and the summand U x of the gates, `[N, 2M]`.
    """
    embedded = lookup.embed(inputs, self._cast(self.embedding))
    if category is not None:
      embedded = tf.concat([embedded, category], axis=1)
    # Projection and kernels are linear: their product, which has few rows, is cheaper than applying both to all inputs.
    projection = tf.concat([self._cast(self.input_kernel), self._cast(self.input_bias)[None]], axis=0)
    attention, gates = (tf.matmul(projection, self._cast(kernel)) for kernel in (self.attention_kernel, self.gate_input_kernel))
    attention, gates = (likelihood.logits(embedded, kernel[:-1], kernel[-1]) for kernel in (attention, gates))
    weights = self._memory_weights()
    # The input has no query: its own row is not kept.
    _, key, value = tf.split(_norm(attention, weights.attention_scale, weights.attention_offset), 3, axis=-1)
    return [key, value, gates]

  def _memory_weights(self):
    of_queries, of_values = tf.split(self._cast(self.attention_offset), 2)
    return _Weights(
      self._cast(self.attention_kernel),
      self._cast(self.attention_scale),
      tf.concat([of_queries, tf.zeros_like(of_queries), of_values], axis=0),
      tuple(self._cast(variable) for variable in self.memory_norm),
      tuple((self._cast(kernel), self._cast(bias)) for kernel, bias in self.mlp),
      tuple(self._cast(variable) for variable in self.mlp_norm),
      self._cast(self.gate_memory_kernel),
    )

  def _flat(self, memory):
    return tf.reshape(memory, [-1, self.config.slots * self.memory_size])

  def _cast(self, variable):
    return tf.cast(tf.convert_to_tensor(variable), self.compute_dtype)


class _Weights(NamedTuple):
  """The weights of the memory update."""

  attention_kernel: tf.Tensor
  attention_scale: tf.Tensor
  attention_offset: tf.Tensor
  memory_norm: tuple[tf.Tensor, tf.Tensor]
  mlp: tuple[tuple[tf.Tensor, tf.Tensor], ...]
  mlp_norm: tuple[tf.Tensor, tf.Tensor]
  gate_kernel: tf.Tensor


def _update_memory(read, memory, weights, heads):
  """Computes the next memory `[B, slots, M]` from the result of `_read` and the previous memory."""
  key, value, gates = read
  slots, size = memory.shape[1:]
  rows = tf.reshape(memory, [-1, size])
  attention = _norm(tf.matmul(rows, weights.attention_kernel), weights.attention_scale, weights.attention_offset)
  queries, keys, values = tf.split(tf.reshape(attention, [-1, slots, 3 * size]), 3, axis=-1)
  queries, keys, values = (
    tf.reshape(x, [-1, x.shape[1], heads, size // heads])
    for x in (queries, tf.concat([keys, key[:, None]], axis=1), tf.concat([values, value[:, None]], axis=1))
  )
  # The code divides by the root of the joint size of query, key and value; the first paper by the root of the key's size.
  # Products and sums rather than many matrix products of one or two rows.
  compared = tf.reduce_sum((queries * (3 * size // heads) ** -0.5)[:, :, None] * keys[:, None], axis=-1)
  attended = tf.reduce_sum(tf.nn.softmax(compared, axis=2)[..., None] * values[:, None], axis=2)
  attended = tf.reshape(attended, [-1, size])
  # Layer norm is over a slot, as in the first paper; in RelGAN's code it is over all slots together.
  residue = hidden = _norm(rows + attended, *weights.memory_norm)
  for i, (kernel, bias) in enumerate(weights.mlp):
    hidden = tf.matmul(tf.nn.relu(hidden) if i else hidden, kernel) + bias
  candidate = tf.reshape(_norm(residue + hidden, *weights.mlp_norm), [-1, slots, size])
  gates = tf.reshape(tf.matmul(tf.tanh(rows), weights.gate_kernel), [-1, slots, 2 * size]) + gates[:, None]
  input_gate, forget_gate = tf.split(gates, 2, axis=-1)
  return tf.sigmoid(input_gate) * tf.tanh(candidate) + tf.sigmoid(forget_gate + 1.0) * memory


def _unroll_memory(read, memory, weights, heads):
  """Computes the memories of all positions, `[T, B, slots, M]`, from the results of `_read`, tensors `[T, B, ...]`.

  The custom gradient is cheaper than the loop's, which would sum T small products for the weights and keep every intermediate tensor. Here only
  the memories are kept: one backward loop computes their gradients, and one product over all positions the gradients of the weights.
  """
  length, structure = read[0].shape[0], weights

  def step(read, memory, weights):
    return _update_memory(read, memory, tf.nest.pack_sequence_as(structure, weights), heads)

  def at(tensors, t):
    return [x[t] for x in tensors]

  @tf.custom_gradient
  def run(memory, *read_and_weights):
    read, weights = list(read_and_weights[:3]), list(read_and_weights[3:])

    def advance(t, memory, memories):
      memory = step(at(read, t), memory, weights)
      return t + 1, memory, memories.write(t, memory)

    # A while_loop: see `sampling.unrolling`.
    loop = (tf.constant(0), memory, tf.TensorArray(memory.dtype, length))
    *_, memories = tf.while_loop(lambda t, *_: t < length, advance, loop, maximum_iterations=length)
    memories = tf.ensure_shape(memories.stack(), [length, *memory.shape])

    def gradient(upstream):
      before = tf.concat([memory[None], memories[:-1]], axis=0)

      def go_back(t, d_memory, d_memories):
        d_memory += upstream[t]
        earlier = before[t]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
          tape.watch(earlier)
          later = step(at(read, t), earlier, weights)
        return t - 1, tape.gradient(later, earlier, d_memory), d_memories.write(t, d_memory)

      loop = (tf.constant(length - 1), tf.zeros_like(memory), tf.TensorArray(memory.dtype, length))
      _, d_memory, d_memories = tf.while_loop(lambda t, *_: t >= 0, go_back, loop, maximum_iterations=length)
      flat = [tf.reshape(x, [-1, *x.shape[2:]]) for x in (*read, before, d_memories.stack())]
      with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([flat[:3], weights])
        later = step(flat[:3], flat[3], weights)
      d_read, d_weights = tape.gradient(later, [flat[:3], weights], flat[4])
      return d_memory, *[tf.reshape(x, tf.shape(y)) for x, y in zip(d_read, read)], *d_weights

    return memories, gradient

  return run(memory, *read, *tf.nest.flatten(weights))


def _norm(x, scale, offset):
  """Layer norm over the last axis, in float32."""
  mean, variance = tf.nn.moments(tf.cast(x, tf.float32), [-1], keepdims=True)
  normal = (tf.cast(x, tf.float32) - mean) * tf.math.rsqrt(variance + _EPSILON)
  return tf.cast(normal, x.dtype) * scale + offset
