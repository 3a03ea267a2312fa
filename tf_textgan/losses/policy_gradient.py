"""REINFORCE (Williams, 1992): a gradient through a choice, from rewards alone; and what makes it less noisy or holds it back."""

import tensorflow as tf


def reinforce(log_probs, returns):
  """-log pi(token) * return; the return is a constant to the gradient.

  Args:
    log_probs: float `[B, T]` of the chosen tokens, differentiable in the policy.
    returns: float `[B, T]`, what each token is worth, less a baseline if there is one.

  Returns:
    float `[B, T]`; the caller masks the padding.
  """
  _check(log_probs, returns)
  return -log_probs * tf.stop_gradient(returns)


def penalty(log_probs, penalties):
  """pi(token) * penalty: SentiGAN's objective, of the probability in place of REINFORCE's log-probability; the penalty is a constant to the gradient.

  The gradient is pi * penalty * grad log pi. In the mean over the policy's own tokens it is that of 1/2 sum_x pi(x)^2 penalty(x), which is least
  where pi is proportional to 1 / penalty: probability is spread rather than put on the best token.

  Args:
    log_probs: float `[B, T]` of the chosen tokens, differentiable in the policy.
    penalties: float `[B, T]`, 0 and up.

  Returns:
    float `[B, T]`; the caller masks the padding.
  """
  _check(log_probs, penalties)
  return tf.exp(log_probs) * tf.stop_gradient(penalties)


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
  _check(rewards, mask)
  position = tf.range(tf.shape(rewards)[1])
  distance = position[:, None] - position[None, :]
  # [s, t]; the power of what is not summed is bounded, so that a discount of 0 divides by nothing.
  weights = tf.pow(tf.cast(discount, rewards.dtype), tf.cast(tf.maximum(distance, 0), rewards.dtype))
  return tf.matmul(rewards * mask, tf.where(distance >= 0, weights, tf.zeros([], rewards.dtype)))


def entropy_returns(log_probs, mask):
  """-sum_{s >= t} log pi_s: as rewards of `reinforce` they raise the entropy of whole sequences, without bias.

  grad H = -E[sum_t grad log pi_t sum_{s >= t} log pi_s]: the score function of the entropy; the derivative of log pi_s itself has the mean 0.

  Args:
    log_probs: float `[B, T]` of the chosen tokens; constants.
    mask: float `[B, T]`, 0 on padding.

  Returns:
    float `[B, T]`, nats.
  """
  return discounted_returns(-log_probs, mask, 1.0)


def _of_one_replica(x):
  return x


def position_baseline(returns, mask, total=_of_one_replica):
  """Subtracts each position's mean over the batch.

  Less variance, and an expected gradient that is smaller by one part in B, because the mean has the sequence itself in it.

  Args:
    returns: float `[B, T]`.
    mask: float `[B, T]`, 0 on padding.
    total: sums a tensor over the replicas.

  Returns:
    float `[B, T]`.
  """
  _check(returns, mask)
  return returns - tf.math.divide_no_nan(total(tf.reduce_sum(returns * mask, axis=0)), total(tf.reduce_sum(mask, axis=0)))


def leave_one_out(returns, mask, total=_of_one_replica):
  """Subtracts, at each position, the mean of the other sequences, which does not depend on the sequence: no bias (see `sampling.estimators`).

  Arguments and result are those of `position_baseline`; where no other sequence is left, nothing is subtracted.
  """
  _check(returns, mask)
  own = returns * mask
  others = total(tf.reduce_sum(own, axis=0)) - own
  return returns - tf.math.divide_no_nan(others, total(tf.reduce_sum(mask, axis=0)) - mask)


def normalized(returns, mask, total=_of_one_replica, group_size=None):
  """Shifts and scales to mean 0 and variance 1 over the tokens that count: of the whole batch, or of each group.

  The scale depends on the sample, so the expected gradient has the direction of the true one only for large batches.

  Args:
    returns: float `[B, T]`.
    mask: float `[B, T]`, 0 on padding.
    total: sums a tensor over the replicas. A group lies on one of them.
    group_size: neighbours that are a group (https://arxiv.org/abs/2402.03300), a divisor of B; None for the whole batch.

  Returns:
    float `[B, T]`; zeros where all are equal.
  """
  _check(returns, mask)
  if group_size is None:
    groups, counts, axes = returns, mask, [0, 1]
  else:
    shape = [-1, group_size, tf.shape(returns)[1]]
    groups, counts, axes, total = tf.reshape(returns, shape), tf.reshape(mask, shape), [1, 2], _of_one_replica
  count = total(tf.reduce_sum(counts, axis=axes, keepdims=True))
  mean = tf.math.divide_no_nan(total(tf.reduce_sum(groups * counts, axis=axes, keepdims=True)), count)
  variance = tf.math.divide_no_nan(total(tf.reduce_sum(tf.square(groups - mean) * counts, axis=axes, keepdims=True)), count)
  # Rounding alone must not be scaled up: what varies by less than 1e-6 counts as equal.
  return tf.reshape((groups - mean) * tf.math.rsqrt(variance + 1e-12), tf.shape(returns))


