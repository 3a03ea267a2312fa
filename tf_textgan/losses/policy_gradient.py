"""REINFORCE (Williams, 1992), with returns, baselines, importance weights and penalties for it. B batch, T time."""

from collections.abc import Callable

import tensorflow as tf

# Largest logarithm of a ratio of probabilities whose exponential is taken, in nats: far above what any clipping leaves, and far below an overflow.
_LARGEST_LOG_RATIO = 20.0


def reinforce(log_probs: tf.Tensor, returns: tf.Tensor) -> tf.Tensor:
  """Computes -log pi(token) * return; no gradient flows into the return.

  Args:
    log_probs: float `[B, T]` of the sampled tokens, differentiable in the policy.
    returns: float `[B, T]`, minus a baseline if there is one.

  Returns:
    float `[B, T]`; the caller masks the padding.
  """
  _check(log_probs, returns)
  return -log_probs * tf.stop_gradient(returns)


def penalty(log_probs: tf.Tensor, penalties: tf.Tensor) -> tf.Tensor:
  """Computes pi(token) * penalty, SentiGAN's objective (https://www.ijcai.org/proceedings/2018/0618.pdf); no gradient flows into the penalty.

  It uses the probability where REINFORCE uses the log-probability, so its gradient is pi * penalty * grad log pi. Averaged over the policy's own
  tokens, this is the gradient of 1/2 sum_x pi(x)^2 penalty(x), whose minimum has pi proportional to 1 / penalty: probability is spread instead of
  put on the best token.

  Args:
    log_probs: float `[B, T]` of the sampled tokens, differentiable in the policy.
    penalties: float `[B, T]`, at least 0.

  Returns:
    float `[B, T]`; the caller masks the padding.
  """
  _check(log_probs, penalties)
  return tf.exp(log_probs) * tf.stop_gradient(penalties)


def discounted_returns(rewards: tf.Tensor, mask: tf.Tensor, discount: float | tf.Tensor) -> tf.Tensor:
  """Computes R_t = sum_{s >= t} discount^(s - t) r_s over unmasked tokens.

  One product with a triangular matrix, which is faster than a scan over time at the lengths in use.

  Args:
    rewards: float `[B, T]`.
    mask: float `[B, T]`, 0 on padding.
    discount: in [0, 1], a number or a float scalar.

  Returns:
    float `[B, T]`; 0 on padding at the end.
  """
  _check(rewards, mask)
  position = tf.range(tf.shape(rewards)[1])
  distance = position[:, None] - position[None, :]
  # [s, t]. Exponents of excluded entries are clipped to 0: a discount of 0 has no negative powers.
  weights = tf.pow(tf.cast(discount, rewards.dtype), tf.cast(tf.maximum(distance, 0), rewards.dtype))
  return tf.matmul(rewards * mask, tf.where(distance >= 0, weights, tf.zeros([], rewards.dtype)))


