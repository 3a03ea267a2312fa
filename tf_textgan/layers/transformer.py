"""Blocks of a transformer: pre-norm, rotary positions, keys and values shared by groups of heads, and a cache of them for single steps.

For the vectors x_1..x_T of a sequence, with W the weights of a block:

  y_t = x_t + W_o attention_t(norm(x)),   x'_t = y_t + W_d max(0, W_u norm(y_t)),
  attention_t = softmax_s((R_t W_q x_t) . (R_s W_k x_s) / sqrt(D)) W_v x_s,   by heads, side by side.

R_t turns each pair of numbers, i and i + D / 2, by the angle t 10000^(-2i / D), so that a score depends on t - s only. norm(x) is x over its root
mean square, times a learned scale. Vaswani et al., https://arxiv.org/abs/1706.03762; norms within the branches, https://arxiv.org/abs/2002.04745;
rotation, https://arxiv.org/abs/2104.09864; shared keys and values, which make the cache smaller, https://arxiv.org/abs/1911.02150 and
https://arxiv.org/abs/2305.13245. KerasHub's layers have one position for all rows, and rollouts need one for each.

B batch, T time, E size of the vectors, D size of a head, N heads, G heads of keys and values, each for N / G of queries.
"""

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

_BASE = 10000.0
# Added to the mean square in a norm.
_EPSILON = 1e-6
# In place of the scores of positions that are not attended to.
HIDDEN = -1e9

# Most numbers in the caches of sequences that are generated together: 128 MiB in float32.
_CACHED = 2**25

# Settings that are sizes of the blocks, of networks whose blocks may be copied from one to another.
SIZES = ("embedding_size", "layers", "heads", "key_value_heads", "feedforward_size")

# Drops entries of a tensor for a named purpose; the identity without dropout.
Drop = Callable[[tf.Tensor, str], tf.Tensor]


class Rotation(NamedTuple):
  """Cosines and sines of the angles of positions, float32 `[T, D / 2]` each, or `[B, T, D / 2]` if each row has its own."""

  cos: tf.Tensor
  sin: tf.Tensor

  def at(self, positions: tf.Tensor) -> "Rotation":
    """The angles of positions, int32 `[B]` or `[B, T]`, with an axis of D / 2."""
    return Rotation(*(tf.gather(x, positions) for x in self))

  def __call__(self, x: tf.Tensor) -> tf.Tensor:
    """Rotates vectors, float `[..., T, heads, D]`, all heads of a position by the same angles."""
    cos, sin = (tf.cast(part[..., None, :], x.dtype) for part in self)
    first, second = tf.split(x, 2, axis=-1)
    return tf.concat([first * cos - second * sin, second * cos + first * sin], axis=-1)


def rotation(length: int, size: int) -> Rotation:
  """The rotation of positions 0 to `length` - 1 for heads of an even size D."""
  angles = np.arange(length)[:, None] * _BASE ** (-np.arange(0, size, 2) / size)
  return Rotation(*(tf.constant(function(angles), tf.float32) for function in (np.cos, np.sin)))


def causal(length: int) -> tf.Tensor:
  """A mask for `Block.read`, bool `[T, T]`: each position attends to itself and to those before it."""
  return tf.range(length)[:, None] >= tf.range(length)


class Prefix(NamedTuple):
  """Tokens that stand before sequences, padded at their end.

  They attend to each other in both directions, and the sequences to them; nobody attends to their padding, and positions go on as if it were not
  there, so that its size makes no difference.

  Attributes:
    mask: bool `[B, S]`, False on padding.
  """

  mask: tf.Tensor

  @property
  def size(self) -> int:
    """S."""
    return self.mask.shape[1]

  @property
  def padding(self) -> tf.Tensor:
    """Tokens of padding, int32 `[B]`."""
    return tf.reduce_sum(tf.cast(~self.mask, tf.int32), axis=1)

  @property
  def hidden(self) -> tf.Tensor:
    """float32 `[B, S]`, 0, and very negative on padding."""
    return tf.where(self.mask, 0.0, HIDDEN)

  def rotation(self, length: int, size: int) -> Rotation:
    """The rotation of prefixes and sequences of `length` positions, for heads of size D: `[B, S + length, D / 2]`."""
    after = tf.range(self.size, self.size + length) - self.padding[:, None]
    before = tf.broadcast_to(tf.range(self.size), tf.shape(self.mask))
    return rotation(self.size + length, size).at(tf.concat([before, after], axis=1))

  def seen(self, seen: tf.Tensor) -> tf.Tensor:
    """The mask of prefixes and sequences for `Block.read`, bool `[B, 1, S + T, S + T]`, from the sequences' own, `[T, T]` or `[B, 1, T, T]`."""
    num, length = tf.shape(self.mask)[0], seen.shape[-1]
    prefix = tf.repeat(self.mask[:, None, None, :], self.size + length, axis=2)
    own = tf.broadcast_to(seen, [num, 1, length, length])
    return tf.concat([prefix, tf.pad(own, [[0, 0], [0, 0], [self.size, 0], [0, 0]])], axis=3)


