"""Tests of tf_textgan.algorithms.organ; mixture and penalty are tested for all algorithms in rewards_test.py."""

import numpy as np
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import sequences
from tf_textgan.algorithms import organ
from tf_textgan.algorithms import seqgan
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=4, start_token=0)
SEED = noise.seed(1)
REAL = sequences.Batch(tf.zeros([16, 4], tf.int32))


def _algorithm(module, **changes):
  generator = lstm.Generator(SPEC, lstm.Config(embedding_size=4, hidden_size=5))
  config = module.Config(rollouts=2, **changes)
  return module.Algorithm(config, {"generator": generator, "discriminator": judges.LikesToken(SPEC, 5)})


def test_without_objectives_it_is_seqgan():
  one, two = _algorithm(organ), _algorithm(seqgan)
  for algorithm in (one, two):
    algorithm.generator_step(REAL, SEED, tf.constant(0.0))
    algorithm.discriminator_step(REAL, SEED, tf.constant(0.0))
  for a, b in zip([*one.generator.get_weights(), *one.discriminator.get_weights()], [*two.generator.get_weights(), *two.discriminator.get_weights()]):
    np.testing.assert_array_equal(a, b)


def test_the_reward_of_the_last_token_is_the_mixture_less_for_repeats():
  algorithm = _algorithm(organ)
  algorithm.extra_rewards.append(lambda tokens: tf.cast(tokens[:, 0], tf.float32))
  samples = tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [3, 4, 5, 2], [5, 5, 5, 5]])
  judge = algorithm.judge_by_scores(samples)
  probability = 1.0 / (1.0 + np.exp(-algorithm.discriminator(samples).numpy()))
  expected = 0.5 * probability + 0.5 * np.array([3.0, 6.0, 3.0, 5.0]) * 0.75 / np.array([2, 1, 2, 1])
  np.testing.assert_allclose(judge.reward(samples, tf.range(4)), expected, rtol=1e-5)
  # Completions that happen to be the same are no repeats; those of a repeated sample have its factor.
  completions, rows = tf.constant([[6, 1, 1, 1], [6, 1, 1, 1], [3, 1, 1, 1]]), tf.constant([1, 1, 2])
  probability = 1.0 / (1.0 + np.exp(-algorithm.discriminator(completions).numpy()))
  expected = 0.5 * probability + 0.5 * np.array([6.0, 6.0, 3.0 / 2]) * 0.75
  np.testing.assert_allclose(judge.reward(completions, rows), expected, rtol=1e-5)


def test_an_objective_is_met_without_repeating_one_sequence():
  """Any sequence that begins with the token 3 meets the objective, and the discriminator likes all alike."""
  algorithm = _algorithm(organ, advantage="baseline", generator_learning_rate=0.05)
  algorithm.discriminator.scale.assign(0.0)
  algorithm.extra_rewards.append(lambda tokens: tf.cast(tokens[:, 0] == 3, tf.float32))
  step = tf.function(algorithm.generator_step)
  for i in range(60):
    step(sequences.Batch(tf.zeros([64, 4], tf.int32)), noise.fold(SEED, i), tf.constant(0.0))
  tokens = algorithm.generator.sample(500, noise.seed(9)).tokens.numpy()
  assert np.mean(tokens[:, 0] == 3) > 0.9 and len(np.unique(tokens, axis=0)) > 100
