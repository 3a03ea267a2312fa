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
  fused kernel, the loss reads N of them, and the gradient takes the upstream gradient into the `[N, H]` outputs instead of scaling `[N, V]`.

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
  chosen = tf.stack([tf.range(tf.size(tokens)), tokens], axis=1)
  nll = -tf.math.log(tf.maximum(tf.gather_nd(probs, chosen), _LEAST_PROBABILITY))

  def gradient(upstream):
    # d nll / d logits = probs - onehots; a scatter in place makes it of the probabilities.
    slope = tf.cast(tf.tensor_scatter_nd_sub(probs, chosen, tf.ones_like(nll)), dtype)
    upstream = tf.cast(upstream, dtype)[:, None]
    # As in `logits`: the bias's gradient comes from the same product.
    scaled = tf.concat([outputs * upstream, upstream], axis=1)
    weights = tf.matmul(scaled, slope, transpose_a=True)
    return upstream * tf.matmul(slope, kernel, transpose_b=True), weights[:-1], weights[-1], None

  return nll, gradient
