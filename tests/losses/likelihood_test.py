"""Tests of tf_textgan.losses.likelihood."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.losses import likelihood

N, H, V = 6, 4, 7
RANDOM = np.random.default_rng(0)
OUTPUTS, KERNEL, BIAS = (RANDOM.normal(size=shape).astype(np.float32) for shape in ([N, H], [H, V], [V]))
TOKENS = RANDOM.integers(0, V, N).astype(np.int32)
WEIGHTS = RANDOM.normal(size=N).astype(np.float32)


def _reference(outputs, kernel, bias, tokens):
  logits = tf.cast(tf.matmul(outputs, kernel) + bias, tf.float32)
  return tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, logits)


def _value_and_gradients(function, dtype=tf.float32, jit_compile=False):
  arguments = [tf.cast(x, dtype) for x in (OUTPUTS, KERNEL, BIAS)]

  def run(*arguments):
    with tf.GradientTape() as tape:
      tape.watch(arguments)
      nll = function(*arguments, tf.constant(TOKENS))
      value = tf.reduce_sum(WEIGHTS * nll)
    return [nll, *tape.gradient(value, arguments)]

  return (tf.function(run, jit_compile=True) if jit_compile else run)(*arguments)


def test_hand_made_distributions():
  probs = np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]], np.float32)
  # The kernel is the identity, so outputs are log-probabilities; the constant bias changes nothing.
  nll = likelihood.token_nll(tf.constant(np.log(probs)), tf.eye(3), tf.fill([3], 5.0), tf.constant([0, 2]))
  np.testing.assert_allclose(nll, [np.log(2), -np.log(0.7)], rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_value_and_gradients_equal_the_cross_entropy(jit_compile):
  for ours, theirs in zip(_value_and_gradients(likelihood.token_nll, jit_compile=jit_compile), _value_and_gradients(_reference)):
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_half_precision_outputs_give_single_precision_nll():
  ours, exact = _value_and_gradients(likelihood.token_nll, tf.bfloat16), _value_and_gradients(_reference)
  assert ours[0].dtype == tf.float32
  assert [g.dtype for g in ours[1:]] == [tf.bfloat16] * 3
  for a, b in zip(ours, exact):
    np.testing.assert_allclose(tf.cast(a, tf.float32), b, atol=0.1)


def test_an_excluded_token_costs_a_finite_amount_and_breaks_no_gradient():
  bias = tf.constant([-1e9] + [0.0] * (V - 1))
  with tf.GradientTape() as tape:
    tape.watch(bias)
    nll = likelihood.token_nll(tf.constant(OUTPUTS), tf.constant(KERNEL), bias, tf.zeros([N], tf.int32))
    # Callers mask padding like this.
    value = tf.reduce_sum(nll * 0.0)
  assert (nll.numpy() > 80).all() and np.isfinite(nll).all()
  np.testing.assert_array_equal(tape.gradient(value, bias), np.zeros(V))


def test_ranks_are_checked():
  with pytest.raises(ValueError):
    likelihood.token_nll(tf.zeros([2, 3, H]), tf.constant(KERNEL), tf.constant(BIAS), tf.zeros([2, 3], tf.int32))


def test_a_frequent_token_has_its_whole_gradient_in_half_precision():
  """At 512 sequences of 52 tokens, of which one in twenty is the same."""
  num = 512 * 52
  tokens = tf.where(tf.range(num) % 20 == 0, 3, 5)
  bias = tf.zeros([V], tf.bfloat16)
  with tf.GradientTape() as tape:
    tape.watch(bias)
    nll = likelihood.token_nll(tf.zeros([num, H], tf.bfloat16), tf.zeros([H, V], tf.bfloat16), bias, tokens)
    value = tf.reduce_mean(nll)
  expected = np.full(V, 1 / V) - np.array([0, 0, 0, 0.05, 0, 0.95, 0])
  np.testing.assert_allclose(tf.cast(tape.gradient(value, bias), tf.float32), expected, atol=0.002)


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_soft_values_are_logits_and_their_log_sum_of_exponentials(dtype):
  tokens = np.arange(N) % V
  chosen, values = likelihood.soft_values(*(tf.constant(x, dtype) for x in (OUTPUTS, KERNEL, BIAS)), tf.constant(tokens, tf.int32))
  expected = OUTPUTS @ KERNEL + BIAS
  tolerance = 1e-5 if dtype == tf.float32 else 0.1
  assert chosen.dtype == values.dtype == tf.float32
  np.testing.assert_allclose(chosen, expected[np.arange(N), tokens], rtol=tolerance, atol=tolerance)
  np.testing.assert_allclose(values, np.log(np.sum(np.exp(expected), axis=1)), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("jit_compile", [None, False, True])
def test_the_divergence_and_its_gradients_are_over_the_whole_vocabulary(jit_compile):
  """With an excluded token, which has no part in it and breaks nothing."""
  excluded = np.array([-1e9] + [0.0] * (V - 1), np.float32)
  reference = np.random.default_rng(5).normal(size=[N, V]).astype(np.float32)

  def direct(outputs, kernel, bias, reference):
    log_p, log_q = (tf.nn.log_softmax(x[:, 1:]) for x in (outputs @ kernel + bias, reference))
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=1)

  found = []
  for function in (direct, likelihood.divergence if jit_compile is None else tf.function(likelihood.divergence, jit_compile=jit_compile)):
    inputs = [tf.constant(x) for x in (OUTPUTS, KERNEL, BIAS + excluded)]
    with tf.GradientTape() as tape:
      tape.watch(inputs)
      value = function(*inputs, tf.constant(reference + excluded))
      loss = tf.reduce_sum(value * tf.range(1.0, N + 1.0))
    found.append([value, *tape.gradient(loss, inputs)])
  for expected, ours in zip(*found):
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
