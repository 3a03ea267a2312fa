"""Tests of tf_textgan.losses.adversarial."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.losses import adversarial

REAL = tf.constant([0.0, 2.0, -1.0])
FAKE = tf.constant([0.0, -3.0, 1.5])


def _sigmoid(x):
  return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def test_an_undecided_discriminator_loses_two_log_two():
  np.testing.assert_allclose(adversarial.discriminator(tf.zeros([1]), tf.zeros([1])), [2 * math.log(2)], rtol=1e-6)
  np.testing.assert_allclose(adversarial.saturating_generator(tf.zeros([1])), [-math.log(2)], rtol=1e-6)
  np.testing.assert_allclose(adversarial.non_saturating_generator(tf.zeros([1])), [math.log(2)], rtol=1e-6)


def test_values_equal_the_formulas():
  np.testing.assert_allclose(adversarial.discriminator(REAL, FAKE), -np.log(_sigmoid(REAL)) - np.log(1 - _sigmoid(FAKE)), rtol=1e-5)
  np.testing.assert_allclose(adversarial.saturating_generator(FAKE), np.log(1 - _sigmoid(FAKE)), rtol=1e-5)
  np.testing.assert_allclose(adversarial.non_saturating_generator(FAKE), -np.log(_sigmoid(FAKE)), rtol=1e-5)
  np.testing.assert_allclose(adversarial.wasserstein_critic(REAL, FAKE), [0.0, -5.0, 2.5])
  np.testing.assert_allclose(adversarial.wasserstein_generator(FAKE), [0.0, 3.0, -1.5])


def test_accuracy_counts_both_sides():
  np.testing.assert_allclose(adversarial.accuracy(tf.constant([1.0, 1.0, -1.0, 0.0]), tf.constant([-1.0, 1.0, 1.0, 0.0])), [1.0, 0.5, 0.0, 0.0])


@pytest.mark.parametrize("score", [-200.0, 200.0])
def test_extreme_scores_stay_finite(score):
  extreme = tf.constant([score])
  assert np.isfinite(adversarial.discriminator(extreme, -extreme)).all()
  assert np.isfinite(adversarial.saturating_generator(extreme)).all()
  assert np.isfinite(adversarial.non_saturating_generator(extreme)).all()


def test_only_the_saturating_gradient_vanishes_where_the_discriminator_is_confident():
  scores = tf.constant([-10.0])
  gradients = {}
  for loss in (adversarial.saturating_generator, adversarial.non_saturating_generator):
    with tf.GradientTape() as tape:
      tape.watch(scores)
      value = loss(scores)
    gradients[loss.__name__] = tape.gradient(value, scores).numpy()[0]
  assert abs(gradients["saturating_generator"]) < 1e-4
  assert abs(gradients["non_saturating_generator"] + 1.0) < 1e-4


@pytest.mark.parametrize("loss", [adversarial.discriminator, adversarial.wasserstein_critic])
def test_a_column_is_refused_rather_than_broadcast(loss):
  with pytest.raises(ValueError):
    loss(REAL[:, None], FAKE)
  with pytest.raises(ValueError):
    loss(REAL, FAKE[:, None])


def test_relativistic_hinge_and_least_squares_losses_equal_the_formulas():
  real, fake = REAL.numpy().astype(np.float64), FAKE.numpy().astype(np.float64)
  np.testing.assert_allclose(adversarial.relativistic_discriminator(REAL, FAKE), -np.log(_sigmoid(real - fake)), rtol=1e-5)
  np.testing.assert_allclose(adversarial.relativistic_generator(REAL, FAKE), -np.log(_sigmoid(fake - real)), rtol=1e-5)
  np.testing.assert_allclose(adversarial.hinge_discriminator(REAL, FAKE), [1.0 + 1.0, 0.0 + 0.0, 2.0 + 2.5])
  np.testing.assert_allclose(adversarial.least_squares_discriminator(REAL, FAKE), [1.0 + 0.0, 1.0 + 9.0, 4.0 + 2.25])
  np.testing.assert_allclose(adversarial.least_squares_generator(FAKE), [1.0, 16.0, 0.25])


def test_the_relativistic_average_compares_with_the_other_sides_mean():
  real, fake, real_mean, fake_mean = (np.array(x, np.float32) for x in ([0.5, -1.0], [0.2, 2.0], [-0.25, 0.0], [1.0, -3.0]))
  expected = -np.log(_sigmoid(real - fake_mean)) - np.log(1.0 - _sigmoid(fake - real_mean))
  args = [tf.constant(x) for x in (real, fake, real_mean, fake_mean)]
  np.testing.assert_allclose(adversarial.relativistic_average_discriminator(*args), expected, rtol=1e-5)
  expected = -np.log(_sigmoid(fake - real_mean)) - np.log(1.0 - _sigmoid(real - fake_mean))
  np.testing.assert_allclose(adversarial.relativistic_average_generator(*args), expected, rtol=1e-5)
  with pytest.raises(ValueError):
    adversarial.relativistic_average_discriminator(*args[:3], tf.constant(0.0))


_OF_PAIRS = [
  adversarial.discriminator,
  adversarial.wasserstein_critic,
  adversarial.relativistic_discriminator,
  adversarial.relativistic_generator,
  adversarial.hinge_discriminator,
  adversarial.least_squares_discriminator,
]
_OF_FAKES = [
  adversarial.saturating_generator,
  adversarial.non_saturating_generator,
  adversarial.wasserstein_generator,
  adversarial.least_squares_generator,
]


@pytest.mark.parametrize("loss", _OF_PAIRS)
def test_several_scores_per_example_are_paired_by_index(loss):
  real, fake = tf.stack([REAL, FAKE, REAL], axis=1), tf.stack([FAKE, REAL, REAL], axis=1)
  columns = tf.stack([loss(REAL, FAKE), loss(FAKE, REAL), loss(REAL, REAL)], axis=1)
  np.testing.assert_allclose(loss(real, fake), columns, rtol=1e-6)
  for other in (FAKE[:, None], real[:, :2]):
    with pytest.raises(ValueError):
      loss(real, other)
  with pytest.raises(ValueError):
    loss(real[None], fake[None])


@pytest.mark.parametrize("loss", _OF_FAKES)
def test_several_scores_per_example_have_separate_losses(loss):
  np.testing.assert_allclose(loss(FAKE[:, None]), loss(FAKE)[:, None], rtol=1e-6)
  with pytest.raises(ValueError):
    loss(FAKE[0])


@pytest.mark.parametrize("score", [-200.0, 200.0])
def test_extreme_pairs_stay_finite(score):
  extreme = tf.constant([score])
  assert np.isfinite(adversarial.relativistic_discriminator(extreme, -extreme)).all()
  assert np.isfinite(adversarial.relativistic_generator(extreme, -extreme)).all()
