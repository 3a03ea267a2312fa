"""Random numbers as functions of a seed, equal for a global batch on any number of replicas.

A seed is an int32 `[2]` tensor, as in `tf.random.stateless_*`. Under `tf.distribute` every replica draws the numbers of the global batch and keeps
its own rows, so that one replica and several compute the same update.
"""

from collections.abc import Callable
from collections.abc import Sequence
import zlib

import tensorflow as tf

# Sizes of a tensor, int32 `[K]`, or a list of K sizes.
Shape = tf.Tensor | Sequence[int | tf.Tensor]


def seed(value: int) -> tf.Tensor:
  """Makes a seed from an integer."""
  return tf.constant([value & 0x7FFFFFFF, (value >> 31) & 0x7FFFFFFF], tf.int32)


def fold(seed: tf.Tensor, *labels: int | str | tf.Tensor) -> tf.Tensor:
  """Derives a new seed for a purpose.

  Args:
    seed: int32 `[2]`.
    *labels: integers, integer scalar tensors, or names, folded in one after another.

  Returns:
    int32 `[2]`.
  """
  for label in labels:
    if isinstance(label, str):
      label = zlib.crc32(label.encode()) & 0x7FFFFFFF
    seed = tf.random.experimental.stateless_fold_in(seed, tf.cast(label, tf.int32))
  return seed


def uniform(shape: Shape, seed: tf.Tensor, minval: float = 0.0) -> tf.Tensor:
  """Draws uniform numbers in `[minval, 1)`, float32; the first axis of the shape counts examples."""
  return _rows_of_this_replica(lambda shape: tf.random.stateless_uniform(shape, seed, minval=minval), shape)


def normal(shape: Shape, seed: tf.Tensor) -> tf.Tensor:
  """Draws standard normal numbers, float32; the first axis of the shape counts examples."""
  return _rows_of_this_replica(lambda shape: tf.random.stateless_normal(shape, seed), shape)


def gumbel(shape: Shape, seed: tf.Tensor) -> tf.Tensor:
  """Draws standard Gumbel numbers, float32; the first axis of the shape counts examples."""
  # From the smallest positive normal number, as in TFP: zero would give an infinite sample.
  return -tf.math.log(-tf.math.log(uniform(shape, seed, minval=1.1754944e-38)))


def kept(shape: Shape, rate: float, seed: tf.Tensor) -> tf.Tensor:
  """Draws the mask of dropout.

  Random bits are the main cost of dropout, so each entry takes eight if the rate is a multiple of 1/256, and otherwise sixteen.

  Args:
    shape: shape of the mask; its first axis counts examples.
    rate: fraction to drop, a Python number, rounded to a multiple of 2^-16.
    seed: int32 `[2]`.

  Returns:
    bool of that shape, True for entries to keep.
  """
  bits, dtype = (8, tf.int8) if (rate * 256) % 1 == 0 else (16, tf.int16)
  shape = tf.convert_to_tensor(shape, tf.int32)
  size = tf.reduce_prod(shape[1:])
  in_a_word = 32 // bits
  words = _rows_of_this_replica(
    lambda shape: tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.int32), [shape[0], -(-size // in_a_word)]
  )
  numbers = tf.reshape(tf.bitcast(words, dtype), [shape[0], -1])[:, :size]
  # Signed, from -2^(bits - 1): signed integers compare faster than unsigned ones. The minimum keeps rates near 1 in range.
  threshold = min(round(rate * 2**bits), 2**bits - 1) - 2 ** (bits - 1)
  return tf.reshape(numbers >= tf.constant(threshold, dtype), shape)


def dropout(inputs: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
  """Applies dropout: sets a random fraction of the entries to zero and divides the others by 1 - rate.

  Args:
    inputs: float tensor; its first axis counts examples.
    rate: fraction to drop.
    seed: int32 `[2]`.

  Returns:
    float, same shape.
  """
  scaled = inputs / tf.cast(1.0 - rate, inputs.dtype)
  return tf.where(tf.ensure_shape(kept(tf.shape(inputs), rate, seed), inputs.shape), scaled, tf.zeros([], inputs.dtype))


def variational_dropout(num: int | tf.Tensor, rate: float, seed: tf.Tensor | None) -> Callable[[str, int], tf.Tensor] | None:
  """Dropout that leaves out the same entries at all positions of a sequence (https://arxiv.org/abs/1512.05287).

  Args:
    num: sequences (B).
    rate: fraction to drop.
    seed: int32 `[2]`; None for no dropout.

  Returns:
    A function of a name and a size that returns factors, 0 or 1 / (1 - rate): float32 `[B, size]`; None for no dropout.
  """
  if seed is None or not rate:
    return None
  return lambda name, size: dropout(tf.ones([num, size]), rate, fold(seed, name))


def num_replicas() -> int:
  """Returns the number of replicas that share the global batch; 1 outside `tf.distribute`."""
  context = tf.distribute.get_replica_context()
  return context.num_replicas_in_sync if context else 1


def average_over_replicas(x: tf.Tensor) -> tf.Tensor:
  """Averages a tensor over the replicas; returns it unchanged with one replica."""
  return _all_reduce(tf.distribute.ReduceOp.MEAN, x)


def sum_over_replicas(x: tf.Tensor) -> tf.Tensor:
  """Sums a tensor over the replicas; returns it unchanged with one replica."""
  return _all_reduce(tf.distribute.ReduceOp.SUM, x)


def gather_from_replicas(x: tf.Tensor) -> tf.Tensor:
  """Concatenates the rows of all replicas in order, `[N, ...]` to `[replicas * N, ...]`; gradients flow back to each row's replica."""
  replicas = num_replicas()
  if replicas == 1:
    return x
  mine = tf.distribute.get_replica_context().replica_id_in_sync_group
  # Each row is summed with zeros from the other replicas; unlike `all_gather`, this exchanges no shapes.
  place = tf.reshape(tf.one_hot(mine, replicas, dtype=x.dtype), [replicas] + [1] * x.shape.rank)
  return tf.reshape(sum_over_replicas(place * x[None]), tf.concat([[-1], tf.shape(x)[1:]], axis=0))


def _all_reduce(operation, x):
  return x if num_replicas() == 1 else tf.distribute.get_replica_context().all_reduce(operation, x)


def _rows_of_this_replica(draw, shape):
  replicas = num_replicas()
  if replicas == 1:
    return draw(shape)
  context = tf.distribute.get_replica_context()
  shape = tf.convert_to_tensor(shape, tf.int32)
  rows = shape[0]
  everything = draw(tf.concat([[rows * replicas], shape[1:]], axis=0))
  first = tf.cast(context.replica_id_in_sync_group, tf.int32) * rows
  mine = everything[first : first + rows]
  static = tf.get_static_value(shape, partial=True)
  return mine if static is None else tf.ensure_shape(mine, [None if size is None else int(size) for size in static])