def clipped_ratio(log_probs, old_log_probs, advantages, epsilon):
  """-min(r A, clip(r, 1 - epsilon, 1 + epsilon) A), r = pi / pi_old: several updates on one sample (PPO, https://arxiv.org/abs/1707.06347).

  At r = 1 the gradient is that of `reinforce`; a token that has moved by epsilon in the direction of its advantage moves no further.

  Args:
    log_probs: float `[B, T]` of the chosen tokens, differentiable in the policy.
    old_log_probs: float `[B, T]`, when they were chosen; constants.
    advantages: float `[B, T]`; constants.
    epsilon: number above 0.

  Returns:
    float `[B, T]`; the caller masks the padding.
  """
  _check(log_probs, old_log_probs, advantages)
  ratio = tf.exp(log_probs - tf.stop_gradient(old_log_probs))
  advantages = tf.stop_gradient(advantages)
  return -tf.minimum(ratio * advantages, tf.clip_by_value(ratio, 1.0 - epsilon, 1.0 + epsilon) * advantages)


def divergence_from_reference(log_probs, reference_log_probs):
  """exp(d) - d - 1 with d = log ref - log pi at the chosen tokens: never negative, and its mean is KL(pi || ref) at the prefixes there are.

  Exact divergences need all of `[B, T, V]`, this needs the tokens that were chosen (http://joschu.net/blog/kl-approx.html, its k3). Its gradient,
  (1 - ref / pi) grad log pi, has the mean of that of the other divergence, KL(ref || pi): towards the reference too, and, as prefixes are constants,
  without what a token does to those after it.

  Args:
    log_probs: float `[B, T]` of tokens the policy has chosen, differentiable in the policy.
    reference_log_probs: float `[B, T]` under the reference; constants.

  Returns:
    float `[B, T]`, nats; 0 where both are equal, as on padding.
  """
  _check(log_probs, reference_log_probs)
  difference = tf.stop_gradient(reference_log_probs) - log_probs
  return tf.exp(difference) - difference - 1.0


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


def proposal_weights(log_probs, proposal_log_probs, largest):
  """min(largest, pi(x) / q(x)) of sequences x that were drawn from another distribution, q: a mean with these weights is a mean over pi's own.

  Without the limit that is so exactly, wherever q is not 0 where pi is not. The limit bounds the variance (truncated importance sampling, Ionides,
  2008) and takes from the rarest sequences some of their weight.

  Args:
    log_probs: float `[B, T]` of the tokens under the policy, 0 on padding; constants.
    proposal_log_probs: float `[B, T]` under q, the same.
    largest: number above 0.

  Returns:
    float `[B]`.
  """
  _check(log_probs, proposal_log_probs)
  log_ratio = tf.reduce_sum(tf.stop_gradient(log_probs) - proposal_log_probs, axis=1)
  return tf.exp(tf.minimum(log_ratio, tf.math.log(tf.cast(largest, log_ratio.dtype))))


def rescaled_ranks(rewards, everyone, steepness=16.0):
  """sigmoid(steepness * (rank / N - 1/2)), with rank 1 for the least of the N rewards of a time step: however alike they are, some are good.

  LeakGAN's bootstrapped rescaled activation (https://arxiv.org/abs/1709.08624, with 16 as its code has it).

  Args:
    rewards: float `[B, T]`.
    everyone: float `[N, T]`, all the rewards that are ranked together, these among them.
    steepness: how far good and bad are apart.

  Returns:
    float `[B, T]`. Equal rewards have the mean of their ranks.
  """
  _check(rewards)
  _check(everyone)
  difference = rewards[:, None] - everyone[None]
  # Rounding makes no ranks: the same sentence may have two rewards that differ in the last digit.
  above = tf.where(tf.abs(difference) <= 1e-6, 0.5, tf.cast(difference > 0.0, rewards.dtype))
  rank = tf.reduce_sum(above, axis=1) + 0.5
  return tf.sigmoid(steepness * (rank / tf.cast(tf.shape(everyone)[0], rewards.dtype) - 0.5))


def _check(*arrays):
  for x in arrays:
    x.shape.assert_has_rank(2)
    x.shape.assert_is_compatible_with(arrays[0].shape)
