"""Tests of tf_textgan.algorithms.arae."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import arae
from tf_textgan.algorithms.steps import latent_wgan
from tf_textgan.conformance import tiny
from tf_textgan.generators import autoencoder
from tf_textgan.sampling import noise

SPEC = tiny.SPECS["text"]
SEED = noise.seed(1)
NOW = tf.constant(0.0)
REAL = sequences.Batch(tf.constant(tiny.batch(SPEC, 32)))
SIZES = {"embedding_size": 8, "hidden_size": 8, "latent_size": 6, "noise_size": 5, "prior_sizes": (8, 8)}


def _make(code="sphere", **changes):
  generator = autoencoder.Generator(SPEC, autoencoder.Config(**SIZES, code=code))
  return arae.Algorithm(arae.Config(critic_sizes=(16, 16), **changes), {"generator": generator}, seed=2)


def _scores(algorithm, codes):
  return np.mean(latent_wgan.score(algorithm.modules["critic"], codes))


def _repeat(step, times):
  compiled = tf.function(step, autograph=False)
  for i in range(times):
    metrics = compiled(REAL, noise.fold(SEED, i), NOW)
  return {name: float(value) for name, value in metrics.items()}


def _weights(layer):
  return [weight.numpy() for weight in layer.variables]


def _same(before, layer):
  return all(np.array_equal(a, b) for a, b in zip(before, layer.variables, strict=True))


@pytest.mark.parametrize("update", ["autoencoder", "critic", "encoder", "generator"])
def test_each_update_moves_its_own_part_and_no_other(update):
  algorithm = _make()
  generator = algorithm.generator
  decoder = [generator.autoencoder.embedding, generator.autoencoder.output_kernel]
  parts = {"autoencoder": generator.autoencoder, "generator": generator.prior_network, "critic": algorithm.modules["critic"]}
  before, before_decoder = {name: _weights(layer) for name, layer in parts.items()}, [x.numpy() for x in decoder]
  getattr(algorithm, f"{update}_step")(REAL, SEED, NOW)
  moved = {name for name, layer in parts.items() if not _same(before[name], layer)}
  assert moved == {"autoencoder" if update == "encoder" else update}
  if update == "encoder":  # The critic reads codes, so its gradient does not reach the decoder.
    assert all(np.array_equal(a, b) for a, b in zip(before_decoder, decoder))


def test_the_critic_ranks_real_codes_above_generated_ones_and_the_others_work_against_it():
  algorithm = _make(critic_learning_rate=1e-2, generator_learning_rate=1e-2, autoencoder_learning_rate=0.5, encoder_weight=1.0)
  real, fake = (lambda: algorithm.generator.encode(REAL.tokens)), (lambda: algorithm.generator.prior(500, SEED))
  metrics = _repeat(algorithm.critic_step, 60)
  assert metrics["distance"] > 0.3 and metrics["penalty"] < 0.3
  above, below = _scores(algorithm, real()), _scores(algorithm, fake())
  assert above > below
  _repeat(algorithm.encoder_step, 20)
  assert _scores(algorithm, real()) < above - 0.05
  _repeat(algorithm.generator_step, 40)
  assert _scores(algorithm, fake()) > below + 0.05


def test_the_encoders_step_is_gradient_descent_on_the_weighted_score_of_real_codes():
  algorithm = _make(autoencoder_learning_rate=0.7, encoder_weight=0.3, clip_norm=0.0)
  _repeat(algorithm.critic_step, 3)
  kernel = algorithm.generator.autoencoder.to_code.kernel
  before = kernel.numpy()
  with tf.GradientTape() as tape:
    score = tf.reduce_mean(latent_wgan.score(algorithm.modules["critic"], algorithm.generator.encode(REAL.tokens)))
  expected = before - 0.7 * 0.3 * tape.gradient(score, kernel.value).numpy()
  algorithm.encoder_step(REAL, SEED, NOW)
  np.testing.assert_allclose(kernel, expected, atol=1e-7)
  assert np.abs(expected - before).max() > 1e-6


def test_the_critics_loss_equals_a_numpy_implementation():
  algorithm = _make(code="plain", penalty_weight=3.0, critic_learning_rate=0.0)
  generator, critic = algorithm.generator, algorithm.modules["critic"]
  for i, weight in enumerate(critic.trainable_variables):
    weight.assign(np.random.default_rng(i).normal(0.0, 0.5, weight.shape))
  kernels, biases = zip(*((layer.kernel.numpy(), layer.bias.numpy()) for layer in critic.linear))

  def score_and_slope(x):
    slopes, derivatives = x, []
    for kernel, bias in zip(kernels[:-1], biases):
      z = slopes @ kernel + bias
      derivatives.append(np.where(z > 0, 1.0, 0.2))
      slopes = z * derivatives[-1]
    score = (slopes @ kernels[-1] + biases[-1])[:, 0]
    slope = np.tile(kernels[-1][:, 0], (len(x), 1))
    for kernel, derivative in zip(reversed(kernels[:-1]), reversed(derivatives)):
      slope = (slope * derivative) @ kernel.T
    return score, slope

  real = generator.encode(REAL.tokens).numpy()
  fake = generator.prior_network.train(generator.noise(32, noise.fold(SEED, "fake")), lambda x: x)[0].numpy()
  mix = noise.uniform([32], noise.fold(SEED, "mix")).numpy()[:, None]
  penalty = np.mean((np.linalg.norm(score_and_slope(real + mix * (fake - real))[1], axis=1) - 1.0) ** 2)
  distance = np.mean(score_and_slope(real)[0] - score_and_slope(fake)[0])
  metrics = algorithm.critic_step(REAL, SEED, NOW)
  np.testing.assert_allclose([metrics["distance"], metrics["penalty"]], [distance, penalty], rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(metrics["loss"], 3.0 * penalty - distance, rtol=1e-4)


def test_the_noise_decays_after_every_hundred_rounds():
  algorithm = _make(code_noise=0.4, code_noise_decay=0.5)
  for rounds, expected in ((0, 0.4), (99, 0.4), (100, 0.2), (250, 0.1)):
    algorithm.optimizers["generator_optimizer"].iterations.assign(rounds)
    assert float(algorithm.autoencoder_step(REAL, SEED, NOW)["code_noise"]) == pytest.approx(expected)


def test_a_prior_without_weights_is_refused():
  generator = autoencoder.Generator(SPEC, autoencoder.Config(**SIZES, prior="normal"))
  with pytest.raises(errors.UserError, match="--algorithm arae trains the prior; expected --generator_prior perceptron or residual, not normal"):
    arae.Algorithm(arae.Config(), {"generator": generator})
