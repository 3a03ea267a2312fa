"""Tests of tf_textgan.algorithms.seqgan."""

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import seqgan
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import cnn_highway
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
SEED = noise.seed(1)
START = tf.constant(0.0)


def _algorithm(spec=FIXED, judge=None, stddev=0.1, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=stddev))
  return seqgan.Algorithm(seqgan.Config(rollouts=4, **changes), {"generator": generator, "discriminator": judge or judges.LikesToken(spec, 5)})


def _batch(num):
  return sequences.Batch(tf.zeros([num, 4], tf.int32))


@pytest.mark.parametrize("changes", [{}, {"advantage": "normalized", "policy_updates": 2}], ids=str)
def test_a_token_that_is_liked_becomes_probable(changes):
  algorithm = _algorithm(**changes)
  share = lambda: np.mean(algorithm.generator.sample(500, noise.seed(9)).tokens == 5)  # noqa: E731
  before = share()
  step = tf.function(algorithm.generator_step)
  rewards = [step(_batch(32), noise.fold(SEED, i), START)["reward"].numpy() for i in range(40)]
  assert before < 0.25 and share() > 0.8
  assert np.mean(rewards[-5:]) > np.mean(rewards[:5]) + 0.3


def test_the_reward_is_the_probability_of_being_real():
  algorithm = _algorithm()
  reward = algorithm.generator_step(_batch(500), SEED, START)["reward"].numpy()
  # Nearly uniform tokens: the number of fives among four is binomial.
  counts = np.random.default_rng(0).binomial(4, 1 / 7, 100000)
  expected = np.mean(1 / (1 + np.exp(-8 * (counts / 4 - 0.5))))
  assert abs(reward - expected) < 0.03


def test_the_discriminator_makes_the_vanilla_step():
  discriminators = [recurrent.Discriminator(TEXT, recurrent.Config(4, 5)) for _ in range(2)]
  algorithm, real = _algorithm(TEXT, discriminators[0], stddev=1.0), sequences.Batch(tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]]))
  metrics = algorithm.discriminator_step(real, SEED, START)
  expected = vanilla.step(algorithm.generator, discriminators[1], base.adam(discriminators[1], 1e-4), real, SEED)
  assert metrics.keys() == expected.keys() and all(metrics[name] == expected[name] for name in metrics)
  for a, b in zip(*(discriminator.get_weights() for discriminator in discriminators), strict=True):
    np.testing.assert_array_equal(a, b)


def test_completions_are_rewarded_as_whole_sequences_and_cheaper_where_the_discriminator_can():
  discriminator = cnn_highway.Discriminator(TEXT, cnn_highway.Config(4, (1, 2), (5, 5), dropout=0.0))
  algorithm = _algorithm(TEXT, discriminator)
  algorithm.extra_rewards.append(lambda tokens: tf.cast(tokens[:, -1], tf.float32))
  tokens = tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]])
  completed, rows = tf.constant([[5, 5, 3, 6], [3, 4, 2, 0], [3, 4, 4, 4]]), tf.constant([2, 0, 0])
  judge = algorithm.judge_by_scores(tokens)
  expected = tf.sigmoid(discriminator(completed)) + tf.constant([6.0, 0.0, 4.0])
  np.testing.assert_allclose(judge.reward(completed, rows), expected, rtol=1e-6)
  np.testing.assert_allclose(judge.reward_completions(completed, rows, tf.constant(1)), expected, rtol=1e-5)
  assert _algorithm().judge_by_scores(tokens).reward_completions is None
