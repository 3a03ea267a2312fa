"""Exact draws from a categorical distribution at the cost of one exponential per logit.

The inverse CDF is searched level by level: the weights are summed in about sqrt(V) blocks, these sums again, until a row is short. One uniform number
selects the block on each level, and only that block's cumulative sum is computed. A cumulative sum over the whole vocabulary, or a Gumbel variable
per token, costs several times more.
"""

from typing import NamedTuple

import tensorflow as tf

from tf_textgan.sampling import noise

# Longest rows searched by a cumulative sum rather than in blocks.
_SHORT = 16


class Draw(NamedTuple):
  """One draw per row.

  Attributes:
    tokens: int32 `[B]`.
    log_probs: float32 `[B]`, log-probabilities of the tokens, nats.
  """

  tokens: tf.Tensor
  log_probs: tf.Tensor


def draw(logits: tf.Tensor, seed: tf.Tensor) -> Draw:
  """Draws from softmax(logits).

  Args:
    logits: float `[B, V]`; minus infinity excludes a token.
    seed: int32 `[2]`.

  Returns:
    `Draw`.
  """
  return draw_at(logits, noise.uniform(tf.shape(logits)[:1], seed))


def draw_at(logits: tf.Tensor, uniforms: tf.Tensor) -> Draw:
  """Draws from softmax(logits) with given random numbers.

  Args:
    logits: float `[B, V]`.
    uniforms: float32 `[B]` in [0, 1).

  Returns:
    `Draw`.
  """
  logits.shape.assert_has_rank(2)
  # A fused kernel: subtracting the maximum and exponentiating separately would be two more passes over the logits.
  probs = tf.nn.softmax(tf.cast(logits, tf.float32))
  tokens = invert_cdf(probs, uniforms)
  vocab_size = logits.shape[-1]
  chosen = tf.gather(tf.reshape(probs, [-1]), tf.range(tf.shape(probs)[0]) * vocab_size + tokens)
  return Draw(tokens, tf.math.log(chosen))


def invert_cdf(weights: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
  """Finds, in each row, the token at which the cumulative weight exceeds a fraction of the total.

  Args:
    weights: float32 `[B, V]`, non-negative, not necessarily normalized.
    uniforms: float32 `[B]` in [0, 1), the fractions.

  Returns:
    int32 `[B]`, never a token of weight zero.
  """
  return _search(weights, lambda total: tf.cast(uniforms, tf.float64) * total)[0]


def _search(weights, target_of):
  """Finds, in each row, the token at which the cumulative weight exceeds a target.

  Args:
    weights: float32 `[B, V]`.
    target_of: maps the rows' totals, float64 `[B]`, to targets, float64 `[B]`.

  Returns:
    Tokens, int32 `[B]`, and the targets minus the cumulative weights before those tokens, float64 `[B]`.
  """
  size = weights.shape[-1]
  if size <= _SHORT:
    ends = _cumsum(weights)
    # The total was summed in another order; rounding must not move the target beyond the end.
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
  # Gather from a flat array: with batch dimensions, gather would first build an index for each number it copies.
  inner = tf.gather(tf.reshape(blocks, [-1, width]), tf.range(tf.shape(weights)[0]) * num_blocks + block)
  token, left = _search(inner, lambda total: left)
  return block * width + token, left


def _cumsum(x):
  """Computes cumulative sums of short rows `[B, N]`, in float64.

  A product with a triangular matrix of ones: `tf.cumsum` is scalar code on CPUs, many times slower. In float64, because a GPU may round float32
  products to TensorFloat-32.
  """
  size = x.shape[-1]
  return tf.matmul(tf.cast(x, tf.float64), tf.linalg.band_part(tf.ones([size, size], tf.float64), 0, -1))


def _block_width(vocab_size):
  """Returns the divisor of the vocabulary size nearest its square root, or the square root, which needs padding, if no divisor is near."""
  root = max(1, round(vocab_size**0.5))
  for distance in range(root // 2 + 1):
    for width in (root + distance, root - distance):
      if vocab_size % width == 0:
        return width
  return root
