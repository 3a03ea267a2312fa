"""Replay buffer of past samples: a discriminator trained on them beside new ones does not forget past generators."""

import keras
import tensorflow as tf

from tf_textgan.sampling import noise


class Replay(keras.layers.Layer):
  """A uniform sample of all sequences added so far (reservoir sampling, https://doi.org/10.1145/3147.3165), held in variables.

  Attributes:
    size: capacity, in sequences.
    tokens: int32 variable `[size, T]`; rows not yet filled are zeros.
    seen: int32 scalar variable, number of sequences added so far.
  """

  def __init__(self, size: int, length: int):
    """Creates an empty buffer.

    Args:
      size: capacity, in sequences.
      length: tokens per sequence (T).
    """
    super().__init__(name="replay")
    self.size = size
    # All replicas assign the same values.
    constant = {"initializer": "zeros", "dtype": "int32", "trainable": False, "aggregation": "only_first_replica"}
    self.tokens = self.add_weight((size, length), name="tokens", **constant)
    self.seen = self.add_weight((), name="seen", **constant)
    self.built = True

  def add(self, tokens: tf.Tensor, seed: tf.Tensor) -> None:
    """Adds sequences; in a full buffer the n-th sequence replaces a random row with probability size / n and is dropped otherwise.

    Args:
      tokens: int32 `[B, T]`.
      seed: int32 `[2]`.
    """
    tokens.shape.assert_has_rank(2)
    # Every replica holds the whole buffer, so each adds the global batch.
    tokens = noise.gather_from_replicas(tokens)
    order = tf.range(tf.shape(tokens)[0])
    number = tf.convert_to_tensor(self.seen) + order
    # Sequence n draws a row below n. Not with `noise.uniform`, which would give each replica its own numbers.
    drawn = tf.random.stateless_uniform(tf.shape(number), seed) * tf.cast(number + 1, tf.float32)
    row = tf.where(number < self.size, number, tf.cast(drawn, tf.int32))
    overwritten = tf.reduce_any((row[:, None] == row) & (order[:, None] < order), axis=1)
    # Dropped sequences go into an extra row, which is cut off.
    row = tf.where(overwritten, self.size, tf.minimum(row, self.size))
    padded = tf.pad(tf.convert_to_tensor(self.tokens), [[0, 1], [0, 0]])
    self.tokens.value.assign(tf.tensor_scatter_nd_update(padded, row[:, None], tokens)[:-1])
    self.seen.value.assign_add(tf.shape(tokens)[0])

  def sample(self, num: int | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws sequences uniformly, with replacement.

    Args:
      num: number of sequences, int or int32 scalar tensor.
      seed: int32 `[2]`.

    Returns:
      int32 `[num, T]`; zeros from an empty buffer.
    """
    held = tf.minimum(tf.convert_to_tensor(self.seen), self.size)
    row = tf.cast(noise.uniform([num], seed) * tf.cast(held, tf.float32), tf.int32)
    return tf.gather(tf.convert_to_tensor(self.tokens), row)
