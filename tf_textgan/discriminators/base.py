"""What a discriminator is."""

import abc

import keras
import tensorflow as tf

from tf_textgan import sequences


class Discriminator(keras.Model):
  """Scores whole sequences; the higher, the more real. Losses take the score as a logit, or as a critic's value.

  Attributes:
    spec: `sequences.Spec` of what it reads.
    per_prefix: whether it scores every prefix, each of which is an example by itself in training. It then has `token_scores(inputs, seed)`,
      arguments as of `call`, to float32 `[B, T]`: at t the score of the tokens up to t, 0 on padding.
    begun: whether it came trained, so that `begin` must not be called.
  """

  per_prefix = False
  begun = False

  def __init__(self, spec):
    super().__init__(name="discriminator")  # A given name: see `generators.base`.
    self.spec = spec

  def attach(self, generator):
    """Tells the discriminator whose samples it reads, before it is used and before its optimizers are built: `algorithms.base` does it.

    Most discriminators have no use for it. One whose sizes follow the generator's makes its variables here, the first time.

    Args:
      generator: see `generators.base`.

    Raises:
      UserError: the discriminator needs another one.
    """

  def begin(self):
    """Takes over what the generator has learned. It is called once, before the first step of the discriminator's training; most do nothing."""

  @abc.abstractmethod
  def call(self, inputs, seed=None):
    """Scores sequences.

    Args:
      inputs: ids int32 `[B, T]`, looked up, or points float `[B, T, V]`, multiplied with the embedding.
      seed: int32 `[2]` for dropout; None leaves nothing out.

    Returns:
      float32 `[B]`.
    """

  def verdicts(self, inputs, seed=None):
    """What training holds it to one by one: the score of the sequence, or those of its prefixes.

    Args:
      inputs, seed: as of `call`.

    Returns:
      Scores and their weights, float32 `[B, N]` each.
    """
    if self.per_prefix:
      return self.token_scores(inputs, seed), self.mask(inputs)
    scores = self(inputs, seed)[:, None]
    return scores, tf.ones_like(scores)

  def mask(self, inputs):
    """`sequences.Spec.mask`, of ids `[B, T]` or of points `[B, T, V]`: float32 `[B, T]`."""
    if inputs.dtype.is_integer:
      return self.spec.mask(inputs)
    if self.spec.end_token is None:
      return tf.ones(tf.shape(inputs)[:2])
    return 1.0 - tf.stop_gradient(tf.cast(inputs[:, :, sequences.PAD], tf.float32))

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
