"""Tests of tf_textgan.algorithms.relgan."""

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import relgan
from tf_textgan.discriminators import multi_representation
from tf_textgan.generators import lstm
from tf_textgan.generators import relational_memory
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
SEED = noise.seed(1)
REAL = tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0], [4, 3, 3, 2]])
LOSSES = ["relativistic", "standard", "hinge", "least_squares", "wasserstein"]


def _algorithm(**changes):
  generator = relational_memory.Generator(FIXED, relational_memory.Config(embedding_size=4, heads=2, head_size=3))
  config = multi_representation.Config(embedding_size=5, widths=(2,), filters=(6,), feature_size=3, dropout=0.0)
  networks = {"generator": generator, "discriminator": multi_representation.Discriminator(FIXED, config)}
  return relgan.Algorithm(relgan.Config(**changes), networks)


def _softplus(x):
  return np.log1p(np.exp(x))


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_computed_from_the_views_scores(loss):
  algorithm = _algorithm(loss=loss, max_inverse_temperature=2.0, temperature_schedule="constant")
  fake = algorithm.generator.sample(4, noise.fold(SEED, "fake"), pickers.GumbelSoftmax(0.5)).points
  r, f = (algorithm.discriminator.scores(x).numpy().astype(np.float64) for x in (REAL, fake))
  assert r.shape == (4, 5)
  expected = {
    "relativistic": _softplus(f - r),
    "standard": _softplus(-r) + _softplus(f),
    "hinge": np.maximum(1 - r, 0) + np.maximum(1 + f, 0),
    "least_squares": (r - 1) ** 2 + f**2,
    "wasserstein": f - r,
  }[loss]
  metrics = algorithm.discriminator_step(sequences.Batch(REAL), SEED, tf.constant(0.0), rounds=10)
  np.testing.assert_allclose(metrics["loss"], expected.mean(), rtol=1e-4, atol=1e-6)
  np.testing.assert_allclose(metrics["accuracy"], np.mean(r > f))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_generators_losses_are_computed_from_the_views_scores_and_move_it(loss):
  algorithm = _algorithm(loss=loss, max_inverse_temperature=2.0, temperature_schedule="constant")
  fake = algorithm.generator.sample(4, SEED, pickers.GumbelSoftmax(0.5)).points
  r, f = (algorithm.discriminator.scores(x).numpy().astype(np.float64) for x in (REAL, fake))
  expected = {
    "relativistic": _softplus(r - f), "standard": _softplus(-f), "hinge": -f, "least_squares": (f - 1) ** 2, "wasserstein": -f
  }[loss]  # fmt: skip
  before = algorithm.generator.get_weights()
  metrics = algorithm.generator_step(sequences.Batch(REAL), SEED, tf.constant(0.0), rounds=10)
  np.testing.assert_allclose(metrics["loss"], expected.mean(), rtol=1e-4, atol=1e-6)
  assert any(np.any(a != b) for a, b in zip(before, algorithm.generator.get_weights()))


def test_soft_feedback_has_another_gradient_and_feeds_points_back():
  hard, soft = _algorithm(), _algorithm(feedback="soft")
  beta = tf.constant(2.0)
  expected = soft.generator.sample(20, SEED, pickers.GumbelSoftmax(0.5), soft_feedback=True)
  np.testing.assert_array_equal(soft._sample(20, SEED, beta).points, expected.points)
  assert np.any(hard._sample(20, SEED, beta).points != expected.points)
  # The first picks have the same logits and noise.
  np.testing.assert_allclose(hard._sample(20, SEED, beta).points[:, 0], expected.points[:, 0], atol=1e-5)


@pytest.mark.parametrize("feedback", ["hard", "soft"])
def test_a_token_that_is_liked_becomes_probable(feedback):
  # With another generator, and a discriminator without views.
  generator = lstm.Generator(FIXED, lstm.Config(embedding_size=4, hidden_size=5))
  config = relgan.Config(feedback=feedback, max_inverse_temperature=1.0, generator_learning_rate=0.03)
  algorithm = relgan.Algorithm(config, {"generator": generator, "discriminator": judges.LikesToken(FIXED, 5)})
  share = lambda: np.mean(algorithm.generator.sample(500, noise.seed(9)).tokens == 5)  # noqa: E731
  before = share()
  step = tf.function(lambda seed: algorithm.generator_step(sequences.Batch(tf.zeros([32, 4], tf.int32)), seed, tf.constant(0.0), rounds=1))
  for i in range(30):
    step(noise.fold(SEED, i))
  assert before < 0.3 and share() > 0.8


def _inverse_temperature(progress, rounds, **changes):
  return _algorithm(**changes)._inverse_temperature(tf.constant(progress), rounds).numpy()


def test_the_codes_schedule_stops_short_and_the_papers_does_not():
  # 2000 rounds of real text: 100^(2/5) instead of 100.
  np.testing.assert_allclose(_inverse_temperature(1.0, 2000), 100**0.4, rtol=1e-5)
  np.testing.assert_allclose(_inverse_temperature(1.0, 2000, schedule_steps=0), 100.0, rtol=1e-5)
  np.testing.assert_allclose(_inverse_temperature(0.5, 2000, schedule_steps=0), 10.0, rtol=1e-5)
  # Longer than the schedule: it stays at the largest.
  np.testing.assert_allclose(_inverse_temperature(0.9, 10_000), 100.0, rtol=1e-5)
  # By another schedule.
  np.testing.assert_allclose(_inverse_temperature(0.5, 5000, temperature_schedule="sigmoid"), 50.5, rtol=1e-5)


def test_the_phases_updates_know_how_many_rounds_there_are():
  algorithm = _algorithm(max_inverse_temperature=16.0)
  *_, adversarial = algorithm.phases(base.Schedule(adversarial_steps=2500))
  assert [(update.name, update.repeats) for update in adversarial.updates] == [("generator", 1), ("discriminator", 5)]
  metrics = adversarial.updates[0].train_step(sequences.Batch(REAL), SEED, tf.constant(0.5))
  np.testing.assert_allclose(metrics["inverse_temperature"], 2.0, rtol=1e-5)


def test_the_penalty_is_added_with_its_weight():
  norms = []
  for weight in (0.0, 1000.0):
    algorithm = _algorithm(loss="wasserstein", penalty_weight=weight)
    norms.append(algorithm.discriminator_step(sequences.Batch(REAL), SEED, tf.constant(0.0), rounds=10)["gradient_norm"].numpy())
  assert norms[1] > 10 * norms[0]
