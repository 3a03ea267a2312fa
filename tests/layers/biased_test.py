"""Tests of tf_textgan.layers.biased, and that the gradients of all networks in half precision are those in single precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.conformance import tiny
from tf_textgan.generators import base as generator_base
from tf_textgan.layers import biased
from tf_textgan.sampling import noise

INPUTS = (1.0 + np.random.default_rng(0).normal(size=[512, 20, 4])).astype(np.float32)
LAYERS = {
  "dense": (biased.Dense, keras.layers.Dense, [3], {"activation": "relu"}),
  "conv": (biased.Conv1D, keras.layers.Conv1D, [3, 2], {"activation": "relu"}),
  "lstm": (biased.LSTM, keras.layers.LSTM, [3], {"return_sequences": True, "seed": 0}),
}


def _layer(kind, settings, dtype):
  keras.utils.set_random_seed(0)
  layer = kind(*settings[2], **settings[3], dtype=dtype)
  layer.build((None, 20, 4))
  return layer


@pytest.mark.parametrize("name", LAYERS)
def test_in_single_precision_it_is_kerass_layer(name):
  settings = LAYERS[name]
  ours, keras_layer = (_layer(kind, settings, "float32") for kind in settings[:2])
  assert [(v.name, v.shape) for v in ours.variables] == [(v.name, v.shape) for v in keras_layer.variables]
  for mine, other in zip(ours.variables, keras_layer.variables):
    other.assign(mine)
  np.testing.assert_array_equal(ours(INPUTS), keras_layer(INPUTS))


@pytest.mark.parametrize("name", LAYERS)
def test_in_half_precision_outputs_are_close_and_biases_have_their_whole_gradient(name):
  settings = LAYERS[name]
  layers = [_layer(settings[0], settings, dtype) for dtype in ("mixed_bfloat16", "float32")]
  for half, whole in zip(*(layer.variables for layer in layers)):
    whole.assign(half)
  outputs, gradients = [], []
  for layer in layers:
    with tf.GradientTape() as tape:
      output = layer(INPUTS)
      value = tf.reduce_mean(tf.cast(output, tf.float32))
    outputs.append(tf.cast(output, tf.float32))
    gradients.append(tape.gradient(value, [variable.value for variable in layer.trainable_variables]))
  np.testing.assert_allclose(*outputs, atol=0.06)
  for half, whole in zip(*gradients):
    assert np.linalg.norm(half - whole) < 0.03 * np.linalg.norm(whole)


def _gradients(kind, name, policy, weights):
  """Each variable's gradient of a mean over 512 sequences, whose terms mostly have one sign, and the weights; `weights` replace them."""
  before, spec = keras.config.dtype_policy(), sequences.Spec(vocab_size=9, length=10, start_token=0)
  keras.config.set_dtype_policy(policy)
  try:
    network = tiny.network(kind, name, None, spec)
  finally:
    keras.config.set_dtype_policy(before)
  if weights:
    network.set_weights(weights)
  tokens = tf.constant(np.random.default_rng(0).choice(9, p=[0.6, *[0.05] * 8], size=[512, 10]), tf.int32)
  with tf.GradientTape() as tape:
    if kind == "discriminator":
      values = network(tokens)
    elif isinstance(network, generator_base.Autoregressive):
      values = network.log_probs(tokens, network.prior(512, noise.seed(1)))
    else:
      values = network(network.prior(512, noise.seed(1)))[..., 0]
    value = tf.reduce_mean(tf.cast(values, tf.float32))
  variables = network.trainable_variables
  found = tape.gradient(value, [variable.value for variable in variables], unconnected_gradients="zero")
  return {variable.path: tf.convert_to_tensor(x).numpy() for variable, x in zip(variables, found)}, network.get_weights()


@pytest.mark.parametrize(
  ("kind", "name"), [("generator", n) for n in tiny.GENERATORS] + [("discriminator", n) for n in tiny.DISCRIMINATORS]
)
def test_every_gradient_in_half_precision_is_that_in_single_precision(kind, name):
  whole, weights = _gradients(kind, name, "float32", None)
  half, _ = _gradients(kind, name, "mixed_bfloat16", weights)
  largest = max(np.linalg.norm(x) for x in whole.values())
  for (path, expected), found in zip(whole.items(), half.values()):
    # The length along the expected gradient: a maximum over time may be at another token. What is next to nothing is a difference of larger numbers.
    length = np.linalg.norm(expected)
    assert abs(np.sum(found * expected) - length**2) <= 0.05 * length**2 + 1e-3 * largest * length, path
