"""Exact draws from a categorical distribution at the cost of one exponential per logit.

The inverse of the cumulative distribution is searched level by level: the weights are summed in about sqrt(V) blocks, these again, until a row is
short; one uniform number picks the block on each level, and only its cumulative sum is formed. A cumulative sum over the whole vocabulary, or a
Gumbel variable for each token, costs several times more.
"""

from typing import NamedTuple

import tensorflow as tf

from tf_textgan.sampling import noise

# Rows that are summed up to each token rather than in blocks.
_SHORT = 16


class Draw(NamedTuple):
  """One draw from each row.

  Attributes:
    tokens: int32 `[B]`.
    log_probs: float32 `[B]`, log-probability of the tokens (nats).
  """

  tokens: tf.Tensor
  log_probs: tf.Tensor


def draw(logits, seed):
  """Draws from softmax(logits).

  Args:
    logits: float `[B, V]`; minus infinity for a token that must not be drawn.
    seed: int32 `[2]`.

  Returns:
    `Draw`.
  """
  return draw_at(logits, noise.uniform(tf.shape(logits)[:1], seed))


def draw_at(logits, uniforms):
  """Draws from softmax(logits) with random numbers of the caller's.

  Args:
    logits: float `[B, V]`.
    uniforms: float32 `[B]` in [0, 1).

  Returns:
    `Draw`.
  """
  logits.shape.assert_has_rank(2)
  # One fused kernel: subtracting the maximum and exponentiating apart would be two more passes over the logits.
  probs = tf.nn.softmax(tf.cast(logits, tf.float32))
  tokens = invert_cdf(probs, uniforms)
  vocab_size = logits.shape[-1]
  chosen = tf.gather(tf.reshape(probs, [-1]), tf.range(tf.shape(probs)[0]) * vocab_size + tokens)
  return Draw(tokens, tf.math.log(chosen))


def invert_cdf(weights, uniforms):
  """Finds, in each row, the token at which the cumulative weight passes a share of the total.

  Args:
    weights: float32 `[B, V]`, not negative, not normalised.
    uniforms: float32 `[B]` in [0, 1).

  Returns:
    int32 `[B]`, never a token of weight zero.
  """
  return _search(weights, lambda total: tf.cast(uniforms, tf.float64) * total)[0]


def _search(weights, target_of):
  """The token at which the cumulative weight of a row passes a target.

  Args:
    weights: float32 `[B, V]`.
    target_of: function of the rows' totals, float64 `[B]`, giving the targets, float64 `[B]`.

  Returns:
    int32 `[B]`, and what of the target the weights before that token leave, float64 `[B]`.
  """
  size = weights.shape[-1]
  if size <= _SHORT:
    ends = _cumsum(weights)
    # Two ways of summing differ by rounding: never look beyond the end.
    target = tf.minimum(target_of(ends[:, -1]), ends[:, -1] * (1.0 - 2.0**-24))
    passed = ends <= target[:, None]
    before = tf.reduce_max(tf.where(passed, ends, tf.zeros([], tf.float64)), axis=-1)
    return tf.reduce_sum(tf.cast(passed, tf.int32), axis=-1), target - before
  width = _block_width(size)
  padding = -size % width
  if padding:
    weights = tf.pad(weights, [[0, 0], [0, padding]])
  num_blocks = (size + padding) // width
  blocks = tf.reshape(weights, [-1, num_blocks, width])
  block, left = _search(tf.reduce_sum(blocks, axis=-1), target_of)
  # A gather from a flat array: one with batch dimensions first builds the indices of every number it copies.
  inner = tf.gather(tf.reshape(blocks, [-1, width]), tf.range(tf.shape(weights)[0]) * num_blocks + block)
  token, left = _search(inner, lambda total: left)
  return block * width + token, left


def _cumsum(x):
  """Cumulative sums of short rows `[B, N]`, float64.

  A product with a triangle of ones, because `tf.cumsum` is scalar code on a processor, many times slower; in float64, because float32 products may
  be rounded to TensorFloat-32 on a GPU.
  """
  size = x.shape[-1]
  return tf.matmul(tf.cast(x, tf.float64), tf.linalg.band_part(tf.ones([size, size], tf.float64), 0, -1))


def _block_width(vocab_size):
  """The divisor of the vocabulary's size nearest its square root, or, where that would be far off, the square root (and some padding)."""
  root = max(1, round(vocab_size**0.5))
  for distance in range(root // 2 + 1):
    for width in (root + distance, root - distance):
      if vocab_size % width == 0:
        return width
  return root
