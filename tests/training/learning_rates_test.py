"""Tests of tf_textgan.training.learning_rates."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.conformance import tiny
from tf_textgan.training import callbacks
from tf_textgan.training import checkpoints
from tf_textgan.training import learning_rates
from tf_textgan.training import loop as loop_lib
from tf_textgan.training import monitors

SPEC = tiny.SPECS["text"]
REAL = sequences.Batch(tf.constant(tiny.batch(SPEC, 8)))


def _config(schedule="cosine", **changes):
  return learning_rates.Config(learning_rate_schedule=schedule, **{"decay_steps": (10,), **changes} if schedule in ("cosine", "step") else changes)


def _algorithm(config, name="mle"):
  algorithm = tiny.algorithm(name, SPEC)
  learning_rates.assign(algorithm.optimizers, config)
  return algorithm


def _rates(config, steps):
  """The rates of an optimizer's first steps, of a highest rate of 1."""
  optimizer = keras.optimizers.SGD(1.0)
  weight = keras.Variable([0.0])
  optimizer.build([weight])
  learning_rates.assign({"x": optimizer}, config)
  moved = []
  for _ in range(steps):
    before = float(weight.numpy()[0])
    optimizer.apply([tf.constant([-1.0])])
    moved.append(float(weight.numpy()[0]) - before)
  return moved


