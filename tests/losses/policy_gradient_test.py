"""Tests of tf_textgan.losses.policy_gradient."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import categorical
from tf_textgan.sampling import noise

LOGITS = np.array([0.5, -0.3, 1.0], np.float32)
REWARDS = np.array([1.0, -2.0, 0.5], np.float32)


def test_values_and_gradient_of_hand_made_arrays():
  log_probs, returns = tf.constant([[-1.0, -2.0]]), tf.constant([[0.5, -3.0]])
  with tf.GradientTape() as tape:
    tape.watch([log_probs, returns])
    loss = policy_gradient.reinforce(log_probs, returns)
  np.testing.assert_allclose(loss, [[0.5, -6.0]])
  to_log_probs, to_returns = tape.gradient(loss, [log_probs, returns])
  np.testing.assert_allclose(to_log_probs, [[-0.5, 3.0]])
  # No gradient flows into the return.
  assert to_returns is None


@pytest.mark.parametrize("baseline", [0.0, 0.4])
def test_the_estimate_is_unbiased(baseline):
  """Three tokens, one step: the mean over samples is the gradient of the expected reward, with a baseline or without."""
  num = 40000
  probs = np.exp(LOGITS) / np.exp(LOGITS).sum()
  exact = probs * (REWARDS - np.dot(probs, REWARDS))
  logits = tf.repeat(LOGITS[None], num, axis=0)
  tokens = categorical.draw(logits, noise.seed(1)).tokens
  with tf.GradientTape() as tape:
    tape.watch(logits)
    log_probs = tf.gather(tf.nn.log_softmax(logits), tokens, batch_dims=1)[:, None]
    loss = policy_gradient.reinforce(log_probs, tf.gather(REWARDS - np.float32(baseline), tokens)[:, None])
  estimates = -tape.gradient(loss, logits).numpy()
  error = estimates.std(axis=0) / np.sqrt(num)
  assert (np.abs(estimates.mean(axis=0) - exact) < 4 * error).all()
  assert np.abs(exact).max() > 10 * error.max()


def test_the_estimate_is_unbiased_over_two_steps():
  """Two steps, the second conditioned on the first: each token's return is the reward of the whole."""
  num = 60000
  first = tf.Variable(LOGITS)
  second = tf.Variable(np.random.default_rng(0).normal(size=[3, 3]).astype(np.float32))
  rewards = tf.constant(np.random.default_rng(1).normal(size=[3, 3]), tf.float32)
  with tf.GradientTape() as tape:
    expected = tf.reduce_sum(tf.nn.softmax(first)[:, None] * tf.nn.softmax(second) * rewards)
  exact = tape.gradient(expected, [first, second])
  x = categorical.draw(tf.repeat(first[None], num, axis=0), noise.seed(1)).tokens
  y = categorical.draw(tf.gather(second, x), noise.seed(2)).tokens
  returns = tf.gather_nd(rewards, tf.stack([x, y], axis=1))
  with tf.GradientTape() as tape:
    log_probs = tf.stack([tf.gather(tf.nn.log_softmax(first), x), tf.gather_nd(tf.nn.log_softmax(second), tf.stack([x, y], axis=1))], axis=1)
    loss = tf.reduce_mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, tf.repeat(returns[:, None], 2, axis=1)), axis=1))
  estimate = tape.gradient(loss, [first, second])
  for e, x in zip(estimate, exact):
    # A term of the estimate is at most |return| <= 2.
    np.testing.assert_allclose(-e, x, atol=4 * 2 / np.sqrt(num))


def test_ranks_are_checked():
  with pytest.raises(ValueError):
    policy_gradient.reinforce(tf.zeros([2, 3]), tf.zeros([2]))


def test_importance_weights_are_odds_over_their_mean():
  d = np.array([[0.2, 0.5, 0.9], [0.1, 0.1, 0.1]])
  odds = d / (1 - d)
  weights = policy_gradient.importance_weights(tf.constant(np.log(odds)))
  np.testing.assert_allclose(weights, odds / odds.mean(axis=1, keepdims=True), rtol=1e-6)


