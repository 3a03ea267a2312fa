"""Every loss at extreme scores: its value and its gradient stay finite, in both precisions."""

import inspect
import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.losses import adversarial
from tf_textgan.losses import goals
from tf_textgan.losses import gradient_penalty
from tf_textgan.losses import likelihood
from tf_textgan.losses import policy_gradient
from tf_textgan.losses import ranking

SCORES = (-1000.0, -100.0, 0.0, 100.0, 1000.0)
# Every pair of scores, as `[B, T]`; log-probabilities are not above 0.
FIRST, SECOND = np.array(list(itertools.product(SCORES, repeat=2)), np.float32).T.reshape(2, 5, 5)
LEAST_FIRST, LEAST_SECOND = -np.abs(FIRST), -np.abs(SECOND)
MASK = np.ones([5, 5], np.float32)
TOKENS = tf.constant([0, 1, 2, 3, 4])
UNIT = np.eye(5, dtype=np.float32)[None].repeat(2, axis=0)
# Features that change by up to 2,000 from token to token.
FEATURES = np.array(list(itertools.permutations(SCORES, 5)), np.float32)[:12].reshape(2, 6, 5)

# Name to the function and the arguments that are differentiated; others are constants.
LOSSES = {
  f"adversarial.{name}": (function, [(FIRST, SECOND, FIRST, SECOND)[i] for i in range(len(inspect.signature(function).parameters))])
  for name, function in vars(adversarial).items()
  if inspect.isfunction(function) and not name.startswith("_") and name != "accuracy"
} | {
  "policy_gradient.reinforce": (policy_gradient.reinforce, [LEAST_FIRST, SECOND]),
  "policy_gradient.penalty": (policy_gradient.penalty, [LEAST_FIRST, np.abs(SECOND)]),
  "policy_gradient.discounted_returns": (lambda x: policy_gradient.discounted_returns(x, tf.cast(MASK, x.dtype), 0.9), [FIRST]),
  "policy_gradient.discounted_returns, none": (lambda x: policy_gradient.discounted_returns(x, tf.cast(MASK, x.dtype), 0.0), [FIRST]),
  "policy_gradient.entropy_returns": (lambda x: policy_gradient.entropy_returns(x, tf.cast(MASK, x.dtype)), [LEAST_FIRST]),
  "policy_gradient.position_baseline": (lambda x: policy_gradient.position_baseline(x, tf.cast(MASK, x.dtype)), [FIRST]),
  "policy_gradient.leave_one_out": (lambda x: policy_gradient.leave_one_out(x, tf.cast(MASK, x.dtype)), [FIRST]),
  "policy_gradient.normalized": (lambda x: policy_gradient.normalized(x, tf.cast(MASK, x.dtype)), [FIRST]),
  "policy_gradient.clipped_ratio": (
    lambda new, old: policy_gradient.clipped_ratio(new, old, tf.cast(np.where(np.arange(5) % 2, 1000.0, -1000.0) * MASK, new.dtype), 0.2),
    [LEAST_FIRST, LEAST_SECOND],
  ),
  "policy_gradient.divergence_from_reference": (policy_gradient.divergence_from_reference, [LEAST_FIRST, LEAST_SECOND]),
  "policy_gradient.importance_weights": (policy_gradient.importance_weights, [FIRST]),
  "policy_gradient.proposal_weights": (lambda new, old: policy_gradient.proposal_weights(new, old, 5.0), [LEAST_FIRST, LEAST_SECOND]),
  "policy_gradient.rescaled_ranks": (lambda x: policy_gradient.rescaled_ranks(x, x), [FIRST]),
  "ranking.relevance": (ranking.relevance, [FIRST, SECOND + 1.0]),
  "ranking.level": (lambda x: ranking.level(x, 16.0), [FIRST]),
  "ranking.log_rank": (lambda x, level: ranking.log_rank(x, level[0], 16.0), [FIRST, SECOND]),
  "goals.agreement": (lambda x: goals.agreement(tf.cast(FEATURES, x.dtype), x, 2), [UNIT]),
  "goals.intrinsic_rewards": (lambda x: goals.intrinsic_rewards(tf.cast(FEATURES, x.dtype), x, 2), [UNIT]),
  "likelihood.token_nll": (lambda outputs, kernel: likelihood.token_nll(outputs, kernel, tf.zeros([5], kernel.dtype), TOKENS), [FIRST, np.eye(5)]),
  "likelihood.logits": (lambda outputs, kernel: likelihood.logits(outputs, kernel, tf.zeros([5], kernel.dtype)), [FIRST, np.eye(5)]),
  "likelihood.soft_values": (
    lambda outputs, kernel: tf.stack(likelihood.soft_values(outputs, kernel, tf.zeros([5], kernel.dtype), TOKENS)), [FIRST, np.eye(5)]
  ),
  "likelihood.divergence": (
    lambda outputs, kernel, other: likelihood.divergence(outputs, kernel, tf.zeros([5], kernel.dtype), other), [FIRST, np.eye(5), SECOND]
  ),
  "gradient_penalty.penalty": (
    lambda weights: gradient_penalty.penalty(
      lambda points: tf.reduce_sum(points * weights, axis=[1, 2]), *tf.zeros([2, 2, 5, 5], weights.dtype), tf.ones([2], weights.dtype)
    ),
    [FIRST],
  ),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", LOSSES)
def test_values_and_gradients_are_finite(name, dtype):
  function, arguments = LOSSES[name]
  arguments = [tf.cast(x, dtype) for x in arguments]
  with tf.GradientTape() as tape:
    tape.watch(arguments)
    value = function(*arguments)
  gradients = tape.gradient(value, arguments, unconnected_gradients="zero")
  for part in (value, *gradients):
    assert np.isfinite(tf.cast(tf.convert_to_tensor(part), tf.float32)).all(), part


def test_every_loss_is_tested():
  modules = (adversarial, goals, gradient_penalty, likelihood, policy_gradient, ranking)
  public = {
    f"{module.__name__.rsplit('.', 1)[-1]}.{name}"
    for module in modules
    for name, function in vars(module).items()
    if callable(function) and not name.startswith("_") and getattr(function, "__module__", "").startswith("tf_textgan")
  }
  assert "adversarial.discriminator" in public
  of_no_scores = {"adversarial.accuracy", "policy_gradient.repetition_factors"}
  assert public - {name.partition(",")[0] for name in LOSSES} <= of_no_scores
