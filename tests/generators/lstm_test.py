"""Tests of tf_textgan.generators.lstm."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

TEXT = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
FIXED = sequences.Spec(vocab_size=7, length=5, start_token=0)
SEED = noise.seed(1)


def _generator(spec, latent_size=0, stddev=1.0):
  return lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=6, latent_size=latent_size, init_stddev=stddev), seed=1)


def _stepwise(generator, tokens, latent):
  """Logits `[B, T, V]`, step by step."""
  state, inputs, logits = generator.initial_state(latent), tf.fill([tokens.shape[0]], generator.spec.start_token), []
  for t in range(tokens.shape[1]):
    logits_t, state = generator.step(inputs, state)
    logits.append(logits_t)
    inputs = tokens[:, t]
  return tf.stack(logits, axis=1)


@pytest.mark.parametrize("spec", [TEXT, FIXED])
@pytest.mark.parametrize("latent_size", [0, 3])
def test_call_equals_step_by_step(spec, latent_size):
  generator = _generator(spec, latent_size)
  tokens = generator.sample(30, SEED).tokens
  latent = generator.prior(30, noise.seed(2))
  logits = generator(tokens, latent)
  assert logits.shape == [30, 5, 7]
  np.testing.assert_allclose(logits, _stepwise(generator, tokens, latent), rtol=1e-5, atol=1e-5)
  if latent_size:
    assert np.abs(logits - generator(tokens, -latent)).max() > 0.1


def test_call_equals_step_by_step_in_mixed_precision():
  before = keras.config.dtype_policy()
  keras.config.set_dtype_policy("mixed_bfloat16")
  try:
    generator = _generator(FIXED, 3)
  finally:
    keras.config.set_dtype_policy(before)
  tokens = generator.sample(30, SEED).tokens
  latent = generator.prior(30, noise.seed(2))
  logits = generator(tokens, latent)
  assert logits.dtype == tf.bfloat16
  assert {v.dtype for v in generator.trainable_variables} == {"float32"}
  np.testing.assert_allclose(tf.cast(logits, tf.float32), tf.cast(_stepwise(generator, tokens, latent), tf.float32), atol=0.1)
  single = _generator(FIXED, 3)
  np.testing.assert_allclose(tf.cast(logits, tf.float32), single(tokens, latent), atol=0.3)


def test_the_cell_is_the_textbook_lstm():
  generator = _generator(FIXED)
  embedding, output_kernel, output_bias = (generator.embedding.numpy(), generator.output_kernel.numpy(), generator.output_bias.numpy())
  kernel, recurrent, bias = (w.numpy() for w in generator.lstm.weights)
  tokens = np.array([[3, 6, 0, 2, 5]], np.int32)
  h, c = np.zeros([1, 6]), np.zeros([1, 6])
  sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
  logits = generator(tf.constant(tokens), tf.zeros([1, 0])).numpy()
  for t, token in enumerate([0, *tokens[0, :-1]]):
    i, f, g, o = np.split(embedding[[token]] @ kernel + h @ recurrent + bias, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    np.testing.assert_allclose(logits[:, t], h @ output_kernel + output_bias, atol=1e-5)


def test_forbidden_tokens_have_probability_zero():
  generator = _generator(TEXT)
  tokens = generator.sample(500, SEED).tokens
  probs = tf.nn.softmax(generator(tokens, tf.zeros([500, 0]))).numpy()
  assert (probs[:, :, [0, 1]] == 0).all()
  np.testing.assert_allclose(probs.sum(axis=-1), 1.0, atol=1e-5)
  generated = tokens.numpy()
  assert set(np.unique(generated)) == {0, 2, 3, 4, 5, 6}
  after = np.cumsum(generated == 2, axis=1) - (generated == 2) > 0
  np.testing.assert_array_equal(generated == 0, after)


def test_one_hot_points_give_the_same_as_ids():
  generator = _generator(TEXT, 3)
  state = generator.initial_state(generator.prior(7, SEED))
  by_ids, by_points = (generator.step(x, state) for x in (tf.range(7), tf.eye(7)))
  for a, b in zip(tf.nest.flatten(by_ids), tf.nest.flatten(by_points)):
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_soft_feedback_with_one_hot_points_samples_as_with_ids():
  generator = _generator(TEXT, 3)
  picker = pickers.StraightThrough(0.8)
  hard, soft = (generator.sample(40, SEED, picker, soft_feedback=soft) for soft in (False, True))
  np.testing.assert_array_equal(hard.tokens, soft.tokens)
  np.testing.assert_array_equal(soft.points, tf.one_hot(soft.tokens, 7))
  np.testing.assert_allclose(hard.log_probs, soft.log_probs, atol=1e-5)


def test_log_probs_equal_the_samples_log_probs():
  generator = _generator(TEXT)
  samples = generator.sample(200, SEED)
  log_probs = generator.log_probs(samples.tokens, tf.zeros([200, 0]))
  np.testing.assert_allclose(log_probs, samples.log_probs, atol=1e-4)
  padding = samples.tokens.numpy() == 0
  assert padding.any() and (log_probs.numpy()[padding] == 0).all()


def test_frequencies_match_the_likelihood():
  spec = sequences.Spec(vocab_size=5, length=2, start_token=1, end_token=2, forbidden_tokens=(0, 1))
  generator = _generator(spec)
  num = 20000
  tokens = generator.sample(num, SEED).tokens.numpy()
  everything = tf.constant([[2, 0], *([a, b] for a in (3, 4) for b in (2, 3, 4))])
  probs = np.exp(tf.reduce_sum(generator.log_probs(everything, tf.zeros([len(everything), 0])), axis=1))
  assert abs(probs.sum() - 1.0) < 1e-5
  counts = np.array([(tokens == row).all(axis=1).sum() for row in everything.numpy()])
  assert counts.sum() == num
  assert np.sum((counts - num * probs) ** 2 / (num * probs)) < 6 + 5 * np.sqrt(12)


def test_initial_weights_follow_from_the_seed():
  first, again, other = (lstm.Generator(FIXED, lstm.Config(latent_size=2), seed=s) for s in (1, 1, 2))
  for a, b, c in zip(first.get_weights(), again.get_weights(), other.get_weights()):
    np.testing.assert_array_equal(a, b)
    assert np.any(a != c)
    assert abs(a.std() - 0.1) < 0.05


def test_a_temperature_divides_the_logits():
  generator = _generator(TEXT)
  tokens = generator.sample(20, SEED).tokens
  latent = tf.zeros([20, 0])
  expected = tf.gather(tf.nn.log_softmax(generator(tokens, latent) / 0.6), tokens, batch_dims=2) * TEXT.mask(tokens)
  np.testing.assert_allclose(generator.log_probs(tokens, latent, temperature=0.6), expected, atol=1e-5)
  samples = generator.sample(20, SEED, pickers.Categorical(0.6))
  np.testing.assert_allclose(generator.log_probs(samples.tokens, latent, temperature=0.6), samples.log_probs, atol=1e-4)


def test_dropout_is_for_training_and_scales_the_rest():
  plain, dropping = (lstm.Generator(TEXT, lstm.Config(embedding_size=50, hidden_size=50, dropout=rate), seed=1) for rate in (0.0, 0.5))
  tokens = plain.sample(40, SEED).tokens
  latent = tf.zeros([40, 0])
  np.testing.assert_array_equal(plain.outputs(tokens, latent), dropping.outputs(tokens, latent))  # No dropout without a seed.
  dropped = dropping.outputs(tokens, latent, seed=SEED).numpy()
  assert abs(np.mean(dropped == 0.0) - 0.5) < 0.03
  np.testing.assert_array_equal(dropped, dropping.outputs(tokens, latent, seed=SEED))
  assert np.any(dropped != dropping.outputs(tokens, latent, seed=[1, 2]))


def test_glorots_weights_are_those_of_the_cell_of_tensorflow_1():
  """One matrix for inputs and outputs together, no biases but 1 for the forget gate."""
  generator = lstm.Generator(sequences.Spec(vocab_size=400, length=5, start_token=0), lstm.Config(40, 60, initialization="glorot"))
  kernel, recurrent, bias = generator.lstm.get_weights()
  bound = (6 / (40 + 60 + 4 * 60)) ** 0.5
  for weights in (kernel, recurrent):
    assert 0.98 * bound < np.abs(weights).max() <= bound
    np.testing.assert_allclose(weights.std(), bound / 3**0.5, rtol=0.02)
  np.testing.assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], 60))
  np.testing.assert_allclose(generator.output_kernel.numpy().std(), (2 / 460) ** 0.5, rtol=0.02)
  np.testing.assert_array_equal(generator.output_bias, np.zeros(400))
  np.testing.assert_allclose(generator.embedding.numpy().std(), 0.1, rtol=0.02)
