"""Tests of tf_textgan.training.loop: resuming, stopping, callbacks, replicas."""

import csv
import dataclasses
import itertools
import json
import math
import os
import re
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import generator_lstm
from tf_textgan.sampling import noise
from tf_textgan.training import checkpoints
from tf_textgan.training import loop as loop_lib
from tf_textgan.training import monitors

SPEC = tiny.SPECS["text"]
SCHEDULE = base.Schedule(mle_steps=5, discriminator_steps=3, adversarial_steps=4)
CONFIG = loop_lib.Config(batch_size=8, seed=3, evaluations=2, best_metric="size")
# A run takes its batches from three epochs of the data.
DATA = sequences.Batch(tiny.batch(SPEC, 30, seed=7))


def _size(algorithm):
  """A number that differs between any two states of a generator."""
  return float(sum(np.abs(weight).sum(dtype=np.float64) for weight in algorithm.generator.get_weights()))


def _loop(name, folder, schedule=SCHEDULE, config=CONFIG, strategy=None, evaluated=None, spec=SPEC, data=DATA, **changes):
  """A loop over a tiny algorithm; `evaluated` collects the steps and results of its evaluations."""
  with (strategy or tf.distribute.get_strategy()).scope():
    algorithm = tiny.algorithm(name, spec, **changes)

  def evaluate(step):
    value = _size(algorithm)
    if evaluated is not None:
      evaluated.append((step, value))
    return {"size": value}

  return loop_lib.Loop(algorithm, schedule, data, evaluate, checkpoints.Checkpoints(folder, config.keep_checkpoints), config, strategy)


def _state(loop):
  return {name: variable.numpy() for name, variable in loop.algorithm.variables().items()}


def _state_of_discriminator(loop):
  return {name: value for name, value in _state(loop).items() if name.startswith("discriminator")}


def _assert_equal(first, second):
  assert first.keys() == second.keys()
  for name in first:
    np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def _archive(path):
  with np.load(path) as archive:
    return {name: archive[name] for name in archive.files}


class _Stop(keras.callbacks.Callback):
  """Interrupts a loop after a step, as a signal does."""

  def __init__(self, loop, step):
    super().__init__()
    self._loop, self._step = loop, step

  def on_train_batch_end(self, batch, logs=None):
    if self._loop.run_state.step == self._step:
      self._loop.interrupted = True


@pytest.fixture
def eagerly():
  """Runs steps uncompiled, because compiling them for many loops is slow. tests/runs resumes compiled runs."""
  tf.config.run_functions_eagerly(True)
  yield
  tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("eagerly")
# The conformance tests cover the algorithms' own state, and tests/runs a run of all phases with a latent.
@pytest.mark.parametrize(
  ("name", "changes"),
  [
    ("mle", {}),
    pytest.param("gsgan", {}, marks=pytest.mark.slow),
    pytest.param("maligan", {"discriminator": "generator_lstm"}, marks=pytest.mark.slow),
  ],
)
def test_an_interrupted_run_equals_an_uninterrupted_one_bit_for_bit(name, changes, tmp_path):
  evaluated = []
  whole = _loop(name, tmp_path / "whole", evaluated=evaluated, **changes)
  assert not whole.restore()
  whole.run()
  # Stops in the middle of a phase, at an evaluation, at the end of each phase and right after it; steps beyond a phase are skipped.
  stops = [step for step in (1, 3, 5, 6, 8, 10) if step < whole.rounds]
  pieces = []
  for step in [*stops, None]:
    part = _loop(name, tmp_path / "parts", evaluated=pieces, **changes)
    assert part.restore() == (step != stops[0])
    part.run([_Stop(part, step)])
    assert part.interrupted == (step is not None)
    assert part.run_state.step == (step or whole.rounds)
  _assert_equal(_state(whole), _state(part))
  assert dataclasses.asdict(whole.run_state) == dataclasses.asdict(part.run_state)
  assert pieces == evaluated
  assert len(evaluated) == 2 * len(whole.phases)
  for file in ("best.npz", f"step_{whole.rounds:09d}.npz"):
    _assert_equal(_archive(tmp_path / "whole" / file), _archive(tmp_path / "parts" / file))
  # The slots are included: Adam's iteration count is the number of updates.
  for optimizer in part.algorithm.optimizers.values():
    assert optimizer.iterations.numpy() in part.run_state.updates.values()


class _Toy(base.Algorithm):
  """An algorithm with all phases and cheap steps: each changes a weight of the network it is named after."""

  def __init__(self, discriminator):
    super().__init__(None, {"generator": tiny.network("generator", "lstm", None, SPEC), "discriminator": discriminator})
    self.optimizers["discriminator_optimizer"] = base.adam(discriminator, 0.1)

  def phases(self, schedule):
    update = base.Update("discriminator", self._discriminator_step)
    return base.usual_phases(schedule, self._generator_step, update, base.Update("generator", self._generator_step), 1)

  def _generator_step(self, real, seed, phase_fraction):
    self.generator.embedding.assign_add(noise.normal(self.generator.embedding.shape, seed))
    return {"loss": tf.zeros([])}

  def _discriminator_step(self, real, seed, phase_fraction):
    variables = self.discriminator.trainable_variables
    self.optimizers["discriminator_optimizer"].apply([noise.normal([1], seed)[0] * tf.ones(variable.shape) for variable in variables])
    return {"loss": tf.zeros([])}


