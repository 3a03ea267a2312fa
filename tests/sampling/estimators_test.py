"""Tests of tf_textgan.sampling.estimators against an enumeration of every sequence."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.commands import laboratory
from tf_textgan.sampling import estimators
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=4, length=3, start_token=0)
# The same with an end: sequences of one to three tokens.
TEXT = sequences.Spec(vocab_size=5, length=3, start_token=1, end_token=2, forbidden_tokens=(0, 1))
# Few draws of many rows, in eager mode: compiling would take longer.
DRAWS, ROWS = 60, 512


def _policy(spec):
  return laboratory.Table(spec, laboratory.Table.Config())


def _judge(spec, seed=0):
  return laboratory.Judge(spec, seed)


def _flat(gradients):
  return np.concatenate([np.reshape(tf.convert_to_tensor(g), -1) for g in gradients])


def _all_sequences(spec):
  """Every sequence that a spec with an end allows."""
  tokens = np.array(list(itertools.product(range(spec.vocab_size), repeat=spec.length)), np.int32)
  allowed = []
  for row in tokens:
    ends = np.flatnonzero(row == spec.end_token)
    after = row[ends[0] + 1 :] if len(ends) else row[:0]
    before = row[: ends[0]] if len(ends) else row
    if not after.any() and (before > spec.end_token).all():
      allowed.append(row)
  return np.array(allowed, np.int32)


def _exact(policy, cost):
  if policy.spec.end_token is None:
    return laboratory.exact_gradient(policy, cost)
  tokens = tf.constant(_all_sequences(policy.spec))
  with tf.GradientTape() as tape:
    log_prob = tf.reduce_sum(policy.log_probs(tokens, tf.zeros([len(tokens), 0])), axis=1)
    expected = tf.reduce_sum(tf.exp(log_prob) * cost(tokens))
  np.testing.assert_allclose(tf.reduce_sum(tf.exp(log_prob)), 1.0, rtol=1e-5)
  return _flat(tape.gradient(expected, policy.trainable_variables))


def _draws(estimator, policy, cost, count=DRAWS):
  """Estimates `[count, weights]`."""
  draws = []
  for i in range(count):
    with tf.GradientTape() as tape:
      loss = tf.reduce_mean(estimator(policy, cost, ROWS, noise.fold(noise.seed(0), i)).surrogate)
    gradients = tape.gradient(loss, [variable.value for variable in policy.trainable_variables], unconnected_gradients="zero")
    draws.append(_flat(gradients))
  return np.array(draws)


def _make(name, spec=SPEC, temperature=0.5):
  control = estimators.ControlVariate(_judge(spec, 3) if name == "relax" else None) if name in estimators.CONTROLLED else None
  return estimators.make(name, temperature, control)


def _relative(vector, exact):
  return np.linalg.norm(vector) / np.linalg.norm(exact)


def _spread(draws, exact):
  return np.sqrt(draws.var(axis=0, ddof=1).sum()) / np.linalg.norm(exact)


@pytest.mark.parametrize(
  ("name", "spec"), [("reinforce", SPEC), ("leave_one_out", TEXT), ("rebar", SPEC), ("relax", TEXT)], ids=lambda x: x if isinstance(x, str) else ""
)
def test_the_mean_is_the_exact_gradient(name, spec):
  policy, judge = _policy(spec), _judge(spec)
  exact = _exact(policy, judge)
  draws = _draws(_make(name, spec), policy, judge)
  # Along the exact gradient, where an error matters most, within four standard errors; then in all directions together.
  along = draws @ exact / (exact @ exact)
  assert abs(along.mean() - 1.0) < 4.0 * along.std(ddof=1) / np.sqrt(DRAWS)
  assert _relative(draws.mean(axis=0) - exact, exact) < 3.0 * _spread(draws, exact) / np.sqrt(DRAWS)


@pytest.mark.parametrize("name", estimators.RELAXED)
def test_relaxation_has_a_bias_and_less_variance(name):
  policy, judge = _policy(SPEC), _judge(SPEC)
  exact = _exact(policy, judge)
  draws = _draws(_make(name), policy, judge, 20)
  reinforce = _draws(_make("reinforce"), policy, judge, 20)
  assert _relative(draws.mean(axis=0) - exact, exact) > 5.0 * _spread(draws, exact) / np.sqrt(20)
  assert _spread(draws, exact) < 0.7 * _spread(reinforce, exact)


def test_a_lower_temperature_has_less_bias_and_more_variance():
  policy, judge = _policy(SPEC), _judge(SPEC)
  exact = _exact(policy, judge)
  warm, cold = (_draws(_make("gumbel_softmax", temperature=t), policy, judge, 20) for t in (2.0, 0.25))
  assert _relative(cold.mean(axis=0) - exact, exact) < 0.5 * _relative(warm.mean(axis=0) - exact, exact)
  assert _spread(cold, exact) > 1.5 * _spread(warm, exact)


@pytest.mark.slow
def test_training_the_control_variate_lowers_the_variance_below_reinforce():
  policy, judge = _policy(SPEC), _judge(SPEC)
  exact = _exact(policy, judge)
  estimator = _make("relax")
  plain = _spread(_draws(_make("reinforce"), policy, judge, 20), exact)
  before = _spread(_draws(estimator, policy, judge, 20), exact)
  control = estimator.control
  optimizer = keras.optimizers.Adam(0.03)
  optimizer.build(control.trainable_variables)

  @tf.function
  def train(i):
    with tf.GradientTape() as tape:
      square = tf.reduce_mean(estimator(policy, judge, ROWS, noise.fold(noise.seed(7), i)).square)
    optimizer.apply([tf.convert_to_tensor(g) for g in tape.gradient(square, control.trainable_variables)])

  for i in range(200):
    train(tf.constant(i))
  draws = _draws(estimator, policy, judge, 40)
  after = _spread(draws, exact)
  assert after < min(before, 0.8 * plain)
  # It is still unbiased.
  assert _relative(draws.mean(axis=0) - exact, exact) < 3.0 * after / np.sqrt(40)


def test_with_a_scale_of_zero_rebar_is_reinforce():
  policy, judge = _policy(SPEC), _judge(SPEC)
  rebar = _make("rebar")
  rebar.control.scale.assign(0.0)
  ours, theirs = _draws(rebar, policy, judge, 3), _draws(_make("reinforce"), policy, judge, 3)
  np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_leave_one_out_subtracts_the_mean_cost_of_the_others():
  policy, judge = _policy(SPEC), _judge(SPEC)
  estimate = estimators.make("leave_one_out")(policy, judge, 5, noise.seed(2))
  costs, log_probs = estimate.costs.numpy(), estimate.samples.log_probs.numpy().sum(axis=1)
  others = np.array([np.delete(costs, i).mean() for i in range(5)])
  np.testing.assert_allclose(estimate.surrogate, (costs - others) * log_probs, rtol=1e-4)


def test_an_unknown_name_lists_the_known_ones():
  with pytest.raises(ValueError, match="unknown estimator 'rebarr'.*relax"):
    estimators.make("rebarr")
  with pytest.raises(ValueError, match="rebar needs a control variate"):
    estimators.make("rebar")
