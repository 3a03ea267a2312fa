"""Likelihood of tokens under a softmax output layer. N tokens, H hidden, V vocabulary."""

import tensorflow as tf

# Smallest positive normal float32. Probabilities are clipped to it, which bounds a token's NLL at 87 nats.
_LEAST_PROBABILITY = 1.1754944e-38


def logits(outputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
  """Computes outputs @ kernel + bias as one matrix product, with the bias as an extra row of the kernel: one pass over `[N, V]` instead of two.

  Args:
    outputs: float `[N, H]`.
    kernel: float `[H, V]`.
    bias: float `[V]`.

  Returns:
    float `[N, V]`.
  """
  return tf.matmul(tf.concat([outputs, tf.ones_like(outputs[:, :1])], axis=1), tf.concat([kernel, bias[None]], axis=0))


@tf.custom_gradient
def token_nll(outputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
  """Computes the negative log-likelihood of tokens under softmax(outputs @ kernel + bias), in nats.

  Output layer and loss are fused to pass over the `[N, V]` numbers less often: one kernel computes the probabilities, the loss reads N of them,
  and the backward pass multiplies the upstream gradient into the `[N, H]` outputs instead of the `[N, V]` probabilities.

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
    # d nll / d logits = probs - onehots. The probabilities enter as matrix products, the one-hots as a segment sum and a gather of N rows.
    slope = tf.cast(probs, dtype)
    upstream = tf.cast(upstream, dtype)[:, None]
    # As in `logits`, one product gives the gradients of kernel and bias.
    scaled = tf.concat([outputs * upstream, upstream], axis=1)
    # A token's sum is over all its occurrences: in bfloat16 it would soon stop growing.
    counted = tf.math.unsorted_segment_sum(tf.cast(scaled, tf.float32), tokens, vocab_size)
    weights = tf.cast(tf.cast(tf.matmul(scaled, slope, transpose_a=True), tf.float32) - tf.transpose(counted), dtype)
    back = tf.matmul(slope, kernel, transpose_b=True) - tf.gather(tf.transpose(kernel), tokens)
    return upstream * back, weights[:-1], weights[-1], None

  return nll, gradient


def soft_values(outputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, tokens: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Reads the logits outputs @ kernel + bias as a soft Q-function.

  Args:
    outputs: float `[N, H]`.
    kernel: float `[H, V]`.
    bias: float `[V]`.
    tokens: int32 `[N]`.

  Returns:
    The tokens' logits, Q, and log sum_v exp of all logits, V: float32 `[N]` each. The tokens' log-probability is Q - V.
  """
  outputs.shape.assert_has_rank(2)
  tokens.shape.assert_has_rank(1)
  values = tf.reduce_logsumexp(tf.cast(logits(outputs, kernel, bias), tf.float32), axis=1)
  # Not a gather from the logits, whose gradient would be scattered into another `[N, V]`. In float32, as the gradients of kernel and bias are sums
  # over all occurrences of a token.
  outputs, kernel, bias = (tf.cast(x, tf.float32) for x in (outputs, kernel, bias))
  return tf.reduce_sum(outputs * tf.gather(tf.transpose(kernel), tokens), axis=1) + tf.gather(bias, tokens), values


@tf.custom_gradient
def divergence(outputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, reference_logits: tf.Tensor) -> tf.Tensor:
  """Computes KL(p || q) = sum_v p(v) (log p(v) - log q(v)) over the whole vocabulary, p = softmax(outputs @ kernel + bias).

  Its gradient by the logits is p (log p - log q - KL); output layer and loss are fused as in `token_nll`.

  Args:
    outputs: float `[N, H]`.
    kernel: float `[H, V]`.
    bias: float `[V]`.
    reference_logits: float `[N, V]` of q, treated as constants.

  Returns:
    float32 `[N]`, nats; the caller masks the padding.
  """
  outputs.shape.assert_has_rank(2)
  reference_logits.shape.assert_has_rank(2)
  ours, theirs = (tf.cast(x, tf.float32) for x in (logits(outputs, kernel, bias), reference_logits))
  probs, difference = tf.nn.softmax(ours), ours - theirs
  # log p - log q is this difference minus the difference of the normalisers.
  shift = _normalizer(ours, probs) - _normalizer(theirs, tf.nn.softmax(theirs))
  kl = tf.reduce_sum(probs * difference, axis=1) - shift

  def gradient(upstream):
    slope = tf.cast(probs * (difference - (kl + shift)[:, None]), outputs.dtype)
    upstream = tf.cast(upstream, outputs.dtype)[:, None]
    scaled = tf.concat([outputs * upstream, upstream], axis=1)
    weights = tf.matmul(scaled, slope, transpose_a=True)
    return upstream * tf.matmul(slope, kernel, transpose_b=True), weights[:-1], weights[-1], None

  return kl, gradient


def _normalizer(logits, probs):
  """The log-sum-exp of logits whose softmax is known, `[N, V]` each: read off the largest, without exponentials."""
  return tf.reduce_max(logits, axis=1) - tf.math.log(tf.reduce_max(probs, axis=1))