def _toy_loop(folder, schedule, evaluations, numbers, discriminator=None):
  """A loop over the algorithm; `numbers` is a function of the step that returns the metrics of an evaluation."""
  config = dataclasses.replace(CONFIG, evaluations=evaluations)
  algorithm = _Toy(discriminator or judges.LikesToken(SPEC, 3))
  kept = checkpoints.Checkpoints(folder, config.keep_checkpoints)
  return loop_lib.Loop(algorithm, schedule, DATA, lambda step: {"size": 0.0, **numbers(step)}, kept, config)


def _generator_lstm():
  return generator_lstm.Discriminator(SPEC, generator_lstm.Config(head_size=4))


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("schedule", [base.Schedule(3, 2, 2), base.Schedule(3, 0, 2)])
def test_the_discriminator_copies_the_pretrained_generator_once(schedule, tmp_path):
  whole, embeddings = _toy_loop(tmp_path / "whole", schedule, 1, lambda step: {}, _generator_lstm()), []
  whole.algorithm.optimizers["discriminator_optimizer"].learning_rate = 0.0
  whole.run([keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: embeddings.append(whole.algorithm.generator.embedding.numpy()))])
  np.testing.assert_array_equal(whole.algorithm.discriminator.embedding, embeddings[0])
  assert np.any(embeddings[-1] != embeddings[0])
  for step in (2, 3, 4, None):
    part = _toy_loop(tmp_path / "parts", schedule, 1, lambda step: {}, _generator_lstm())
    part.algorithm.optimizers["discriminator_optimizer"].learning_rate = 0.0
    part.restore()
    part.run([_Stop(part, step)])
  _assert_equal(_state(whole), _state(part))


# Held-out gain of the discriminator after each step.
_GAINS = {1: -3.0, 2: 0.1, 3: -0.2, 4: 0.05, 5: 0.5, 6: 0.4}


def _patient_loop(folder, patience):
  """A loop of six discriminator steps and two rounds with an evaluation after each, its callbacks, and the discriminator's states at evaluations."""
  loop = _toy_loop(folder, base.Schedule(0, 6, 2), 6, lambda step: {"heldout_gain": _GAINS.get(step, -9.0)})
  states = {}
  note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: states.update({loop.run_state.step: _state_of_discriminator(loop)}))
  return loop, [note, monitors.DiscriminatorPatience(loop, patience)], states


def _assert_parts_end_as_the_whole(whole, make, steps):
  """A loop that is made and resumed anew after each of the steps ends as one that was not stopped; `make` as of `_patient_loop`."""
  for step in steps:
    part, callbacks, _ = make()
    part.restore()
    part.run([*callbacks, _Stop(part, step)])
  _assert_equal(_state(whole), _state(part))
  assert dataclasses.asdict(whole.run_state) == dataclasses.asdict(part.run_state)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(("patience", "best", "end"), [(2, 2, 4), (3, 5, 6)])
def test_the_discriminator_with_the_largest_held_out_gain_is_restored(patience, best, end, tmp_path, capsys):
  whole, callbacks, states = _patient_loop(tmp_path / "whole", patience)
  begun = []
  whole.algorithm.begin = lambda update: begun.append((update, _state_of_discriminator(whole)))
  whole.run(callbacks)
  assert whole.run_state.step == end + 2 and whole.kept == {}
  assert [update for update, _ in begun] == ["discriminator", "generator"]
  # Weights and slots at the beginning of the first round.
  _assert_equal(begun[1][1], states[best])
  assert all(np.any(states[best][name] != value) for name, value in states[end].items() if "learning_rate" not in name)
  said = capsys.readouterr().err
  assert f"the discriminator goes back to its largest held-out gain, {_GAINS[best]:.4f} nats, {end - best} evaluations before" in said
  _assert_parts_end_as_the_whole(whole, lambda: _patient_loop(tmp_path / "parts", patience), (1, 3, end - 1, end, None))


# Negative log-likelihood of held-out text after each step.
_NLLS = {1: 3.0, 2: 2.0, 3: 2.5, 4: 2.1, 5: 1.9, 6: 1.95}


def _patient_mle(folder, patience):
  """A loop of six maximum-likelihood steps and two rounds with an evaluation after each, its callbacks, and the states at evaluations."""
  states = {}

  def evaluate(step):
    state = _state(loop)
    restored = [known for known in states if known < step and all(np.array_equal(states[known][name], state[name]) for name in state)]
    return {"nll_validation": _NLLS[restored[-1]] if restored else _NLLS.get(step, 0.0)}

  loop = _toy_loop(folder, base.Schedule(6, 0, 2), 6, evaluate)
  note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: states.setdefault(loop.run_state.step, _state(loop)))
  return loop, [note, monitors.MlePatience(loop, patience)], states


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(("patience", "best", "end"), [(2, 2, 4), (3, 5, 6)])
def test_the_weights_with_the_lowest_held_out_nll_are_restored(patience, best, end, tmp_path, capsys):
  whole, callbacks, states = _patient_mle(tmp_path / "whole", patience)
  begun = []
  whole.algorithm.begin = lambda update: begun.append((update, _state(whole)))
  whole.run(callbacks)
  assert whole.run_state.step == end + 2 and whole.kept == {}
  # Weights and slots at the beginning of the first round.
  _assert_equal(dict(begun)["generator"], states[best])
  waited = f"{end - best} evaluation{'s' * (end - best > 1)} before its end at step {end}"
  assert whole.run_state.returned == f"the phase mle went back to its lowest held-out NLL, {_NLLS[best]:.4f} nats per token, {waited}"
  assert whole.run_state.returned in capsys.readouterr().err
  assert bool(whole.early_ends()) == (end < 6)
  _assert_parts_end_as_the_whole(whole, lambda: _patient_mle(tmp_path / "parts", patience), (1, 3, end - 1, end, None))


