"""Tests of tf_textgan.sampling.relaxed_categorical, against TensorFlow Probability's distribution of the same name."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.sampling import noise
from tf_textgan.sampling import relaxed_categorical

LOGITS = np.random.default_rng(0).normal(size=[6, 5]).astype(np.float32)
WEIGHTS = np.random.default_rng(1).normal(size=[6, 5]).astype(np.float32)
TEMPERATURES = [0.5, 1.0, 2.0]


@pytest.fixture(scope="module")
def tfd():
  return pytest.importorskip("tensorflow_probability", reason="TensorFlow Probability is not installed").distributions


def _value_and_gradients(function, *arguments):
  arguments = [tf.constant(a) for a in arguments]
  with tf.GradientTape() as tape:
    tape.watch(arguments)
    value = function(*arguments)
  return [value, *tape.gradient(value, arguments)]


def _ours(temperature, logits):
  return relaxed_categorical.RelaxedOneHotCategorical(temperature, logits)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_log_prob_and_its_gradients_equal_tfp(temperature, tfd):
  points = _ours(temperature, tf.constant(LOGITS)).sample(noise.seed(1)).numpy()
  ours = _value_and_gradients(lambda t, logits, y: _ours(t, logits).log_prob(y), temperature, LOGITS, points)
  theirs = _value_and_gradients(lambda t, logits, y: tfd.RelaxedOneHotCategorical(t, logits).log_prob(y), temperature, LOGITS, points)
  assert ours[0].shape == [6]
  for mine, other in zip(ours[:3], theirs[:3]):
    np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4)
  # TFP's gradient moves along the simplex only, so gradients agree up to a constant per row.
  np.testing.assert_allclose(*(_centred(g) for g in (ours[3], theirs[3])), rtol=1e-4, atol=1e-4)


def _centred(gradient):
  return gradient - tf.reduce_mean(gradient, axis=-1, keepdims=True)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_gradients_of_a_sample_equal_tfp(temperature, tfd):
  theirs = _value_and_gradients(
    lambda t, logits: tf.reduce_sum(WEIGHTS * tfd.RelaxedOneHotCategorical(t, logits).sample(seed=noise.seed(2))), temperature, LOGITS
  )
  points = tfd.RelaxedOneHotCategorical(temperature, LOGITS).sample(seed=noise.seed(2))
  # TFP's noise, recovered from its sample up to a constant, which softmax ignores.
  gumbels = temperature * tf.math.log(points) - LOGITS
  ours = _value_and_gradients(lambda t, logits: tf.reduce_sum(WEIGHTS * _ours(t, logits).relax(logits + gumbels)), temperature, LOGITS)
  for mine, other in zip(ours, theirs):
    np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4)


def test_samples_are_distributed_like_tfps(tfd):
  logits = tf.repeat(LOGITS[:1], 20000, axis=0)
  ours = _ours(0.7, logits).sample(noise.seed(3)).numpy()
  theirs = tfd.RelaxedOneHotCategorical(0.7, logits).sample(seed=noise.seed(4)).numpy()
  error = np.sqrt(2 * ours.var(axis=0) / len(ours))
  assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 4 * error).all()
  assert (np.abs(np.quantile(ours, [0.1, 0.5, 0.9], axis=0) - np.quantile(theirs, [0.1, 0.5, 0.9], axis=0)) < 0.02).all()


def test_the_density_of_two_tokens_integrates_to_one():
  grid = (np.arange(20000) + 0.5) / 20000
  points = np.stack([grid, 1 - grid], axis=-1).astype(np.float32)
  log_density = _ours(0.8, tf.constant([[0.3, -0.4]])).log_prob(tf.constant(points)).numpy()
  assert abs(np.exp(log_density).mean() - 1.0) < 1e-3


def test_the_largest_coordinate_is_an_exact_draw():
  samples = _ours(3.0, tf.repeat(LOGITS[:1], 40000, axis=0)).sample(noise.seed(5)).numpy()
  np.testing.assert_allclose(samples.sum(axis=-1), 1.0, atol=1e-5)
  counts = np.bincount(samples.argmax(axis=-1), minlength=5)
  expected = len(samples) * tf.nn.softmax(LOGITS[0]).numpy()
  assert np.sum((counts - expected) ** 2 / expected) < 4 + 5 * np.sqrt(8)


def test_leading_axes_are_free():
  distribution = _ours(1.0, tf.zeros([2, 3, 4]))
  points = distribution.sample(noise.seed(6))
  assert points.shape == [2, 3, 4]
  assert distribution.log_prob(points).shape == [2, 3]


def test_noise_given_its_argmax_has_the_distribution_of_noise():
  logits = tf.constant(np.tile(LOGITS[:1], [60_000, 1]))
  ours = _ours(1.0, logits)
  free = ours.perturb(noise.seed(1)).numpy()
  tokens = ours.perturb(noise.seed(2)).numpy().argmax(axis=1).astype(np.int32)
  given = ours.perturb_given(tf.constant(tokens), noise.seed(3)).numpy()
  np.testing.assert_array_equal(given.argmax(axis=1), tokens)
  for quantile in (0.1, 0.5, 0.9):
    np.testing.assert_allclose(np.quantile(given, quantile, axis=0), np.quantile(free, quantile, axis=0), atol=0.08)
  np.testing.assert_allclose(np.corrcoef(given.T), np.corrcoef(free.T), atol=0.04)
