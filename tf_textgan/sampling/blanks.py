"""Masks that make blanks in sequences, for in-filling (MaskGAN, https://arxiv.org/abs/1801.07736). B batch, T time.

A mask is bool `[B, T]`, True where the token is present and False in a blank. The padding after a sequence is present if its end token is. If the end
token is in a blank, so is the padding: how much follows is then as unknown as what, and the sequence is open, see `open_ends`.
"""

import tensorflow as tf

from tf_textgan.sampling import noise


def random(counts: tf.Tensor, length: int, rate: float | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  """Puts each token into a blank with the same probability, independently of the others.

  Args:
    counts: int32 `[B]`, tokens of the sequences, the end token included, at least 1.
    length: T.
    rate: probability from 0 to 1, a number or a float scalar.
    seed: int32 `[2]`.

  Returns:
    bool `[B, T]`.
  """
  present = noise.uniform([tf.shape(counts)[0], length], seed) >= rate
  return _with_padding(present, counts)


def contiguous(counts: tf.Tensor, length: int, rate: float | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  """Makes one blank in each sequence: this share of its tokens, to the nearest number and at least one, anywhere with the same probability.

  Arguments and result as of `random`.
  """
  size = tf.maximum(tf.cast(tf.round(tf.cast(counts, tf.float32) * rate), tf.int32), 1)
  places = tf.cast(counts - size + 1, tf.float32)
  start = tf.minimum(tf.cast(noise.uniform(tf.shape(counts), seed) * places, tf.int32), counts - size)
  offset = tf.range(length) - start[:, None]
  return _with_padding((offset < 0) | (offset >= size[:, None]), counts)


def open_ends(present: tf.Tensor) -> tf.Tensor:
  """Marks the positions from which on everything is blank, where a sequence may end: bool `[B, T]` to bool `[B, T]`."""
  return tf.cumsum(tf.cast(present, tf.int32), axis=1, reverse=True) == 0


def _with_padding(present, counts):
  """The mask whose padding is present if the last token is."""
  last = tf.gather(present, counts[:, None] - 1, batch_dims=1)
  return tf.where(tf.range(present.shape[1]) < counts[:, None], present, last)
