"""Tests of tf_textgan.algorithms.jsdgan."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import jsdgan
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
BITS = sequences.Spec(vocab_size=2, length=2, start_token=0)
REAL = np.array([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]], np.int32)
SEED = noise.seed(1)
START = tf.constant(0.0)


def _algorithm(spec, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.7))
  return jsdgan.Algorithm(jsdgan.Config(**{"clip_norm": 0.0, **changes}), {"generator": generator})


def _log_probs(generator, tokens):
  return tf.reduce_sum(generator.log_probs(tf.constant(tokens), tf.zeros([len(tokens), 0])), axis=1)


def test_without_normalization_the_update_is_the_gradient_of_the_divergence():
  """Over all sequences of two bits, of which the text has three."""
  every = np.array(list(itertools.product(range(2), repeat=2)), np.int32)
  algorithm = _algorithm(BITS, normalization="none")
  real = np.array([1.0, 1.0, 0.0, 1.0], np.float32) / 3.0
  with tf.GradientTape() as tape:
    probs = tf.exp(_log_probs(algorithm.generator, every))
    middle = (probs + real) / 2.0
    from_real = tf.reduce_sum(tf.math.multiply_no_nan(tf.math.log(tf.maximum(real, 1e-9) / middle), real))
    twice = from_real + tf.reduce_sum(probs * tf.math.log(probs / middle))
  expected = tf.linalg.global_norm([tf.convert_to_tensor(g) for g in tape.gradient(twice, algorithm.generator.trainable_variables)])
  metrics = algorithm.generator_step(sequences.Batch(tf.constant(every[[0, 1, 3]])), SEED, START)
  # The mean over three sentences, where the divergence has their sum.
  np.testing.assert_allclose(3.0 * metrics["gradient_norm"], expected, rtol=1e-4)


@pytest.mark.parametrize("shift", [0.0, -300.0])
def test_weights_match_a_slow_twin_of_the_toolkits(shift):
  log_probs = np.array([-12.0, -3.0, -7.5, -3.4]) + shift
  probs = np.exp(log_probs.astype(np.longdouble))
  scaled = np.maximum((probs - probs.min()) / (probs.max() - probs.min()), 1e-10)
  expected = -scaled * np.log(1.0 - 0.25 / (0.25 + scaled))
  found = _algorithm(TEXT).weights(tf.constant(log_probs, tf.float32))
  np.testing.assert_allclose(found, expected.astype(np.float64), rtol=1e-3)


def test_equal_probabilities_have_equal_weights():
  weights = _algorithm(TEXT).weights(tf.constant([-5.0, -5.0, -5.0])).numpy()
  assert np.isfinite(weights).all() and np.ptp(weights) == 0.0


def test_the_loss_is_the_weighted_likelihood_of_real_text():
  algorithm = _algorithm(TEXT)
  log_probs = _log_probs(algorithm.generator, REAL)
  weights = algorithm.weights(log_probs).numpy()
  metrics = algorithm.generator_step(sequences.Batch(tf.constant(REAL)), SEED, START)
  np.testing.assert_allclose(metrics["loss"], -np.mean(weights * log_probs.numpy()), rtol=1e-5)
  np.testing.assert_allclose(metrics["effective_share"], weights.mean() ** 2 / np.mean(weights**2), rtol=1e-5)


def test_it_puts_probability_on_real_text_and_forgets_the_least_probable():
  algorithm = _algorithm(TEXT)
  before = np.exp(_log_probs(algorithm.generator, REAL).numpy())
  step = tf.function(algorithm.generator_step)
  for i in range(100):
    step(sequences.Batch(tf.constant(REAL)), noise.fold(SEED, i), START)
  after = np.exp(_log_probs(algorithm.generator, REAL).numpy())
  assert before.sum() < 0.05 and after.sum() > 0.8
  assert np.argmin(before) == 0 and after[0] < before[0]
