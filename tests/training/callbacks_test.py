"""Tests of tf_textgan.training.callbacks: Keras's own callbacks in the loop."""

import csv
import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.conformance import tiny
from tf_textgan.training import callbacks as callbacks_lib
from tf_textgan.training import checkpoints
from tf_textgan.training import loop as loop_lib
from tf_textgan.training import monitors

SPEC = tiny.SPECS["text"]
CONFIG = loop_lib.Config(batch_size=8, evaluations=2, best_metric="")


def _loop(folder, name="mle", schedule=None, **changes):
  """A loop over a tiny algorithm, whose evaluations return the step."""
  algorithm = tiny.algorithm(name, SPEC)
  config = dataclasses.replace(CONFIG, **changes)
  kept = checkpoints.Checkpoints(folder, config.keep_checkpoints)
  schedule = schedule or base.Schedule(mle_steps=4, discriminator_steps=2, adversarial_steps=2)
  return loop_lib.Loop(algorithm, schedule, sequences.Batch(tiny.batch(SPEC, 20)), lambda step: {"step": float(step)}, kept, config)


@pytest.fixture
def eagerly():
  """Runs steps uncompiled, which is quicker for few steps."""
  tf.config.run_functions_eagerly(True)
  yield
  tf.config.run_functions_eagerly(False)


def _rows(path):
  with open(path, newline="") as file:
    return list(csv.DictReader(file))


class _Stop(keras.callbacks.Callback):
  """Interrupts a loop after a step, as a signal does."""

  def __init__(self, loop, step):
    super().__init__()
    self._loop, self._step = loop, step

  def on_train_batch_end(self, batch, logs=None):
    self._loop.interrupted |= self._loop.run_state.step == self._step


def test_a_csv_has_the_columns_of_all_phases_over_a_stop(tmp_path):
  for stop in (5, None):
    loop = _loop(tmp_path / "checkpoints", "gsgan")
    loop.restore()
    loop.run([keras.callbacks.CSVLogger(tmp_path / "log.csv", append=True), _Stop(loop, stop)])
  rows = _rows(tmp_path / "log.csv")
  assert [row["epoch"] for row in rows] == ["0", "1", "2", "3", "4", "5"]
  assert [row["step"] for row in rows] == ["2.0", "4.0", "5.0", "6.0", "7.0", "8.0"]
  assert not any(name.startswith("val_") for name in rows[0])
  for name, phases in (("mle/nll", {0, 1}), ("discriminator/loss", {2, 3, 4, 5}), ("generator/loss", {4, 5}), ("generator/temperature", {4, 5})):
    assert {epoch for epoch, row in enumerate(rows) if row[name] != "NA"} == phases
    assert all(np.isfinite(float(rows[epoch][name])) for epoch in phases)


