"""Tests of tf_textgan.generators.lstm."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.conformance import tiny
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

TEXT = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
FIXED = sequences.Spec(vocab_size=7, length=5, start_token=0)
SEED = noise.seed(1)


# With several layers, and with the embeddings as output layer.
_DEEP = pytest.mark.parametrize("changes", [{}, {"layers": 3}, {"layers": 2, "tied": True}], ids=["one layer", "three layers", "two layers, tied"])


def _generator(spec, latent_size=0, stddev=1.0, **changes):
  return lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=6, latent_size=latent_size, init_stddev=stddev, **changes), seed=1)


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
@_DEEP
def test_call_equals_step_by_step(spec, latent_size, changes):
  generator = _generator(spec, latent_size, **changes)
  tokens = generator.sample(30, SEED).tokens
  latent = generator.prior(30, noise.seed(2))
  logits = generator(tokens, latent)
  assert logits.shape == [30, 5, 7]
  np.testing.assert_allclose(logits, _stepwise(generator, tokens, latent), rtol=1e-5, atol=1e-5)
  if latent_size:
    assert np.abs(logits - generator(tokens, -latent)).max() > 0.1


def test_call_equals_step_by_step_in_mixed_precision():
  with tiny.half_precision():
    generator = _generator(FIXED, 3)
  tokens = generator.sample(30, SEED).tokens
  latent = generator.prior(30, noise.seed(2))
  logits = generator(tokens, latent)
  assert logits.dtype == tf.bfloat16
  assert {v.dtype for v in generator.trainable_variables} == {"float32"}
  np.testing.assert_allclose(tf.cast(logits, tf.float32), tf.cast(_stepwise(generator, tokens, latent), tf.float32), atol=0.1)
  single = _generator(FIXED, 3)
  np.testing.assert_allclose(tf.cast(logits, tf.float32), single(tokens, latent), atol=0.3)


@_DEEP
def test_the_cell_is_the_textbook_lstm(changes):
  generator = _generator(FIXED, **changes)
  embedding, output_bias = generator.embedding.numpy(), generator.output_bias.numpy()
  output_kernel = generator.output_projection.numpy() @ embedding.T if generator.config.tied else generator.output_kernel.numpy()
  layers = [[w.numpy() for w in layer.trainable_variables] for layer in generator.lstms]
  tokens = np.array([[3, 6, 0, 2, 5]], np.int32)
  state = [(np.zeros([1, 6]), np.zeros([1, 6]))] * len(layers)
  sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
  logits = generator(tf.constant(tokens), tf.zeros([1, 0])).numpy()
  for t, token in enumerate([0, *tokens[0, :-1]]):
    shown, before, state = embedding[[token]], state, []
    for (kernel, recurrent, bias), (h, c) in zip(layers, before):
      i, f, g, o = np.split(shown @ kernel + h @ recurrent + bias, 4, axis=1)
      c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
      shown = sigmoid(o) * np.tanh(c)
      state.append((shown, c))
    np.testing.assert_allclose(logits[:, t], shown @ output_kernel + output_bias, atol=1e-5)


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


@_DEEP
def test_one_hot_points_give_the_same_as_ids(changes):
  generator = _generator(TEXT, 3, **changes)
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


@_DEEP
def test_log_probs_equal_the_samples_log_probs(changes):
  generator = _generator(TEXT, **changes)
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


@_DEEP
def test_a_temperature_divides_the_logits(changes):
  generator = _generator(TEXT, **changes)
  tokens = generator.sample(20, SEED).tokens
  latent = tf.zeros([20, 0])
  expected = tf.gather(tf.nn.log_softmax(generator(tokens, latent) / 0.6), tokens, batch_dims=2) * TEXT.mask(tokens)
  np.testing.assert_allclose(generator.log_probs(tokens, latent, temperature=0.6), expected, atol=1e-5)
  samples = generator.sample(20, SEED, pickers.Categorical(0.6))
  np.testing.assert_allclose(generator.log_probs(samples.tokens, latent, temperature=0.6), samples.log_probs, atol=1e-4)
  generator.divide_logits(0.6)
  np.testing.assert_allclose(generator.log_probs(tokens, latent), expected, atol=1e-5)


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
  kernel, recurrent, bias = generator.lstms[0].get_weights()
  bound = (6 / (40 + 60 + 4 * 60)) ** 0.5
  for weights in (kernel, recurrent):
    assert 0.98 * bound < np.abs(weights).max() <= bound
    np.testing.assert_allclose(weights.std(), bound / 3**0.5, rtol=0.02)
  np.testing.assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], 60))
  np.testing.assert_allclose(generator.output_kernel.numpy().std(), (2 / 460) ** 0.5, rtol=0.02)
  np.testing.assert_array_equal(generator.output_bias, np.zeros(400))
  np.testing.assert_allclose(generator.embedding.numpy().std(), 0.1, rtol=0.02)


def test_dropout_between_layers_has_noise_of_its_own():
  """Of the layers' outputs half are dropped before the next layer; the last layer's noise does not depend on the layers below it."""
  config = lstm.Config(embedding_size=6, hidden_size=50, dropout=0.5, layers=2)
  generator, single = lstm.Generator(FIXED, config, seed=1), lstm.Generator(FIXED, dataclasses.replace(config, layers=1), seed=1)
  tokens, latent = tf.zeros([40, 5], tf.int32), tf.zeros([40, 0])
  deep, flat = (network.outputs(tokens, latent, seed=SEED).numpy() for network in (generator, single))
  np.testing.assert_array_equal(deep == 0.0, flat == 0.0)
  # All rows are the same sequence: only the noise below the last layer makes them differ.
  generator.embedding.assign(tf.zeros_like(generator.embedding.value))
  outputs = generator.outputs(tokens, latent, seed=SEED).numpy()[:, 0]
  kept = np.where(outputs == 0.0, np.nan, outputs)
  assert np.nanstd(kept, axis=0).max() > 1e-3
  assert np.nanstd(np.where(flat[:, 0] == 0.0, np.nan, single.outputs(tokens, latent).numpy()[:, 0]), axis=0).max() < 1e-6


@pytest.mark.parametrize("tied", [False, True])
def test_deep_networks_go_on_from_any_position_and_are_conditioned_on_categories(tied):
  spec = dataclasses.replace(TEXT, categories=("a", "b"))
  generator = _generator(spec, 2, layers=2, tied=tied)
  samples = generator.sample(20, SEED, keep_history=True)
  read = generator.prefill(samples.tokens, samples.latent, samples.context)
  positions, rows = tf.constant([0, 1, 2]), tf.constant([4, 9, 0])
  expected = generator.initial_state(samples.latent, samples.context)
  for t in range(3):
    for history in (samples.history, read):
      state = generator.state_at(history, positions[t : t + 1], rows[t : t + 1])
      for x, y in zip(state, expected, strict=True):
        np.testing.assert_allclose(x, tf.gather(y, rows[t : t + 1]), atol=1e-5)
    inputs = samples.tokens[:, t - 1] if t else tf.fill([20], 1)
    expected = generator.step(inputs, expected)[1]
  other = generator.log_probs(samples.tokens, samples.latent, 1 - samples.context)
  assert np.abs(other - generator.log_probs(samples.tokens, samples.latent, samples.context)).max() > 0.01


def test_a_tied_network_has_one_table_trained_through_inputs_and_outputs():
  generator = _generator(TEXT, layers=2, tied=True)
  assert generator.output_kernel is None and generator.output_projection.shape == (6, 4)
  with tf.GradientTape() as tape:
    log_prob = tf.reduce_sum(generator.log_probs(tf.constant([[3, 2, 0, 0, 0]]), tf.zeros([1, 0])))
  gradient = tf.convert_to_tensor(tape.gradient(log_prob, [generator.embedding])[0]).numpy()
  # Token 5 is no input: only the output layer reads it.
  assert np.abs(gradient[5]).max() > 0 and np.abs(gradient[3]).max() > 0


def test_as_many_layers_as_are_allowed_can_be_made():
  """Each takes three seeds."""
  config = lstm.Config(embedding_size=1, hidden_size=1, layers=40)
  assert len(lstm.Generator(FIXED, config).lstms) == 40
  with pytest.raises(errors.UserError, match="layers must be at least 1, not 0"):
    lstm.Config(layers=0)