def test_proposal_weights_of_hand_made_arrays():
  log_probs = tf.math.log([[0.5, 0.2], [0.9, 1.0], [0.1, 1.0]])
  proposal = tf.math.log([[0.25, 0.4], [0.3, 1.0], [0.8, 1.0]])
  with tf.GradientTape() as tape:
    tape.watch(log_probs)
    weights = policy_gradient.proposal_weights(log_probs, proposal, 2.0)
  np.testing.assert_allclose(weights, [1.0, 2.0, 0.125], rtol=1e-6)
  assert tape.gradient(weights, log_probs) is None
  # A ratio that overflows a float is clipped to the limit.
  np.testing.assert_allclose(policy_gradient.proposal_weights(tf.zeros([1, 1]), tf.constant([[-500.0]]), 3.0), [3.0], rtol=1e-6)


@pytest.mark.parametrize("discount", [0.0, 0.7, 1.0])
def test_discounted_returns_sum_later_rewards(discount):
  random = np.random.default_rng(0)
  rewards, lengths = random.normal(size=[5, 7]).astype(np.float32), [7, 4, 1, 0, 6]
  mask = (np.arange(7) < np.array(lengths)[:, None]).astype(np.float32)
  expected = np.zeros([5, 7])
  for b, length in enumerate(lengths):
    for t in reversed(range(length)):
      expected[b, t] = rewards[b, t] + (discount * expected[b, t + 1] if t + 1 < length else 0.0)
  returns = policy_gradient.discounted_returns(tf.constant(rewards), tf.constant(mask), discount)
  np.testing.assert_allclose(returns, expected, atol=1e-5)
  assert not np.any(returns[mask == 0])


