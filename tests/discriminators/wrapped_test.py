"""Tests of tf_textgan.discriminators.wrapped."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import wrapped
from tf_textgan.sampling import noise

SPEC = tiny.SPECS["text"]
TOKENS = tf.constant(tiny.batch(SPEC, 20))


def _layers():
  return keras.Sequential([keras.layers.Bidirectional(keras.layers.GRU(5)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])


def _made(seed=0, model=_layers, size=4):
  return wrapped.Discriminator(SPEC, model, size, seed)


def _functional(shape=(SPEC.length, 3), output=1, dtype="float32"):
  inputs = keras.Input(shape, dtype=dtype)
  return keras.Model(inputs, keras.layers.Dense(output)(keras.layers.Flatten()(inputs)))


def test_ids_and_their_one_hot_points_score_equally_and_the_gradient_reaches_all():
  discriminator, points = _made(), tf.one_hot(TOKENS, SPEC.vocab_size)
  scores = discriminator(TOKENS)
  assert scores.shape == [20] and scores.dtype == tf.float32 and np.std(scores) > 0
  np.testing.assert_allclose(discriminator(points), scores, atol=1e-5)
  with tf.GradientTape() as tape:
    tape.watch(points)
    value = tf.reduce_sum(tf.square(discriminator(points, seed=noise.seed(1))))
  weights = [points, *discriminator.trainable_variables]
  assert len(weights) > 8 and all(np.abs(tf.convert_to_tensor(g)).max() > 0 for g in tape.gradient(value, weights))


@pytest.mark.parametrize("compiled", [False, True])
def test_dropout_is_a_function_of_the_seed_and_changes_no_state(compiled):
  discriminator = _made()
  score = tf.function(lambda seed: discriminator(TOKENS, seed=seed)) if compiled else lambda seed: discriminator(TOKENS, seed=seed)
  before = [variable.numpy() for variable in discriminator.variables]
  first, again, other = (score(noise.seed(seed)) for seed in (1, 1, 2))
  np.testing.assert_array_equal(first, again)
  assert np.any(first != other) and np.any(first != discriminator(TOKENS))
  np.testing.assert_array_equal(discriminator(TOKENS), discriminator(TOKENS))
  assert all(np.array_equal(a, b) for a, b in zip(before, discriminator.variables))


def test_two_dropout_layers_leave_out_different_numbers():
  kept = []

  class Keep(keras.layers.Layer):
    def call(self, inputs):
      kept.append(inputs)
      return inputs

  layers = [keras.layers.Dropout(0.5), Keep(), keras.layers.Dropout(0.5), Keep(), keras.layers.Flatten(), keras.layers.Dense(1)]
  discriminator = _made(model=keras.Sequential(layers))
  kept.clear()
  discriminator(TOKENS, seed=noise.seed(1))
  first, both = (np.mean(x == 0) for x in kept)
  assert abs(first - 0.5) < 0.1 and abs(both - 0.75) < 0.1


def test_initial_weights_follow_from_the_seed_and_python_s_random_numbers_go_on_undisturbed():
  random.seed(7)
  expected = random.random()
  random.seed(7)
  first, again, other = (_made(seed).get_weights() for seed in (1, 1, 2))
  assert random.random() == expected
  assert all(np.array_equal(a, b) for a, b in zip(first, again))
  assert sum(np.any(a != b) for a, b in zip(first, other)) > 4


def test_a_model_comes_with_its_weights_and_its_size():
  model = _functional()
  weights = model.get_weights()
  discriminator = wrapped.Discriminator(SPEC, model)
  assert discriminator.embedding.shape == (SPEC.vocab_size, 3)
  assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights()))
  flat = tf.reshape(tf.gather(tf.convert_to_tensor(discriminator.embedding), TOKENS), [20, -1])
  np.testing.assert_allclose(discriminator(TOKENS), (flat @ weights[0] + weights[1])[:, 0], atol=1e-5)
  assert wrapped.Discriminator(SPEC, _layers()).embedding.shape == (SPEC.vocab_size, 64)


def test_moving_averages_change_as_in_keras():
  model = keras.Sequential([keras.layers.Flatten(), keras.layers.BatchNormalization(momentum=0.0), keras.layers.Dense(1)])
  discriminator = _made(model=model)
  discriminator(TOKENS)
  assert not np.any(model.layers[1].moving_mean)
  discriminator(TOKENS, seed=noise.seed(1))
  embedded = tf.gather(tf.convert_to_tensor(discriminator.embedding), TOKENS)
  np.testing.assert_allclose(model.layers[1].moving_mean, tf.reduce_mean(tf.reshape(embedded, [20, -1]), axis=0), atol=1e-5)


def test_a_model_of_ids_takes_no_points():
  model = keras.Sequential([keras.Input((SPEC.length,), dtype="int32"), keras.layers.Embedding(SPEC.vocab_size, 3), keras.layers.GRU(3)])
  model.add(keras.layers.Dense(1))
  discriminator = wrapped.Discriminator(SPEC, model)
  assert discriminator.embedding is None and discriminator(TOKENS).shape == [20]
  with pytest.raises(errors.UserError, match="reads ids, but the algorithm hands it points.*catgan, gsgan, relgan, wgan_gp"):
    discriminator(tf.one_hot(TOKENS, SPEC.vocab_size))


@pytest.mark.parametrize("name", ["catgan", "gsgan", "relgan", "wgan_gp"])
def test_the_algorithms_that_hand_over_points_are_those_of_the_message(name):
  algorithm = tiny.algorithm(name, SPEC)
  algorithm.networks["discriminator"] = wrapped.Discriminator(SPEC, _functional((SPEC.length,), dtype="int32"))
  update = tiny.updates(algorithm)["generator"]
  with pytest.raises(errors.UserError, match="this discriminator reads ids"):
    update.train_step(sequences.Batch(tf.constant(tiny.batch(SPEC, 8))), noise.seed(1), tf.constant(0.5))


@pytest.mark.parametrize(
  ("model", "size", "message"),
  [
    (lambda: 3, None, "expected a keras.Model, or a function that makes one, not int"),
    (lambda: _functional(output=2), None, r"gives \['B', 2\]; expected a score, \[B\] or \[B, 1\]"),
    (_functional((4, 3)), None, r"reads \(None, 4, 3\); expected embedded points \[B, 6, E\], or ids \[B, 6\]"),
  ],
)
def test_a_model_that_does_not_fit_is_refused(model, size, message):
  with pytest.raises(errors.UserError, match=message):
    wrapped.Discriminator(SPEC, model, size)


def test_it_is_none_of_the_named_discriminators():
  assert "wrapped" not in registry.names("tf_textgan.discriminators")
