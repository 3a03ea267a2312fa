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
