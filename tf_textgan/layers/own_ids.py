"""Token ids of a model from elsewhere, in a run whose own ids begin with four special tokens.

The run's ids are padding, start, end and unknown, then the model's ids, each 4 higher. The special ones stand for the model's own.

V size of the run's vocabulary, U rows of the model's table, at least V - 4; E size of an embedding.
"""

import tensorflow as tf

from tf_textgan.layers import lookup

# The special tokens of `data.tokenizers`.
COUNT = 4


class OwnIds:
  """Maps between the two."""

  def __init__(self, size: int, special: tuple[int, int, int, int]):
    """Makes the table.

    Args:
      size: V.
      special: the model's ids of start, end, unknown (-1 for none) and padding. Without one of its own, unknown text is like padding.
    """
    start, end, unknown, padding = special
    self._special = [padding, start, end, padding if unknown < 0 else unknown]
    self._size = size - COUNT
    self._ids = tf.constant([*self._special, *range(self._size)], tf.int32)

  def of(self, tokens: tf.Tensor) -> tf.Tensor:
    """The model's ids of tokens, int32 of any shape."""
    return tf.gather(self._ids, tokens)

  def embed(self, inputs: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
    """Embeds ids int32 `[...]` or points float `[..., V]` by the model's table, float `[U, E]`: `[..., E]`."""
    if inputs.dtype.is_integer:
      return lookup.rows(table, self.of(inputs))
    points = tf.cast(tf.reshape(inputs, [-1, inputs.shape[-1]]), table.dtype)
    rows = tf.matmul(points[:, :COUNT], tf.gather(table, self._special)) + tf.matmul(points[:, COUNT:], table[: self._size])
    return tf.reshape(rows, [*([-1] if inputs.shape.rank == 2 else [-1, inputs.shape[1]]), table.shape[1]])

  def widen(self, values: tf.Tensor) -> tf.Tensor:
    """Values of the model's ids, such as logits or columns of a kernel, `[..., U]`, as those of the run's: `[..., V]`."""
    return tf.concat([tf.gather(values, self._special, axis=-1), values[..., : self._size]], axis=-1)
