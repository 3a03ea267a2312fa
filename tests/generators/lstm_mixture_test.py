"""Tests of tf_textgan.generators.lstm_mixture."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.generators import lstm
from tf_textgan.generators import lstm_mixture
from tf_textgan.sampling import noise

PLAIN = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
SPEC = dataclasses.replace(PLAIN, categories=("neg", "pos"))
SEED = noise.seed(1)
CATEGORIES = tf.constant(np.random.default_rng(0).integers(0, 2, 30), tf.int32)


def _networks(latent_size=0):
  """A mixture, and two separate generators with its weights."""
  mixture = lstm_mixture.Generator(SPEC, lstm_mixture.Config(4, 6, latent_size, init_stddev=1.0, initialization="normal"))
  separate = [lstm.Generator(PLAIN, lstm.Config(4, 6, latent_size), seed=7 + i) for i in range(2)]
  for member, network in zip(mixture.members, separate):
    network.set_weights(member.get_weights())
  return mixture, separate


@pytest.mark.parametrize("latent_size", [0, 3])
def test_every_row_comes_from_the_generator_of_its_category(latent_size):
  mixture, separate = _networks(latent_size)
  tokens = mixture.sample(30, SEED).tokens
  latent = mixture.prior(30, SEED)
  of_each = [network.log_probs(tokens, latent).numpy() for network in separate]
  expected = np.where(CATEGORIES[:, None] == 0, *of_each)
  assert np.abs(of_each[0] - of_each[1]).max() > 0.5
  np.testing.assert_allclose(mixture.log_probs(tokens, latent, CATEGORIES), expected, atol=1e-5)
  np.testing.assert_allclose(tf.function(mixture.log_probs, jit_compile=True)(tokens, latent, CATEGORIES), expected, atol=1e-5)
  logits = np.where(CATEGORIES[:, None, None] == 0, *[network(tokens, latent).numpy() for network in separate])
  np.testing.assert_allclose(mixture(tokens, latent, CATEGORIES), logits, rtol=1e-5, atol=1e-4)
  cooler = np.where(CATEGORIES[:, None] == 0, *[network.log_probs(tokens, latent, temperature=0.5) for network in separate])
  np.testing.assert_allclose(mixture.log_probs(tokens, latent, CATEGORIES, temperature=0.5), cooler, atol=1e-4)


def test_in_one_category_it_samples_as_the_separate_generator():
  mixture, separate = _networks()
  generated = [network.sample(30, SEED) for network in separate]
  assert np.any(generated[0].tokens != generated[1].tokens)
  for i, expected in enumerate(generated):
    samples = mixture.sample(30, SEED, context=tf.constant(i))
    np.testing.assert_array_equal(samples.tokens, expected.tokens)
    np.testing.assert_allclose(samples.log_probs, expected.log_probs, atol=1e-5)
  mixed = mixture.sample(30, SEED, context=CATEGORIES).tokens
  np.testing.assert_array_equal(mixed, np.where(CATEGORIES[:, None] == 0, *[samples.tokens for samples in generated]))


def test_a_network_learns_from_the_rows_of_its_category_only():
  mixture, separate = _networks()
  tokens = mixture.sample(30, SEED).tokens
  with tf.GradientTape() as tape:
    loss = tf.reduce_sum(mixture.log_probs(tokens, mixture.prior(30, SEED), CATEGORIES))
  found = tape.gradient(loss, [weight.value for weight in mixture.trainable_variables])
  expected = []
  for i, network in enumerate(separate):
    with tf.GradientTape() as tape:
      loss = tf.reduce_sum(network.log_probs(tokens[CATEGORIES == i], tf.zeros([tf.reduce_sum(tf.cast(CATEGORIES == i, tf.int32)), 0])))
    expected += tape.gradient(loss, [weight.value for weight in network.trainable_variables])
  assert len(found) == len(expected)
  for a, b in zip(found, expected):
    np.testing.assert_allclose(tf.convert_to_tensor(a), tf.convert_to_tensor(b), rtol=1e-4, atol=1e-5)


def test_a_batch_may_lack_a_category():
  mixture, separate = _networks()
  tokens = mixture.sample(5, SEED).tokens
  expected = separate[1].log_probs(tokens, tf.zeros([5, 0]))
  np.testing.assert_allclose(mixture.log_probs(tokens, mixture.prior(5, SEED), tf.ones([5], tf.int32)), expected, atol=1e-5)


def test_without_categories_it_is_one_lstm():
  mixture, network = lstm_mixture.Generator(PLAIN, lstm_mixture.Config(4, 6)), lstm.Generator(PLAIN, lstm.Config(4, 6, initialization="glorot"))
  np.testing.assert_array_equal(mixture.sample(20, SEED).tokens, network.sample(20, SEED).tokens)
  assert mixture.count_params() == network.count_params()