def _loop_at_chance(folder, at_chance):
  """A loop of two pretraining steps and five rounds with an evaluation after each, and its callback, given the steps at chance."""
  loop = _toy_loop(folder, base.Schedule(2, 0, 5), 5, lambda step: {"heldout_at_chance": float(step in at_chance)})
  return loop, monitors.StopAtChance(loop, 2)


@pytest.mark.usefixtures("eagerly")
def test_the_adversarial_phase_ends_with_a_discriminator_at_chance(tmp_path, capsys):
  loop, callback = _loop_at_chance(tmp_path, {1, 2, 3, 5, 6, 7})
  saved, save = [], loop._checkpoints.save
  loop._checkpoints.save = lambda step, variables, run_state, *args: (saved.append(run_state), save(step, variables, run_state, *args))
  loop.run([callback])
  assert loop.run_state.step == 6 and loop.run_state.ended_early == {"adversarial": "StopAtChance at step 6"} and not loop.interrupted
  assert loop.finished
  assert loop.early_ends() == ["the phase adversarial was ended early by StopAtChance at step 6, after 4 of its 5 rounds"]
  said = [line for line in capsys.readouterr().err.splitlines() if "chance" in line]
  assert len(said) == 1 and said[0].startswith("stopped at step 6: the discriminator was at chance on held-out text in 2 evaluations in a row")
  # After a kill, the checkpoint of the evaluation, which comes before the last one, also has the phase ended.
  assert saved[-2] == saved[-1]
  again, callback = _loop_at_chance(tmp_path, {7})
  assert again.restore()
  again.run([callback])
  assert again.run_state.step == 6


@pytest.mark.usefixtures("eagerly")
def test_consecutive_evaluations_at_chance_are_counted_over_a_stop(tmp_path):
  loop, callback = _loop_at_chance(tmp_path, {3, 5, 7})
  loop.run([callback])
  assert loop.run_state.step == 7 and loop.run_state.at_chance == 1
  loop, callback = _loop_at_chance(tmp_path / "stopped", {4, 5})
  loop.run([callback, _Stop(loop, 4)])
  assert loop.interrupted and loop.run_state.at_chance == 1
  loop, callback = _loop_at_chance(tmp_path / "stopped", {4, 5})
  loop.restore()
  loop.run([callback])
  assert loop.run_state.step == 5


@pytest.mark.usefixtures("eagerly")
def test_an_interrupted_labelled_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path):
  labelled = {"spec": tiny.LABELLED_SPEC, "data": tiny.labelled_batch(30, seed=7)}
  whole = _loop("mle", tmp_path / "whole", **labelled)
  whole.run()
  for step in (1, 3, None):
    part = _loop("mle", tmp_path / "parts", **labelled)
    part.restore()
    part.run([_Stop(part, step)])
  assert part.run_state.step == 5
  _assert_equal(_state(whole), _state(part))
  # The labels have an effect.
  relabelled = labelled["data"]._replace(context=(labelled["data"].context + 1) % 3)
  other = _loop("mle", tmp_path / "other", spec=tiny.LABELLED_SPEC, data=relabelled)
  other.run()
  assert _size(other.algorithm) != _size(whole.algorithm)


def test_a_checkpoint_by_the_clock_resumes_bit_for_bit(tmp_path):
  """Resumes from the checkpoint of every round, as after a kill; evaluations save their own."""
  config = dataclasses.replace(CONFIG, checkpoint_minutes=0.0, keep_checkpoints=100)
  evaluated = []
  whole = _loop("mle", tmp_path / "whole", config=config, evaluated=evaluated)
  whole.run()
  paths = sorted((tmp_path / "whole").glob("step_*.npz"))
  assert len(paths) == SCHEDULE.mle_steps
  for path in paths[:-1]:
    folder = tmp_path / path.stem
    folder.mkdir()
    for name in (path.name, "best.npz"):
      os.link(path.with_name(name), folder / name)
    pieces = []
    part = _loop("mle", folder, config=config, evaluated=pieces)
    part.restore()
    first = part.run_state.step
    part.run()
    _assert_equal(_state(whole), _state(part))
    assert pieces == [(step, value) for step, value in evaluated if step > first]


def test_the_best_checkpoint_has_the_lowest_metric(tmp_path):
  values = iter([3.0, math.nan, 1.0, 2.0, math.nan])
  loop = _loop("mle", tmp_path, config=dataclasses.replace(CONFIG, evaluations=5))
  loop._evaluate = lambda step: {"size": next(values)}
  states, told = {}, []
  record = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: states.update({epoch: _state(loop)}) or told.append(loop.is_best(logs)))
  loop.run([record])
  best = _archive(tmp_path / "best.npz")
  _assert_equal({name: value for name, value in best.items() if name != "run_state"}, states[2])
  assert (loop.run_state.best, loop.run_state.best_step) == (1.0, _run_state(best["run_state"]).step)
  # Callbacks are told before the checkpoint is saved.
  assert told == [True, False, True, False, False]


