"""A user's own reward in every algorithm that has one: what it likes becomes probable, whatever the discriminator says."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.conformance import tiny
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

SPEC = tiny.SPECS["fixed"]
SEED = noise.seed(1)
LIKED = 5
# Settings that make each learn quickly from it.
SETTINGS = {
  "coldgan": {"exploration_share": 1.0, "exploration_temperature": 1.0, "exploration_nucleus": 1.0},
  "dpgan": {"advantage": "baseline"},
  "gad": {"demonstration_share": 0.0, "kl_weight": 0.0},
  "irlgan": {"entropy_weight": 0.0},
  "leakgan": {},
  "maligan": {},
  "maskgan": {"mask_all": 1.0},
  "mmd": {},
  "organ": {"advantage": "baseline"},
  "rankgan": {},
  "scratchgan": {},
  "selfgan": {"candidates": 8},
  "sentigan": {},
  "seqgan": {"advantage": "baseline"},
}
_QUICK = ("coldgan", "gad", "selfgan")


def _likes(tokens):
  return 4.0 * tf.reduce_mean(tf.cast(tf.equal(tokens, LIKED), tf.float32), axis=1)


def test_all_that_have_rewards_are_here():
  assert sorted(name for name in tiny.ALGORITHMS if tiny.algorithm(name, SPEC).rewarded) == sorted(SETTINGS)


# LeakGAN's worker is rewarded for following the goals, and only these for the rewards: too indirect for a short test.
_DIRECT = [name for name in SETTINGS if name != "leakgan"]


@pytest.mark.parametrize("name", [name if name in _QUICK else pytest.param(name, marks=pytest.mark.slow) for name in _DIRECT])
def test_what_is_rewarded_becomes_probable(name):
  learning_rate = {"generator_learning_rate": 0.03}
  algorithm = tiny.algorithm(name, SPEC, **learning_rate, **SETTINGS[name])
  algorithm.extra_rewards.append(_likes)
  share = lambda: np.mean(algorithm.generator.sample(500, noise.seed(9)).tokens == LIKED)  # noqa: E731
  before = share()
  step = tf.function(tiny.updates(algorithm)["generator"].train_step)
  for i in range(40):
    step(sequences.Batch(tf.zeros([32, SPEC.length], tf.int32)), noise.fold(SEED, i), tf.constant(0.0))
  assert before < 0.3 and share() > before + 0.2, (before, share())


def test_leakgans_goals_are_for_the_rewards():
  algorithm = tiny.algorithm("leakgan", SPEC)
  algorithm.extra_rewards.append(lambda tokens: tf.fill(tf.shape(tokens)[:1], 7.0))
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([8, SPEC.length], tf.int32)), SEED, tf.constant(0.0))
  assert 7.0 < metrics["reward"] < 8.0


@pytest.mark.parametrize("name", SETTINGS)
def test_the_users_reward_is_added_to_the_adversarial_one(name):
  algorithm = tiny.algorithm(name, SPEC)
  algorithm.adversary_share, algorithm.penalize_repeats = None, False
  tokens = tf.constant(tiny.batch(SPEC, 6))
  scores = tf.constant(np.random.default_rng(0).normal(size=6), tf.float32)
  own = algorithm.reward(tokens, scores)
  np.testing.assert_allclose(own, algorithm.adversarial_reward(scores))
  algorithm.extra_rewards += [_likes, lambda tokens: tf.fill(tf.shape(tokens)[:1], 0.5)]
  np.testing.assert_allclose(algorithm.reward(tokens, scores), own + _likes(tokens) + 0.5, rtol=1e-6)
  # Each token of a dense reward earns it.
  dense = tf.repeat(scores[:, None], SPEC.length, axis=1)
  np.testing.assert_allclose(algorithm.reward(tokens, dense), algorithm.adversarial_reward(dense) + (_likes(tokens) + 0.5)[:, None], rtol=1e-6)


@pytest.mark.parametrize("name", SETTINGS)
def test_rewards_are_mixed_by_the_adversarys_share_and_repeats_earn_less(name):
  algorithm = tiny.algorithm(name, SPEC)
  algorithm.adversary_share, algorithm.penalize_repeats = 0.3, True
  tokens = tf.gather(tf.constant(tiny.batch(SPEC, 3)), [0, 1, 0, 2, 0])
  scores = tf.constant(np.random.default_rng(0).normal(size=5), tf.float32)
  adversarial = algorithm.reward(tokens, scores)
  np.testing.assert_allclose(adversarial, algorithm.adversarial_reward(scores))  # Without own rewards nothing is mixed.
  algorithm.extra_rewards.append(lambda tokens: 1.0 + _likes(tokens))
  # Three of five sequences differ.
  own = (1.0 + _likes(tokens)) * 0.6 / np.array([3, 1, 3, 1, 3])
  np.testing.assert_allclose(algorithm.reward(tokens, scores), 0.3 * adversarial + 0.7 * own, rtol=1e-5)
  np.testing.assert_allclose(algorithm.reward(tokens, scores, tf.fill([5], 2.0)), 0.3 * adversarial + 1.4 * (1.0 + _likes(tokens)), rtol=1e-5)


@pytest.mark.parametrize("name", ["seqgan", "rankgan", "leakgan", "organ", "irlgan"])
def test_completions_are_penalized_as_their_samples(name):
  """A generator that draws one sequence eight times: own rewards are 1/64 of what they are worth, at every token."""
  rewards = []
  for penalized in (False, True):
    algorithm = tiny.algorithm(name, SPEC)
    algorithm.adversary_share, algorithm.penalize_repeats = 0.0, penalized
    algorithm.generator.picker = pickers.Argmax()
    algorithm.extra_rewards.append(lambda tokens: tf.fill(tf.shape(tokens)[:1], 7.0))
    metrics = algorithm.generator_step(sequences.Batch(tf.constant(tiny.batch(SPEC, 8))), SEED, tf.constant(0.0))
    rewards.append(float(metrics["reward"]))
  np.testing.assert_allclose(rewards, [7.0, 7.0 / 64], rtol=1e-4)
