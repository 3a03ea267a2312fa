"""Random numbers as functions of a seed, the same for a global batch however many replicas share it.

A seed is an int32 `[2]` tensor, as in `tf.random.stateless_*`. Under `tf.distribute` every replica draws the numbers of the whole batch and keeps
the rows of its own examples, so that one replica and two compute the same update; with one replica nothing is drawn in vain.
"""

import zlib

import tensorflow as tf


def seed(value):
  """Makes a seed from a Python integer."""
  return tf.constant([value & 0x7FFFFFFF, (value >> 31) & 0x7FFFFFFF], tf.int32)


def fold(seed, *labels):
  """Derives a seed for each of a program's purposes.

  Args:
    seed: int32 `[2]`.
    *labels: integers, integer tensors, or names.

  Returns:
    int32 `[2]`.
  """
  for label in labels:
    if isinstance(label, str):
      label = zlib.crc32(label.encode()) & 0x7FFFFFFF
    seed = tf.random.experimental.stateless_fold_in(seed, tf.cast(label, tf.int32))
  return seed


def uniform(shape, seed, minval=0.0):
  """Uniform numbers in `[minval, 1)`, float32; the first axis counts examples."""
  return _rows_of_this_replica(lambda shape: tf.random.stateless_uniform(shape, seed, minval=minval), shape)


def normal(shape, seed):
  """Standard normal numbers, float32; the first axis counts examples."""
  return _rows_of_this_replica(lambda shape: tf.random.stateless_normal(shape, seed), shape)


def gumbel(shape, seed):
  """Standard Gumbel numbers, float32; the first axis counts examples."""
  # Zero would give an infinite sample: the smallest positive normal number instead, as TFP does.
  return -tf.math.log(-tf.math.log(uniform(shape, seed, minval=1.1754944e-38)))


def kept(shape, rate, seed):
  """Which numbers dropout leaves in: bool of a shape whose first axis counts examples.

  Eight random bits decide where the rate is a multiple of 1/256, as it mostly is, else sixteen: random numbers are what dropout costs.

  Args:
    shape: int32 `[K]`, or a list of as many sizes.
    rate: Python number, the share left out; it is rounded to a multiple of 2^-16.
    seed: int32 `[2]`.

  Returns:
    bool of that shape.
  """
  bits, dtype = (8, tf.int8) if (rate * 256) % 1 == 0 else (16, tf.int16)
  shape = tf.convert_to_tensor(shape, tf.int32)
  size = tf.reduce_prod(shape[1:])
  in_a_word = 32 // bits
  words = _rows_of_this_replica(
    lambda shape: tf.random.stateless_uniform(shape, seed, minval=None, maxval=None, dtype=tf.int32), [shape[0], -(-size // in_a_word)]
  )
  numbers = tf.reshape(tf.bitcast(words, dtype), [shape[0], -1])[:, :size]
  # From -2^(bits - 1) on: signed integers are compared faster than unsigned ones. A share next to 1 would not fit.
  threshold = min(round(rate * 2**bits), 2**bits - 1) - 2 ** (bits - 1)
  return tf.reshape(numbers >= tf.constant(threshold, dtype), shape)


def dropout(inputs, rate, seed):
  """Sets a share `rate` of the numbers to zero and scales the rest so that the mean stays; the first axis counts examples."""
  scaled = inputs / tf.cast(1.0 - rate, inputs.dtype)
  return tf.where(tf.ensure_shape(kept(tf.shape(inputs), rate, seed), inputs.shape), scaled, tf.zeros([], inputs.dtype))


def num_replicas():
  """Replicas that share the global batch; 1 outside `tf.distribute`."""
  context = tf.distribute.get_replica_context()
  return context.num_replicas_in_sync if context else 1


def average_over_replicas(x):
  """Averages a tensor over the replicas; with one replica it is the tensor itself."""
  return _all_reduce(tf.distribute.ReduceOp.MEAN, x)


def sum_over_replicas(x):
  """Sums a tensor over the replicas; with one replica it is the tensor itself."""
  return _all_reduce(tf.distribute.ReduceOp.SUM, x)


def gather_from_replicas(x):
  """The rows of all replicas in their order, `[N, ...]` to `[replicas * N, ...]`; gradients flow back to the replica of each row."""
  replicas = num_replicas()
  if replicas == 1:
    return x
  mine = tf.distribute.get_replica_context().replica_id_in_sync_group
  # A sum of rows that are zero on all replicas but one: unlike `all_gather`, it does not ask the replicas for their shapes.
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
