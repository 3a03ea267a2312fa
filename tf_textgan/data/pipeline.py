"""Batches of token sequences as `tf.data` datasets.

Letters: N sentences, B batch (over all workers), T time.
"""

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences


def batches(data, batch_size, seed, start=0, num_shards=1, shard=0):
  """An endless sequence of shuffled batches in which every position can be reached at once.

  Batch k holds the examples k*B to (k+1)*B - 1 of one endless sequence: epoch after epoch, each a permutation of the whole corpus that is
  computed from the seed and the number of the epoch. There is no shuffle buffer, hence none to save: a run resumed at step k
  passes `start=k` and goes on with exactly the batches it would have had.

  Args:
    data: `sequences.Batch` of arrays, possibly memory-mapped.
    batch_size: B, over all shards.
    seed: integer that decides the order; its lowest 32 bits count.
    start: number of the first batch.
    num_shards: workers that share every batch.
    shard: which of them this is; it gets rows shard*B/num_shards to (shard+1)*B/num_shards - 1 of every batch.

  Returns:
    An infinite dataset of `sequences.Batch`, tokens int32 `[B/num_shards, T]`.

  Raises:
    UserError: the corpus is smaller than a batch, or the batch cannot be shared equally.
  """
  num = len(data.tokens)
  if batch_size < 1:
    raise errors.UserError(f"the batch size must be at least 1, not {batch_size}")
  if num < batch_size:
    raise errors.UserError(f"the training split has {num} sentences, fewer than the batch of {batch_size}; pass --batch_size {num} or less")
  if batch_size % num_shards:
    raise errors.UserError(f"a batch of {batch_size} cannot be shared equally by {num_shards} workers; pass a multiple of {num_shards}")
  rows = batch_size // num_shards

  def shuffled(position, epoch):
    seeds = tf.stack([tf.constant(seed % 2**32, tf.int64), epoch])
    return tf.random.experimental.index_shuffle(position % num, seeds, tf.constant(num - 1, tf.int64))

  def fetch(k):
    position = k * batch_size + shard * rows + tf.range(rows, dtype=tf.int64)
    epoch = position // num
    # A batch is no larger than an epoch, so it reaches into the next one at most. An operation shuffles one epoch at a time.
    first = epoch[0]
    index = tf.where(tf.equal(epoch, first), shuffled(position, first), shuffled(position, first + 1))
    return _take(data, lambda array: _rows(lambda i: array[i], index, [rows, *array.shape[1:]]))

  dataset = tf.data.Dataset.range(start, tf.int64.max).map(fetch).prefetch(tf.data.AUTOTUNE)
  return dataset.with_options(_options())


def padded_batches(data, batch_size):
  """One pass over the corpus in order, for evaluation.

  Args:
    data: as in `batches`.
    batch_size: B.

  Returns:
    A dataset of `sequences.Batch`; the last batch may be smaller.
  """

  def fetch(start):
    return _take(data, lambda array: _rows(lambda i: array[i:i + batch_size], start, [None, *array.shape[1:]]))

  num = len(data.tokens)
  return tf.data.Dataset.range(0, num, batch_size).map(fetch).prefetch(tf.data.AUTOTUNE).with_options(_options())


def _take(data, rows):
  """A `sequences.Batch` of `rows` of each array there is."""
  return sequences.Batch(*(None if array is None else rows(array) for array in data))


def _rows(take, where, shape):
  """Rows of an array, which `take` gets of their place, as an int32 tensor of a shape."""
  return tf.ensure_shape(tf.numpy_function(lambda i: np.asarray(take(i), np.int32), [where], tf.int32), shape)


def _options():
  options = tf.data.Options()
  # The shards are cut here; a distribution strategy must not cut them again.
  options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
  return options
