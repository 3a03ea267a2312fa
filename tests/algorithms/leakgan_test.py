"""Tests of tf_textgan.algorithms.leakgan."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import leakgan
from tf_textgan.algorithms import seqgan
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import manager_worker
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise
from tf_textgan.sampling import rollouts

FIXED = sequences.Spec(vocab_size=7, length=5, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
SEED = noise.seed(1)
START = tf.constant(0.0)
REAL = tf.constant([[3, 4, 5, 2, 0], [6, 2, 0, 0, 0], [5, 5, 3, 4, 6], [3, 3, 2, 0, 0]])


def _algorithm(spec=FIXED, horizon=2, **changes):
  generator = manager_worker.Generator(spec, manager_worker.Config(4, 5, 3, horizon, init_stddev=0.6))
  discriminator = cnn_highway.Discriminator(spec, cnn_highway.Config(4, (1, 2, 3), (3, 4, 5), dropout=0.0), seed=1)
  algorithm = leakgan.Algorithm(leakgan.Config(**changes), {"generator": generator, "discriminator": discriminator})
  random = np.random.default_rng(0)
  for variable in discriminator.trainable_variables:
    variable.assign(random.normal(0.0, 0.7, variable.shape))
  return algorithm


def _cos(a, b):
  return np.dot(a, b) / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-30)


def _read(algorithm, tokens):
  """Features, goals, log-probabilities and mask as arrays."""
  generator = algorithm.generator
  features = generator.read(tokens)
  goals = generator.manager.goals(features[:, :-1])
  log_probs = generator.log_probs(tokens, tf.zeros([len(tokens), 0]))
  return [x.numpy().astype(np.float64) for x in (features, goals, log_probs, generator.spec.mask(tokens))]


def _mean(values, mask):
  return np.sum(np.array(values) * mask) / np.sum(mask)


def _recorded(step, *inputs):
  """Records the calls of `base.minimize`: a list of networks, losses and gradients."""
  calls = []

  def record(tape, loss, network, optimizer, clip_norm=None):
    del optimizer
    calls.append((network, loss.numpy(), tape.gradient(loss, network.trainable_variables), clip_norm))
    return tf.zeros([])

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(base, "minimize", record)
    step(*inputs)
  return calls


@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
@pytest.mark.parametrize("horizon", [2, 4])
def test_pretraining_losses_are_the_likelihood_and_the_goals_distance(spec, horizon):
  algorithm = _algorithm(spec, horizon)
  features, goals, log_probs, mask = _read(algorithm, REAL)
  distances = [[1 - _cos(f[min(t + horizon, 5)] - f[t], g[t]) for t in range(5)] for f, g in zip(features, goals)]
  metrics = algorithm.mle_step(sequences.Batch(REAL), SEED, START)
  np.testing.assert_allclose(metrics["nll"], -_mean(log_probs, mask), rtol=1e-5)
  np.testing.assert_allclose(metrics["goal_loss"], _mean(distances, mask), rtol=1e-5)


@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
@pytest.mark.parametrize("horizon", [2, 4])
def test_the_adversarial_losses_match_the_equations(spec, horizon):
  num = 12
  algorithm = _algorithm(spec, horizon)
  generator, discriminator = algorithm.generator, algorithm.discriminator
  samples = generator.sample(num, SEED, keep_history=True)
  features, goals, log_probs, mask = _read(algorithm, samples.tokens)
  scored = lambda tokens: tf.sigmoid(discriminator(tokens))  # noqa: E731
  state_at = functools.partial(generator.state_at, samples.history)
  values = rollouts.rewards(generator.step, state_at, scored, samples.tokens, 4, noise.fold(SEED, "rollouts"), spec.end_token).numpy()
  goal_losses, losses = np.zeros([num, 5]), np.zeros([num, 5])
  for b in range(num):
    f, g = features[b], goals[b]
    for t in range(5):
      # Prefixes of `horizon`, twice `horizon`, ... tokens are completed; the goal has the reward of the first that holds all its tokens.
      end = min(-(-(t + horizon) // horizon) * horizon, 5)
      column = values[:, end - 1]
      above = np.where(np.abs(column[b] - column) < 1e-6, 0.5, column[b] > column)
      rank = above.sum() + 0.5
      reward = 1 / (1 + np.exp(8 - 16 * rank / num))
      goal_losses[b, t] = reward * (1 - _cos(f[min(t + horizon, 5)] - f[t], g[t]))
      followed = [_cos(f[t + 1] - f[t + 1 - i], g[t + 1 - i]) for i in range(1, horizon + 1) if t + 1 - i >= 0]
      losses[b, t] = -np.mean(followed) * log_probs[b, t]
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([num, 5], tf.int32)), SEED, START)
  np.testing.assert_allclose(metrics["goal_loss"], _mean(goal_losses, mask), rtol=1e-4)
  np.testing.assert_allclose(metrics["loss"], _mean(losses, mask), rtol=1e-4, atol=1e-6)
  np.testing.assert_allclose(metrics["entropy"], -_mean(log_probs, mask), rtol=1e-4)


@pytest.mark.parametrize(("fraction", "count"), [(0.0, 0), (0.3, 1), (0.5, 2), (1.0, 4)])
def test_real_sentences_are_ranked_with_the_samples(fraction, count):
  algorithm = _algorithm(TEXT, ranked_real_growth=0.5, rollouts=3)
  ranked = {}

  def record(rewards, everyone):
    ranked.update(rewards=rewards.numpy(), everyone=everyone.numpy())
    return rewards

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(policy_gradient, "rescaled_ranks", record)
    algorithm.generator_step(sequences.Batch(REAL), SEED, tf.constant(fraction), rounds=9)
  scores = tf.sigmoid(algorithm.discriminator(REAL)).numpy()
  real = [np.mean([scores[(row - i) % 4] for i in range(3)]) for row in range(count)]
  np.testing.assert_array_equal(ranked["everyone"][:4], ranked["rewards"])
  assert ranked["everyone"].shape == (4 + count, 5)
  for row in range(count):
    np.testing.assert_allclose(ranked["everyone"][4 + row], real[row], rtol=1e-5)


def test_the_ranked_real_sentences_are_those_of_the_global_batch(two_replicas):
  with two_replicas.scope():
    algorithm = _algorithm(TEXT, ranked_real_growth=0.5, rollouts=3)
  rows = two_replicas.experimental_distribute_values_from_function(lambda context: REAL[2 * context.replica_id_in_sync_group :][:2])
  run = tf.function(lambda tokens: two_replicas.run(algorithm._ranked_real, args=(tokens, tf.constant(6.0))), autograph=False)
  whole = algorithm._ranked_real(REAL, tf.constant(6.0))
  assert whole.shape == (3, 5)
  for part in two_replicas.experimental_local_results(run(rows)):
    np.testing.assert_allclose(part, whole, rtol=1e-5)


@pytest.mark.parametrize("name", ["mle_step", "generator_step"])
def test_manager_and_worker_learn_from_their_own_losses(name):
  algorithm = _algorithm()
  generator = algorithm.generator
  of_manager, of_worker = _recorded(getattr(algorithm, name), sequences.Batch(REAL), SEED, START)
  (manager, goal_loss, *_, manager_clip), (worker, loss, gradients, worker_clip) = of_manager, of_worker
  assert manager is generator.manager and worker is generator.worker and manager_clip == worker_clip == 5.0
  assert np.isfinite([goal_loss, loss]).all() and all(g is not None for g in gradients)
  if name == "mle_step":
    # The goals are constants in the worker's loss: only the worker is trained on the likelihood, though the manager could raise it too.
    with tf.GradientTape() as tape:
      nll = -tf.reduce_mean(generator.log_probs(REAL, tf.zeros([4, 0])))
    for a, b in zip(tape.gradient(nll, worker.trainable_variables), gradients, strict=True):
      np.testing.assert_allclose(tf.convert_to_tensor(a), tf.convert_to_tensor(b), atol=1e-5)


def test_the_manager_learns_the_direction_of_the_features():
  algorithm = _algorithm(mle_learning_rate=1e-2)
  step = tf.function(algorithm.mle_step)
  metrics = [step(sequences.Batch(REAL), SEED, START) for _ in range(150)]
  assert metrics[0]["goal_loss"] > 0.8 and metrics[-1]["goal_loss"] < 0.25
  assert metrics[-1]["nll"] < metrics[0]["nll"] - 1.0


def test_pretraining_alternates_as_often_as_the_numbers_allow():
  phases = _algorithm(discriminator_steps_per_round=3).phases(base.Schedule(30, 20, 6))
  assert [(p.name, p.steps, [(u.name, u.repeats) for u in p.updates]) for p in phases] == [
    ("pretraining", 10, [("discriminator", 2), ("mle", 3)]),
    ("adversarial", 6, [("generator", 1), ("discriminator", 3), ("mle", 1)]),
  ]
  phases = _algorithm(mle_steps_per_round=0).phases(base.Schedule(30, 0, 6))
  assert [(p.steps, [(u.name, u.repeats) for u in p.updates]) for p in phases] == [(30, [("mle", 1)]), (6, [("generator", 1), ("discriminator", 5)])]
  assert _algorithm().phases(base.Schedule(0, 0, 6))[0].steps == 0


def test_pretraining_alternates_as_often_as_asked():
  captions = _algorithm(pretraining_rounds=16).phases(base.Schedule(1344, 37440, 800))[0]
  assert (captions.steps, [(u.name, u.repeats) for u in captions.updates]) == (16, [("discriminator", 2340), ("mle", 84)])
  assert _algorithm(pretraining_rounds=3).phases(base.Schedule(0, 0, 6))[0].steps == 0
  with pytest.raises(errors.UserError, match="pretraining_rounds is 3; it must divide both mle_steps, 30, and discriminator_steps, 20, or be 0"):
    _algorithm(pretraining_rounds=3).phases(base.Schedule(30, 20, 6))


def test_another_algorithm_can_train_its_generator():
  networks = _algorithm(TEXT)
  algorithm = seqgan.Algorithm(seqgan.Config(rollouts=2, rollout_policy_lag=0.5), networks.networks)
  assert np.isfinite(algorithm.generator_step(sequences.Batch(REAL), SEED, START)["loss"])
