"""Tests of tf_textgan.sampling.beams against the list of all sequences."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.sampling import beams
from tf_textgan.sampling import limits

# Tokens: 0 is padding, 1 the start, 2 the end.
V, T, END, START = 5, 4, 2, 1
NONE = np.zeros([2, T], np.int32)


@pytest.fixture(scope="module")
def logits():
  """Logits for two rows, of each token after each other one, at each position; padding and start are impossible."""
  found = np.random.default_rng(0).normal(size=[2, T, V, V]).astype(np.float32)
  found[..., :2] = -1e9
  return found


def _step(logits):
  def step(inputs, state):
    return tf.gather_nd(tf.constant(logits), tf.stack([state["row"], state["t"], inputs], axis=1)), {"row": state["row"], "t": state["t"] + 1}

  return step


def _search(logits, k, given=NONE, count=(0, 0), **settings):
  state = {"row": tf.range(2), "t": tf.zeros([2], tf.int32)}
  search = tf.function(lambda: beams.search(_step(logits), tf.fill([2], START), state, tf.constant(given), tf.constant(count), k, **settings))
  tokens, log_probs, steps = (x.numpy() for x in search())
  exists = np.isfinite(log_probs)
  np.testing.assert_allclose(steps.sum(-1)[exists], log_probs[exists], rtol=1e-5, atol=1e-6)
  given_places = np.arange(T) < np.array(count)[:, None, None]
  assert not steps[np.broadcast_to(given_places, steps.shape) & exists[:, :, None]].any()
  return tokens, log_probs


def _all(logits, row, given=(), end=END):
  """All sequences of a row that begin with given tokens, and their log-probabilities without these, the most probable first."""
  logp = logits[row] - np.log(np.exp(logits[row].astype(np.float64)).sum(-1, keepdims=True))
  found = {}
  for tokens in itertools.product(range(2, V), repeat=T):
    if tokens[: len(given)] != tuple(given):
      continue
    if end in tokens:
      tokens = tokens[: tokens.index(end) + 1]
    found[tokens] = sum(logp[t, ([START, *tokens])[t], tokens[t]] for t in range(len(given), len(tokens)))
  return sorted(found.items(), key=lambda item: -item[1])


def _unpadded(tokens):
  return tuple(tokens[tokens != 0])


@pytest.mark.parametrize("end", [END, None])
def test_enough_beams_find_all_sequences_in_their_order(logits, end):
  expected = [_all(logits, row, end=end) for row in range(2)]
  k = max(map(len, expected)) + 3
  tokens, log_probs = _search(logits, k, end_token=end)
  for row in range(2):
    number = len(expected[row])
    assert [_unpadded(found) for found in tokens[row, :number]] == [sequence for sequence, _ in expected[row]]
    np.testing.assert_allclose(log_probs[row, :number], [value for _, value in expected[row]], rtol=1e-5)
    # Impossible tokens fill the rest.
    assert (log_probs[row, number:] < -1e8).all()


def test_one_beam_takes_the_most_probable_token_at_each_step(logits):
  tokens, _ = _search(logits, 1, end_token=END)
  for row in range(2):
    expected, last = [], START
    while len(expected) < T and last != END:
      last = int(np.argmax(logits[row, len(expected), last]))
      expected.append(last)
    assert _unpadded(tokens[row, 0]) == tuple(expected)


def test_given_tokens_stay_and_do_not_count(logits):
  given = np.array([[3, 4, 0, 0], [4, 0, 0, 0]], np.int32)
  tokens, log_probs = _search(logits, 40, given, (2, 1), end_token=END)
  for row, prompt in enumerate([(3, 4), (4,)]):
    expected = _all(logits, row, prompt)
    assert [_unpadded(found) for found in tokens[row, : len(expected)]] == [sequence for sequence, _ in expected]
    np.testing.assert_allclose(log_probs[row, : len(expected)], [value for _, value in expected], rtol=1e-5)


def test_the_penalty_ranks_by_the_mean_of_a_generated_token(logits):
  given = np.array([[3, 0, 0, 0], [3, 0, 0, 0]], np.int32)
  tokens, _ = _search(logits, 100, given, (1, 1), end_token=END, penalty=1.0)
  for row in range(2):
    expected = _all(logits, row, (3,))
    ranked = sorted(expected, key=lambda item: -item[1] / (len(item[0]) - 1))
    assert [_unpadded(found) for found in tokens[row, : len(ranked)]] == [sequence for sequence, _ in ranked] != [item for item, _ in expected]


def test_a_given_end_is_the_end(logits):
  given = np.array([[3, 2, 0, 0], [2, 0, 0, 0]], np.int32)
  tokens, log_probs = _search(logits, 2, given, (2, 1), end_token=END)
  assert _unpadded(tokens[0, 0]) == (3, 2) and _unpadded(tokens[1, 0]) == (2,)
  np.testing.assert_array_equal(log_probs, [[0, -np.inf]] * 2)


def test_only_sequences_within_the_limits_are_found(logits):
  given = np.array([[3, 0, 0, 0], [0, 0, 0, 0]], np.int32)
  bounds = limits.Limits(END, least=2, most=3, excluded=(4, 0, 1))
  tokens, log_probs = _search(logits, 30, given, (1, 0), end_token=END, limits=bounds)
  for row in range(2):
    allowed = {(3,) * size + (END,) for size in (2, 3)}
    found = [_unpadded(sequence) for sequence, value in zip(tokens[row], log_probs[row]) if np.isfinite(value)]
    assert set(found) == allowed and len(found) == 2
    # Two tokens are possible where a choice is left, one elsewhere: the probabilities of the two sequences are those of one choice.
    free = np.exp(log_probs[row][np.isfinite(log_probs[row])])
    assert free.sum() == pytest.approx(1.0)
  given[1, 0] = 4
  tokens, log_probs = _search(logits, 100, given, (1, 1), end_token=END, limits=limits.Limits(END, new=1, excluded=(0, 1)))
  for row in range(2):
    first = int(given[row, 0])
    expected = np.exp(logits[row, 1, first, 2:]) / np.exp(logits[row, 1, first, 2:]).sum()
    found = {int(sequence[1]): value for sequence, value in zip(tokens[row], log_probs[row]) if np.isfinite(value)}
    np.testing.assert_allclose([np.exp(found[token]) for token in (2, 3, 4)], expected, rtol=1e-5)
