"""Tests of tf_textgan.losses.policy_gradient."""

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
  # The reward is a constant: it passes no gradient to the discriminator.
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


@pytest.mark.parametrize("discount", [0.0, 0.7, 1.0])
def test_discounted_returns_sum_what_follows(discount):
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