_ROUNDS = base.Schedule(mle_steps=4, discriminator_steps=2, adversarial_steps=4)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("stop", [None, 5, 7, 8])
def test_the_best_of_a_gan_is_an_adversarial_round_and_the_end_of_likelihood_is_kept(stop, tmp_path):
  """Also of a run that is stopped, and goes on."""
  # Two evaluations of each phase. Maximum likelihood is best after two steps; the adversarial rounds only make it worse.
  values = {2: 1.0, 4: 2.0, 5: 2.0, 6: 2.0, 8: 5.0, 10: 6.0}
  states = {}
  for _ in range(1 if stop is None else 2):
    loop = _loop("gsgan", tmp_path, schedule=_ROUNDS)
    loop._evaluate = lambda step: {"size": values[step]}
    loop.restore()
    record = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs, loop=loop: states.update({loop.run_state.step: _state(loop)}))
    loop.run([record] if stop is None else [record, _Stop(loop, stop)])
    if stop is None:
      assert loop.run_state.describe(loop.phases) == "step 10, phase adversarial"
  for name, step, where in (("likelihood", 6, "discriminator, before any adversarial round"), ("best", 8, "adversarial")):
    archive = _archive(tmp_path / f"{name}.npz")
    state = _run_state(archive.pop("run_state"))
    assert state.describe(loop.phases) == f"step {step}, phase {where}"
    _assert_equal(archive, states[step])
  assert (loop.run_state.best, loop.run_state.best_step) == (5.0, 8)


def _run_state(array):
  return loop_lib.RunState.from_json(json.loads(str(array)))


@pytest.mark.usefixtures("eagerly")
def test_until_the_adversarial_phase_is_evaluated_the_best_is_one_of_likelihood(tmp_path):
  loop = _loop("gsgan", tmp_path, schedule=_ROUNDS)
  loop._evaluate = lambda step: {"size": {2: 1.0}.get(step, 2.0)}
  loop.run([_Stop(loop, 7)])
  state = _run_state(_archive(tmp_path / "best.npz")["run_state"])
  assert state.describe(loop.phases) == "step 2, phase mle, before any adversarial round"
  again = _loop("gsgan", tmp_path, schedule=_ROUNDS)
  again.restore()
  # As in a run that was not stopped.
  assert (again.run_state.step, again.run_state.best, again.run_state.best_step) == (7, 1.0, 2)
  assert state.describe(_loop("mle", tmp_path / "mle").phases) == "step 2, phase mle"
  assert loop_lib.RunState().describe(loop.phases) == "step 0, before any adversarial round"


@pytest.mark.usefixtures("eagerly")
def test_a_run_whose_best_of_all_phases_is_one_of_likelihood_goes_on_with_the_best_adversarial_round(tmp_path):
  """As a version before this rule left it, in the middle of the adversarial phase."""
  values = {2: 1.0, 4: 2.0, 5: 2.0, 6: 2.0, 8: 5.0, 10: 6.0}
  loop = _loop("gsgan", tmp_path, schedule=_ROUNDS)
  loop._evaluate = lambda step: {"size": values[step]}
  before = {}
  loop.run([_Stop(loop, 9), keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: before.setdefault(loop.run_state.step, _best(tmp_path)))])
  (tmp_path / "best.npz").write_bytes(before[6])
  (tmp_path / "likelihood.npz").unlink()
  loop.run_state.best, loop.run_state.best_step = 1.0, 2
  loop._save()
  loop._checkpoints.wait()
  again = _loop("gsgan", tmp_path, schedule=_ROUNDS)
  again._evaluate = lambda step: {"size": values[step]}
  again.restore()
  again.run()
  assert _run_state(_archive(tmp_path / "best.npz")["run_state"]).step == 10 and again.run_state.best == 6.0


def _best(folder):
  path = folder / "best.npz"
  return path.read_bytes() if path.exists() else None


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("lost", [(10,), (8, 10), (6, 8, 10)])
def test_named_checkpoints_are_the_same_after_a_kill_before_the_numbered_one(lost, tmp_path):
  """The numbered file is written last: without it the run goes on from before, with best.npz and likelihood.npz of later in place."""
  archives = []
  for _ in range(2):
    loop = _loop("gsgan", tmp_path, schedule=_ROUNDS, config=dataclasses.replace(CONFIG, keep_checkpoints=6))
    loop._evaluate = lambda step: {"size": {8: 5.0, 10: 6.0}.get(step, 1.0)}
    loop.restore()
    loop.run()
    archives.append([_archive(tmp_path / f"{name}.npz") for name in ("best", "likelihood")])
    for step in lost:
      (tmp_path / f"step_{step:09d}.npz").unlink()
  for first, second in zip(*archives):
    _assert_equal(first, second)


@pytest.mark.parametrize("name", ["scratchgan", "mle"])
def test_without_a_phase_before_an_adversarial_one_no_end_of_likelihood_is_kept(name, tmp_path):
  _loop(name, tmp_path).run()
  assert not (tmp_path / "likelihood.npz").exists() and (tmp_path / "best.npz").exists()


