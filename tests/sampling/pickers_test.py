"""Tests of tf_textgan.sampling.pickers."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

LOGITS = np.random.default_rng(0).normal(0.0, 1.5, [8, 11]).astype(np.float32)
WEIGHTS = np.random.default_rng(1).normal(size=[8, 11]).astype(np.float32)
SEED = noise.seed(1)


def _softmax(logits):
  weights = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
  return weights / weights.sum(axis=-1, keepdims=True)


def _allowed_probs(logits, top_k=0, nucleus=1.0):
  """Computes, slowly, the renormalized probabilities `[V]` of one row of logits after top-k, then nucleus."""
  order = np.argsort(-logits, kind="stable")[: top_k or None]
  probs = _softmax(logits[order])
  kept, mass = [], 0.0
  for token, p in zip(order, probs):
    if kept and mass >= nucleus:
      break
    kept.append(token)
    mass += p
  result = np.zeros(len(logits))
  result[kept] = _softmax(logits[kept])
  return result


def _gradient(picker, logits=LOGITS):
  logits = tf.constant(logits)
  with tf.GradientTape() as tape:
    tape.watch(logits)
    value = tf.reduce_sum(WEIGHTS * picker(logits, SEED).points)
  return tape.gradient(value, logits)


def test_argmax_passes_no_gradient():
  logits = tf.constant(LOGITS)
  with tf.GradientTape() as tape:
    tape.watch(logits)
    tokens = pickers.Argmax()(logits).tokens
    onehots = tf.one_hot(tokens, 11)
  assert tape.gradient(onehots, logits) is None
  # There is none: a small step of any logit changes nothing.
  for i in range(11):
    step = 1e-3 * np.eye(11, dtype=np.float32)[i]
    np.testing.assert_array_equal(pickers.Argmax()(logits + step).tokens, tokens)
  np.testing.assert_array_equal(tokens, LOGITS.argmax(axis=-1))


@pytest.mark.parametrize(
  ("top_k", "nucleus", "temperature"),
  [(0, 1.0, 0.7), (3, 1.0, 1.0), (0, 0.6, 1.0), (0, 0.9, 2.0), (5, 0.8, 1.0), (1, 1.0, 1.0), (0, 0.0, 1.0), (50, 1.0, 1.0)],
)
def test_categorical_draws_from_the_truncated_distribution(top_k, nucleus, temperature):
  for row in LOGITS[:3]:
    pick = pickers.Categorical(temperature, top_k, nucleus)(tf.repeat(row[None], 20000, axis=0), SEED)
    tokens = pick.tokens.numpy()
    probs = _allowed_probs(row / temperature, top_k, nucleus)
    allowed = probs > 0
    counts = np.bincount(tokens, minlength=11)
    assert counts[~allowed].sum() == 0
    expected = len(tokens) * probs[allowed]
    freedom = allowed.sum() - 1
    assert np.sum((counts[allowed] - expected) ** 2 / expected) < freedom + 5 * np.sqrt(2 * freedom) + 1e-6
    np.testing.assert_allclose(pick.log_probs, np.log(probs[tokens]), atol=1e-5)
    assert pick.points is None


@pytest.mark.parametrize(("nucleus", "share"), [(0.6, 0.3), (0.9, 0.1), (1.0, 0.5), (0.6, 1.0), (1.0, 0.0)])
def test_cold_nucleus_draws_from_the_mixture(nucleus, share):
  for row in LOGITS[:2]:
    pick = pickers.ColdNucleus(0.5, nucleus, share)(tf.repeat(row[None], 20000, axis=0), SEED)
    probs = share * _softmax(row / 0.5) + (1.0 - share) * _allowed_probs(row, nucleus=nucleus)
    expected = 20000 * probs
    counts = np.bincount(pick.tokens, minlength=11)
    assert np.sum((counts - expected) ** 2 / expected) < 10 + 5 * np.sqrt(20)
    np.testing.assert_allclose(pick.log_probs, np.log(probs[pick.tokens]), atol=1e-5)


@pytest.mark.parametrize(("spread", "nucleus"), [(4.0, 0.95), (4.0, 0.3), (0.5, 0.9), (0.01, 0.5)])
def test_cold_nucleus_finds_nuclei_of_every_size(spread, nucleus):
  """The nucleus adds tokens within a quarter of a percent to the exact one: its probability lies between both sets'."""
  logits = np.random.default_rng(2).normal(0.0, spread, [20, 400]).astype(np.float32)
  pick = pickers.ColdNucleus(0.5, nucleus, 0.2)(tf.constant(logits), SEED)
  inside = 0
  for row, token, log_prob in zip(logits, pick.tokens.numpy(), pick.log_probs.numpy()):
    probs = _softmax(row)
    exact = _allowed_probs(row, nucleus=nucleus) > 0
    near = probs >= probs[exact].min() * 0.9974
    outside = 0.2 * _softmax(row / 0.5)[token]
    least = outside + 0.8 * exact[token] * probs[token] / probs[near].sum()
    most = outside + 0.8 * near[token] * probs[token] / probs[exact].sum()
    assert least * 0.9999 < np.exp(log_prob) < most * 1.0001
    inside += exact[token]
  assert inside > 5


