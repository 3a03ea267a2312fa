"""Tests of tf_textgan.layers.recurrence."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.layers import recurrence
from tf_textgan.sampling import noise

_LENGTH, _NUM, _UNITS = 5, 3, 4


def _layer(layer_norm):
  layer = recurrence.LSTM(6, _UNITS, seed=1, name="lstm", layer_norm=layer_norm)
  if layer_norm:
    layer.scale.assign(np.linspace(0.5, 1.5, 4 * _UNITS))
  return layer


def _inputs():
  random = np.random.default_rng(0)
  state = [tf.constant(random.normal(size=[_NUM, _UNITS]), tf.float32) for _ in range(2)]
  return tf.constant(random.normal(size=[_LENGTH, _NUM, 4 * _UNITS]), tf.float32), state


@pytest.mark.parametrize("layer_norm", [False, True])
def test_outputs_equal_a_numpy_implementation(layer_norm):
  layer, (projected, (output, cell_state)) = _layer(layer_norm), _inputs()
  sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
  output, cell_state = output.numpy(), cell_state.numpy()
  expected = []
  for x in projected.numpy():
    z = x + output @ layer.recurrent_kernel.numpy()
    if layer_norm:
      z = (z - z.mean(axis=1, keepdims=True)) / np.sqrt(z.var(axis=1, keepdims=True) + 1e-5) * layer.scale.numpy()
    i, g, f, o = np.split(z + layer.bias.numpy(), 4, axis=1)
    cell_state = sigmoid(f + 1) * cell_state + sigmoid(i) * np.tanh(g)
    output = sigmoid(o) * np.tanh(cell_state)
    expected.append(output)
  projected, state = _inputs()
  np.testing.assert_allclose(layer.unroll(projected, state), expected, atol=1e-5)
  np.testing.assert_allclose(layer.step(projected[0], state)[0], expected[0], atol=1e-5)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_the_gradient_of_unroll_equals_the_gradient_of_single_steps(layer_norm):
  layer, (projected, state) = _layer(layer_norm), _inputs()
  weights = tf.random.stateless_normal([_LENGTH, _NUM, _UNITS], noise.seed(2))
  # All weights but the input kernel, which the caller multiplies with.
  variables = [projected, *state, *layer.trainable_variables[1:]]

  def stepwise():
    outputs, last = [], state
    for t in range(_LENGTH):
      last = layer.step(projected[t], last)
      outputs.append(last[0])
    return tf.stack(outputs)

  gradients = []
  for outputs in (stepwise, tf.function(lambda: layer.unroll(projected, state))):
    with tf.GradientTape() as tape:
      tape.watch([projected, *state])
      value = tf.reduce_sum(outputs() * weights)
    gradients.append(tape.gradient(value, variables))
  for expected, gradient in zip(*gradients):
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_variational_dropout_and_the_last_state_equal_single_steps(layer_norm):
  layer, (projected, state) = _layer(layer_norm), _inputs()
  kept = tf.constant(np.random.default_rng(1).integers(0, 2, [_NUM, _UNITS]) * 2.0, tf.float32)
  variables = [projected, *state, *layer.trainable_variables[1:]]

  def stepwise():
    outputs, (output, cell_state) = [], state
    for t in range(_LENGTH):
      output, cell_state = layer.step(projected[t], [output * kept, cell_state])
      outputs.append(output)
    return tf.stack(outputs), [output, cell_state]

  results, gradients = [], []
  for read in (stepwise, tf.function(lambda: layer.read(projected, state, kept))):
    with tf.GradientTape() as tape:
      tape.watch([projected, *state])
      outputs, last = read()
      value = tf.reduce_sum(tf.sin(outputs)) + sum(tf.reduce_sum(tf.square(part)) for part in last)
    results.append([outputs, *last])
    gradients.append(tape.gradient(value, variables))
  for expected, found in [*zip(*results), *zip(*gradients)]:
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_the_initial_state_is_zero():
  for part in _layer(False).initial_state(3):
    np.testing.assert_array_equal(part, np.zeros([3, _UNITS]))
