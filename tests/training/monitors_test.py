"""Tests of tf_textgan.training.monitors: the outputs of a run during training."""

import io
import itertools
import json
import math
import os
import shutil
import sys
import types

import keras
import pytest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.conformance import tiny
from tf_textgan.sampling import noise
from tf_textgan.training import checkpoints
from tf_textgan.training import loop as loop_lib
from tf_textgan.training import monitors

SPEC = tiny.SPECS["text"]


def _fake_loop(step=0, round_number=0, phase=0):
  """The state of a run, for callbacks to read."""
  phases = [base.Phase("mle", 6, ()), base.Phase("adversarial", 4, ())]
  return types.SimpleNamespace(run_state=loop_lib.RunState(phase=phase, round=round_number, step=step), phases=phases, rounds=10)


def _lines(path):
  return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_journal_has_means_and_evaluations(tmp_path):
  loop = _fake_loop()
  journal = monitors.Journal(loop, tmp_path / "metrics.jsonl")
  means = monitors.Means(loop, 2, [journal])
  journal.on_train_begin()
  for step in range(1, 6):
    loop.run_state.step = step
    means.on_train_batch_end(step, {"mle/nll": float(step)})
  for callback in (means, journal):
    callback.on_epoch_end(0, {"mle/nll": 3.0, "entropy": 1.5, "nll_oracle": math.nan})
  assert _lines(tmp_path / "metrics.jsonl") == [
    {"step": 2, "phase": "mle", "kind": "training", "mle/nll": 1.5},
    {"step": 4, "phase": "mle", "kind": "training", "mle/nll": 3.5},
    {"step": 5, "phase": "mle", "kind": "training", "mle/nll": 5.0},
    {"step": 5, "phase": "mle", "kind": "evaluation", "entropy": 1.5, "nll_oracle": None},
  ]


def test_a_resumed_journal_has_no_duplicate_or_later_lines(tmp_path):
  path = tmp_path / "metrics.jsonl"
  lines = [{"step": step, "phase": "mle", "kind": kind, "n": step} for step in (2, 4, 6) for kind in ("training", "evaluation")]
  path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 8, "pha')
  loop = _fake_loop(step=4)
  journal = monitors.Journal(loop, path)
  journal.on_train_begin()
  assert _lines(path) == lines[:4]
  loop.run_state.step = 6
  monitors.Means(loop, 2, [journal]).on_train_batch_end(6, {"mle/nll": 6.0})
  journal.on_epoch_end(1, {"n": 6})
  assert [(line["step"], line["kind"]) for line in _lines(path)] == [(step, kind) for step in (2, 4, 6) for kind in ("training", "evaluation")]


def test_the_journal_of_a_resumed_run_is_the_same_byte_for_byte(request, tmp_path):
  """Resumes from the checkpoint of every round, as after a kill, with the lines that were written until then, half a line at the end."""
  tf.config.run_functions_eagerly(True)
  request.addfinalizer(lambda: tf.config.run_functions_eagerly(False))
  algorithm = tiny.algorithm("mle", SPEC)
  updates = [base.Update(name, lambda real, seed, fraction: {"loss": noise.normal([], seed)}) for name in ("mle", "generator", "other")]
  phases = [base.Phase("mle", 7, (updates[0],)), base.Phase("adversarial", 4, (*updates[1:],))]
  config = loop_lib.Config(batch_size=8, evaluations=2, best_metric="size", checkpoint_minutes=0.0, keep_checkpoints=100)

  def run(folder):
    kept = checkpoints.Checkpoints(folder, config.keep_checkpoints)
    loop = loop_lib.Loop(algorithm, base.Schedule(7), sequences.Batch(tiny.batch(SPEC, 30)), lambda step: {"size": step / 3}, kept, config)
    loop.phases, loop._batches = phases, lambda: itertools.repeat(None)
    loop.restore()
    begun = loop.run_state.step
    journal = monitors.Journal(loop, folder / "metrics.jsonl")
    # Users' callbacks see the same means at an evaluation.
    logs = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((loop.run_state.step, dict(logs))))
    loop.run([monitors.Means(loop, 3, [journal]), journal, logs])
    return begun

  seen = []
  run(tmp_path)
  expected, whole = (tmp_path / "metrics.jsonl").read_bytes(), list(seen)
  lines = expected.splitlines(keepends=True)
  assert [(line["step"], line["kind"]) for line in map(json.loads, lines) if line["kind"] == "training"][:4] == [
    (3, "training"), (4, "training"), (6, "training"), (7, "training"),
  ]  # fmt: skip
  paths = sorted(tmp_path.glob("step_*.npz"))
  assert len(paths) == 11
  for path in paths:
    folder = tmp_path / path.stem
    folder.mkdir()
    os.link(path, folder / path.name)
    shutil.copyfile(path, folder / "best.npz")  # Which one it is makes no difference to the journal.
    step = int(path.stem.removeprefix("step_"))
    done = sum(json.loads(line)["step"] <= step for line in lines)
    (folder / "metrics.jsonl").write_bytes(b"".join(lines[: done + 1]) + b'{"step": 1')
    seen.clear()
    assert run(folder) == step
    assert (folder / "metrics.jsonl").read_bytes() == expected, step
    assert seen == [(at, logs) for at, logs in whole if at > step]


def test_an_absent_journal_is_empty_and_a_truncated_one_is_read_to_the_last_line(tmp_path):
  path = tmp_path / "metrics.jsonl"
  assert monitors.read_journal(path) == []
  path.write_text('{"step": 1}\n{"step": 2}\n{"st')
  assert monitors.read_journal(path) == [{"step": 1}, {"step": 2}]


