"""Tests of tf_textgan.layers.seq2seq."""

import numpy as np
import tensorflow as tf

from tf_textgan.layers import seq2seq
from tf_textgan.sampling import noise

NUM, LENGTH, VOCAB, EMBEDDING, HIDDEN, OUTPUT = 4, 5, 7, 3, 4, 6
SEED = noise.seed(1)


def _layer():
  layer = seq2seq.Seq2Seq(VOCAB, EMBEDDING, HIDDEN, layers=2, output_size=OUTPUT, seed=1)
  random = np.random.default_rng(0)
  for weight in layer.trainable_variables:
    weight.assign(random.normal(0.0, 0.8, weight.shape))
  return layer


def _text():
  random = np.random.default_rng(1)
  return random.integers(0, VOCAB, [NUM, LENGTH]), random.integers(0, 2, [NUM, LENGTH]).astype(bool)


def _sigmoid(x):
  return 1 / (1 + np.exp(-x))


def _lstm(layer, inputs, state, kept=1.0):
  """Outputs of an LSTM layer, float `[T, I]` to `[T, H]`, and its last state; `kept` multiplies its output where it is read again."""
  output, cell = state
  outputs = []
  for x in inputs:
    z = x @ layer.input_kernel.numpy() + (output * kept) @ layer.recurrent_kernel.numpy() + layer.bias.numpy()
    i, g, f, o = np.split(z, 4)
    cell = _sigmoid(f + 1) * cell + _sigmoid(i) * np.tanh(g)
    output = _sigmoid(o) * np.tanh(cell)
    outputs.append(output)
  return np.array(outputs), (output, cell)


def _twin(layer, tokens, present, drop):
  """y of one text, float `[T, O]`; `drop` gives the factors of this row by name."""
  table = layer.embedding.numpy()
  x, states = np.where(present[:, None], table[tokens], layer.missing.numpy()), []
  for i, lstm in enumerate(layer.encoder):
    x, state = _lstm(lstm, x * drop(f"encoder_{i}_inputs"), (np.zeros(HIDDEN), np.zeros(HIDDEN)), drop(f"encoder_{i}_states"))
    states.append(state)
  memory, x = x * drop("encoder"), table[tokens]
  for i, lstm in enumerate(layer.decoder):
    x, _ = _lstm(lstm, x * drop(f"decoder_{i}_inputs"), states[i], drop(f"decoder_{i}_states"))
  weights = np.exp(x @ layer.attention_kernel.numpy() @ memory.T)
  weights /= weights.sum(axis=1, keepdims=True)
  return np.concatenate([x, weights @ memory], axis=1) @ layer.combination_kernel.numpy() * drop("decoder")


def test_outputs_equal_a_numpy_implementation():
  layer, (tokens, present) = _layer(), _text()
  embedded = tf.gather(layer.table(), tokens)
  found = layer.decode(embedded, layer.encode(embedded, tf.constant(present)))
  for i in range(NUM):
    np.testing.assert_allclose(found[i], _twin(layer, tokens[i], present[i], lambda name: 1.0), atol=1e-5)


def test_dropout_is_of_the_same_entries_at_all_positions():
  layer, (tokens, present) = _layer(), _text()
  drop, factors = noise.variational_dropout(NUM, 0.4, SEED), {}

  def noted(name, size):
    factors[name] = drop(name, size).numpy()
    return factors[name]

  embedded = tf.gather(layer.table(), tokens)
  found = layer.decode(embedded, layer.encode(embedded, tf.constant(present), noted), noted)
  assert len(factors) == 10 and all((np.isclose(x, 0) | np.isclose(x, 1 / 0.6)).all() for x in factors.values())
  for i in range(NUM):
    np.testing.assert_allclose(found[i], _twin(layer, tokens[i], present[i], lambda name, i=i: factors[name][i]), atol=1e-4)


def test_single_steps_equal_the_decoder():
  layer, (tokens, present) = _layer(), _text()
  embedded = tf.gather(layer.table(), tokens)
  state = layer.encode(embedded, tf.constant(present))
  expected = layer.decode(embedded, state)
  for t in range(LENGTH):
    outputs, state = layer.step(embedded[:, t], state)
    np.testing.assert_allclose(outputs, expected[:, t], atol=1e-5)
