"""Tests of tf_textgan.algorithms.fmgan."""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import fmgan
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import autoencoder
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

SPEC = tiny.SPECS["text"]
SEED = noise.seed(1)
NOW = tf.constant(0.0)
REAL = sequences.Batch(tf.constant(tiny.batch(SPEC, 24)))


def _make(prior="normal", **changes):
  sizes = autoencoder.Config(embedding_size=8, hidden_size=8, latent_size=6, code="gaussian", prior=prior)
  networks = {
    "generator": autoencoder.Generator(SPEC, sizes),
    "discriminator": cnn_highway.Discriminator(SPEC, cnn_highway.Config(8, (1, 2), (12, 12), dropout=0.0, output_l2=0.0)),
  }
  return fmgan.Algorithm(fmgan.Config(**changes), networks, seed=2)


def _repeat(step, times):
  compiled = tf.function(step, autograph=False)
  return [float(compiled(REAL, noise.fold(SEED, i), NOW)["distance"]) for i in range(times)]


def _features(algorithm):
  fake = algorithm.generator.sample(24, SEED, pickers.SoftArgmax(1.0 / algorithm.config.inverse_temperature), soft_feedback=True)
  return [algorithm.discriminator.features(x).numpy() for x in (fake.points, REAL.tokens)]


def _costs(first, second):
  normal = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (first, second)]
  return 1.0 - normal[0] @ normal[1].T


def test_with_ipot_it_is_the_cost_of_the_best_assignment():
  algorithm = _make(transport_strength=0.02, transport_iterations=500)
  costs = _costs(*_features(algorithm))
  expected = costs[scipy.optimize.linear_sum_assignment(costs)].mean()
  np.testing.assert_allclose(algorithm.generator_step(REAL, SEED, NOW)["distance"], expected, rtol=0.01)


def test_with_sinkhorn_the_costs_within_both_samples_are_taken_off():
  algorithm = _make(transport="sinkhorn", transport_strength=0.5, transport_iterations=30)

  def cost(first, second):
    costs = _costs(first, second).astype(np.float64)
    kernel, v = np.exp(-costs / 0.5), np.ones(24)
    for _ in range(30):
      u = 1 / 24 / (kernel @ v)
      v = 1 / 24 / (kernel.T @ u)
    return np.sum(u[:, None] * kernel * v * costs)

  fake, real = _features(algorithm)
  expected = 2 * cost(fake, real) - cost(fake, fake) - cost(real, real)
  np.testing.assert_allclose(algorithm.generator_step(REAL, SEED, NOW)["distance"], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("transport", ["ipot", "sinkhorn"])
def test_the_discriminator_moves_the_features_apart_and_the_generator_together(transport):
  algorithm = _make(
    transport=transport, discriminator_learning_rate=3e-3, generator_learning_rate=1e-2, inverse_temperature=10.0, transport_iterations=20
  )
  apart = _repeat(algorithm.discriminator_step, 30)
  assert np.mean(apart[-5:]) > np.mean(apart[:5]) + 0.02
  together = _repeat(algorithm.generator_step, 40)
  assert np.mean(together[-5:]) < np.mean(together[:5]) - 0.02


@pytest.mark.parametrize("transport", ["ipot", "sinkhorn"])
def test_the_gradient_reaches_every_weight_of_the_decoder(transport):
  algorithm = _make(transport=transport)
  layer = algorithm.generator.autoencoder
  weights = [layer.embedding, layer.output_kernel, layer.output_bias, *layer.decoder.trainable_variables]
  real = algorithm.features(REAL.tokens)
  with tf.GradientTape() as tape:
    distance = algorithm._distance(algorithm.features(algorithm.soft_samples(tf.constant(24), SEED).points), real)
  for weight, gradient in zip(weights, tape.gradient(distance, [weight.value for weight in weights]), strict=True):
    assert gradient is not None and np.abs(tf.convert_to_tensor(gradient)).max() > 1e-7, weight.path


def test_the_output_layer_learns_to_classify_without_moving_the_features():
  algorithm = _make(discriminator_learning_rate=1e-2)
  score = algorithm.discriminator.score.kernel
  before = score.numpy()
  step = tf.function(algorithm.discriminator_step, autograph=False)
  metrics = [step(REAL, noise.fold(SEED, i), NOW) for i in range(60)]
  assert np.any(score.numpy() != before)
  assert float(metrics[-1]["classifier_loss"]) < float(metrics[0]["classifier_loss"]) - 0.3


def test_a_prior_with_a_network_is_refused():
  with pytest.raises(errors.UserError, match="expected --generator_prior normal, not perceptron"):
    _make("perceptron")