@pytest.mark.usefixtures("eagerly")
def test_params_are_as_in_fit(tmp_path):
  loop, seen = _loop(tmp_path, schedule=base.Schedule(mle_steps=5)), []

  class Note(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
      seen.append(dict(self.params))

  loop.run([Note()])
  assert seen == [{"epochs": 2, "steps": 3, "verbose": 0}, {"epochs": 2, "steps": 2, "verbose": 0}]


def test_batches_are_counted_within_an_epoch_and_over_a_stop(tmp_path):
  seen = []
  for stop in (2, None):
    loop = _loop(tmp_path, schedule=base.Schedule(mle_steps=8), steps_per_call=2)
    loop.restore()
    note = keras.callbacks.LambdaCallback(
      on_train_batch_begin=lambda batch, logs: seen.append(("begin", batch)), on_train_batch_end=lambda batch, logs: seen.append(("end", batch))
    )
    loop.run([note, _Stop(loop, stop)])
  assert seen == [(name, batch) for batch in (0, 1, 0, 1) for name in ("begin", "end")]


class _Adds(keras.callbacks.Callback):
  """Adds a metric to the logs: a function of the step."""

  def __init__(self, name, value):
    super().__init__()
    self._name, self._value = name, value

  def on_epoch_end(self, epoch, logs=None):
    logs[self._name] = self._value(logs["step"])


@pytest.mark.usefixtures("eagerly")
def test_metrics_that_a_callback_adds_reach_the_journal_and_choose_the_best_checkpoint(tmp_path):
  loop = _loop(tmp_path / "checkpoints", schedule=base.Schedule(mle_steps=6), evaluations=3, best_metric="distance")
  journal = monitors.Journal(loop, tmp_path / "metrics.jsonl")
  loop.run([_Adds("distance", lambda step: tf.abs(tf.constant(step) - 4.0)), keras.callbacks.CSVLogger(tmp_path / "log.csv"), journal])
  lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
  assert [line["distance"] for line in lines if line["kind"] == "evaluation"] == [2.0, 0.0, 2.0]
  assert [row["distance"] for row in _rows(tmp_path / "log.csv")] == ["2.0", "0.0", "2.0"]
  assert loop.run_state.best == 0.0
  assert checkpoints.Checkpoints(tmp_path / "checkpoints").restore(loop.algorithm.variables(), "best")["step"] == 4


@pytest.mark.usefixtures("eagerly")
def test_a_metric_that_is_not_a_number_is_refused(tmp_path):
  with pytest.raises(errors.UserError, match="_Adds sets the metric 'note' to 'good'; expected a number"):
    _loop(tmp_path).run([_Adds("note", lambda step: "good")])


def _schedule(epoch, rate):
  return rate * 0.5 if epoch else rate


@pytest.mark.usefixtures("eagerly")
def test_a_scheduler_changes_the_named_optimizer_once_an_epoch_over_a_stop(tmp_path):
  whole = _loop(tmp_path / "whole", "gsgan")
  before = {name: float(optimizer.learning_rate) for name, optimizer in whole.algorithm.optimizers.items()}
  scheduler = keras.callbacks.LearningRateScheduler(_schedule)
  whole.run([callbacks_lib.ForOptimizer(scheduler, "generator_optimizer")])
  after = {name: float(optimizer.learning_rate) for name, optimizer in whole.algorithm.optimizers.items()}
  assert after == pytest.approx(before | {"generator_optimizer": before["generator_optimizer"] / 2**5})
  for stop in (1, 3, 4, None):
    part = _loop(tmp_path / "parts", "gsgan")
    part.restore()
    part.run([callbacks_lib.ForOptimizer(scheduler, "generator_optimizer"), _Stop(part, stop)])
  for name, variable in whole.algorithm.variables().items():
    np.testing.assert_array_equal(variable, part.algorithm.variables()[name], err_msg=name)


@pytest.mark.usefixtures("eagerly")
def test_a_plateau_reduces_the_rate_of_the_named_optimizer(tmp_path):
  loop = _loop(tmp_path, schedule=base.Schedule(mle_steps=6), evaluations=6)
  plateau = keras.callbacks.ReduceLROnPlateau("step", mode="min", factor=0.1, patience=2)
  rates = []
  note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: rates.append(logs["learning_rate"]))
  loop.run([callbacks_lib.ForOptimizer(plateau, "mle_optimizer"), note])
  first = rates[0]
  # The logs have the learning rate of the epoch; it is reduced after the third and the fifth.
  np.testing.assert_allclose(rates, [first, first, first, first * 0.1, first * 0.1, first * 0.01], rtol=1e-5)


@pytest.mark.usefixtures("eagerly")
def test_a_callback_for_an_optimizer_can_stop_a_phase(tmp_path):
  loop = _loop(tmp_path, schedule=base.Schedule(mle_steps=4), evaluations=4)
  loop.run([callbacks_lib.ForOptimizer(keras.callbacks.EarlyStopping("step", mode="min", patience=1), "mle_optimizer")])
  assert loop.run_state.step == 2


