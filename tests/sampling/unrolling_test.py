"""Tests of tf_textgan.sampling.unrolling on a tiny LSTM, against a Python loop."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling

V, E, H, B, T = 6, 4, 5, 40, 7
END, PAD = 2, 0
SEED = noise.seed(1)


class TinyLSTM:
  """One LSTM cell with random weights."""

  def __init__(self):
    random = np.random.default_rng(0)
    self.weights = [tf.constant(random.normal(size=shape), tf.float32) for shape in ([V, E], [E + H, 4 * H], [H, V])]

  def step(self, inputs, state):
    table, kernel, output = self.weights
    embedded = tf.gather(table, inputs) if inputs.dtype.is_integer else tf.matmul(inputs, table)
    h, c = state
    i, f, g, o = tf.split(tf.matmul(tf.concat([embedded, h], axis=1), kernel), 4, axis=1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    h = tf.sigmoid(o) * tf.tanh(c)
    return tf.matmul(h, output), [h, c]


NETWORK = TinyLSTM()
STATE = [tf.constant(np.random.default_rng(s).normal(size=[B, H]), tf.float32) for s in (1, 2)]
START = tf.ones([B], tf.int32)


def python_loop(picker, start, state, length, end_token):
  """Slow twin of `unroll`: tokens, log_probs, points, the states before each step, as lists over time; and the last state."""
  finished = np.zeros([B], bool)
  rows = []
  inputs = start
  for t in range(length):
    before = state
    logits, state = NETWORK.step(inputs, state)
    pick = picker(logits, noise.fold(SEED, t))
    tokens, log_probs, points = pick.tokens.numpy(), pick.log_probs.numpy(), pick.points
    if end_token is not None:
      tokens = np.where(finished, PAD, tokens)
      log_probs = np.where(finished, 0.0, log_probs)
      if points is not None:
        points = tf.where(finished[:, None], tf.one_hot(PAD, V), points)
      finished = finished | (tokens == end_token)
    rows.append((tokens, log_probs, points, before))
    inputs = points if start.dtype.is_floating else tf.constant(tokens)
  return [*(list(column) for column in zip(*rows)), state]


PICKERS = [pickers.Argmax(), pickers.Categorical(), pickers.GumbelSoftmax(0.7), pickers.StraightThrough(0.7), pickers.SoftArgmax()]


@pytest.mark.parametrize("picker", PICKERS)
@pytest.mark.parametrize("end_token", [None, END])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("soft", [False, True])
def test_unroll_equals_a_python_loop(picker, end_token, compiled, soft):
  if soft and not picker.relaxed:
    pytest.skip("this picker has no points to feed back")
  start = tf.one_hot(START, V) if soft else START
  run = lambda: unrolling.unroll(NETWORK.step, picker, start, STATE, T, SEED, end_token, stacked=lambda state: state)  # noqa: E731
  samples = (tf.function(run) if compiled else run)()
  tokens, log_probs, points, states, last = python_loop(picker, start, STATE, T, end_token)
  tokens = np.stack(tokens, axis=1)
  np.testing.assert_array_equal(samples.tokens, tokens)
  np.testing.assert_allclose(samples.log_probs, np.stack(log_probs, axis=1), atol=1e-5)
  assert samples.tokens.shape == [B, T] and samples.log_probs.shape == [B, T]
  if picker.relaxed:
    np.testing.assert_allclose(samples.points, np.stack(points, axis=1), atol=1e-5)
  else:
    assert samples.points is None
  # Steps that the loop did not reach have no states.
  reached = slice(None) if end_token is None else tokens[0] != PAD
  for kept, expected in zip(samples.history.stacked, zip(*states)):
    assert kept.shape == [B, T, H]
    np.testing.assert_allclose(kept[0][reached], np.stack(expected, axis=1)[0][reached], atol=1e-5)
  if end_token is None:
    for final, kept, expected in zip(samples.state, samples.history.last, last):
      np.testing.assert_allclose(final, expected, atol=1e-5)
      np.testing.assert_array_equal(kept, final)


def test_after_the_end_token_there_is_only_padding():
  samples = unrolling.unroll(NETWORK.step, pickers.GumbelSoftmax(), START, STATE, T, SEED, END)
  tokens = samples.tokens.numpy()
  after = np.cumsum(tokens == END, axis=1) - (tokens == END) > 0
  assert 0.2 < after.mean() < 0.9
  assert (tokens[after] == PAD).all()
  assert (samples.log_probs.numpy()[after] == 0).all()
  np.testing.assert_array_equal(samples.points.numpy()[after], np.broadcast_to(np.eye(V)[PAD], [after.sum(), V]))
  assert (samples.log_probs.numpy()[~after] < 0).all()


def test_padding_passes_no_gradient():
  scale = tf.Variable(1.0)
  step = lambda inputs, state: (NETWORK.step(inputs, state)[0] * scale, state)  # noqa: E731
  with tf.GradientTape() as tape:
    samples = unrolling.unroll(step, pickers.GumbelSoftmax(), START, STATE, T, SEED, END)
    padding = tf.cast(samples.tokens == PAD, tf.float32) * tf.cast(tf.cumsum(tf.cast(samples.tokens == END, tf.float32), axis=1) > 0, tf.float32)
    value = tf.reduce_sum(samples.points[:, :, 3] * padding)
  assert tape.gradient(value, scale).numpy() == 0.0


@pytest.mark.parametrize("compiled", [False, True])
def test_stopping_early_changes_nothing(compiled):
  def certain_end(inputs, state):
    # Every sequence ends at the third token; counts the steps.
    logits, inner = NETWORK.step(inputs, state[:2])
    taken = state[2] + 1.0
    return logits + tf.where(taken >= 3.0, 1e4 * tf.one_hot(END, V), 0.0), [*inner, taken]

  taken = tf.zeros([B, 1])
  run = lambda end: unrolling.unroll(certain_end, pickers.Categorical(), START, [*STATE, taken], T, SEED, end, stacked=lambda state: state)  # noqa: E731
  samples = (tf.function(run) if compiled else run)(END)
  whole = run(None).tokens.numpy()
  ended = np.cumsum(whole == END, axis=1) - (whole == END) > 0
  np.testing.assert_array_equal(samples.tokens, np.where(ended, PAD, whole))
  # The fourth step was not taken.
  np.testing.assert_array_equal(samples.history.stacked[2][:, :, 0], np.broadcast_to([0, 1, 2, 0, 0, 0, 0], [B, T]))
  np.testing.assert_array_equal(samples.state[2], np.full([B, 1], 3.0))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("last", [END, PAD])
def test_sequences_that_have_ended_stay_empty(compiled, last):
  run = lambda start: unrolling.unroll(NETWORK.step, pickers.Categorical(), start, STATE, T, SEED, END, stacked=lambda state: state)  # noqa: E731
  samples = (tf.function(run, input_signature=[tf.TensorSpec([None], tf.int32)]) if compiled else run)(tf.fill([B], last))
  np.testing.assert_array_equal(samples.tokens, np.full([B, T], PAD))
  np.testing.assert_array_equal(samples.log_probs, np.zeros([B, T]))


def test_the_end_of_one_row_does_not_change_the_others():
  start = START.numpy()
  start[::2] = END
  samples = unrolling.unroll(NETWORK.step, pickers.Categorical(), tf.constant(start), STATE, T, SEED, END)
  alone = unrolling.unroll(NETWORK.step, pickers.Categorical(), START, STATE, T, SEED, END)
  np.testing.assert_array_equal(samples.tokens[1::2], alone.tokens[1::2])
  assert (samples.tokens.numpy()[::2] == PAD).all()


@pytest.mark.parametrize("picker", [pickers.GumbelSoftmax(0.9), pickers.StraightThrough(0.9), pickers.SoftArgmax(0.9)])
@pytest.mark.parametrize("end_token", [None, END])
def test_the_gradient_through_fed_back_points_equals_a_python_loop(picker, end_token):
  start = tf.one_hot(START, V)
  weights = tf.constant(np.random.default_rng(3).normal(size=[B, T, V]), tf.float32)

  def gradients(make_points):
    with tf.GradientTape() as tape:
      tape.watch([*NETWORK.weights, *STATE])
      value = tf.reduce_sum(make_points() * weights)
    return tape.gradient(value, [*NETWORK.weights, *STATE])

  ours = gradients(lambda: unrolling.unroll(NETWORK.step, picker, start, STATE, T, SEED, end_token).points)
  compiled = tf.function(gradients)(lambda: unrolling.unroll(NETWORK.step, picker, start, STATE, T, SEED, end_token).points)
  theirs = gradients(lambda: tf.stack(python_loop(picker, start, STATE, T, end_token)[2], axis=1))
  for a, b, c in zip(ours, compiled, theirs):
    assert np.abs(c).max() > 0.01
    np.testing.assert_allclose(a, c, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(b, c, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("picker", [pickers.Categorical(), pickers.GumbelSoftmax()])
def test_length_may_be_a_tensor(compiled, picker):
  run = lambda length: unrolling.unroll(NETWORK.step, picker, START, STATE, length, SEED)  # noqa: E731
  expected = run(T)
  for length in (1, 4):
    samples = (tf.function(run) if compiled else run)(tf.constant(length))
    np.testing.assert_array_equal(samples.tokens, expected.tokens[:, :length])
    np.testing.assert_allclose(samples.log_probs, expected.log_probs[:, :length], atol=1e-6)


def test_read_gives_the_states_of_a_python_loop():
  inputs = tf.constant(np.random.default_rng(4).integers(0, V, [B, T]), tf.int32)
  history = tf.function(lambda: unrolling.read(NETWORK.step, inputs, STATE, lambda state: state[:1]))()
  state, before = STATE, []
  for t in range(T):
    before.append(state[0])
    _, state = NETWORK.step(inputs[:, t], state)
  (stacked,) = history.stacked
  np.testing.assert_allclose(stacked, tf.stack(before, axis=1), atol=1e-5)
  for x, y in zip(history.last, state, strict=True):
    np.testing.assert_allclose(x, y, atol=1e-5)


def test_rows_are_spliced_at_their_own_positions():
  given, following = tf.constant([[1, 2, 3, 4]] * 3), tf.constant([[5, 6, 7], [8, 9, 10], [11, 12, 13]])
  spliced = unrolling.splice(given, tf.constant([1, 3, 4]), following)
  np.testing.assert_array_equal(spliced, [[1, 5, 6, 7], [1, 2, 3, 8], [1, 2, 3, 4]])


def test_other_seeds_give_other_sequences():
  first, second = (unrolling.unroll(NETWORK.step, pickers.Categorical(), START, STATE, T, noise.seed(s)).tokens for s in (1, 2))
  assert np.mean(first == second) < 0.5


def test_sampled_frequencies_match_the_model():
  """All 36 sequences of two tokens, whose probabilities are products of the step's."""
  num = 20000
  zeros = [tf.zeros([num, H])] * 2
  samples = unrolling.unroll(NETWORK.step, pickers.Categorical(), tf.ones([num], tf.int32), zeros, 2, SEED)
  first, state = NETWORK.step(tf.ones([V], tf.int32), [tf.zeros([V, H])] * 2)
  second, _ = NETWORK.step(tf.range(V), state)
  probs = (tf.nn.softmax(first[0])[:, None] * tf.nn.softmax(second)).numpy().ravel()
  codes = samples.tokens[:, 0] * V + samples.tokens[:, 1]
  counts, expected = np.bincount(codes, minlength=V * V), num * probs
  assert np.sum((counts - expected) ** 2 / expected) < 35 + 5 * np.sqrt(70)
  np.testing.assert_allclose(tf.reduce_sum(samples.log_probs, axis=1), np.log(probs[codes.numpy()]), atol=1e-4)


def test_given_tokens_stand_in_place_of_the_picked_ones():
  """Each token is one more than the one before it, so that what is given shows in what follows."""

  def step(inputs, state):
    return tf.one_hot((inputs + 1) % 7, 7) * 100.0, state

  tokens = tf.constant([[5, 0, 0, 3, 0], [0, 0, 0, 2, 0]])
  given = tf.constant([[True, False, False, True, False], [False, False, False, True, True]])
  samples = unrolling.unroll(step, pickers.Categorical(), tf.constant([3, 3]), (), 5, noise.seed(0), 2, given=(tokens, given))
  np.testing.assert_array_equal(samples.tokens, [[5, 6, 0, 3, 4], [4, 5, 6, 2, 0]])
  np.testing.assert_allclose(samples.log_probs, np.zeros([2, 5]), atol=1e-6)
  even = lambda inputs, state: (tf.zeros([2, 7]), state)  # noqa: E731
  samples = unrolling.unroll(even, pickers.Categorical(), tf.constant([3, 3]), (), 5, noise.seed(0), given=(tokens, given))
  np.testing.assert_allclose(samples.log_probs, np.where(given, 0.0, -np.log(7.0)), atol=1e-6)