def test_baselines_and_normalization_equal_a_slow_implementation():
  random = np.random.default_rng(0)
  returns, lengths = random.normal(2.0, 3.0, size=[6, 4]).astype(np.float32), [4, 3, 1, 4, 2, 2]
  mask = (np.arange(4) < np.array(lengths)[:, None]).astype(np.float32)
  centred, left_out = returns.copy(), returns.copy()
  for b, t in zip(*np.nonzero(mask)):
    at_t = [i for i in range(6) if mask[i, t]]
    centred[b, t] -= np.mean([returns[i, t] for i in at_t])
    left_out[b, t] -= np.mean([returns[i, t] for i in at_t if i != b]) if len(at_t) > 1 else 0.0
  counts = mask > 0
  results = [f(tf.constant(returns), tf.constant(mask)) for f in (policy_gradient.position_baseline, policy_gradient.leave_one_out)]
  for result, expected in zip(results, (centred, left_out)):
    np.testing.assert_allclose(result.numpy()[counts], expected[counts], atol=1e-5)
  for size in (None, 3, 2):
    result = policy_gradient.normalized(tf.constant(returns), tf.constant(mask), group_size=size).numpy()
    for rows in np.split(np.arange(6), 6 // (size or 6)):
      values = returns[rows][counts[rows]]
      np.testing.assert_allclose(result[rows][counts[rows]], (values - values.mean()) / values.std(), atol=1e-5)


@pytest.mark.parametrize("name", ["position_baseline", "leave_one_out", "normalized"])
def test_advantages_on_replicas_equal_the_whole_batch(name, two_replicas):
  advantages = getattr(policy_gradient, name)
  returns = np.random.default_rng(0).normal(size=[6, 4]).astype(np.float32)
  mask = (np.arange(4) < np.array([4, 3, 1, 4, 2, 2])[:, None]).astype(np.float32)
  whole = advantages(tf.constant(returns), tf.constant(mask), noise.sum_over_replicas)

  def of_a_replica():
    rows = 3 * tf.distribute.get_replica_context().replica_id_in_sync_group + tf.range(3)
    return advantages(tf.gather(returns, rows), tf.gather(mask, rows), noise.sum_over_replicas)

  parts = two_replicas.experimental_local_results(two_replicas.run(of_a_replica))
  np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


def test_equal_returns_are_normalized_to_zero():
  mask = tf.constant([[1.0, 1.0], [1.0, 0.0]])
  np.testing.assert_allclose(policy_gradient.normalized(tf.fill([2, 2], 0.7), mask), np.zeros([2, 2]), atol=0.1)


def test_the_ratio_is_clipped_in_the_direction_of_the_advantage():
  old = np.log(np.full([1, 4], 0.5, np.float32))
  log_probs = tf.constant(old + np.log([[1.5, 1.5, 0.5, 0.5]]).astype(np.float32))
  advantages = tf.constant([[2.0, -2.0, 2.0, -2.0]])
  with tf.GradientTape() as tape:
    tape.watch([log_probs, advantages])
    loss = policy_gradient.clipped_ratio(log_probs, tf.constant(old), advantages, 0.2)
  np.testing.assert_allclose(loss, [[-2.4, 3.0, -1.0, 1.6]], rtol=1e-5)
  to_log_probs, to_advantages = tape.gradient(loss, [log_probs, advantages])
  np.testing.assert_allclose(to_log_probs, [[0.0, 3.0, -1.0, 0.0]], rtol=1e-5)
  assert to_advantages is None


class _Policy:
  """Three tokens, three steps, a table of logits for each prefix. If `ends`, token 2 ends a sequence and 0 pads it."""

  def __init__(self, seed, ends):
    random = np.random.default_rng(seed)
    prefixes = [p for n in range(3) for p in itertools.product(range(3), repeat=n) if not (ends and 2 in p)]
    self.rows = {p: i for i, p in enumerate(prefixes)}
    self.table = tf.Variable(random.normal(size=[len(prefixes), 3]).astype(np.float32))
    written = [p for p in itertools.product(range(3), repeat=3) if not ends or 2 not in p[:-1] or not any(p[p.index(2) + 1 :])]
    self.tokens = np.array(written)
    self.mask = np.array([[not (ends and 2 in p[:t]) for t in range(3)] for p in written], np.float32)
    self._cells = np.array([[[self.rows.get(p[:t], 0), p[t]] for t in range(3)] for p in written])

  def log_probs(self):
    """Computes log-probabilities of all sequences' tokens, `[N, 3]`."""
    return tf.gather_nd(tf.nn.log_softmax(self.table), self._cells) * self.mask

  def probs(self):
    return tf.exp(tf.reduce_sum(self.log_probs(), axis=1))

  def gradient(self, function):
    with tf.GradientTape() as tape:
      value = function()
    return tf.convert_to_tensor(tape.gradient(value, self.table)).numpy()

  def expected(self, losses):
    """Computes the exact mean of an estimate: the gradients of `losses()`, `[N, 3]`, weighted by the sequences' probabilities."""
    probs = self.probs()
    return self.gradient(lambda: tf.reduce_sum(probs * tf.reduce_sum(losses() * self.mask, axis=1)))


_each_policy = pytest.mark.parametrize("ends", [False, True], ids=["fixed", "text"])


@_each_policy
def test_every_sequence_is_enumerated_once(ends):
  policy = _Policy(0, ends)
  assert len(policy.tokens) == (27 if not ends else 15) == len(np.unique(policy.tokens, axis=0))
  np.testing.assert_allclose(tf.reduce_sum(policy.probs()), 1.0, rtol=1e-5)


@_each_policy
@pytest.mark.parametrize("baseline", [False, True])
def test_returns_with_any_baseline_of_the_prefix_are_unbiased(ends, baseline):
  policy = _Policy(0, ends)
  # The reward of a token depends on the tokens up to it.
  worth = np.random.default_rng(1).normal(size=[3, 3, 3]).astype(np.float32)
  rewards = np.array([[worth[t, p[t], p[t - 1] if t else 0] for t in range(3)] for p in policy.tokens]) * policy.mask
  returns = policy_gradient.discounted_returns(tf.constant(rewards, tf.float32), tf.constant(policy.mask), 1.0)
  if baseline:
    returns += np.array([[0.7 * t + (p[t - 1] if t else -3.0) for t in range(3)] for p in policy.tokens], np.float32)
  exact = policy.gradient(lambda: tf.reduce_sum(policy.probs() * np.sum(rewards, axis=1, dtype=np.float32)))
  estimate = policy.expected(lambda: policy_gradient.reinforce(policy.log_probs(), returns))
  assert np.abs(exact).max() > 0.05
  np.testing.assert_allclose(-estimate, exact, atol=1e-5)


@_each_policy
def test_leave_one_out_is_unbiased_and_the_mean_of_all_shrinks_the_gradient(ends):
  policy = _Policy(0, ends)
  num = len(policy.tokens)
  rewards = np.random.default_rng(1).normal(size=[num, 1]).astype(np.float32) * np.ones([1, 3], np.float32)
  exact = policy.gradient(lambda: tf.reduce_sum(policy.probs() * rewards[:, 0]))
  # All batches of two sequences, weighted by their probabilities.
  first, second = (x.ravel() for x in np.meshgrid(np.arange(num), np.arange(num)))
  estimates = {}
  for function in (policy_gradient.leave_one_out, policy_gradient.position_baseline):
    batches = np.array([function(tf.constant(rewards[[i, j]]), tf.constant(policy.mask[[i, j]])).numpy() for i, j in zip(first, second)])
    probs = tf.gather(policy.probs(), first) * tf.gather(policy.probs(), second)

    def loss(batches=batches, probs=probs):
      log_probs = policy.log_probs()
      losses = [policy_gradient.reinforce(tf.gather(log_probs, rows), tf.constant(batches[:, i])) for i, rows in enumerate((first, second))]
      return tf.reduce_sum(probs * tf.reduce_sum(0.5 * (losses[0] + losses[1]), axis=1))

    estimates[function.__name__] = -policy.gradient(loss)
  assert np.abs(exact).max() > 0.05
  np.testing.assert_allclose(estimates["leave_one_out"], exact, atol=1e-5)
  if not ends:
    np.testing.assert_allclose(estimates["position_baseline"], 0.5 * exact, atol=1e-5)


@_each_policy
def test_the_entropy_bonus_has_the_entropys_gradient(ends):
  policy = _Policy(0, ends)
  entropy = lambda: -tf.reduce_sum(policy.probs() * tf.reduce_sum(policy.log_probs(), axis=1))  # noqa: E731
  returns = policy_gradient.entropy_returns(policy.log_probs(), tf.constant(policy.mask))
  np.testing.assert_allclose(tf.reduce_sum(policy.probs() * returns[:, 0]), entropy(), rtol=1e-5)
  estimate = policy.expected(lambda: policy_gradient.reinforce(policy.log_probs(), returns))
  np.testing.assert_allclose(-estimate, policy.gradient(entropy), atol=1e-5)


@_each_policy
def test_the_divergence_has_the_value_of_reverse_kl_and_the_gradient_of_forward_kl(ends):
  policy, reference = _Policy(0, ends), _Policy(1, ends)
  losses = lambda: policy_gradient.divergence_from_reference(policy.log_probs(), reference.log_probs())  # noqa: E731
  assert np.all(losses() >= 0.0)
  ratio = tf.reduce_sum(policy.log_probs() - reference.log_probs(), axis=1)
  np.testing.assert_allclose(
    tf.reduce_sum(policy.probs() * tf.reduce_sum(losses(), axis=1)), tf.reduce_sum(policy.probs() * ratio), rtol=1e-5
  )
  # Probability of each prefix under the policy.
  reached = np.zeros(len(policy.rows), np.float32)
  for p, prob, mask in zip(policy.tokens, policy.probs().numpy(), policy.mask):
    for t in range(3):
      reached[policy.rows[tuple(p[:t])] if mask[t] else 0] += prob * mask[t]
  other = lambda: tf.reduce_sum(  # noqa: E731
    reached[:, None] * tf.nn.softmax(reference.table) * (tf.nn.log_softmax(reference.table) - tf.nn.log_softmax(policy.table))
  )
  np.testing.assert_allclose(policy.expected(losses), policy.gradient(other), atol=1e-5)


def test_the_first_update_with_a_clipped_ratio_equals_reinforce():
  policy = _Policy(0, True)
  advantages = tf.constant(np.random.default_rng(1).normal(size=policy.mask.shape), tf.float32)
  old = policy.log_probs()
  first = policy.expected(lambda: policy_gradient.clipped_ratio(policy.log_probs(), old, advantages, 0.2))
  np.testing.assert_allclose(first, policy.expected(lambda: policy_gradient.reinforce(policy.log_probs(), advantages)), atol=1e-5)


def test_rescaled_ranks_of_hand_made_arrays():
  rewards = tf.constant([[0.1, 0.5], [0.3, 0.5], [0.2, 0.4], [0.9, 0.5 + 1e-7]])
  ranks = np.array([[1.0, 3.0], [3.0, 3.0], [2.0, 1.0], [4.0, 3.0]])
  expected = 1 / (1 + np.exp(-(16 * ranks / 4 - 8)))
  np.testing.assert_allclose(policy_gradient.rescaled_ranks(rewards, rewards), expected, rtol=1e-5)
  np.testing.assert_allclose(policy_gradient.rescaled_ranks(rewards[:2], rewards), expected[:2], rtol=1e-5)
  np.testing.assert_allclose(policy_gradient.rescaled_ranks(rewards, rewards, 0.0), np.full([4, 2], 0.5))


def test_the_penalty_multiplies_the_probability():
  log_probs, penalties = tf.math.log(tf.constant([[0.5, 0.25]])), tf.constant([[0.8, 0.4]])
  with tf.GradientTape() as tape:
    tape.watch([log_probs, penalties])
    loss = policy_gradient.penalty(log_probs, penalties)
  np.testing.assert_allclose(loss, [[0.4, 0.1]], rtol=1e-6)
  to_log_probs, to_penalties = tape.gradient(loss, [log_probs, penalties])
  np.testing.assert_allclose(to_log_probs, [[0.4, 0.1]], rtol=1e-6)  # pi * penalty, because the derivative of pi * penalty by pi is the penalty.
  assert to_penalties is None


def test_the_penalty_over_the_policys_own_tokens_is_least_where_probabilities_are_inverse_to_penalties():
  penalties = np.array([0.9, 0.3, 0.6], np.float32)

  def gradient(logits):
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
      tape.watch(logits)
      log_probs = tf.nn.log_softmax(logits)
      loss = tf.reduce_sum(tf.stop_gradient(tf.exp(log_probs)) * policy_gradient.penalty(log_probs[None], tf.constant(penalties[None]))[0])
    return tape.gradient(loss, logits).numpy()

  probs = np.exp(LOGITS) / np.exp(LOGITS).sum()
  np.testing.assert_allclose(gradient(LOGITS), probs**2 * penalties - probs * np.dot(probs**2, penalties), atol=1e-6)
  np.testing.assert_allclose(gradient(-np.log(penalties)), 0.0, atol=1e-7)
  assert np.abs(gradient(LOGITS)).max() > 0.01


def test_samples_that_all_rank_below_real_sentences_earn_little():
  samples, real = tf.random.stateless_uniform([64, 1], [1, 2]), tf.fill([64, 1], 2.0)
  alone, among = (policy_gradient.rescaled_ranks(samples, everyone) for everyone in (samples, tf.concat([samples, real], axis=0)))
  # The mean rank of a batch alone is the same whatever the rewards are.
  np.testing.assert_allclose([tf.reduce_mean(alone), tf.reduce_mean(among)], [0.508, 0.091], atol=1e-3)


def test_repetition_factors():
  everyone = tf.constant([[1, 2], [1, 2], [1, 3], [4, 4]])
  np.testing.assert_allclose(policy_gradient.repetition_factors(everyone, everyone), np.array([0.5, 0.5, 1.0, 1.0]) * 0.75)
  # Of one replica, counted among the samples of both.
  np.testing.assert_allclose(policy_gradient.repetition_factors(everyone[1:3], everyone), [0.375, 0.75])
