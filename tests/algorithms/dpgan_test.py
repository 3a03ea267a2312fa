"""Tests of tf_textgan.algorithms.dpgan."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import dpgan
from tf_textgan.commands import flags
from tf_textgan.discriminators import language_model
from tf_textgan.generators import lstm
from tf_textgan.losses import policy_gradient
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
REAL = tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]])
SEED = noise.seed(1)
START = tf.constant(0.0)


def _algorithm(spec=TEXT, stddev=1.0, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.5))
  discriminator = language_model.Discriminator(spec, language_model.Config(4, 5, init_stddev=stddev))
  return dpgan.Algorithm(dpgan.Config(**changes), {"generator": generator, "discriminator": discriminator})


def _sentence_rewards(algorithm, tokens, largest=np.inf):
  nll = np.minimum(algorithm.discriminator.token_nll(tokens), largest)
  return nll.sum(axis=1) / np.sum(algorithm.generator.spec.mask(tokens), axis=1)


@pytest.mark.parametrize(("real_weight", "largest"), [(1.0, 12.0), (0.0, 12.0), (0.5, 1.5)])
def test_the_discriminators_loss_is_computed_from_its_likelihoods(real_weight, largest):
  algorithm = _algorithm(real_weight=real_weight, max_reward=largest)
  fake = algorithm.generator.sample(3, noise.fold(SEED, "fake")).tokens
  real, fake = _sentence_rewards(algorithm, REAL, largest), _sentence_rewards(algorithm, fake)
  metrics = algorithm.discriminator_step(sequences.Batch(REAL), SEED, START)
  np.testing.assert_allclose(metrics["loss"], np.mean(fake) - real_weight * np.mean(real), rtol=1e-4)
  np.testing.assert_allclose(metrics["accuracy"], np.mean(real > fake))
  if largest < 12.0:
    assert np.max(algorithm.discriminator.token_nll(REAL)) > largest


def test_real_text_becomes_improbable_and_no_more_so_than_the_largest_reward():
  algorithm = _algorithm(FIXED, 0.1, discriminator_learning_rate=0.03, max_reward=6.0)
  step = tf.function(algorithm.discriminator_step)
  real = tf.fill([16, 4], 5)
  for i in range(150):
    metrics = step(sequences.Batch(real), noise.fold(SEED, i), START)
  # Beyond it only by the size of one step.
  assert 5.0 < np.mean(algorithm.discriminator.token_nll(real)) < 8.0
  assert metrics["fake_reward"] < 3.0 and metrics["accuracy"] > 0.9


@pytest.mark.parametrize("discount", [0.0, 0.6, 1.0])
def test_the_mean_update_is_the_gradient_of_the_expected_return(discount, monkeypatch):
  """Two tokens of four: the mean update over many samples against the exact gradient of the discounted rewards."""
  spec = sequences.Spec(vocab_size=4, length=2, start_token=0)
  algorithm = _algorithm(spec, discount=discount, max_reward=2.0, advantage="leave_one_out", returns="sum")
  generator = algorithm.generator
  every = tf.constant(list(itertools.product(range(4), repeat=2)), tf.int32)
  nll = np.minimum(algorithm.discriminator.token_nll(every), 2.0)
  rewards = (nll.mean(axis=1, keepdims=True) * nll).astype(np.float32)
  bias = generator.output_bias.value
  with tf.GradientTape() as tape:
    log_probs = generator.log_probs(every, tf.zeros([16, 0]))
    probs = tf.stop_gradient(tf.exp(tf.reduce_sum(log_probs, axis=1)))
    returns = rewards[:, 0] + discount * rewards[:, 1], rewards[:, 1]
    surrogate = tf.reduce_sum(probs * (returns[0] * log_probs[:, 0] + returns[1] * log_probs[:, 1]))
  exact, gradients = tape.gradient(surrogate, bias).numpy(), []

  def record(tape, loss, *_):
    gradients.append(-tape.gradient(loss, bias).numpy())
    return tf.zeros([])

  monkeypatch.setattr(base, "minimize", record)
  for i in range(20):
    algorithm.generator_step(sequences.Batch(tf.zeros([1000, 2], tf.int32)), noise.fold(SEED, i), START)
  mean, error = np.mean(gradients, axis=0), np.std(gradients, axis=0, ddof=1) / np.sqrt(len(gradients))
  assert np.abs(exact).max() > 10 * error.max()
  assert (np.abs(mean - exact) < 4.5 * error + 1e-6).all()


@pytest.mark.parametrize(("returns", "discount"), [("sum", 1.0), ("mean", 1.0), ("mean", 0.5), ("mean", 0.0)])
def test_a_mean_of_rewards_does_not_pay_for_length(returns, discount, monkeypatch):
  algorithm = _algorithm(returns=returns, discount=discount)
  monkeypatch.setattr(algorithm.discriminator, "token_nll", lambda tokens: 3.0 * algorithm.discriminator.spec.mask(tokens))
  seen = []
  monkeypatch.setattr(policy_gradient, "reinforce", lambda log_probs, returns: seen.append(returns.numpy()) or -log_probs * returns)
  algorithm.generator_step(sequences.Batch(tf.zeros([40, 4], tf.int32)), SEED, START)
  tokens = algorithm.generator.sample(40, SEED).tokens
  mask = algorithm.generator.spec.mask(tokens).numpy()
  assert {1, 4} <= set(mask.sum(axis=1))
  first = seen[0][:, 0]
  if returns == "mean":
    # Three nats of each token times the mean of the sentence, whatever its length.
    np.testing.assert_allclose(first, 9.0, rtol=1e-5)
  else:
    np.testing.assert_allclose(first, 9.0 * mask.sum(axis=1), rtol=1e-5)


def test_the_reward_is_capped_and_averaged_over_sentences():
  algorithm = _algorithm(max_reward=1.5)
  tokens = algorithm.generator.sample(3, SEED).tokens
  metrics = algorithm.generator_step(sequences.Batch(REAL), SEED, START)
  np.testing.assert_allclose(metrics["reward"], np.mean(_sentence_rewards(_algorithm(), tokens, 1.5)), rtol=1e-4)


def test_the_schedule_has_teacher_forcing_in_its_rounds():
  rounds = lambda **changes: [(u.name, u.repeats) for u in _algorithm(**changes).phases(base.Schedule(2, 4, 6))[2].updates]  # noqa: E731
  assert rounds() == [("generator", 1), ("mle", 1), ("discriminator", 1)]
  assert rounds(teacher_forcing_steps_per_round=3, discriminator_steps_per_round=2) == [("generator", 1), ("mle", 3), ("discriminator", 2)]
  assert rounds(teacher_forcing_steps_per_round=0) == [("generator", 1), ("discriminator", 1)]


def test_unsuitable_discriminators_and_settings_are_refused():
  experiment = flags.parse(["train.py", "--algorithm", "dpgan", "--discriminator", "recurrent"], "")
  with pytest.raises(errors.UserError, match="dpgan needs a discriminator that knows the likelihood of each token: language_model; not recurrent"):
    experiment_lib.build(experiment, FIXED)
  for changes in ({"discount": 1.5}, {"discount": -0.1}, {"max_reward": 0.0}, {"real_weight": -1.0}):
    with pytest.raises(errors.UserError, match=next(iter(changes))):
      dpgan.Config(**changes)
