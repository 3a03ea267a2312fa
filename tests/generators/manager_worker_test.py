"""Tests of tf_textgan.generators.manager_worker."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.discriminators import cnn_highway
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import manager_worker
from tf_textgan.sampling import noise

TEXT = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
FIXED = sequences.Spec(vocab_size=7, length=5, start_token=0)
SEED = noise.seed(1)


def _generator(spec, horizon=2, highway=True):
  """A generator whose weights all have an effect, and the discriminator that it reads."""
  discriminator = cnn_highway.Discriminator(spec, cnn_highway.Config(embedding_size=3, widths=(1, 3), filters=(4, 2)), seed=1)
  generator = manager_worker.Generator(spec, manager_worker.Config(4, 5, 3, horizon, highway, init_stddev=0.6))
  generator.attach({"generator": generator, "discriminator": discriminator})
  random = np.random.default_rng(0)
  for variable in discriminator.trainable_variables:
    variable.assign(random.normal(0.0, 0.7, variable.shape))
  return generator, discriminator


def _sigmoid(x):
  return 1 / (1 + np.exp(-x))


def _lstm_step(layer, x, state):
  kernel, recurrent, bias = (w.numpy().astype(np.float64) for w in layer.trainable_weights)
  h, c = state
  take, forget, candidate, give = np.split(x @ kernel + h @ recurrent + bias, 4)
  c = _sigmoid(forget) * c + _sigmoid(take) * np.tanh(candidate)
  return _sigmoid(give) * np.tanh(c), c


def _features(discriminator, tokens, highway):
  """The features of one unfinished sequence, in float64."""
  rows, features = discriminator.embedding.numpy().astype(np.float64)[tokens], []
  for layer in discriminator.convolutions:
    kernel, bias = (w.numpy() for w in layer.weights)
    responses = [np.tensordot(rows[t : t + len(kernel)], kernel, 2) + bias for t in range(len(rows) - len(kernel) + 1)]
    features.append(np.max([np.zeros_like(bias), *responses], axis=0))
  x = np.concatenate(features)
  if not highway:
    return x
  (gate, gate_bias), (carry, carry_bias) = ([w.numpy() for w in layer.weights] for layer in (discriminator.gate, discriminator.highway))
  g = _sigmoid(x @ gate + gate_bias)
  return g * np.maximum(x @ carry + carry_bias, 0.0) + (1 - g) * x


def _twin(generator, discriminator, tokens):
  """Logits `[T, V]` of one sequence in float64, from the equations, with the matrices O_t."""
  config, manager, worker = generator.config, generator.manager, generator.worker
  w = {v.name: v.numpy().astype(np.float64) for v in (*manager.trainable_variables, *worker.trainable_variables)}
  hidden, size = config.hidden_size, config.goal_size
  kernel, bias = w["output_kernel"][: hidden * size].reshape([hidden, size, -1]), w["output_kernel"][hidden * size :]
  manager_state = worker_state = (np.zeros(hidden), np.zeros(hidden))
  projected, logits = [w["initial_goal"]] * config.horizon, []
  for t, last in enumerate([generator.spec.start_token, *tokens[:-1]]):
    worker_state = _lstm_step(worker.lstm, w["embedding"][last], worker_state)
    o_t = np.einsum("h,hkv->vk", worker_state[0], kernel) + bias.T
    goal = sum(projected[-config.horizon :])
    logits.append(o_t @ goal / np.linalg.norm(goal))
    manager_state = _lstm_step(manager.lstm, _features(discriminator, tokens[:t], config.highway), manager_state)
    goal = manager_state[0] @ w["goal_kernel"] + w["goal_bias"]
    projected.append(goal / np.linalg.norm(goal) @ w["projection"])
  return np.array(logits)


@pytest.mark.parametrize(("horizon", "highway"), [(1, True), (2, False), (7, True)])
def test_logits_match_the_equations(horizon, highway):
  generator, discriminator = _generator(FIXED, horizon, highway)
  tokens = np.array([[3, 6, 0, 2, 5], [1, 1, 4, 0, 0]], np.int32)
  logits = generator(tf.constant(tokens), tf.zeros([2, 0])).numpy()
  assert logits.std() > 0.3
  np.testing.assert_allclose(logits, [_twin(generator, discriminator, row) for row in tokens], atol=1e-4)


@pytest.mark.parametrize("highway", [False, True])
@pytest.mark.parametrize("spec", [TEXT, FIXED])
def test_call_equals_step_by_step(spec, highway):
  generator, _ = _generator(spec, highway=highway)
  tokens = generator.sample(30, SEED).tokens
  state, inputs, logits = generator.initial_state(tf.zeros([30, 0])), tf.fill([30], spec.start_token), []
  for t in range(spec.length):
    logits_t, state = generator.step(inputs if t != 2 else tf.one_hot(inputs, spec.vocab_size), state)
    logits.append(logits_t)
    inputs = tokens[:, t]
  np.testing.assert_allclose(tf.function(generator)(tokens, tf.zeros([30, 0])), tf.stack(logits, axis=1), rtol=1e-4, atol=1e-4)


def test_the_discriminators_features_change_the_samples():
  generator, discriminator = _generator(FIXED)
  tokens = generator.sample(10, SEED).tokens
  before = generator(tokens, tf.zeros([10, 0]))
  discriminator.embedding.assign(-discriminator.embedding)
  after = generator(tokens, tf.zeros([10, 0]))
  # The first token has no goal yet; the second has the goal of the empty prefix.
  np.testing.assert_allclose(before[:, :2], after[:, :2], atol=1e-5)
  assert np.all(np.abs(before - after).max(axis=2)[:, 2:] > 1e-3)


def test_goals_have_norm_one():
  generator, _ = _generator(FIXED)
  goals = generator.manager.goals(tf.random.stateless_normal([3, 5, 6], SEED))
  np.testing.assert_allclose(tf.norm(goals, axis=-1), np.ones([3, 5]), rtol=1e-5)


def test_the_discriminators_variables_are_not_the_generators():
  generator, discriminator = _generator(FIXED)
  assert not {id(v) for v in generator.variables} & {id(v) for v in discriminator.variables}
  assert len(generator.trainable_variables) == len(generator.manager.trainable_variables) + len(generator.worker.trainable_variables) == 12


def test_a_clone_reads_the_same_discriminator():
  generator, discriminator = _generator(TEXT)
  clone = generator.clone()
  np.testing.assert_array_equal(clone.sample(20, SEED).tokens, generator.sample(20, SEED).tokens)
  discriminator.embedding.assign(-discriminator.embedding)
  np.testing.assert_array_equal(clone.sample(20, SEED).tokens, generator.sample(20, SEED).tokens)


def test_forbidden_tokens_have_probability_zero():
  generator, _ = _generator(TEXT)
  tokens = generator.sample(100, SEED).tokens
  probs = tf.nn.softmax(generator(tokens, tf.zeros([100, 0]))).numpy()
  assert (probs[:, :, [0, 1]] == 0).all()


@pytest.mark.parametrize("discriminator", [None, recurrent.Discriminator(FIXED, recurrent.Config(4, 5))])
def test_a_discriminator_without_prefix_features_is_refused(discriminator):
  generator = manager_worker.Generator(FIXED, manager_worker.Config(4, 5))
  message = "gives the features of unfinished sequences: cnn_categories, cnn_highway; not"
  with pytest.raises(errors.UserError, match=f"manager_worker needs a discriminator that {message}"):
    generator.attach({"generator": generator, "discriminator": discriminator})
