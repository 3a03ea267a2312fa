"""Tests of tf_textgan.algorithms.steps.reconstruction."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import reconstruction
from tf_textgan.conformance import tiny
from tf_textgan.evaluation import reconstruction as evaluation
from tf_textgan.generators import autoencoder
from tf_textgan.sampling import noise

SPEC = tiny.SPECS["text"]
SEED = noise.seed(1)


def _make(code, hidden_size=8, learning_rate=1e-2):
  config = autoencoder.Config(embedding_size=8, hidden_size=hidden_size, latent_size=6, noise_size=4, prior_sizes=(8,), code=code)
  generator = autoencoder.Generator(SPEC, config, seed=3)
  return generator, base.adam(generator.autoencoder, learning_rate)


@pytest.mark.parametrize("code", ["sphere", "plain"])
def test_without_noise_the_loss_is_the_likelihood_given_the_code(code):
  generator, optimizer = _make(code)
  tokens = tf.constant(tiny.batch(SPEC, 8))
  mask = SPEC.mask(tokens)
  expected = -np.sum(generator.log_probs(tokens, generator.encode(tokens))) / np.sum(mask)
  metrics = reconstruction.step(generator, optimizer, sequences.Batch(tokens), SEED)
  assert float(metrics["nll"]) == pytest.approx(expected, rel=1e-5)
  assert set(metrics) == {"nll", "gradient_norm"}


def test_the_divergence_is_that_of_the_two_normal_distributions():
  generator, optimizer = _make("gaussian")
  tokens = tf.constant(tiny.batch(SPEC, 8))
  mean, log_variance = (x.numpy() for x in generator.autoencoder.codes(tokens))
  draws = mean + np.exp(log_variance / 2) * np.random.default_rng(0).normal(size=(200_000, 1, 1))
  log_ratio = -0.5 * ((draws - mean) ** 2 / np.exp(log_variance) + log_variance) + 0.5 * draws**2
  metrics = reconstruction.step(generator, optimizer, sequences.Batch(tokens), SEED)
  assert float(metrics["divergence"]) == pytest.approx(np.mean(log_ratio), abs=0.01)


def test_noise_raises_the_loss_and_the_prior_stays():
  losses = []
  for code_noise in (0.0, 3.0):
    generator, optimizer = _make("sphere", learning_rate=3e-2)
    before = [weight.numpy() for weight in generator.prior_network.variables]
    real = sequences.Batch(tf.constant(tiny.batch(SPEC, 16)))
    step = tf.function(lambda seed, g=generator, o=optimizer, n=code_noise: reconstruction.step(g, o, real, seed, 1.0, n), autograph=False)  # noqa: B023
    for i in range(150):
      metrics = step(noise.fold(SEED, i))
    losses.append(float(metrics["nll"]))
    assert all(np.array_equal(a, b) for a, b in zip(before, generator.prior_network.variables))
  assert losses[0] < losses[1] - 0.2


@pytest.mark.parametrize("code", ["sphere", "plain", "gaussian"])
def test_it_learns_to_give_sequences_back_through_their_codes(code):
  generator, optimizer = _make(code, hidden_size=32, learning_rate=1e-2)
  tokens = tiny.batch(SPEC, 48)
  real = sequences.Batch(tf.constant(tokens))
  step = tf.function(lambda seed: reconstruction.step(generator, optimizer, real, seed, 5.0, divergence_weight=0.01), autograph=False)
  measure = evaluation.Reconstruction(generator)
  before = measure(tokens)
  for i in range(500):
    step(noise.fold(SEED, i))
  after = measure(tokens)
  assert before["reconstruction_exact"].value < 0.2 and after["reconstruction_exact"].value > 0.7
  assert after["reconstruction_accuracy"].value > 0.85 > before["reconstruction_accuracy"].value
  assert after["reconstruction_nll"].value < 0.5