@pytest.fixture(scope="module")
def board(tmp_path_factory):
  """A run's summaries as TensorBoard reads them, from a real loop that was interrupted and resumed once."""
  folder = tmp_path_factory.mktemp("board")
  spec = tiny.SPECS["text"]
  config = loop_lib.Config(batch_size=8, evaluations=2, best_metric="")
  stop_at = 3
  for _ in range(2):
    algorithm, schedule = tiny.algorithm("mle", spec), base.Schedule(mle_steps=8)
    kept = checkpoints.Checkpoints(folder)
    loop = loop_lib.Loop(algorithm, schedule, sequences.Batch(tiny.batch(spec, 20)), lambda step: {"entropy": step / 2}, kept, config)
    loop.restore()

    stop = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: setattr(loop, "interrupted", loop.run_state.step == stop_at))  # noqa: B023
    hyperparameters = {"algorithm": "mle", "mle_learning_rate": 0.01, "batch_size": 8, "export": True}
    summaries = monitors.Summaries(loop, folder / "summaries", lambda: ["a man", "a dog"], hyperparameters)
    sentences = monitors.Sentences(loop, folder / "samples", lambda: ["a man", "a dog"], shown=1)
    loop.run([monitors.Means(loop, 2, [summaries]), summaries, stop, sentences])
  read = event_accumulator.EventAccumulator(str(folder / "summaries"), size_guidance={event_accumulator.TENSORS: 0})
  read.Reload()
  return folder, read


def _values(read, tag):
  return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in read.Tensors(tag)}


def test_tensorboard_has_the_scalars(board):
  _, read = board
  assert {"mle/nll", "mle/gradient_norm", "evaluation/entropy"} <= set(read.Tags()["tensors"])
  assert _values(read, "evaluation/entropy") == {4: 2.0, 8: 4.0}
  assert set(_values(read, "mle/nll")) == {2, 4, 6, 8}


def test_tensorboard_has_sample_sentences(board):
  _, read = board
  events = read.Tensors("samples")
  assert [event.step for event in events] == [4, 8]
  assert [text.decode() for text in events[0].tensor_proto.string_val] == ["a man\n\na dog"]


def test_tensorboard_has_the_hyperparameters(board):
  _, read = board
  content = read.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
  hyperparameters = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
  assert hyperparameters["algorithm"].string_value == "mle"
  assert hyperparameters["mle_learning_rate"].number_value == 0.01
  assert hyperparameters["batch_size"].number_value == 8
  assert hyperparameters["export"].bool_value is True


def test_sentences_are_kept_for_each_evaluation(board):
  folder, _ = board
  assert {path.name: path.read_text() for path in (folder / "samples").iterdir()} == {
    "step_000000004.txt": "a man\na dog\n",
    "step_000000008.txt": "a man\na dog\n",
  }


def test_sentences_are_shown_on_the_terminal(tmp_path, capsys):
  loop = _fake_loop(step=8, round_number=2, phase=1)
  monitors.Sentences(loop, tmp_path, lambda: ["a man", "a dog", "a cat"], shown=2).on_epoch_end(0, {"entropy": 1.25, "mle/nll": 1.0})
  captured = capsys.readouterr()
  assert [line.strip() for line in captured.err.splitlines() if line.strip()] == ["adversarial 2: entropy 1.250", "a man", "a dog"]
  assert not captured.out


class _Terminal(io.StringIO):
  def isatty(self):
    return True


def test_the_bar_shows_phase_rate_and_time_left(monkeypatch):
  terminal = _Terminal()
  monkeypatch.setattr(sys, "stderr", terminal)
  loop = _fake_loop(step=2)
  bar = monitors.ProgressBar(loop)
  bar.on_train_begin()
  bar._bar.mininterval = 0
  for step in range(3, 8):
    loop.run_state.step = step
    loop.run_state.phase = int(step > 6)
    bar.on_train_batch_end(step, {"mle/nll": 2.3456, "mle/gradient_norm": 1.0})
  bar.on_train_end()
  text = terminal.getvalue()
  assert "2/10" in text  # The bar starts at the step of the run.
  last = text.replace("\r", "\n").strip().splitlines()[-1]
  assert last.startswith("adversarial:") and "7/10 [" in last and "step/s" in last and "mle/nll=2.35" in last
  assert "<" in last  # Time gone, then time left.
  assert "gradient_norm" not in last


def test_a_log_file_is_not_filled_with_bars(monkeypatch):
  log = io.StringIO()
  monkeypatch.setattr(sys, "stderr", log)
  loop = _fake_loop()
  bar = monitors.ProgressBar(loop)
  bar.on_train_begin()
  for step in range(1, 11):
    loop.run_state.step = step
    bar.on_train_batch_end(step, {"mle/nll": 1.0})
  bar.on_train_end()
  assert log.getvalue().count("\r") <= 3
  assert "10/10 [" in log.getvalue()


def test_the_algorithms_warnings_are_shown_on_the_terminal(capsys):
  loop = _fake_loop()
  loop.algorithm = types.SimpleNamespace(warnings=lambda metrics: [f"the loss is {metrics['generator/loss']}"])
  monitors.Warnings(loop).on_epoch_end(0, {"generator/loss": 3.0})
  assert capsys.readouterr().err.strip() == "warning: the loss is 3.0"
