"""A memory of what was written: the samples of past generators, of which a discriminator learns beside new ones, so that it forgets none of them."""

import keras
import tensorflow as tf

from tf_textgan.sampling import noise


class Memory(keras.layers.Layer):
  """A uniform sample of all the sequences it was ever shown (reservoir sampling, https://doi.org/10.1145/3147.3165), as variables.

  Attributes:
    size: most sequences that it holds.
    tokens: int32 `[size, T]`, zeros where there is none yet.
    shown: int32 scalar, how many sequences it was shown.
  """

  def __init__(self, size, length):
    """Args: size: most sequences it holds; length: tokens in each (T)."""
    super().__init__(name="memory")
    self.size = size
    # All replicas assign the same.
    constant = {"initializer": "zeros", "dtype": "int32", "trainable": False, "aggregation": "only_first_replica"}
    self.tokens = self.add_weight((size, length), name="tokens", **constant)
    self.shown = self.add_weight((), name="shown", **constant)
    self.built = True

  def add(self, tokens, seed):
    """Takes sequences in, each instead of one drawn at random once the memory is full, or not at all: the later, the more rarely.

    Args:
      tokens: int32 `[B, T]`.
      seed: int32 `[2]`.
    """
    tokens.shape.assert_has_rank(2)
    # Every replica keeps the whole memory, so that it takes in the whole batch.
    tokens = noise.gather_from_replicas(tokens)
    order = tf.range(tf.shape(tokens)[0])
    number = tf.convert_to_tensor(self.shown) + order
    # Of the n-th sequence: a place among n. Not `noise.uniform`, which would give each replica numbers of its own.
    drawn = tf.random.stateless_uniform(tf.shape(number), seed) * tf.cast(number + 1, tf.float32)
    place = tf.where(number < self.size, number, tf.cast(drawn, tf.int32))
    overwritten = tf.reduce_any((place[:, None] == place) & (order[:, None] < order), axis=1)
    # What does not stay goes into a row that is cut off.
    place = tf.where(overwritten, self.size, tf.minimum(place, self.size))
    remembered = tf.pad(tf.convert_to_tensor(self.tokens), [[0, 1], [0, 0]])
    self.tokens.value.assign(tf.tensor_scatter_nd_update(remembered, place[:, None], tokens)[:-1])
    self.shown.value.assign_add(tf.shape(tokens)[0])

  def recall(self, num, seed):
    """Draws remembered sequences, with repetition.

    Args:
      num: int or int32 scalar tensor.
      seed: int32 `[2]`.

    Returns:
      int32 `[num, T]`; zeros if nothing was ever added.
    """
    held = tf.minimum(tf.convert_to_tensor(self.shown), self.size)
    place = tf.cast(noise.uniform([num], seed) * tf.cast(held, tf.float32), tf.int32)
    return tf.gather(tf.convert_to_tensor(self.tokens), place)