def test_cold_nucleus_never_picks_excluded_tokens():
  logits = np.copy(LOGITS)
  logits[:, [0, 3]] = -1e9
  pick = pickers.ColdNucleus(0.9, 0.95, 0.5)(tf.repeat(logits, 500, axis=0), SEED)
  assert not np.isin(pick.tokens, [0, 3]).any() and np.isfinite(pick.log_probs).all()


@pytest.mark.parametrize("temperature", [0, 0.0, tf.constant(0.0)])
def test_temperature_zero_takes_the_most_probable_token(temperature):
  pick = pickers.Categorical(temperature)(tf.constant(LOGITS), SEED)
  np.testing.assert_array_equal(pick.tokens, LOGITS.argmax(axis=-1))
  np.testing.assert_allclose(pick.log_probs, 0.0, atol=1e-6)


def test_temperature_may_be_a_tensor():
  for picker in (pickers.Categorical, pickers.GumbelSoftmax, pickers.StraightThrough, pickers.SoftArgmax):
    fixed, tensor = picker(0.7)(tf.constant(LOGITS), SEED), picker(tf.constant(0.7))(tf.constant(LOGITS), SEED)
    np.testing.assert_array_equal(fixed.tokens, tensor.tokens)
    if picker.relaxed:
      np.testing.assert_allclose(fixed.points, tensor.points, atol=1e-6)


@pytest.mark.parametrize("picker", [pickers.Argmax(), pickers.GumbelSoftmax(0.5), pickers.StraightThrough(0.5), pickers.SoftArgmax(0.5)])
def test_log_probs_are_under_the_softmax_of_the_logits(picker):
  pick = picker(tf.constant(LOGITS), SEED)
  expected = np.log(np.take_along_axis(_softmax(LOGITS), pick.tokens.numpy()[:, None], axis=1)[:, 0])
  np.testing.assert_allclose(pick.log_probs, expected, atol=1e-5)


def test_gumbel_softmax_tokens_are_exact_draws():
  pick = pickers.GumbelSoftmax(1.7)(tf.repeat(LOGITS[:1], 40000, axis=0), SEED)
  np.testing.assert_array_equal(pick.tokens, pick.points.numpy().argmax(axis=-1))
  counts = np.bincount(pick.tokens, minlength=11)
  expected = 40000 * _softmax(LOGITS[0])
  assert np.sum((counts - expected) ** 2 / expected) < 10 + 5 * np.sqrt(20)


def test_gumbel_softmax_tends_to_one_hot_as_the_temperature_falls():
  logits = tf.repeat(LOGITS, 100, axis=0)
  largest = [pickers.GumbelSoftmax(t)(logits, SEED).points.numpy().max(axis=-1).mean() for t in (2.0, 0.5, 0.1, 0.001)]
  assert largest == sorted(largest)
  assert largest[0] < 0.6 and largest[-1] > 0.99
  points = pickers.GumbelSoftmax(100.0)(logits, SEED).points.numpy()
  np.testing.assert_allclose(points, 1 / 11, atol=0.05)


