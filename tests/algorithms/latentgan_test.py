"""Tests of tf_textgan.algorithms.latentgan."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import latentgan
from tf_textgan.algorithms.steps import latent_wgan
from tf_textgan.conformance import tiny
from tf_textgan.generators import autoencoder
from tf_textgan.layers import feedforward
from tf_textgan.sampling import noise

SPEC = tiny.SPECS["text"]
SEED = noise.seed(1)
NOW = tf.constant(0.0)
REAL = sequences.Batch(tf.constant(tiny.batch(SPEC, 32)))


def _make(prior="perceptron", **changes):
  sizes = {"embedding_size": 8, "hidden_size": 8, "latent_size": 6, "noise_size": 5, "prior_sizes": (8, 8), "prior_blocks": 2}
  generator = autoencoder.Generator(SPEC, autoencoder.Config(**sizes, code="plain", prior=prior, prior_stddev=0.0))
  return latentgan.Algorithm(latentgan.Config(critic_sizes=(16, 16), critic_blocks=2, **changes), {"generator": generator}, seed=2)


def _repeat(step, times):
  compiled = tf.function(step, autograph=False)
  for i in range(times):
    metrics = compiled(REAL, noise.fold(SEED, i), NOW)
  return {name: float(value) for name, value in metrics.items()}


def test_the_autoencoder_comes_first_and_is_frozen_after_it():
  algorithm = _make()
  mle, adversarial = algorithm.phases(base.Schedule(7, 0, 9))
  assert (mle.name, mle.steps, [update.name for update in mle.updates]) == ("mle", 7, ["autoencoder"])
  assert (adversarial.steps, [(update.name, update.repeats) for update in adversarial.updates]) == (9, [("critic", 5), ("generator", 1)])
  autoencoder_layer = algorithm.generator.autoencoder
  mle.updates[0].train_step(REAL, SEED, NOW)
  trained, prior = [x.numpy() for x in autoencoder_layer.variables], [x.numpy() for x in algorithm.generator.prior_network.variables]
  for update in adversarial.updates:
    update.train_step(REAL, SEED, NOW)
  assert all(np.array_equal(a, b) for a, b in zip(trained, autoencoder_layer.variables))
  assert any(np.any(a != b) for a, b in zip(prior, algorithm.generator.prior_network.variables))


@pytest.mark.parametrize("prior", ["perceptron", "residual"])
@pytest.mark.parametrize("critic", ["perceptron", "residual"])
def test_generated_codes_come_to_have_the_moments_of_real_ones(prior, critic):
  algorithm = _make(prior, critic=critic, learning_rate=3e-3)
  assert isinstance(algorithm.modules["critic"], feedforward.Residual) == (critic == "residual")
  algorithm.generator.autoencoder.to_code.bias.assign(np.linspace(-1.0, 1.0, 6))
  real = algorithm.generator.encode(REAL.tokens).numpy()
  distance = lambda: np.linalg.norm(np.mean(algorithm.generator.prior(1000, SEED), axis=0) - real.mean(axis=0))  # noqa: E731
  before = distance()
  critic_step, generator_step = (tf.function(step, autograph=False) for step in (algorithm.critic_step, algorithm.generator_step))
  for i in range(80):
    for j in range(3):
      critic_step(REAL, noise.fold(SEED, i, j), NOW)
    generator_step(REAL, noise.fold(SEED, i), NOW)
  assert before > 1.0 and distance() < 0.5 * before


def test_a_residual_critic_ranks_real_codes_above_generated_ones():
  algorithm = _make("residual", critic="residual", learning_rate=3e-3)
  metrics = _repeat(algorithm.critic_step, 60)
  real, fake = algorithm.generator.encode(REAL.tokens), algorithm.generator.prior(500, SEED)
  score = lambda codes: np.mean(latent_wgan.score(algorithm.modules["critic"], codes))  # noqa: E731
  assert metrics["distance"] > 0.3 and score(real) > score(fake) + 0.3


def test_a_prior_without_weights_is_refused():
  with pytest.raises(errors.UserError, match="--algorithm latentgan trains the prior; expected --generator_prior perceptron or residual, not normal"):
    _make("normal")