@pytest.mark.usefixtures("eagerly")
def test_the_values_of_another_best_metric_are_not_compared(tmp_path):
  """A run continues without a metric, then with the first metric again; each time the comparison starts anew."""
  for steps, metric in ((1, "size"), (2, ""), (3, "size")):
    schedule = dataclasses.replace(SCHEDULE, mle_steps=steps)
    loop = _loop("mle", tmp_path, schedule=schedule, config=dataclasses.replace(CONFIG, evaluations=steps, best_metric=metric))
    loop._evaluate = lambda step: {"size": float(step)}
    loop.restore()
    loop.run()
    assert loop.run_state.best_metric == metric
    _assert_equal(_archive(tmp_path / "best.npz"), _archive(tmp_path / f"step_{steps:09d}.npz"))
  assert loop.run_state.best == 3.0


@pytest.mark.parametrize("value", [math.nan, 1.0])
def test_with_equal_metrics_or_none_the_last_checkpoint_is_best(value, tmp_path):
  """While only the discriminator is trained, the generator's metrics do not change."""
  loop = _loop("mle", tmp_path)
  loop._evaluate = lambda step: {"size": value}
  loop.run()
  _assert_equal(_archive(tmp_path / "best.npz"), _archive(tmp_path / "step_000000005.npz"))


def test_an_unknown_best_metric_lists_what_is_measured(tmp_path):
  loop = _loop("mle", tmp_path, config=dataclasses.replace(CONFIG, best_metric="bleu"))
  expected = "--best_metric is 'bleu', which this run does not measure; it measures mle/gradient_norm, mle/nll, size"
  with pytest.raises(errors.UserError, match=expected):
    loop.run()


def test_a_longer_schedule_continues_from_the_end_of_the_shorter_one(tmp_path):
  short = _loop("mle", tmp_path, base.Schedule(mle_steps=3))
  short.run()
  longer = _loop("mle", tmp_path, base.Schedule(mle_steps=5))
  assert longer.restore() and longer.run_state.step == 3
  longer.run()
  whole = _loop("mle", tmp_path / "whole", base.Schedule(mle_steps=5))
  whole.run()
  _assert_equal(_state(longer), _state(whole))
  # A finished run makes no further step.
  again = _loop("mle", tmp_path, base.Schedule(mle_steps=5))
  again.restore()
  again.run([keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: pytest.fail("a step too many"))])
  _assert_equal(_state(longer), _state(again))


_PHASES = ("mle", "discriminator", "adversarial")


def _outcome(lengths, before, reached):
  """What a run of phases of the lengths `before` that has made `reached` rounds may do with other lengths: None, or the complaint."""
  made, left = [], reached
  for length in before:
    made.append(min(length, left))
    left -= made[-1]
  last = max((i for i, rounds in enumerate(made) if rounds), default=0)
  for i in range(last):
    if lengths[i] != made[i]:
      over = f"the phase {_PHASES[i]} is over, with {made[i]} of {before[i]} rounds"
      return f"{over}, and the run is at round {made[last]} of the phase {_PHASES[last]}"
  if lengths[last] < made[last]:
    return f"the phase {_PHASES[last]} has made {made[last]} rounds, so it cannot have {lengths[last]}; give it {made[last]} or more"
  return None


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("before", [(2, 2, 2), (2, 2, 0), (2, 0, 2), (0, 2, 0)])
def test_every_change_of_a_phase_wherever_the_run_is_trains_as_asked_or_is_refused(before, tmp_path):
  """All pairs of a step reached, the end included, and a phase made shorter, longer or empty: the run ends as one of the new lengths, or says no."""
  algorithm, wholes = _Toy(judges.LikesToken(SPEC, 3)), {}
  first = {name: variable.numpy() for name, variable in algorithm.variables().items()}

  def begin(folder, lengths, evaluated=None):
    """A loop of the one algorithm, as new."""
    for name, variable in algorithm.variables().items():
      variable.assign(first[name])
    evaluate = lambda step: {"size": 0.0, **({} if evaluated is None else evaluated.append(step) or {})}  # noqa: E731
    config = dataclasses.replace(CONFIG, evaluations=2)
    loop = loop_lib.Loop(algorithm, base.Schedule(*lengths), DATA, evaluate, checkpoints.Checkpoints(folder), config)
    loop._batches = lambda: itertools.repeat(DATA)  # The steps do not read them.
    return loop

  def whole(lengths):
    """The state of an uninterrupted run."""
    if lengths not in wholes:
      loop = begin(tmp_path / f"whole{lengths}", lengths)
      loop.run()
      wholes[lengths] = _state(loop)
    return wholes[lengths]

  for reached in range(1, sum(before) + 1):
    begun = begin(tmp_path / f"begun{reached}", before)
    begun.run([_Stop(begun, reached)])
    saved = tmp_path / f"begun{reached}" / f"step_{reached:09d}.npz"
    for i, length in itertools.product(range(3), (0, 1, 3)):
      lengths = (*before[:i], length, *before[i + 1 :])
      if not sum(lengths):
        continue
      folder = tmp_path / f"{reached}-{i}-{length}"
      folder.mkdir()
      for path in (saved, saved.with_name("best.npz")):
        if path.exists():
          os.link(path, folder / path.name)
      evaluated = []
      loop = begin(folder, lengths, evaluated)
      complaint = _outcome(lengths, before, reached)
      if complaint:
        with pytest.raises(errors.UserError, match=re.escape(complaint)):
          loop.restore()
        assert loop.run_state == loop_lib.RunState()
        continue
      loop.restore()
      assert loop.finished == (sum(lengths) == reached and begun.run_state.evaluated == reached)
      loop.run()
      assert loop.finished and loop.run_state.step == sum(lengths), (before, reached, lengths)
      assert loop.run_state.rounds == {name: rounds for name, rounds in zip(_PHASES, lengths) if rounds}
      assert loop.run_state.scheduled == dict(zip(_PHASES, lengths))
      # The end of every phase is evaluated.
      assert begun.run_state.evaluated == sum(lengths) or evaluated[-1] == sum(lengths)
      ended = _state(loop)
      _assert_equal(whole(lengths), ended)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(
  ("lengths", "steps", "complaint"),
  [
    ((10, 0, 3), 7, None),  # As before: finished.
    ((4, 0, 3), 7, None),  # What was trained.
    ((10, 0, 5), 9, None),
    (
      (10, 2, 3), 0,
      "the phase discriminator is over, with 0 of 0 rounds, and the run is at round 3 of the phase adversarial, so discriminator cannot have 2 now",
    ),
    (
      (12, 0, 3), 0,
      "the phase mle is over, with 4 of 10 rounds, ended early by EarlyStopping at step 4, and the run is at round 3 of the phase adversarial, "
      "so mle cannot have 12 now; give it 10 again, or begin another run in a new --workdir, for example with --pretrained",
    ),
    ((9, 0, 3), 0, "so mle cannot have 9 now; give it 10 again"),
    ((10, 0, 2), 0, "the phase adversarial has made 3 rounds, so it cannot have 2; give it 3 or more, or begin another run in a new --workdir"),
  ],
)  # fmt: skip
def test_a_phase_that_ended_early_trains_as_asked_or_is_refused(lengths, steps, complaint, tmp_path):
  loop, callback = _stopped_early(tmp_path, base.Schedule(10, 0, 3))
  loop.run([callback])
  again = _toy_loop(tmp_path, base.Schedule(*lengths), 10, lambda step: {})
  if complaint:
    with pytest.raises(errors.UserError, match=re.escape(complaint)):
      again.restore()
  else:
    again.restore()
    again.run()
    assert again.run_state.step == steps and again.finished
    assert bool(again.early_ends()) == (lengths[0] > 4)


