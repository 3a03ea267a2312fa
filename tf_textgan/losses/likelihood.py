"""Likelihood of tokens under logits."""

import tensorflow as tf


def token_nll(logits, tokens):
  """Negative log-likelihood of each token, in nats.

  Args:
    logits: float `[B, T, V]`.
    tokens: int32 `[B, T]`.

  Returns:
    float32 `[B, T]`; the caller masks the padding.
  """
  logits.shape.assert_has_rank(3)
  tokens.shape.assert_has_rank(2)
  return tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, tf.cast(logits, tf.float32))
