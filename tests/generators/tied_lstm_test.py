"""Tests of tf_textgan.generators.tied_lstm."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.conformance import tiny
from tf_textgan.generators import tied_lstm
from tf_textgan.sampling import noise

TEXT = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
SEED = noise.seed(1)


def _generator(**changes):
  config = tied_lstm.Config(**{"embedding_size": 3, "pretrained_size": 2, "hidden_size": 4, "layers": 2, **changes})
  generator = tied_lstm.Generator(TEXT, config, seed=1)
  if generator.pretrained is not None:
    generator.pretrained.assign(np.random.default_rng(0).normal(size=[7, 2]))
  return generator


def _stepwise(generator, tokens, latent):
  state, inputs, logits = generator.initial_state(latent), tf.fill([tokens.shape[0]], generator.spec.start_token), []
  for t in range(tokens.shape[1]):
    logits_t, state = generator.step(inputs, state)
    logits.append(logits_t)
    inputs = tokens[:, t]
  return tf.stack(logits, axis=1)


def test_logits_match_a_slow_twin():
  generator = _generator()
  table = np.concatenate([generator.pretrained.numpy(), generator.embedding.learned.numpy()], axis=1)
  sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
  state = [(np.zeros([1, 4]), np.zeros([1, 4]))] * 2
  tokens = np.array([[3, 6, 4, 2, 0]], np.int32)
  logits = generator(tf.constant(tokens), tf.zeros([1, 0])).numpy()
  for t, token in enumerate([1, *tokens[0, :-1]]):
    embedded = table[[token]] @ generator.input_projection.numpy()
    shown, heard = embedded, []
    for layer, lstm in enumerate(generator.lstms):
      h, c = state[layer]
      z = shown @ lstm.input_kernel.numpy() + h @ lstm.recurrent_kernel.numpy() + lstm.bias.numpy()
      i, g, f, o = np.split(z, 4, axis=1)
      c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
      h = sigmoid(o) * np.tanh(c)
      state[layer] = h, c
      heard.append(h)
      shown = np.concatenate([embedded, h], axis=1)
    expected = np.concatenate(heard, axis=1) @ generator.output_projection.numpy() @ table.T + generator.output_bias.numpy()
    np.testing.assert_allclose(logits[:, t, 2:], expected[:, 2:], atol=1e-5)
  assert (logits[:, :, :2] < -1e8).all()


@pytest.mark.parametrize("latent_size", [0, 3])
def test_call_equals_step_by_step(latent_size):
  generator = _generator(latent_size=latent_size)
  tokens = generator.sample(30, SEED).tokens
  latent = generator.prior(30, noise.seed(2))
  logits = generator(tokens, latent)
  np.testing.assert_allclose(logits, _stepwise(generator, tokens, latent), rtol=1e-5, atol=1e-5)
  if latent_size:
    assert np.abs(logits - generator(tokens, -latent)).max() > 1e-2


def test_call_equals_step_by_step_in_mixed_precision():
  with tiny.half_precision():
    generator = _generator()
  tokens = generator.sample(30, SEED).tokens
  logits = generator(tokens, tf.zeros([30, 0]))
  assert logits.dtype == tf.bfloat16
  assert {v.dtype for v in generator.variables} == {"float32"}
  np.testing.assert_allclose(*(tf.cast(x[:, :, 2:], tf.float32) for x in (logits, _stepwise(generator, tokens, tf.zeros([30, 0])))), atol=0.05)


def test_the_embedding_is_trained_through_inputs_and_outputs():
  generator = _generator()
  with tf.GradientTape() as tape:
    # Row 3 of the table is an input; all rows are in the output layer.
    log_prob = tf.reduce_sum(generator.log_probs(tf.constant([[3, 2, 0, 0, 0]]), tf.zeros([1, 0])))
  table = generator.embedding.learned
  assert any(v is table for v in generator.trainable_variables)
  gradient = tf.convert_to_tensor(tape.gradient(log_prob, [table])[0]).numpy()
  small, value = 1e-2, table.numpy()
  for row, column in [(3, 0), (2, 1), (5, 2), (1, 0)]:
    changed = []
    for sign in (1, -1):
      moved = value.copy()
      moved[row, column] += sign * small
      table.assign(moved)
      changed.append(float(tf.reduce_sum(generator.log_probs(tf.constant([[3, 2, 0, 0, 0]]), tf.zeros([1, 0])))))
    table.assign(value)
    np.testing.assert_allclose(gradient[row, column], (changed[0] - changed[1]) / (2 * small), rtol=0.02, atol=1e-4)


def test_the_pretrained_part_is_saved_but_not_trained():
  generator = _generator()
  assert not any(v is generator.pretrained for v in generator.trainable_variables)
  assert any(v is generator.pretrained for v in generator.variables)
  np.testing.assert_array_equal(generator.clone().pretrained, generator.pretrained)
  assert _generator(pretrained_size=0).pretrained is None


@pytest.mark.parametrize("changes", [{"layers": 0}, {"pretrained_size": -1}, {"embedding_size": 0}])
def test_impossible_sizes_are_refused(changes):
  with pytest.raises(errors.UserError, match=next(iter(changes))):
    tied_lstm.Config(**changes)
