"""Likelihood of tokens under a softmax."""

import tensorflow as tf

# The smallest positive normal float32: a probability below it counts as this, which bounds a token's NLL at 87 nats.
_LEAST_PROBABILITY = 1.1754944e-38


def logits(outputs, kernel, bias):
  """outputs @ kernel + bias, with the bias as the kernel's row for an output that is always one: one pass over the `[N, V]` numbers, not two.

  Args:
    outputs: float `[N, H]`.
    kernel: float `[H, V]`.
    bias: float `[V]`.

  Returns:
    float `[N, V]`.
  """
  return tf.matmul(tf.concat([outputs, tf.ones_like(outputs[:, :1])], axis=1), tf.concat([kernel, bias[None]], axis=0))


@tf.custom_gradient
def token_nll(outputs, kernel, bias, tokens):
  """Negative log-likelihood of tokens under softmax(outputs @ kernel + bias), in nats.

  The last layer and its loss in one, because together they need not pass over the `[N, V]` numbers as often: the probabilities are made in one
  fused kernel, the loss reads N of them, and the gradient scales the `[N, H]` outputs by the upstream gradient instead of the `[N, V]` slopes.

  Args:
    outputs: float `[N, H]`.
    kernel: float `[H, V]`.
    bias: float `[V]`.
    tokens: int32 `[N]`.

  Returns:
    float32 `[N]`; the caller masks the padding.
  """
  outputs.shape.assert_has_rank(2)
  tokens.shape.assert_has_rank(1)
  dtype = outputs.dtype
  probs = tf.nn.softmax(tf.cast(logits(outputs, kernel, bias), tf.float32))
  vocab_size = probs.shape[-1]
  chosen = tf.gather(tf.reshape(probs, [-1]), tf.range(tf.size(tokens)) * vocab_size + tokens)
  nll = -tf.math.log(tf.maximum(chosen, _LEAST_PROBABILITY))

  def gradient(upstream):
    # d nll / d logits = probs - onehots. The products are taken with the probabilities as they are; what the one-hots add is N rows and columns.
    slope = tf.cast(probs, dtype)
    upstream = tf.cast(upstream, dtype)[:, None]
    # As in `logits`: the bias's gradient comes from the same product.
    scaled = tf.concat([outputs * upstream, upstream], axis=1)
    weights = tf.matmul(scaled, slope, transpose_a=True) - tf.transpose(tf.math.unsorted_segment_sum(scaled, tokens, vocab_size))
    back = tf.matmul(slope, kernel, transpose_b=True) - tf.gather(tf.transpose(kernel), tokens)
    return upstream * back, weights[:-1], weights[-1], None

  return nll, gradient
