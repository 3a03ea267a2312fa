"""REINFORCE (Williams, 1992): a gradient through a choice, from rewards alone."""

import tensorflow as tf


def reinforce(log_probs, returns):
  """-log pi(token) * return; the return is a constant to the gradient.

  Args:
    log_probs: float `[B, T]` of the chosen tokens, differentiable in the policy.
    returns: float `[B, T]`, what each token is worth, less a baseline if there is one.

  Returns:
    float `[B, T]`; the caller masks the padding.
  """
  log_probs.shape.assert_has_rank(2)
  returns.shape.assert_has_rank(2)
  return -log_probs * tf.stop_gradient(returns)


def discounted_returns(rewards, mask, discount):
  """R_t = sum_{s >= t} discount^(s - t) r_s over the tokens that count: what each token brings, now and later.

  As one product with a triangular matrix: a scan over time costs more for the lengths there are.

  Args:
    rewards: float `[B, T]`.
    mask: float `[B, T]`, 0 on padding.
    discount: from 0 to 1, a number or a float scalar.

  Returns:
    float `[B, T]`; 0 on padding at the end.
  """
  rewards.shape.assert_has_rank(2)
  mask.shape.assert_has_rank(2)
  position = tf.range(tf.shape(rewards)[1])
  distance = position[:, None] - position[None, :]
  # [s, t]; the power of what is not summed is bounded, so that a discount of 0 divides by nothing.
  weights = tf.pow(tf.cast(discount, rewards.dtype), tf.cast(tf.maximum(distance, 0), rewards.dtype))
  return tf.matmul(rewards * mask, tf.where(distance >= 0, weights, tf.zeros([], rewards.dtype)))


def importance_weights(scores):
  """The odds D / (1 - D) = exp(score) of each sequence over their mean in its group: weights whose mean is 1.

  If the score is the log-ratio of the real probability to the policy's, a mean over the policy's samples with these weights is that over real text,
  but for the normalisation, which makes it consistent rather than unbiased (MaliGAN, https://arxiv.org/abs/1702.07983).

  Args:
    scores: float `[..., N]`, groups of N; logits of "real".

  Returns:
    float `[..., N]`.
  """
  return tf.nn.softmax(scores) * tf.cast(tf.shape(scores)[-1], scores.dtype)
