"""Tests of tf_textgan.algorithms.dgsan; the frozen copy is tested in ddo_test.py."""

import itertools

import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import dgsan
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
BITS = sequences.Spec(vocab_size=2, length=2, start_token=0)
REAL = np.array([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]], np.int32)
SEED = noise.seed(1)
START = tf.constant(0.0)


def _algorithm(spec, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.7))
  return dgsan.Algorithm(dgsan.Config(**{"clip_norm": 0.0, **changes}), {"generator": generator})


def test_the_loss_matches_a_slow_twin():
  algorithm = _algorithm(TEXT)
  algorithm.optimizers["generator_optimizer"].iterations.assign(1)  # In the midst of a round.
  algorithm.generator.output_bias.assign_add(tf.range(7.0) / 3.0)
  new, old = algorithm.generator, algorithm.modules["reference"]
  fake = old.sample(3, noise.fold(SEED, "fake")).tokens.numpy()
  expected = 0.0
  for tokens, sign in ((REAL, 1.0), (fake, -1.0)):
    p, q = (np.exp(network.log_probs(tf.constant(tokens), tf.zeros([3, 0])).numpy().astype(np.float64)) for network in (new, old))
    expected += np.sum(np.log(1.0 + (q / p) ** sign)[tokens != 0]) / 3
  metrics = algorithm.generator_step(sequences.Batch(tf.constant(REAL)), SEED, START)
  np.testing.assert_allclose(metrics["loss"], expected, rtol=1e-4)


def test_it_finds_the_real_distribution_in_rounds():
  every = np.array(list(itertools.product(range(2), repeat=2)), np.int32)
  counts = np.array([8, 4, 2, 2])
  algorithm = _algorithm(BITS, round_steps=40)
  step = tf.function(algorithm.generator_step)
  for i in range(300):
    step(sequences.Batch(tf.constant(np.repeat(every, 16 * counts, axis=0))), noise.fold(SEED, i), START)
  found = np.exp(tf.reduce_sum(algorithm.generator.log_probs(tf.constant(every), tf.zeros([4, 0])), axis=1))
  np.testing.assert_allclose(found, counts / 16, atol=0.05)