@pytest.mark.usefixtures("eagerly")
def test_the_last_phase_goes_on_after_an_early_end_if_it_is_longer(tmp_path):
  loop, callback = _stopped_early(tmp_path, base.Schedule(10, 0, 0))
  loop.run([callback])
  assert loop.run_state.step == 4 and loop.early_ends()
  for length, steps in ((10, 4), (6, 4), (12, 12)):
    again = _toy_loop(tmp_path, base.Schedule(length, 0, 0), 10, lambda step: {})
    again.restore()
    again.run()
    assert again.run_state.step == steps and bool(again.early_ends()) == (steps == 4)


def test_several_rounds_in_a_call_make_the_same_weights(tmp_path):
  states = []
  for rounds in (1, 5):
    loop = _loop("gsgan", tmp_path / str(rounds), base.Schedule(5, 3, 0), dataclasses.replace(CONFIG, steps_per_call=rounds))
    seen = []
    loop.run([keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(loop.run_state.step))])  # noqa: B023
    # Calls end at evaluations.
    assert seen == (list(range(1, 9)) if rounds == 1 else [3, 5, 7, 8])
    states.append(_state(loop))
  for name in states[0]:
    np.testing.assert_allclose(states[0][name], states[1][name], rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_it_came_at_and_the_next_one_acts_as_before(tmp_path, number):
  heard = []
  before = signal.signal(number, lambda *_: heard.append(number))
  try:
    loop = _loop("mle", tmp_path)

    def kill(batch, logs):
      if loop.run_state.step == 2:
        os.kill(os.getpid(), number)
        assert loop.interrupted and not heard
        os.kill(os.getpid(), number)
        assert heard

    loop.run([keras.callbacks.LambdaCallback(on_train_batch_end=kill)])
    assert loop.interrupted and loop.run_state.step == 2
    assert [path.name for path in tmp_path.iterdir()] == ["step_000000002.npz"]
    os.kill(os.getpid(), number)
    assert len(heard) == 2
  finally:
    signal.signal(number, before)


def test_a_nan_stops_with_the_metric_the_step_and_a_finite_checkpoint(tmp_path):
  loop = _loop("mle", tmp_path)
  step = loop.algorithm.mle_step

  def poisoned(real, seed, phase_fraction):
    metrics = step(real, seed, phase_fraction)
    # From round 4 of 5 on.
    return {**metrics, "nll": tf.where(phase_fraction > 0.5, np.nan, metrics["nll"])}

  loop.phases = [base.Phase("mle", 5, (base.Update("mle", poisoned),), annealed=True)]
  ended = []
  expected = r"training diverged: mle/nll is nan at step 4 \(round 4 of phase mle\); the last checkpoint before it is kept"
  with pytest.raises(errors.UserError, match=expected):
    loop.run([keras.callbacks.LambdaCallback(on_train_end=lambda logs: ended.append(True))])
  assert ended == [True]
  loop._checkpoints.wait()
  assert sorted(path.name for path in tmp_path.iterdir()) == ["best.npz", "step_000000003.npz"]
  saved = _archive(tmp_path / "step_000000003.npz")
  assert all(np.isfinite(value).all() for name, value in saved.items() if name != "run_state")


def test_divergence_from_a_huge_learning_rate_is_reported(tmp_path):
  loop = _loop("wgan_gp", tmp_path, base.Schedule(adversarial_steps=50), learning_rate=1e20)
  with pytest.raises(errors.UserError, match=r"training diverged: \w+/\w+ is (nan|inf|-inf) at step \d+"):
    loop.run()


@pytest.mark.usefixtures("eagerly")
def test_ordinary_keras_callbacks(tmp_path):
  loop = _loop("gsgan", tmp_path / "checkpoints")
  calls = []
  record = {
    name: lambda number, logs, name=name: calls.append((name, number))
    for name in ("on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end")
  }
  callbacks = [
    keras.callbacks.CSVLogger(tmp_path / "log.csv"),
    keras.callbacks.TensorBoard(tmp_path / "board", write_graph=False),
    keras.callbacks.TerminateOnNaN(),
    keras.callbacks.ModelCheckpoint(tmp_path / "best.weights.h5", monitor="size", mode="max", save_best_only=True, save_weights_only=True),
    keras.callbacks.LambdaCallback(**record),
  ]
  loop.run(callbacks)
  assert all(callback.model is loop.algorithm.generator for callback in callbacks)
  assert [number for name, number in calls if name == "on_epoch_end"] == [0, 1, 2, 3, 4, 5]
  for name in ("on_train_batch_begin", "on_train_batch_end"):  # Counted within an epoch.
    assert [number for called, number in calls if called == name] == [0, 1, 2, 0, 1, 0, 1, 0, 0, 1, 0, 1]
  with open(tmp_path / "log.csv", newline="") as file:
    rows = list(csv.DictReader(file))
  assert [row["epoch"] for row in rows] == ["0", "1", "2", "3", "4", "5"]
  assert float(rows[-1]["size"]) == pytest.approx(_size(loop.algorithm), rel=1e-6)
  assert list((tmp_path / "board").rglob("events.out.tfevents.*"))
  # The file has the generator's weights of that epoch.
  other = tiny.algorithm("gsgan", SPEC, seed=9)
  other.generator.load_weights(tmp_path / "best.weights.h5")
  assert _size(other) == max(float(row["size"]) for row in rows)


def test_an_epochs_logs_are_the_means_of_its_rounds(tmp_path):
  loop = _loop("mle", tmp_path, config=dataclasses.replace(CONFIG, steps_per_call=2))
  rounds, epochs, seen = [], [], [0]

  def on_batch(batch, logs):
    rounds.extend([logs["mle/nll"]] * (loop.run_state.step - seen[-1]))
    seen.append(loop.run_state.step)

  loop.run([keras.callbacks.LambdaCallback(on_train_batch_end=on_batch, on_epoch_end=lambda epoch, logs: epochs.append(logs["mle/nll"]))])
  np.testing.assert_allclose(epochs, [np.mean(rounds[:3]), np.mean(rounds[3:])], rtol=1e-6)


def _stopped_early(folder, schedule):
  """A loop with an evaluation after each round, whose metric gets worse from the second round of each phase, and its callback."""
  loop = _toy_loop(folder, schedule, 10, lambda step: {})
  loop._evaluate = lambda step: {"size": abs(loop.run_state.round - 2.0)}
  return loop, keras.callbacks.EarlyStopping("size", mode="min", patience=2)


@pytest.mark.usefixtures("eagerly")
def test_early_stopping_ends_a_phase_and_restarts_in_the_next(tmp_path):
  loop, callback = _stopped_early(tmp_path, base.Schedule(10, 0, 3))
  epochs = []
  loop.run([callback, keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append((loop.run_state.phase, loop.run_state.round)))])
  assert epochs == [(0, 1), (0, 2), (0, 3), (0, 4), (2, 1), (2, 2), (2, 3)]
  assert loop.run_state.step == 7 and not loop.interrupted
  # The same schedule is finished; a longer schedule continues.
  for rounds, step in ((3, 7), (10, 10), (10, 10)):
    again, callback = _stopped_early(tmp_path, base.Schedule(10, 0, rounds))
    assert again.restore() and again.finished == (again.run_state.step == step)
    again.run([callback])
    assert again.run_state.step == step and again.finished
  # Stopped at its sixth round: the patience of a resumed run starts at its first evaluation.
  assert again.early_ends() == [
    "the phase mle was ended early by EarlyStopping at step 4, after 4 of its 10 rounds",
    "the phase adversarial was ended early by EarlyStopping at step 10, after 6 of its 10 rounds",
  ]