class Cache(NamedTuple):
  """Keys and values of the positions so far: float `[B, G, T, D]` each, zeros at later positions."""

  keys: tf.Tensor
  values: tf.Tensor

  def at(self, positions: tf.Tensor, rows: tf.Tensor | None) -> "Cache":
    """The cache of some rows as it was before positions, int32 `[R]` each; `rows` None for all in order."""
    parts = self if rows is None else [tf.gather(x, rows) for x in self]
    read = (tf.range(self.keys.shape[2]) < positions[:, None])[:, None, :, None]
    return Cache(*(tf.where(read, x, tf.zeros([], x.dtype)) for x in parts))

  def written(self, at: "Place", keys: tf.Tensor, values: tf.Tensor) -> "Cache":
    """The cache with new keys and values, float `[B, G, D]` each, at positions whose entries are zeros."""
    # In place, if nothing else holds the old cache, as in a compiled loop; `tf.tensor_scatter_nd_update` would copy it.
    return Cache(*(tf.raw_ops.ScatterNdNonAliasingAdd(input=old, indices=at.indices, updates=new) for old, new in zip(self, (keys, values))))

  def extended(self, length: int) -> "Cache":
    """The cache with room for at least `length` positions."""
    room = max(0, length - self.keys.shape[2])
    return Cache(*(tf.pad(x, [[0, 0], [0, 0], [0, room], [0, 0]]) for x in self)) if room else self


