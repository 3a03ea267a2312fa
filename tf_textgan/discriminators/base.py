"""What a discriminator is."""

import abc

import keras
import tensorflow as tf


class Discriminator(keras.Model):
  """Scores whole sequences; the higher, the more real. Losses take the score as a logit, or as a critic's value.

  Attributes:
    spec: `sequences.Spec` of what it reads.
  """

  def __init__(self, spec):
    super().__init__(name="discriminator")  # A given name: see `generators.base`.
    self.spec = spec

  @abc.abstractmethod
  def call(self, inputs, seed=None):
    """Scores sequences.

    Args:
      inputs: ids int32 `[B, T]`, looked up, or points float `[B, T, V]`, multiplied with the embedding.
      seed: int32 `[2]` for dropout; None leaves nothing out.

    Returns:
      float32 `[B]`.
    """

  def regularization(self):
    """The sum of the layers' weight penalties, a float32 scalar."""
    return tf.add_n(self.losses) if self.losses else tf.zeros([])


def embed(inputs, table):
  """Looks ids `[B, T]` up in a table `[V, E]`, or multiplies points `[B, T, V]` with it: `[B, T, E]`."""
  if inputs.dtype.is_integer:
    return tf.gather(table, inputs)
  vocab_size, size = table.shape
  flat = tf.matmul(tf.cast(tf.reshape(inputs, [-1, vocab_size]), table.dtype), table)
  return tf.reshape(flat, [-1, inputs.shape[1], size])