@pytest.mark.usefixtures("eagerly")
def test_early_stopping_in_the_middle_of_an_epoch_evaluates_and_ends_the_phase(tmp_path):
  loop = _toy_loop(tmp_path, base.Schedule(6, 0, 2), 1, lambda step: {})
  evaluations = []

  def stop(batch, logs):
    loop.algorithm.generator.stop_training = batch == 3

  note = keras.callbacks.LambdaCallback(on_train_batch_end=stop, on_epoch_end=lambda epoch, logs: evaluations.append((epoch, loop.run_state.step)))
  loop.run([note])
  assert evaluations == [(0, 4), (2, 6)]


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("name", ["mle", pytest.param("seqgan", marks=pytest.mark.slow)])
def test_two_replicas_train_as_one(name, tmp_path, two_replicas):
  schedule = base.Schedule(3, 2, 1)
  one, two = _loop(name, tmp_path / "one", schedule), _loop(name, tmp_path / "two", schedule, strategy=two_replicas)
  seen = {1: [], 2: []}
  for replicas, loop in ((1, one), (2, two)):
    loop.run([keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen[replicas].append(logs))])  # noqa: B023
  first, second = _state(one), _state(two)
  for key in first:
    np.testing.assert_allclose(first[key], second[key], rtol=0, atol=1e-5, err_msg=key)
  for a, b in zip(seen[1], seen[2], strict=True):
    assert a == pytest.approx(b, abs=1e-4)
  # A run begun on two replicas continues on one.
  resumed = _loop(name, tmp_path / "two", schedule)
  assert resumed.restore()
  _assert_equal(_state(resumed), second)