def entropy_returns(log_probs: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
  """Computes -sum_{s >= t} log pi_s; as returns of `reinforce` they give an unbiased gradient of the entropy of whole sequences.

  grad H = -E[sum_t grad log pi_t sum_{s >= t} log pi_s] is the score-function estimate; the derivative of log pi_s itself has mean 0.

  Args:
    log_probs: float `[B, T]` of the sampled tokens, treated as constants.
    mask: float `[B, T]`, 0 on padding.

  Returns:
    float `[B, T]`, nats.
  """
  return discounted_returns(-log_probs, mask, 1.0)


def _of_one_replica(x):
  return x


def position_baseline(returns: tf.Tensor, mask: tf.Tensor, total: Callable[[tf.Tensor], tf.Tensor] = _of_one_replica) -> tf.Tensor:
  """Subtracts each position's mean over the batch.

  Reduces the variance. The mean includes the sequence itself, which shrinks the expected gradient by a factor 1 - 1/B.

  Args:
    returns: float `[B, T]`.
    mask: float `[B, T]`, 0 on padding.
    total: sums a tensor over the replicas.

  Returns:
    float `[B, T]`.
  """
  _check(returns, mask)
  return returns - tf.math.divide_no_nan(total(tf.reduce_sum(returns * mask, axis=0)), total(tf.reduce_sum(mask, axis=0)))


def leave_one_out(returns: tf.Tensor, mask: tf.Tensor, total: Callable[[tf.Tensor], tf.Tensor] = _of_one_replica) -> tf.Tensor:
  """Subtracts, at each position, the mean over the other sequences; it does not depend on the sequence itself, so the gradient is unbiased.

  Args:
    returns: float `[B, T]`.
    mask: float `[B, T]`, 0 on padding.
    total: sums a tensor over the replicas.

  Returns:
    float `[B, T]`; unchanged where there is no other sequence.
  """
  _check(returns, mask)
  own = returns * mask
  others = total(tf.reduce_sum(own, axis=0)) - own
  return returns - tf.math.divide_no_nan(others, total(tf.reduce_sum(mask, axis=0)) - mask)


def normalized(
  returns: tf.Tensor, mask: tf.Tensor, total: Callable[[tf.Tensor], tf.Tensor] = _of_one_replica, group_size: int | None = None
) -> tf.Tensor:
  """Shifts and scales returns to mean 0 and variance 1 over unmasked tokens, of the whole batch or of each group.

  The scale depends on the sample, so the expected gradient is parallel to the true one only for large batches.

  Args:
    returns: float `[B, T]`.
    mask: float `[B, T]`, 0 on padding.
    total: sums a tensor over the replicas. A group lies on one replica.
    group_size: size of the groups of adjacent rows (https://arxiv.org/abs/2402.03300), a divisor of B; None for the whole batch.

  Returns:
    float `[B, T]`; zeros where all returns are equal.
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
  # A standard deviation far below 1e-6 is rounding error and is not scaled up.
  return tf.reshape((groups - mean) * tf.math.rsqrt(variance + 1e-12), tf.shape(returns))


def clipped_ratio(log_probs: tf.Tensor, old_log_probs: tf.Tensor, advantages: tf.Tensor, epsilon: float) -> tf.Tensor:
  """Computes -min(r A, clip(r, 1 - epsilon, 1 + epsilon) A) with r = pi / pi_old, PPO's loss (https://arxiv.org/abs/1707.06347).

  Allows several updates on one sample. At r = 1 the gradient equals the gradient of `reinforce`; it is 0 once a token's ratio has moved by epsilon in
  the direction of its advantage.

  Args:
    log_probs: float `[B, T]` of the sampled tokens, differentiable in the policy.
    old_log_probs: float `[B, T]` at sampling time, treated as constants.
    advantages: float `[B, T]`, treated as constants.
    epsilon: above 0.

  Returns:
    float `[B, T]`; the caller masks the padding.
  """
  _check(log_probs, old_log_probs, advantages)
  ratio = tf.exp(tf.minimum(log_probs - tf.stop_gradient(old_log_probs), _LARGEST_LOG_RATIO))
  advantages = tf.stop_gradient(advantages)
  return -tf.minimum(ratio * advantages, tf.clip_by_value(ratio, 1.0 - epsilon, 1.0 + epsilon) * advantages)


def divergence_from_reference(log_probs: tf.Tensor, reference_log_probs: tf.Tensor) -> tf.Tensor:
  """Computes exp(d) - d - 1 with d = log ref - log pi at the sampled tokens: non-negative, with mean KL(pi || ref) given the sampled prefixes.

  It needs the sampled tokens only, an exact divergence all of `[B, T, V]` (k3 of http://joschu.net/blog/kl-approx.html). Its gradient,
  (1 - ref / pi) grad log pi, has the same mean as the gradient of KL(ref || pi) at the sampled prefixes. It also pulls towards the reference, and
  ignores the effect of a token on later ones.

  Args:
    log_probs: float `[B, T]` of tokens sampled from the policy, differentiable in the policy.
    reference_log_probs: float `[B, T]` under the reference, treated as constants.

  Returns:
    float `[B, T]`, nats; 0 where both are equal, as on padding. Differences count up to 20 nats.
  """
  _check(log_probs, reference_log_probs)
  difference = tf.minimum(tf.stop_gradient(reference_log_probs) - log_probs, _LARGEST_LOG_RATIO)
  return tf.exp(difference) - difference - 1.0


def importance_weights(scores: tf.Tensor) -> tf.Tensor:
  """Computes the odds D / (1 - D) = exp(score) of each sequence, divided by the mean odds of its group.

  If the score is log p_real - log pi, the weighted mean over the policy's samples estimates the mean over real text; the normalization makes it
  consistent rather than unbiased (MaliGAN, https://arxiv.org/abs/1702.07983).

  Args:
    scores: float `[..., N]`, logits of "real" in groups of N.

  Returns:
    float `[..., N]`, mean 1 in each group.
  """
  return tf.nn.softmax(scores) * tf.cast(tf.shape(scores)[-1], scores.dtype)


def proposal_weights(log_probs: tf.Tensor, proposal_log_probs: tf.Tensor, largest: float | tf.Tensor) -> tf.Tensor:
  """Computes min(largest, pi(x) / q(x)) for sequences x drawn from a proposal q: importance weights for means over pi.

  Without the limit the weighted mean is unbiased, provided that q > 0 wherever pi > 0. The limit bounds the variance (truncated importance sampling,
  Ionides, 2008) and underweights sequences with a larger ratio.

  Args:
    log_probs: float `[B, T]` of the tokens under pi, 0 on padding, treated as constants.
    proposal_log_probs: float `[B, T]` under q, 0 on padding.
    largest: above 0.

  Returns:
    float `[B]`.
  """
  _check(log_probs, proposal_log_probs)
  log_ratio = tf.reduce_sum(tf.stop_gradient(log_probs) - proposal_log_probs, axis=1)
  return tf.exp(tf.minimum(log_ratio, tf.math.log(tf.cast(largest, log_ratio.dtype))))


def rescaled_ranks(rewards: tf.Tensor, everyone: tf.Tensor, steepness: float = 16.0) -> tf.Tensor:
  """Computes sigmoid(steepness * (rank / N - 1/2)), with rank 1 for the smallest of N rewards of a time step.

  LeakGAN's bootstrapped rescaled activation (https://arxiv.org/abs/1709.08624; 16 is from its code). The spread of the result does not depend on the
  spread of the rewards.

  Args:
    rewards: float `[B, T]`.
    everyone: float `[N, T]`, all rewards that are ranked together, `rewards` included.
    steepness: slope of the sigmoid.

  Returns:
    float `[B, T]`. Equal rewards get the mean of their ranks.
  """
  _check(rewards)
  _check(everyone)
  difference = rewards[:, None] - everyone[None]
  # Differences within rounding count as ties: the same sentence may have two rewards that differ in the last digit.
  above = tf.where(tf.abs(difference) <= 1e-6, 0.5, tf.cast(difference > 0.0, rewards.dtype))
  rank = tf.reduce_sum(above, axis=1) + 0.5
  return tf.sigmoid(steepness * (rank / tf.cast(tf.shape(everyone)[0], rewards.dtype) - 0.5))


def repetition_factors(samples: tf.Tensor, everyone: tf.Tensor) -> tf.Tensor:
  """Computes the share of different sequences, divided by the number of times that a sample occurs: ORGAN's penalty (https://arxiv.org/abs/1705.10843).

  Args:
    samples: int32 `[B, T]`.
    everyone: int32 `[N, T]`, all sequences that are counted, `samples` included.

  Returns:
    float32 `[B]`; 1 if all sequences differ.
  """
  _check(samples)
  _check(everyone)
  different = tf.reduce_mean(1.0 / _occurrences(everyone, everyone))
  return different / _occurrences(samples, everyone)


def _occurrences(rows, everyone):
  """How often each row occurs among all: float32 `[B]`."""
  same = tf.reduce_all(tf.equal(rows[:, None], everyone[None]), axis=2)
  return tf.reduce_sum(tf.cast(same, tf.float32), axis=1)


def _check(*arrays):
  for x in arrays:
    x.shape.assert_has_rank(2)
    x.shape.assert_is_compatible_with(arrays[0].shape)