def rows_cached(length: int, depth: int, groups: int, size: int) -> int:
  """How many sequences of T tokens may be generated together, for the memory of the caches of a number of blocks with G heads of size D."""
  return max(1, _CACHED // (length * 2 * depth * groups * size))


class Place(NamedTuple):
  """Positions at which the rows of a batch are, for `Block.step`; made once for all blocks by `place`.

  Attributes:
    indices: int32 `[B, G, 3]`, where a cache's new entries go.
    rotation: of the positions; None without angles.
    hidden: float32 `[B, 1, 1, S]`, 0 up to the position, and very negative after it, for the S positions up to the largest one.
  """

  indices: tf.Tensor
  rotation: Rotation | None
  hidden: tf.Tensor


def place(positions: tf.Tensor, angles: Rotation | None, groups: int) -> Place:
  """See `Place`.

  Args:
    positions: int32 `[B]`, from 0 to T - 1.
    angles: of all T positions; None for keys that are rotated elsewhere.
    groups: G.
  """
  rows, heads = tf.meshgrid(tf.range(tf.size(positions)), tf.range(groups), indexing="ij")
  indices = tf.stack([rows, heads, tf.repeat(positions[:, None], groups, axis=1)], axis=-1)
  hidden = tf.where(tf.range(tf.reduce_max(positions) + 1) <= positions[:, None], 0.0, HIDDEN)[:, None, None]
  return Place(indices, angles and angles.at(positions), hidden)


class Block(keras.layers.Layer):
  """A block. It has no biases.

  Attributes:
    groups: G.
    head_size: D.
  """

  def __init__(self, size: int, heads: int, groups: int, feedforward_size: int, depth: int, seeds: Iterator[int], name: str):
    """Creates the weights: normal with variance 1 / inputs, those that end a branch with 1 / (2 `depth` inputs).

    Args:
      size: E, a multiple of twice `heads`.
      heads: N, a multiple of `groups`.
      groups: G.
      feedforward_size: size of the hidden layer.
      depth: blocks of the network, whose branches add up.
      seeds: seeds of the initial weights; four are taken.
      name: of the layer.
    """
    super().__init__(name=name)
    self.groups, self.head_size = groups, size // heads
    self._repeats = heads // groups

    def kernel(name, inputs, outputs, share=1.0):
      initializer = keras.initializers.RandomNormal(0.0, (share / inputs) ** 0.5, seed=next(seeds))
      return self.add_weight((inputs, outputs), initializer, name=name)

    self.attention_scale = self.add_weight((size,), "ones", name="attention_scale")
    self.query_key_value = kernel("query_key_value", size, size + 2 * groups * self.head_size)
    self.attention_output = kernel("attention_output", size, size, 0.5 / depth)
    self.feedforward_scale = self.add_weight((size,), "ones", name="feedforward_scale")
    self.up = kernel("up", size, feedforward_size)
    self.down = kernel("down", feedforward_size, size, 0.5 / depth)
    self.built = True

  def read(self, x: tf.Tensor, angles: Rotation, mask: tf.Tensor, drop: Drop, rematerialize: bool = False) -> tuple[tf.Tensor, Cache]:
    """Computes all positions at once.

    Args:
      x: float `[B, T, E]`.
      angles: of the T positions.
      mask: bool `[T, T]` or `[B, 1, T, T]`, which positions (last axis) each position attends to, at least one.
      drop: applied to what both branches add, for the purposes "attention" and "feedforward".
      rematerialize: compute the block again in the backward pass, in place of keeping its activations.

    Returns:
      The block's outputs, float `[B, T, E]`, and the cache.
    """
    read = lambda x, *weights: self._read(x, weights, angles, mask, drop)  # noqa: E731
    # The weights are arguments, as gradients of what a recomputed function reads otherwise would be lost.
    outputs, *cache = (tf.recompute_grad(read) if rematerialize else read)(x, *self._tensors())
    return outputs, Cache(*cache)

  def step(self, x: tf.Tensor, cache: Cache, at: Place) -> tuple[tf.Tensor, Cache]:
    """Computes one position of each row, given the cache of those before it. XLA cannot compile it.

    Args:
      x: float `[B, E]`.
      cache: of the T positions.
      at: the rows' positions.

    Returns:
      Outputs, float `[B, E]`, and the cache with the positions' keys and values.
    """
    attention_scale, kernel, attention_output, *feedforward = self._tensors()
    queries, keys, values = self._project(norm(x, attention_scale), kernel, at.rotation)
    cache = cache.written(at, keys, values)
    queries = tf.reshape(queries, [-1, self.groups, self._repeats, self.head_size])
    so_far = tf.shape(at.hidden)[-1]
    attended = attend(queries, cache.keys[:, :, :so_far], cache.values[:, :, :so_far], at.hidden)
    y = x + tf.matmul(tf.reshape(attended, tf.shape(x)), attention_output)
    return y + _feedforward(y, *feedforward), cache

  def empty(self, num: tf.Tensor, length: int) -> Cache:
    """The cache before the first position."""
    return Cache(*(tf.zeros([num, self.groups, length, self.head_size], self.compute_dtype) for _ in range(2)))

  def _read(self, x, weights, angles, mask, drop):
    attention_scale, kernel, attention_output, *feedforward = weights
    length = x.shape[1]
    queries, keys, values = self._project(norm(x, attention_scale), kernel, angles)
    queries = tf.reshape(queries, [-1, length, self.groups, self._repeats, self.head_size])
    # The queries of a group are rows of one product.
    queries = tf.reshape(tf.transpose(queries, [0, 2, 3, 1, 4]), [-1, self.groups, self._repeats * length, self.head_size])
    keys, values = (tf.transpose(part, [0, 2, 1, 3]) for part in (keys, values))
    hidden = tf.tile(tf.where(mask, 0.0, HIDDEN), [1] * (mask.shape.rank - 2) + [self._repeats, 1])
    attended = tf.reshape(attend(queries, keys, values, hidden), [-1, self.groups, self._repeats, length, self.head_size])
    attended = tf.reshape(tf.transpose(attended, [0, 3, 1, 2, 4]), tf.shape(x))
    y = x + drop(_product(attended, attention_output), "attention")
    return y + drop(_feedforward(y, *feedforward), "feedforward"), keys, values

  def _project(self, x, kernel, angles):
    """Rotated queries `[..., N, D]`, rotated keys `[..., G, D]`, values `[..., G, D]`. The queries are divided by sqrt(D)."""
    heads = self.groups * self._repeats
    projected = tf.reshape(_product(x, kernel), [*([-1] if x.shape.rank == 2 else [-1, x.shape[1]]), heads + 2 * self.groups, self.head_size])
    turned, values = tf.split(projected, [heads + self.groups, self.groups], axis=-2)
    queries, keys = tf.split(angles(turned), [heads, self.groups], axis=-2)
    return queries * tf.cast(self.head_size**-0.5, x.dtype), keys, values

  def _tensors(self):
    weights = (self.attention_scale, self.query_key_value, self.attention_output, self.feedforward_scale, self.up, self.down)
    return [tf.cast(tf.convert_to_tensor(weight), self.compute_dtype) for weight in weights]


def blocks(config: Any, seeds: Iterator[int]) -> list[Block]:
  """The blocks of a network whose `Config` has the settings `SIZES`; takes four seeds for each."""
  size, depth = config.embedding_size, config.layers
  return [Block(size, config.heads, config.key_value_heads, config.feedforward_size, depth, seeds, f"block_{i}") for i in range(depth)]


def norm(x: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
  """Divides vectors, float `[..., E]`, by their root mean squares, and multiplies by a scale `[E]`; in float32, the result in the inputs' dtype."""
  return keras.ops.rms_normalization(x, tf.cast(scale, tf.float32), epsilon=_EPSILON)


def attend(queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, hidden: tf.Tensor) -> tf.Tensor:
  """Attention of queries to keys and values.

  Args:
    queries: float `[B, G, Q, D]`, scaled.
    keys, values: float `[B, G, S, D]`.
    hidden: float32, broadcast to `[B, G, Q, S]`: 0 where a query attends, very negative elsewhere.

  Returns:
    float `[B, G, Q, D]`.
  """
  scores = tf.cast(tf.matmul(queries, keys, transpose_b=True), tf.float32)
  return tf.matmul(tf.cast(tf.nn.softmax(scores + hidden), values.dtype), values)


def _feedforward(x, scale, up, down):
  return _product(tf.nn.relu(_product(norm(x, scale), up)), down)


def _product(x, kernel):
  """Multiplies `[..., I]` with `[I, O]` in one product."""
  if x.shape.rank == 2:
    return tf.matmul(x, kernel)
  return tf.reshape(tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), kernel), [-1, *x.shape[1:-1], kernel.shape[1]])
