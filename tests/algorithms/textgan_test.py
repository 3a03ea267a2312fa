"""Tests of tf_textgan.algorithms.textgan."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import textgan
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import autoencoder
from tf_textgan.losses import adversarial
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

SPEC = tiny.SPECS["text"]
SEED = noise.seed(1)
NOW = tf.constant(0.0)
REAL = sequences.Batch(tf.constant(tiny.batch(SPEC, 32)))


def _make(prior="normal", **changes):
  sizes = autoencoder.Config(embedding_size=8, hidden_size=8, latent_size=6, code="gaussian", prior=prior)
  networks = {
    "generator": autoencoder.Generator(SPEC, sizes),
    "discriminator": cnn_highway.Discriminator(SPEC, cnn_highway.Config(8, (1, 2), (12, 12), dropout=0.0, output_l2=0.0)),
  }
  return textgan.Algorithm(textgan.Config(recovery_size=16, **changes), networks, seed=2)


def _decoder(algorithm):
  """The weights that soft samples depend on, by name."""
  layer = algorithm.generator.autoencoder
  return {
    "embedding": layer.embedding, "output_kernel": layer.output_kernel, "output_bias": layer.output_bias,
    **{weight.name: weight for weight in layer.decoder.trainable_variables},
  }  # fmt: skip


def _repeat(step, times):
  compiled = tf.function(step, autograph=False)
  for i in range(times):
    metrics = compiled(REAL, noise.fold(SEED, i), NOW)
  return {name: float(value) for name, value in metrics.items()}


def test_the_adversarial_gradient_reaches_every_weight_of_the_decoder_at_the_published_sharpness():
  """In another toolkit the generator's update leaves the adversarial term out."""
  algorithm = _make()
  assert algorithm.config.inverse_temperature == 1000.0
  weights = _decoder(algorithm)
  with tf.GradientTape() as tape:
    scores = algorithm.scores_of(algorithm.features(algorithm.soft_samples(tf.constant(32), SEED).points))
    loss = tf.reduce_mean(adversarial.non_saturating_generator(scores))
  for name, gradient in zip(weights, tape.gradient(loss, [weight.value for weight in weights.values()]), strict=True):
    assert gradient is not None and np.abs(tf.convert_to_tensor(gradient)).max() > 1e-6, name


def test_the_generators_update_follows_the_adversarial_term():
  updates = {}
  for weight in (0.0, 1.0):
    algorithm = _make(adversarial_weight=weight, generator_learning_rate=1e-3)
    before = algorithm.generator.autoencoder.output_kernel.numpy()
    metrics = algorithm.generator_step(REAL, SEED, NOW)
    updates[weight] = algorithm.generator.autoencoder.output_kernel.numpy() - before
    np.testing.assert_allclose(metrics["loss"], metrics["distance"] + weight * metrics["adversarial_loss"], rtol=1e-5)
  assert np.abs(updates[0.0]).max() > 1e-5 and np.abs(updates[0.0] - updates[1.0]).max() > 1e-5


def test_by_its_verdict_alone_the_generator_learns_to_be_taken_for_real():
  algorithm = _make(adversarial_weight=50.0, generator_learning_rate=1e-2, discriminator_learning_rate=1e-2, inverse_temperature=10.0)
  _repeat(algorithm.discriminator_step, 20)
  score = lambda: np.mean(algorithm.discriminator(algorithm.soft_samples(tf.constant(200), SEED).points))  # noqa: E731
  before = score()
  _repeat(algorithm.generator_step, 30)
  assert score() > before + 0.3


@pytest.mark.parametrize("kind", ["mmd", "mean"])
@pytest.mark.parametrize("deviation", [3.0, 0.0])
def test_the_distance_equals_a_numpy_implementation(kind, deviation):
  algorithm = _make(matching=kind, kernel_deviation=deviation)
  real = algorithm.discriminator.features(REAL.tokens).numpy()
  fake = algorithm.generator.sample(32, SEED, pickers.SoftArgmax(1e-3), soft_feedback=True)
  features = algorithm.discriminator.features(fake.points).numpy()
  distances = lambda x, y: np.linalg.norm(x[:, None] - y[None], axis=2)  # noqa: E731
  if kind == "mean":
    expected = np.sqrt(np.mean((real.mean(axis=0) - features.mean(axis=0)) ** 2))
  else:
    sigma = deviation or np.sort(distances(real, real)[np.triu_indices(32, 1)])[32 * 31 // 4]
    kernel = lambda x, y: np.mean(np.exp(-(distances(x, y) ** 2) / (2 * sigma**2)))  # noqa: E731
    expected = kernel(real, real) + kernel(features, features) - 2 * kernel(real, features)
  np.testing.assert_allclose(algorithm.generator_step(REAL, SEED, NOW)["distance"], expected, rtol=2e-3)


def test_the_discriminator_tells_real_text_from_soft_samples_and_recovers_z():
  algorithm = _make(discriminator_learning_rate=1e-2, recovery_weight=0.1, inverse_temperature=5.0)
  layer = algorithm.generator.autoencoder
  layer.output_kernel.assign(5.0 * layer.output_kernel)
  layer.decoder.cell.kernel.assign(10.0 * layer.decoder.cell.kernel)
  first = _repeat(algorithm.discriminator_step, 1)
  last = _repeat(algorithm.discriminator_step, 150)
  assert first["recovery"] == pytest.approx(6.0, abs=2.5)  # The expected squared norm of six standard normal numbers.
  assert last["recovery"] < 0.7 * first["recovery"]
  assert last["accuracy"] > 0.9 and last["loss"] < first["loss"] - 0.5


def test_the_discriminator_enlarges_the_discrepancy_by_its_weight():
  last = []
  for weight in (0.0, 30.0):
    algorithm = _make(matching_weight=weight, kernel_deviation=3.0, discriminator_learning_rate=3e-3)
    last.append(_repeat(algorithm.discriminator_step, 40)["discrepancy"])
  assert last[1] > last[0] + 0.05


def test_a_prior_with_a_network_is_refused():
  with pytest.raises(errors.UserError, match="the generator's z is drawn as it is; expected --generator_prior normal, not residual"):
    _make("residual")
