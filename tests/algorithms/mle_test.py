"""Tests of tf_textgan.algorithms.mle."""

import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import mle
from tf_textgan.algorithms.steps import likelihood
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
REAL = np.array([[3, 4, 5, 2], [6, 2, 0, 0], [2, 0, 0, 0]], np.int32)
SEED = noise.seed(1)
START = tf.constant(0.0)


def _generator():
  return lstm.Generator(SPEC, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=1.0))


def test_a_batch_is_learned_by_heart():
  generator = _generator()
  algorithm = mle.Algorithm(mle.Config(mle_learning_rate=0.03), {"generator": generator})
  step = tf.function(algorithm.mle_step)
  for _ in range(150):
    metrics = step(sequences.Batch(tf.constant(REAL)), SEED, START)
  # The first token is uncertain, three ways; the rest is not.
  assert abs(metrics["nll"].numpy() - 3 * np.log(3) / 7) < 0.05
  assert {tuple(row) for row in generator.sample(100, SEED).tokens.numpy()} >= {tuple(row) for row in REAL}


def test_one_phase_of_the_schedules_length():
  (phase,) = mle.Algorithm(mle.Config(), {"generator": _generator()}).phases(base.Schedule(mle_steps=17))
  assert (phase.name, phase.steps, [update.name for update in phase.updates]) == ("mle", 17, ["mle"])


def test_it_is_the_likelihood_step_with_these_settings():
  ours, theirs = _generator(), _generator()
  real = sequences.Batch(tf.constant(REAL))
  settings = {"clip_norm": 0.5, "weight_decay": 0.01}
  metrics = mle.Algorithm(mle.Config(mle_learning_rate=0.1, **settings), {"generator": ours}).mle_step(real, SEED, START)
  expected = likelihood.step(theirs, base.adam(theirs, 0.1), real, SEED, **settings)
  assert metrics.keys() == expected.keys() and all(metrics[name] == expected[name] for name in metrics)
  for a, b in zip(ours.get_weights(), theirs.get_weights()):
    np.testing.assert_array_equal(a, b)


def test_the_average_generates_and_the_learner_is_trained():
  generator = _generator()
  algorithm = mle.Algorithm(mle.Config(mle_learning_rate=0.1, weight_average=0.6), {"generator": generator})
  assert {name.split("/")[0] for name in algorithm.variables()} == {"generator", "learner", "mle_optimizer"}
  average = [weight.copy() for weight in generator.get_weights()]
  for step in range(1, 31):
    algorithm.mle_step(sequences.Batch(tf.constant(REAL)), SEED, START)
    keep = min(0.6, step / (9.0 + step))
    average = [keep * a + (1.0 - keep) * w for a, w in zip(average, generator.get_weights())]
  for expected, weight, last in zip(average, algorithm.generator.get_weights(), generator.get_weights()):
    np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-5)
    assert np.abs(weight - last).max() > 1e-4


def test_an_average_is_the_same_on_two_replicas(two_replicas):
  weights = []
  for strategy in (tf.distribute.OneDeviceStrategy("CPU:0"), two_replicas):
    with strategy.scope():
      algorithm = mle.Algorithm(mle.Config(weight_average=0.5), {"generator": _generator()})
    parts = np.split(np.concatenate([REAL, REAL[:1]]), strategy.num_replicas_in_sync)
    share = lambda context, parts=parts: sequences.Batch(tf.constant(parts[context.replica_id_in_sync_group]))  # noqa: E731
    parts = strategy.experimental_distribute_values_from_function(share)
    step = tf.function(lambda batch: strategy.run(algorithm.mle_step, args=(batch, SEED, START)))  # noqa: B023
    for _ in range(3):
      step(parts)
    weights.append(algorithm.generator.get_weights())
  for one, two in zip(*weights):
    np.testing.assert_allclose(one, two, atol=1e-5)