def test_replicas_must_share_a_batch_equally(tmp_path, two_replicas):
  loop = _loop("mle", tmp_path, config=dataclasses.replace(CONFIG, batch_size=7), strategy=two_replicas)
  with pytest.raises(errors.UserError, match="--batch_size is 7, which 2 replicas cannot share equally"):
    loop.run()


def test_a_corpus_smaller_than_a_batch_is_refused(tmp_path):
  loop = _loop("mle", tmp_path, config=dataclasses.replace(CONFIG, batch_size=31))
  with pytest.raises(errors.UserError, match="the training split has 30 sentences, fewer than the batch of 31; pass --batch_size 30 or less"):
    loop.run()


@pytest.mark.parametrize(
  ("setting", "message"),
  [
    ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
    ({"evaluations": 0}, "evaluations must be at least 1, not 0"),
    ({"evaluation_samples": -3}, "evaluation_samples must be at least 1, not -3"),
    ({"log_every": 0}, "log_every must be at least 1, not 0"),
    ({"keep_checkpoints": 0}, "keep_checkpoints must be at least 1, not 0"),
    ({"steps_per_call": 0}, "steps_per_call must be at least 1, not 0"),
    ({"mle_patience": -1}, "mle_patience must be at least 0, not -1"),
    ({"discriminator_patience": -1}, "discriminator_patience must be at least 0, not -1"),
    ({"stop_at_chance": -1}, "stop_at_chance must be at least 0, not -1"),
    ({"checkpoint_minutes": -1.0}, "checkpoint_minutes must be at least 0, not -1.0"),
    ({"checkpoint_minutes": math.nan}, "checkpoint_minutes must be at least 0, not nan"),
    ({"seed": -1}, "seed must be an integer from 0 to 4294967295, not -1"),
  ],
)
def test_settings_out_of_range_are_refused(setting, message):
  with pytest.raises(errors.UserError, match=message):
    loop_lib.Config(**setting)


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"phase": 99}, "is damaged: its run state: phase is 99; expected 0 to 0$"),
    ({"round": 10**9}, "is damaged: its run state: round is 1000000000, more than step, 4$"),
    ({"step": "4"}, "is damaged: its run state: step is '4'; expected an integer$"),
    ({"updates": {"mle": 2**31}}, "is damaged: its run state: updates.mle is 2147483648; expected 0 to 2147483647$"),
    ({"best": math.nan}, "is damaged: its run state: best, heldout_nll or heldout_gain is nan; expected numbers$"),
  ],
)
def test_an_impossible_state_is_refused(changes, message, tmp_path):
  loop = _loop("mle", tmp_path)
  state = {**dataclasses.asdict(loop_lib.RunState(round=4, step=4, batches=4, updates={"mle": 4})), **changes}
  loop._checkpoints.save(4, loop.algorithm.variables(), state)
  loop._checkpoints.wait()
  with pytest.raises(errors.UserError, match=message):
    loop.restore()


def test_a_run_does_not_go_on_without_its_best_checkpoint(tmp_path):
  """Found when training starts, not when it ends."""
  loop = _loop("mle", tmp_path)
  loop.run()
  assert _loop("mle", tmp_path).restore()
  (tmp_path / "best.npz").rename(tmp_path / "moved.npz")
  with pytest.raises(errors.UserError, match="best.npz, the best checkpoint, is missing; to go on, copy a kept checkpoint, such as step_"):
    _loop("mle", tmp_path).restore()
  (tmp_path / "best.npz").write_bytes((tmp_path / "moved.npz").read_bytes()[:-30])
  with pytest.raises(errors.UserError, match="best.npz is damaged: .*; to go on, copy a kept checkpoint, such as step_"):
    _loop("mle", tmp_path).restore()
  (tmp_path / "best.npz").write_bytes(max(tmp_path.glob("step_*.npz")).read_bytes())
  assert _loop("mle", tmp_path).restore()


def test_of_a_generator_whose_steps_xla_cannot_compile_only_the_likelihood_is_compiled(monkeypatch, tmp_path):
  compiled, function = {}, tf.function

  def note(step=None, **settings):
    if "jit_compile" in settings:
      compiled[step.__name__] = settings["jit_compile"]
    return function(step, **settings)

  loop = _loop("gsgan", tmp_path, config=dataclasses.replace(CONFIG, jit_compile=True))
  monkeypatch.setattr(tf, "function", note)
  for compilable in (True, False):
    monkeypatch.setattr(type(loop.algorithm.generator), "compilable", compilable)
    loop._compiled.clear()
    for update in (update for phase in loop.phases for update in phase.updates):
      loop._advance(update)
    assert compiled == {"mle_step": True, "discriminator_step": compilable, "generator_step": compilable}
