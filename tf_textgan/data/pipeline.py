"""Batches of token sequences as `tf.data` datasets.

Letters: N sentences, B batch (over all workers), T time.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences


def batches(data: sequences.Batch, batch_size: int, seed: int, start: int = 0, num_shards: int = 1, shard: int = 0) -> tf.data.Dataset:
  """An endless sequence of shuffled batches with random access to any position.

  Batch k holds the examples k*B to (k+1)*B - 1 of one endless sequence: epoch after epoch, each a permutation of the whole corpus
  computed from the seed and the epoch's number. There is no shuffle buffer to save: a run resumed at step k passes `start=k` and gets
  exactly the batches of an uninterrupted run.

  Args:
    data: `sequences.Batch` of arrays, possibly memory-mapped.
    batch_size: B, over all shards.
    seed: integer that decides the order; only its lowest 32 bits count.
    start: number of the first batch.
    num_shards: number of workers that share every batch.
    shard: this worker's number; it gets rows shard*B/num_shards to (shard+1)*B/num_shards - 1 of every batch.

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
    # A batch is no larger than an epoch, so it spans at most two. One operation shuffles one epoch.
    first = epoch[0]
    index = tf.where(tf.equal(epoch, first), shuffled(position, first), shuffled(position, first + 1))
    return _take(data, lambda array: _rows(lambda i: array[i], index, [rows, *array.shape[1:]]))

  dataset = tf.data.Dataset.range(start, tf.int64.max).map(fetch).prefetch(tf.data.AUTOTUNE)
  return dataset.with_options(_options())


def padded_batches(data: sequences.Batch, batch_size: int) -> Iterator[sequences.Batch]:
  """One pass over the corpus in order, for evaluation.

  Slices rather than a `tf.data.Dataset`, of which each evaluation would make another: TensorFlow keeps their Python functions.

  Args:
    data: as in `batches`.
    batch_size: B.

  Yields:
    `sequences.Batch` of int32 tensors; the last batch may be smaller.
  """
  for start in range(0, len(data.tokens), batch_size):
    rows = slice(start, start + batch_size)
    yield _take(data, lambda array: tf.constant(np.asarray(array[rows], np.int32)))  # noqa: B023


def _take(data, rows):
  """Applies `rows` to each array of a `sequences.Batch` that is not None."""
  return sequences.Batch(*(None if array is None else rows(array) for array in data))


def _rows(take, where, shape):
  """The rows `take(where)`, a NumPy function, as an int32 tensor of a known shape."""
  return tf.ensure_shape(tf.numpy_function(lambda i: np.asarray(take(i), np.int32), [where], tf.int32), shape)


def _options():
  options = tf.data.Options()
  # Batches are sharded here; a distribution strategy must not shard them again.
  options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
  return options