def test_straight_through_is_one_hot_forward_and_relaxed_backward():
  logits = tf.repeat(LOGITS, 500, axis=0)
  pick = pickers.StraightThrough(0.7)(logits, SEED)
  np.testing.assert_array_equal(pick.points, np.eye(11)[pick.tokens.numpy()])
  np.testing.assert_array_equal(pick.tokens, pickers.GumbelSoftmax(0.7)(logits, SEED).tokens)
  gradient = _gradient(pickers.StraightThrough(0.7))
  np.testing.assert_allclose(gradient, _gradient(pickers.GumbelSoftmax(0.7)), atol=1e-6)
  assert np.abs(gradient).max() > 0.01


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_gumbel_softmax_gradient_equals_finite_differences(temperature):
  picker = pickers.GumbelSoftmax(temperature)
  gradient = _gradient(picker).numpy()
  for i in range(11):
    step = 1e-2 * np.eye(11, dtype=np.float32)[i]
    values = [np.sum(WEIGHTS * picker(tf.constant(LOGITS + sign * step), SEED).points, axis=-1) for sign in (1, -1)]
    np.testing.assert_allclose((values[0] - values[1]) / 2e-2, gradient[:, i], atol=2e-3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_soft_argmax_is_the_softmax(temperature):
  pick = pickers.SoftArgmax(temperature)(tf.constant(LOGITS))
  probs = _softmax(LOGITS / temperature)
  np.testing.assert_allclose(pick.points, probs, atol=1e-6)
  np.testing.assert_array_equal(pick.tokens, LOGITS.argmax(axis=-1))
  # d sum_j w_j p_j / d l_i = p_i (w_i - sum_j w_j p_j) / temperature
  expected = probs * (WEIGHTS - np.sum(WEIGHTS * probs, axis=-1, keepdims=True)) / temperature
  np.testing.assert_allclose(_gradient(pickers.SoftArgmax(temperature)), expected, atol=1e-5)


@pytest.mark.parametrize("picker", [pickers.Argmax(), pickers.Categorical(), pickers.Categorical(0.5, 3, 0.9), pickers.GumbelSoftmax()])
def test_half_precision_logits_give_single_precision_log_probs(picker):
  pick = picker(tf.cast(LOGITS, tf.bfloat16), SEED)
  assert pick.tokens.dtype == tf.int32
  assert pick.log_probs.dtype == tf.float32


def test_gumbel_rao_has_the_mean_of_straight_through_and_less_variance():
  logits, weights = np.tile(LOGITS[:1], [4000, 1]), tf.constant(WEIGHTS[0])

  def gradients(picker):
    x = tf.constant(logits)
    with tf.GradientTape() as tape:
      tape.watch(x)
      value = tf.reduce_sum(tf.square(tf.reduce_sum(weights * picker(x, SEED).points, axis=1)))
    return tape.gradient(value, x).numpy()

  rao, plain = gradients(pickers.GumbelRao(0.5, draws=20)), gradients(pickers.StraightThrough(0.5))
  error = np.sqrt((rao.var(axis=0) + plain.var(axis=0)) / 4000)
  assert np.all(np.abs(rao.mean(axis=0) - plain.mean(axis=0)) < 4.5 * error)
  assert rao.var(axis=0).sum() < 0.5 * plain.var(axis=0).sum()


def test_straight_through_softmax_is_a_draw_with_the_gradient_of_the_softmax():
  picker = pickers.StraightThroughSoftmax(0.5)
  points = picker(tf.constant(LOGITS), SEED).points.numpy()
  np.testing.assert_array_equal(points.argmax(axis=1), picker(tf.constant(LOGITS), SEED).tokens)
  np.testing.assert_allclose(np.sort(points, axis=1), np.eye(11)[[10] * 8], atol=1e-6)
  p = _softmax(LOGITS / 0.5)
  expected = p * (WEIGHTS - (p * WEIGHTS).sum(axis=1, keepdims=True)) / 0.5
  np.testing.assert_allclose(_gradient(picker), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
  "picker",
  [
    pickers.Argmax(), pickers.Categorical(), pickers.Categorical(0.7), pickers.Categorical(1.0, 3), pickers.Categorical(1.0, 0, 0.8),
    pickers.Categorical(0.0), pickers.Categorical(1e30), pickers.GumbelSoftmax(0.5), pickers.StraightThroughSoftmax(), pickers.SoftArgmax(),
  ],
  ids=str,
)  # fmt: skip
@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_without_a_token_picks_as_from_the_other_logits(picker, dtype):
  """The most probable token of every row is left out; as many draws as rows hold the others' frequencies in the tests above."""
  logits = np.array(LOGITS)
  logits[:, 4] = 10.0
  pick = pickers.Without(picker, 4)(tf.cast(logits, dtype), SEED)
  assert pickers.without(picker, None) is picker and pickers.without(picker, 4).relaxed == picker.relaxed
  assert not np.any(pick.tokens == 4)
  rest = tf.cast(logits, dtype).numpy().astype(np.float64)
  rest[:, 4] = -np.inf
  probs = _softmax(rest)
  assert pick.log_probs.dtype == tf.float32
  if isinstance(picker, pickers.Categorical) and (picker.top_k or picker.nucleus < 1.0 or picker.temperature != 1.0):
    assert np.all(np.isfinite(pick.log_probs)) and np.all(pick.log_probs <= 0)
  else:
    expected = np.log(np.take_along_axis(probs, pick.tokens.numpy()[:, None], axis=1)[:, 0])
    np.testing.assert_allclose(pick.log_probs, expected, rtol=1e-4, atol=1e-4)
  if picker.relaxed:
    np.testing.assert_array_equal(pick.points[:, 4], 0.0)
    np.testing.assert_allclose(np.sum(pick.points, axis=1), 1.0, rtol=1e-2)


def test_without_a_token_the_others_keep_their_odds():
  logits = np.log(np.array([0.1, 0.6, 0.2, 0.1], np.float32))
  pick = pickers.Without(pickers.Categorical(), 1)(tf.repeat(logits[None], 20000, axis=0), SEED)
  np.testing.assert_allclose(np.bincount(pick.tokens, minlength=4) / 20000, [0.25, 0, 0.5, 0.25], atol=0.015)
  np.testing.assert_allclose(np.exp(pick.log_probs), np.array([0.25, 0, 0.5, 0.25])[pick.tokens], rtol=1e-5)


def test_however_hot_forbidden_tokens_are_not_drawn():
  logits = np.zeros([5000, 5], np.float32)
  logits[:, :2] = -1e9
  for temperature in (1e12, 1e30, 3e38):
    pick = pickers.Categorical(temperature)(tf.constant(logits), SEED)
    assert set(pick.tokens.numpy()) == {2, 3, 4}
