"""Tests of tf_textgan.layers.feedforward."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.layers import feedforward

INPUTS = np.random.default_rng(0).normal(2.0, 3.0, [6, 5]).astype(np.float32)


def _alone(x):
  """What one replica takes for the average over the replicas."""
  return x


def _relu(x, slope=0.0):
  return np.where(x > 0, x, slope * x)


def _linear(layer, x):
  return x @ layer.kernel.numpy() + layer.bias.numpy()


def _spread(layer):
  for i, weight in enumerate(layer.trainable_variables):
    weight.assign(np.random.default_rng(i).normal(0.0, 0.5, weight.shape))


def test_a_perceptron_equals_a_numpy_implementation():
  layer = feedforward.Perceptron(5, (4, 3), 2, 0, "perceptron", slope=0.2)
  _spread(layer)
  x = _relu(_linear(layer.linear[0], INPUTS), 0.2)
  x = _relu(_linear(layer.linear[1], x), 0.2)
  np.testing.assert_allclose(layer(INPUTS), _linear(layer.linear[2], x), rtol=1e-4, atol=1e-5)
  np.testing.assert_array_equal(layer.train(INPUTS, _alone)[0], layer(INPUTS))


def test_residual_blocks_equal_a_numpy_implementation():
  layer = feedforward.Residual(5, 4, 2, 1, 0, "residual")
  _spread(layer)
  x = _linear(layer.first, INPUTS)
  for inner, outer in layer.blocks:
    x = x + 0.3 * _linear(outer, _relu(_linear(inner, _relu(x))))
  np.testing.assert_allclose(layer(INPUTS), _linear(layer.last, x), rtol=1e-4, atol=1e-5)
  assert feedforward.Residual(5, 4, 1, None, 0, "residual")(INPUTS).shape == [6, 4]


def test_batch_normalization_takes_the_batchs_moments_in_training_and_their_averages_otherwise():
  layer = feedforward.BatchNormalization(5, "norm")
  layer.gamma.assign(np.arange(5.0))
  layer.beta.assign(np.ones(5))
  mean, variance = INPUTS.mean(axis=0), INPUTS.var(axis=0)
  outputs, moved = layer.train(tf.constant(INPUTS), _alone)
  np.testing.assert_allclose(outputs, (INPUTS - mean) / np.sqrt(variance + 1e-5) * np.arange(5.0) + 1.0, rtol=1e-4, atol=1e-4)
  np.testing.assert_allclose(layer(INPUTS), INPUTS / np.sqrt(1 + 1e-5) * np.arange(5.0) + 1.0, rtol=1e-4)
  for variable, value in moved:
    variable.assign(value)
  np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-4)
  np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variance, rtol=1e-4)


def test_a_normalized_perceptron_gives_its_tracked_values_for_each_hidden_layer():
  layer = feedforward.Perceptron(5, (4, 3), 2, 0, "perceptron", stddev=0.5, normalized=True)
  outputs, moved = layer.train(tf.constant(INPUTS), _alone)
  assert len(moved) == 4 and np.any(outputs != layer(INPUTS))
  # With the averages at the moments of the batch, a call gives what training gives.
  for norm, values in zip(layer.norms, ([*moved[:2]], [*moved[2:]])):
    norm.moving_mean.assign((values[0][1] - 0.9 * norm.moving_mean) / 0.1)
    norm.moving_variance.assign((values[1][1] - 0.9 * norm.moving_variance) / 0.1)
  np.testing.assert_allclose(layer(INPUTS), outputs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("stddev", "expected"), [(0.02, 0.02), (0.0, (2 / 600) ** 0.5)])
def test_the_initial_weights_have_their_deviation(stddev, expected):
  weights = feedforward.normal_or_glorot(stddev, seed=1)((300, 300))
  assert np.std(weights) == pytest.approx(expected, rel=0.02)
