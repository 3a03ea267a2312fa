"""Tests of tf_textgan.discriminators.multi_representation."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.discriminators import multi_representation
from tf_textgan.losses import gradient_penalty
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=5, start_token=0)
SEED = noise.seed(1)
TOKENS = tf.constant(np.random.default_rng(0).integers(0, 7, [9, 5]), tf.int32)


def _discriminator(view_size=1, dropout=0.25):
  """A discriminator with weights large enough to have an effect."""
  config = multi_representation.Config(
    embedding_size=6, view_size=view_size, widths=(1, 2, 3, 6), filters=(3, 4, 5, 6), feature_size=4, dropout=dropout
  )
  discriminator = multi_representation.Discriminator(SPEC, config)
  random = np.random.default_rng(1)
  for variable in discriminator.trainable_variables:
    variable.assign(variable + random.normal(0.0, 0.5, variable.shape))
  return discriminator


def _twin(discriminator, tokens):
  """Slow numpy twin without dropout: `[B, R]`."""
  w = {variable.name: variable.numpy().astype(np.float64) for variable in discriminator.trainable_variables}
  size, scores = discriminator.view_size, []
  for row in w["embedding"][tokens]:
    for view in np.split(row, 6 // size, axis=1):
      features = []
      for width in (1, 2, 3):
        kernel, bias = w[f"width_{width}_kernel"], w[f"width_{width}_bias"]
        responses = [np.tensordot(view[t : t + width], kernel, 2) + bias for t in range(len(view) - width + 1)]
        features.append(np.max(np.maximum(responses, 0.0), axis=0))
      x = np.concatenate(features)
      gate = 1 / (1 + np.exp(-(x @ w["gate"])))
      x = gate * np.maximum(x @ w["highway"], 0.0) + (1 - gate) * x
      scores.append((x @ w["feature_kernel"] + w["feature_bias"]) @ w["score_kernel"][:, 0] + w["score_bias"][0])
  return np.reshape(scores, [len(tokens), -1])


def _plain_responses(rows, kernels, biases):
  """`largest_responses` by plain operations."""
  responses = [tf.nn.relu(tf.nn.conv1d(rows, kernel, 1, "VALID") + bias) for kernel, bias in zip(kernels, biases)]
  return tf.concat([tf.reduce_max(response, axis=1) for response in responses], axis=1)


@pytest.mark.parametrize("view_size", [1, 2, 6])
def test_scores_match_a_slow_twin(view_size):
  discriminator = _discriminator(view_size)
  scores = discriminator.scores(TOKENS)
  expected = _twin(discriminator, TOKENS.numpy())
  assert scores.shape == expected.shape == (9, 6 // view_size) and expected.std() > 0.1
  np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)
  np.testing.assert_allclose(discriminator(TOKENS), expected.mean(axis=1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("length", [4, 45, 150])
def test_largest_responses_equal_plain_operations_in_values_and_gradients(length):
  random = np.random.default_rng(2)
  rows = tf.constant(random.normal(size=[8, length, 1]), tf.float32)
  kernels = [tf.constant(random.normal(size=[width, 1, 10]), tf.float32) for width in (1, 3)]
  biases = [tf.constant(random.normal(size=[10]) - 0.5, tf.float32) for _ in kernels]
  weights = random.normal(size=[8, 20]).astype(np.float32)
  results = []
  for responses in (multi_representation.largest_responses, _plain_responses):
    with tf.GradientTape() as tape:
      tape.watch([rows, kernels, biases])
      values = responses(rows, kernels, biases)
      loss = tf.reduce_sum(weights * values)
    results.append([values, *tf.nest.flatten(tape.gradient(loss, [rows, kernels, biases]))])
  # Some of the largest responses are cut off by the rectifier.
  assert length > 4 or 0 < np.mean(results[0][0] == 0.0) < 0.5
  for a, b in zip(*results, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
  ("compiled", "view_size"), [(True, 2), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((True, 1), (False, 1), (False, 2)))]
)
def test_the_gradient_penalty_equals_plain_operations(monkeypatch, view_size, compiled):
  discriminator = _discriminator(view_size)
  random = np.random.default_rng(3)
  real = tf.one_hot(TOKENS, 7)
  fake = tf.nn.softmax(tf.constant(random.normal(size=[9, 5, 7]), tf.float32))
  mix = tf.constant(random.uniform(size=[9]), tf.float32)
  results = []
  for plain in (False, True):
    if plain:
      monkeypatch.setattr(multi_representation, "largest_responses", _plain_responses)

    def differentiate():
      with tf.GradientTape() as tape:
        penalty = gradient_penalty.penalty(discriminator, real, fake, mix)
      # The last variables only add to the score, so the penalty does not depend on them.
      weights = discriminator.trainable_variables[:-4]
      return [penalty, *[tf.convert_to_tensor(g) for g in tape.gradient(penalty, weights, unconnected_gradients="zero")]]

    results.append((tf.function(differentiate) if compiled else differentiate)())
  assert np.abs(results[0][1]).max() > 1e-3
  for a, b in zip(*results, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_dropout_needs_a_seed():
  discriminator, kept = _discriminator(dropout=0.5), _discriminator(dropout=0.0)
  assert np.any(discriminator(TOKENS, seed=SEED) != discriminator(TOKENS))
  np.testing.assert_array_equal(kept(TOKENS, seed=SEED), kept(TOKENS))
  # Scaled so that the expected score is the score without dropout.
  scores = np.mean(np.reshape(discriminator(tf.repeat(TOKENS, 2000, axis=0), seed=SEED), [9, 2000]), axis=1)
  np.testing.assert_allclose(scores, discriminator(TOKENS), atol=0.1)


def test_the_gradient_with_dropout_matches_finite_differences():
  discriminator = _discriminator(dropout=0.5)
  points = tf.nn.softmax(tf.constant(np.random.default_rng(4).normal(size=[9, 5, 7]), tf.float32))
  with tf.GradientTape() as tape:
    value = tf.reduce_sum(discriminator(points, seed=SEED))
  for variable, gradient in zip(discriminator.trainable_variables, tape.gradient(value, discriminator.trainable_variables)):
    direction = np.sign(np.random.default_rng(5).normal(size=variable.shape)).astype(np.float32)
    before, values = variable.numpy(), []
    for step in (1e-3, -1e-3):
      variable.assign(before + step * direction)
      values.append(tf.reduce_sum(discriminator(points, seed=SEED)).numpy())
    variable.assign(before)
    expected = np.sum(tf.convert_to_tensor(gradient) * direction)
    np.testing.assert_allclose((values[0] - values[1]) / 2e-3, expected, rtol=0.05, atol=0.05, err_msg=variable.name)


def test_widths_beyond_the_sequence_are_left_out():
  assert [kernel.shape[0] for kernel in _discriminator().kernels] == [1, 2, 3]
  short = sequences.Spec(7, 1, 0)
  with pytest.raises(errors.UserError, match="at most the 1 tokens"):
    multi_representation.Discriminator(short, multi_representation.Config())


def test_views_share_the_embedding_equally():
  with pytest.raises(errors.UserError, match="multiple of view_size"):
    multi_representation.Config(embedding_size=64, view_size=3)
  with pytest.raises(errors.UserError, match="as many"):
    multi_representation.Config(widths=(2, 3))
  assert multi_representation.Discriminator(SPEC, multi_representation.Config()).representations == 64