@pytest.mark.parametrize(
  ("config", "expected"),
  [
    (_config("constant"), lambda n: 1.0),
    (_config("warmup", warmup_steps=(4,)), lambda n: min(n / 4, 1.0)),
    (_config(decay_steps=(8,), decay_factor=0.2), lambda n: 0.2 + 0.8 * (1 + math.cos(math.pi * min(n / 8, 1.0))) / 2),
    (
      _config(warmup_steps=(3,), decay_steps=(6,), decay_factor=0.0),
      lambda n: n / 3 if n < 3 else (1 + math.cos(math.pi * min((n - 3) / 6, 1.0))) / 2,
    ),
    (_config("step", decay_steps=(3,), decay_factor=0.5), lambda n: 0.5 ** (n // 3)),
  ],
  ids=["constant", "warmup", "cosine", "cosine after a warm-up", "step"],
)
def test_the_steps_are_those_of_the_schedule(config, expected):
  np.testing.assert_allclose(_rates(config, 12), [expected(n) for n in range(12)], atol=1e-6)


def test_each_optimizer_counts_its_own_steps():
  """SeqGAN's discriminator makes steps in two phases, five to one of the generator's."""
  names = ("generator_optimizer", "discriminator_optimizer")
  algorithm = _algorithm(_config("warmup", scheduled_optimizers=names, warmup_steps=(2, 10)), "seqgan")
  updates = tiny.updates(algorithm)
  for update, repeats in (("mle", 3), ("discriminator", 4), ("generator", 1), ("discriminator", 5)):
    for _ in range(repeats):
      updates[update].train_step(REAL, tf.constant([0, 1]), tf.constant(0.0))
  optimizers = algorithm.optimizers
  highest = {name: getattr(algorithm.config, name.replace("optimizer", "learning_rate")) for name in optimizers}
  assert learning_rates.current(optimizers) == pytest.approx(
    {"learning_rate/generator_optimizer": highest[names[0]] / 2, "learning_rate/discriminator_optimizer": 0.9 * highest[names[1]]}
  )
  np.testing.assert_allclose(optimizers["mle_optimizer"].learning_rate, highest["mle_optimizer"])


@pytest.mark.parametrize("name", tiny.ALGORITHMS)
def test_every_optimizer_of_every_algorithm_takes_a_schedule(name):
  algorithm = _algorithm(_config(), name)
  assert algorithm.optimizers and learning_rates.changing(algorithm.optimizers) == algorithm.optimizers
  variables = algorithm.variables()
  assert sum(name.endswith("/iteration") for name in variables) == len(algorithm.optimizers)
  assert not any(name.endswith("/learning_rate") for name in variables)


def test_an_interrupted_run_has_the_rates_and_the_weights_of_an_uninterrupted_one(tmp_path):
  class Stop(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
      loop.interrupted |= loop.run_state.step == 4

  found = []
  (tmp_path / "whole").mkdir()
  (tmp_path / "parts").mkdir()
  for folder, stops in ((tmp_path / "whole", [[]]), (tmp_path / "parts", [[Stop()], []])):
    for further in stops:
      algorithm = _algorithm(_config(warmup_steps=(2,), decay_steps=(7,)))
      kept = checkpoints.Checkpoints(folder, 3)
      config = loop_lib.Config(batch_size=8, evaluations=1, best_metric="")
      data = sequences.Batch(tiny.batch(SPEC, 30))
      loop = loop_lib.Loop(algorithm, base.Schedule(mle_steps=7), data, lambda step: {"step": float(step)}, kept, config)
      loop.restore()
      journal = monitors.Journal(loop, folder / "metrics.jsonl")
      loop.run([monitors.Means(loop, 1, [journal]), journal, *further])
    found.append(({name: variable.numpy() for name, variable in algorithm.variables().items()}, (folder / "metrics.jsonl").read_bytes()))
  (whole, journal), (parts, same) = found
  assert whole.keys() == parts.keys() and all(np.array_equal(whole[name], parts[name]) for name in whole)
  assert journal == same
  logged = [line["learning_rate/mle_optimizer"] for line in map(json.loads, journal.splitlines()) if line["kind"] == "training"]
  expected = [0.01 * (n / 2 if n < 2 else 0.1 + 0.9 * (1 + math.cos(math.pi * (n - 2) / 7)) / 2) for n in range(1, 8)]
  np.testing.assert_allclose(logged, expected, rtol=1e-5)


def test_constant_rates_are_not_logged():
  assert learning_rates.current(_algorithm(learning_rates.Config()).optimizers) == {}


def test_a_schedule_works_compiled_and_replicated(two_replicas):
  def trained(strategy):
    with strategy.scope():
      algorithm = _algorithm(_config("step", decay_steps=(1,)))
    replicas = strategy.num_replicas_in_sync
    share = lambda context: sequences.Batch(tf.split(REAL.tokens, replicas)[context.replica_id_in_sync_group])  # noqa: E731
    parts = strategy.experimental_distribute_values_from_function(share)
    step = tf.function(lambda batch: strategy.run(algorithm.mle_step, (batch, tf.constant([0, 1]), tf.constant(0.0))), autograph=False)
    for _ in range(3):
      step(parts)
    assert learning_rates.current(algorithm.optimizers)["learning_rate/mle_optimizer"] == pytest.approx(1e-5)
    return algorithm.generator.get_weights()

  for a, b in zip(trained(tf.distribute.OneDeviceStrategy("CPU:0")), trained(two_replicas), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
  ("settings", "message"),
  [
    ({"learning_rate_schedule": "cosine"}, "decay_steps must be above 0 with learning_rate_schedule cosine, not 0$"),
    ({"learning_rate_schedule": "step"}, "decay_steps must be above 0 with learning_rate_schedule step, not 0$"),
    ({"learning_rate_schedule": "warmup"}, "warmup_steps must be above 0 with learning_rate_schedule warmup, not 0$"),
    ({"warmup_steps": (-1,)}, r"warmup_steps must be at least 0, not \(-1,\)$"),
    ({"decay_steps": (2**31,)}, r"decay_steps must be at most 2147483647, not \(2147483648,\)$"),
    ({"decay_factor": 1.5}, "decay_factor must be at most 1, not 1.5$"),
    ({"decay_factor": math.nan}, "decay_factor must be at least 0, not nan$"),
    ({"decay_steps": ()}, "decay_steps has 0 numbers; expected one, or one for each of scheduled_optimizers$"),
    ({"warmup_steps": (1, 2), "scheduled_optimizers": ("a", "b", "c")}, "warmup_steps has 2 numbers; expected one, or one for each of"),
    ({"scheduled_optimizers": ("a", "a")}, "scheduled_optimizers has a name twice: a, a$"),
  ],
)
def test_impossible_settings_are_refused(settings, message):
  with pytest.raises(errors.UserError, match=message):
    learning_rates.Config(**settings)


def test_an_unknown_optimizer_is_refused():
  with pytest.raises(errors.UserError, match="^scheduled_optimizers has 'adam'; this algorithm has mle_optimizer$"):
    _algorithm(_config(scheduled_optimizers=("adam",)))


def test_a_callback_and_a_schedule_for_one_rate_are_refused():
  scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
  paired = callbacks.ForOptimizer(scheduler, "mle_optimizer")
  callbacks.check([paired], _algorithm(learning_rates.Config()).optimizers)
  with pytest.raises(errors.UserError, match="LearningRateScheduler cannot change the learning rate of mle_optimizer, which has a schedule"):
    callbacks.check([paired], _algorithm(_config()).optimizers)
