"""Tests of tf_textgan.algorithms.irlgan."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import irlgan
from tf_textgan.discriminators import token_lstm
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise
from tf_textgan.sampling import rollouts

TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
BITS = sequences.Spec(vocab_size=2, length=2, start_token=0)
REAL = np.array([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]], np.int32)
SEED = noise.seed(1)
START = tf.constant(0.0)


def _algorithm(spec=TEXT, l2=0.0, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.7))
  discriminator = token_lstm.Discriminator(spec, token_lstm.Config(embedding_size=4, hidden_size=6, dropout=0.0, l2=l2))
  config = irlgan.Config(**{"clip_norm": 0.0, "rollouts": 2, **changes})
  return irlgan.Algorithm(config, {"generator": generator, "discriminator": discriminator})


def _rewards(algorithm, tokens):
  scores = algorithm.discriminator.token_scores(tf.constant(tokens)).numpy().astype(np.float64)
  return np.where(np.asarray(tokens) != 0, 1.0 / (1.0 + np.exp(-scores)), 0.0)


def test_the_reward_networks_loss_matches_a_slow_twin():
  algorithm = _algorithm()
  fake = algorithm.generator.sample(3, noise.fold(SEED, "fake")).tokens.numpy()
  log_probs = tf.reduce_sum(algorithm.generator.log_probs(tf.constant(fake), tf.zeros([3, 0])), axis=1).numpy()
  real_sum, fake_sum = (_rewards(algorithm, x).sum(axis=1) for x in (REAL, fake))
  weights = np.exp(fake_sum - log_probs)
  weights /= weights.sum()
  metrics = algorithm.discriminator_step(sequences.Batch(tf.constant(REAL)), SEED, START)
  np.testing.assert_allclose(metrics["loss"], -real_sum.mean() + np.sum(weights * fake_sum), rtol=1e-4, atol=1e-6)
  np.testing.assert_allclose(metrics["effective_share"], 1.0 / np.sum(weights**2) / 3, rtol=1e-4)
  np.testing.assert_allclose(metrics["accuracy"], np.mean(real_sum > fake_sum))


def test_with_exact_weights_the_gradient_is_the_likelihoods_under_the_model():
  """On two bits, every sequence having been sampled as often as it is probable: exp(R) / Z is the model, Z the sum over all four."""
  algorithm = _algorithm(BITS)
  every = np.array(list(itertools.product(range(2), repeat=2)), np.int32)
  real = np.array([0.5, 0.25, 0.0, 0.25], np.float32)
  with tf.GradientTape() as tape:
    sums = tf.reduce_sum(algorithm.token_rewards(tf.constant(every)), axis=1)
    nll = -tf.reduce_sum(real * (sums - tf.reduce_logsumexp(sums)))
  expected = tape.gradient(nll, algorithm.discriminator.trainable_variables)
  # One sample of each, of a generator with equal probabilities.
  weights = algorithm.importance(tf.constant(every), tf.fill([4], -np.log(4.0).astype(np.float32)))
  with tf.GradientTape() as tape:
    sums = tf.reduce_sum(algorithm.token_rewards(tf.constant(every)), axis=1)
    loss = tf.reduce_mean(weights * sums) - tf.reduce_sum(real * sums)
  for a, b in zip(tape.gradient(loss, algorithm.discriminator.trainable_variables), expected):
    np.testing.assert_allclose(tf.convert_to_tensor(a), tf.convert_to_tensor(b), atol=1e-6)


def test_a_token_earns_its_own_reward_and_those_after_it(monkeypatch):
  algorithm = _algorithm(entropy_weight=0.0, advantage="none", policy_updates=1)
  seen = {}
  monkeypatch.setattr(rollouts, "rewards", lambda step, state_at, reward, tokens, *args: tf.repeat(reward(tokens)[:, None], 4, axis=1))

  def reinforce(log_probs, returns):
    seen["returns"] = returns.numpy()
    return -log_probs * tf.stop_gradient(returns)

  monkeypatch.setattr("tf_textgan.losses.policy_gradient.reinforce", reinforce)
  algorithm.generator_step(sequences.Batch(tf.constant(REAL)), SEED, START)
  tokens = algorithm.generator.sample(3, SEED).tokens.numpy()
  rewards = _rewards(algorithm, tokens)
  expected = np.cumsum(rewards[:, ::-1], axis=1)[:, ::-1]
  np.testing.assert_allclose(seen["returns"] * (tokens != 0), expected * (tokens != 0), rtol=1e-4, atol=1e-6)


def test_past_rewards_have_the_adversarys_share():
  algorithm = _algorithm()
  samples = tf.constant(REAL)
  whole = algorithm._judge(samples).past.numpy()
  algorithm.adversary_share = 0.25
  np.testing.assert_array_equal(algorithm._judge(samples).past, whole)  # No own rewards: nothing is mixed.
  algorithm.extra_rewards.append(lambda tokens: tf.ones(tf.shape(tokens)[:1]))
  np.testing.assert_allclose(algorithm._judge(samples).past, 0.25 * whole, rtol=1e-6)


@pytest.mark.parametrize("entropy_weight", [0.0, 1.0])
def test_the_generator_meets_the_rewards_and_keeps_its_entropy(entropy_weight):
  """The first token has all the reward; with the entropy's weight of 1 the second stays even, and the first is a softmax of its rewards."""
  algorithm = _algorithm(BITS, entropy_weight=entropy_weight, generator_learning_rate=0.05, policy_updates=1, rollouts=1)
  algorithm.discriminator.token_scores = lambda tokens, **_: tf.stack(
    [tf.where(tokens[:, 0] == 1, 20.0, -20.0), tf.fill(tf.shape(tokens)[:1], -20.0)], axis=1
  )
  step = tf.function(algorithm.generator_step)
  for i in range(150):
    step(sequences.Batch(tf.zeros([128, 2], tf.int32)), noise.fold(SEED, i), START)
  tokens = algorithm.generator.sample(2000, noise.seed(9)).tokens.numpy()
  if entropy_weight:
    np.testing.assert_allclose(tokens.mean(axis=0), [np.e / (1 + np.e), 0.5], atol=0.08)
  else:
    assert tokens[:, 0].mean() > 0.95
