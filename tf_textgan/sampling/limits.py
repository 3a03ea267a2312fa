"""Least and greatest length of a sequence, in tokens, as a change of the logits before a token is picked.

The end token does not count. R rows, V vocabulary.
"""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Limits:
  """What a sequence may have.

  Attributes:
    end_token: id that ends a sequence; None if sequences have one length: then only `excluded` counts.
    least: the end token is impossible before so many tokens.
    most: after so many tokens only the end token is possible; None for no limit.
    new: as `most`, of the tokens that were not given.
    excluded: ids of tokens that are never possible.
  """

  end_token: int | None
  least: int = 0
  most: int | None = None
  new: int | None = None
  excluded: tuple[int, ...] = ()

  def __bool__(self) -> bool:
    """Whether there are limits."""
    return bool(self.least or self.most is not None or self.new is not None or self.excluded)

  def __call__(self, logits: tf.Tensor, position: tf.Tensor, given: tf.Tensor) -> tf.Tensor:
    """Makes impossible tokens' logits minus infinity.

    Args:
      logits: float `[R, V]`.
      position: number of tokens so far, int32 `[R]` or a scalar.
      given: number of tokens that were given, int32 `[R]` or a scalar.

    Returns:
      float `[R, V]`.
    """
    logits.shape.assert_has_rank(2)
    ids = tf.range(logits.shape[-1])
    possible = tf.reduce_all(ids[None] != tf.reshape(tf.constant(self.excluded, tf.int32), [-1, 1]), axis=0)
    if self.end_token is not None:
      is_end, position, given = ids == self.end_token, tf.reshape(position, [-1, 1]), tf.reshape(given, [-1, 1])
      over = position < 0
      if self.most is not None:
        over |= position >= self.most
      if self.new is not None:
        over |= position - given >= self.new
      possible &= tf.where(is_end, position >= self.least, ~over)
    return tf.where(possible, logits, tf.cast(float("-inf"), logits.dtype))