@pytest.mark.parametrize(
  ("callback", "message"),
  [
    (
      keras.callbacks.LearningRateScheduler(_schedule),
      r"LearningRateScheduler needs the name of its optimizer: expected ForOptimizer\(LearningRateScheduler\(...\), name\) with one of "
      "mle_optimizer, generator_optimizer, discriminator_optimizer",
    ),
    (keras.callbacks.ReduceLROnPlateau("step"), "ReduceLROnPlateau needs the name of its optimizer"),
    (
      callbacks_lib.ForOptimizer(keras.callbacks.Callback(), "adam"),
      "ForOptimizer names the optimizer 'adam'; this algorithm has mle_optimizer, generator_optimizer, discriminator_optimizer",
    ),
    (keras.callbacks.BackupAndRestore("backup"), "BackupAndRestore restores the generator alone; a run resumes from its own checkpoints"),
    (print, "expected keras.callbacks.Callback or ForOptimizer, got builtin_function_or_method"),
  ],
)
def test_callbacks_that_cannot_work_are_refused_before_the_training(callback, message, tmp_path):
  loop = _loop(tmp_path, "gsgan")
  with pytest.raises(errors.UserError, match=message):
    loop.run([callback])
  assert loop.run_state.step == 0 and not list(tmp_path.iterdir())


@pytest.mark.usefixtures("eagerly")
def test_early_stopping_restores_the_best_weights_of_its_phase(tmp_path):
  loop = _loop(tmp_path, schedule=base.Schedule(mle_steps=4), evaluations=4)
  stopping = keras.callbacks.EarlyStopping("step", mode="min", patience=2, restore_best_weights=True)
  weights = []
  loop.run([keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(loop.algorithm.generator.get_weights())), stopping])
  assert loop.run_state.step == 3
  for best, now in zip(weights[0], loop.algorithm.generator.get_weights(), strict=True):
    np.testing.assert_array_equal(best, now)
  # The checkpoint has the best weights too.
  again = _loop(tmp_path, schedule=base.Schedule(mle_steps=4))
  again.restore()
  np.testing.assert_array_equal(again.algorithm.generator.embedding, weights[0][0])


@pytest.mark.usefixtures("eagerly")
def test_tensorboard_with_everything_and_the_progress_bar_of_keras(tmp_path, capsys):
  loop = _loop(tmp_path / "checkpoints", "gsgan")
  board = keras.callbacks.TensorBoard(tmp_path / "board", histogram_freq=1, write_graph=True, write_images=True, update_freq=1)
  loop.run([board, keras.callbacks.ProgbarLogger()])
  assert list((tmp_path / "board").rglob("events.out.tfevents.*"))


@pytest.mark.usefixtures("eagerly")
def test_whole_models_are_saved_while_training_goes_on(tmp_path):
  loop = _loop(tmp_path / "checkpoints", schedule=base.Schedule(mle_steps=4))
  epochs = {}
  note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.update({epoch: loop.algorithm.generator.get_weights()}))
  loop.run([keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.keras")), note])
  for epoch, weights in epochs.items():
    loaded = keras.models.load_model(tmp_path / f"{epoch + 1}.keras")  # Keras counts from 1 there.
    for a, b in zip(loaded.get_weights(), weights, strict=True):
      np.testing.assert_array_equal(a, b)
  assert len(epochs) == 2


@pytest.mark.usefixtures("eagerly")
def test_a_model_is_saved_every_few_batches(tmp_path):
  loop = _loop(tmp_path / "checkpoints", schedule=base.Schedule(mle_steps=5), evaluations=1)
  steps = []
  saving = keras.callbacks.ModelCheckpoint(str(tmp_path / "generator.weights.h5"), save_weights_only=True, save_freq=2)
  save = loop.algorithm.generator.save_weights
  loop.algorithm.generator.save_weights = lambda *args, **options: (steps.append(loop.run_state.step), save(*args, **options))
  loop.run([saving])
  assert steps == [2, 4]
