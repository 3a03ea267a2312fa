"""Tests of tf_textgan.algorithms.seqgan."""

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import sequences
from tf_textgan.algorithms import seqgan
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
