"""Tests of tf_textgan.training.monitors: the outputs of a run during training."""

import itertools
import json
import math
import os
import shutil
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
  state = loop_lib.RunState(phase=phase, round=round_number, step=step)
  return types.SimpleNamespace(run_state=state, phases=phases, rounds=10, algorithm=types.SimpleNamespace(optimizers={}))


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


def _journal(*steps):
  return [{"step": step, "phase": "mle", "kind": "training", "loss": 0.5} for step in steps]


def test_an_absent_journal_is_empty_and_a_truncated_one_is_read_to_the_last_line(tmp_path):
  path = tmp_path / "metrics.jsonl"
  assert monitors.read_journal(path) == []
  path.write_text("".join(json.dumps(line) + "\n" for line in _journal(1, 2)) + '{"st')
  assert monitors.read_journal(path) == _journal(1, 2)


@pytest.mark.parametrize(
  "line", [b"\0" * 40, b"\xff", b"3", b"[" * 100_000, b'{"step": "2", "phase": "mle", "kind": "training"}', b'{"step": 2, "phase": "mle"}']
)
def test_a_journal_is_read_to_its_first_damaged_line_and_a_resumed_run_says_so(tmp_path, capsys, line):
  path = tmp_path / "metrics.jsonl"
  first, *_, last = (json.dumps(line).encode() + b"\n" for line in _journal(1, 3))
  path.write_bytes(first + line + b"\n" + last)
  assert monitors.read_journal(path) == _journal(1)
  monitors.LineFile(path, "kind").begin(5)
  assert path.read_bytes() == first
  assert f"line 2 of {path} cannot be read; it and the 1 lines after it are left out\n" in capsys.readouterr().err


def test_of_many_lines_evenly_spaced_ones_are_read_and_the_evaluations_of_given_steps(tmp_path):
  path = tmp_path / "metrics.jsonl"
  lines = [{"step": step, "phase": "mle", "kind": "evaluation" if step % 2 else "training"} for step in range(100)]
  path.write_text("".join(json.dumps(line) + "\n" for line in lines))
  found = monitors.read_journal(path, 10, {7, 51})
  assert [line["step"] for line in found if line["kind"] == "training"] == list(range(0, 100, 10))
  assert [line["step"] for line in found if line["kind"] == "evaluation"] == sorted({*range(1, 100, 10), 7, 51, 99})
  assert monitors.read_journal(path, 50) == monitors.read_journal(path) == lines


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
    loop = loop_lib.Loop(algorithm, schedule, sequences.Batch(tiny.batch(spec, 20)), lambda step: {"entropy": step / 2, "lm_nll": 1.5}, kept, config)
    loop.restore()

    stop = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: setattr(loop, "interrupted", loop.run_state.step == stop_at))  # noqa: B023
    hyperparameters = {"algorithm": "mle", "mle_learning_rate": 0.01, "batch_size": 8, "export": True}
    headline = {"quality": "lm_nll", "AUC": "heldout_auc"}
    summaries = monitors.Summaries(loop, folder / "summaries", lambda: ["a man", "a dog"], hyperparameters, headline=headline)
    sentences = monitors.Sentences(loop, folder / "samples", lambda: ["a man", "a dog"])
    loop.run([monitors.Means(loop, 2, [summaries]), summaries, stop, sentences])
  read = event_accumulator.EventAccumulator(str(folder / "summaries"), size_guidance={event_accumulator.TENSORS: 0})
  read.Reload()
  return folder, read


def _values(read, tag):
  return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in read.Tensors(tag)}


def test_tensorboard_has_the_scalars(board):
  _, read = board
  assert {"mle/nll", "mle/gradient_norm", "3_diversity/entropy"} <= set(read.Tags()["tensors"])
  assert _values(read, "3_diversity/entropy") == {4: 2.0, 8: 4.0} and _values(read, "1_overview/lm_nll") == {4: 1.5, 8: 1.5}
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


def test_tensorboards_table_of_runs_has_the_metrics_to_read_first(board):
  _, read = board
  content = read.SummaryMetadata("_hparams_/experiment").plugin_data.content
  experiment = plugin_data_pb2.HParamsPluginData.FromString(content).experiment
  assert {info.display_name: info.name.tag for info in experiment.metric_infos} == {"quality": "1_overview/lm_nll", "AUC": "1_overview/heldout_auc"}
  assert {info.name for info in experiment.hparam_infos} == {"algorithm", "mle_learning_rate", "batch_size", "export"}


def test_metrics_are_grouped_by_what_they_tell_and_the_first_page_has_a_dozen_at_most():
  headline = ["nll_validation", "nll_oracle", "lm_nll", "reverse_lm_nll", "heldout_auc"]
  assert len({*headline, *monitors._OVERVIEW}) <= 12
  names = "nll_validation", "nll_validation_a", "js_2", "distinct_3", "heldout_loss", "mine"
  assert [monitors.board_tag(name, headline[:1]) for name in names] == [
    "1_overview/nll_validation", "2_quality/nll_validation_a", "2_quality/js_2", "3_diversity/distinct_3", "4_adversary/heldout_loss", "5_other/mine",
  ]  # fmt: skip


def test_sentences_are_kept_for_each_evaluation(board):
  folder, _ = board
  assert {path.name: path.read_text() for path in (folder / "samples").iterdir()} == {
    "step_000000004.txt": "a man\na dog\n",
    "step_000000008.txt": "a man\na dog\n",
  }


def _warned(path, logs, phase=0, symptoms=(), own=()):
  loop = _fake_loop(step=7, phase=phase)
  loop.algorithm = types.SimpleNamespace(warnings=lambda metrics: list(own))
  warnings = monitors.Warnings(loop, path, lambda: list(symptoms))
  warnings.on_train_begin()
  warnings.on_epoch_end(0, logs)
  return warnings.texts


def test_warnings_are_sentences_on_the_terminal_and_lines_in_a_file(tmp_path, capsys):
  path = tmp_path / "warnings.jsonl"
  texts = _warned(path, {"heldout_auc": 0.9}, symptoms=["10% are unique"], own=["the loss is high"])
  assert texts == ["the generator may have collapsed: 10% are unique", "the loss is high"]
  assert capsys.readouterr().err.splitlines() == [f"  warning: {text}" for text in texts]
  assert _lines(path) == [{"step": 7, "phase": "mle", "text": text} for text in texts]


def test_a_resumed_runs_warnings_are_not_doubled(tmp_path):
  path = tmp_path / "warnings.jsonl"
  path.write_text("".join(json.dumps({"step": step, "phase": "mle", "text": "x"}) + "\n" for step in (6, 8)))
  assert _warned(path, {}) == []
  assert [line["step"] for line in _lines(path)] == [6]


def test_a_discriminator_at_chance_is_warned_of_in_the_adversarial_phase_only(tmp_path):
  at_chance = {"heldout_at_chance": 1.0, "heldout_auc": 0.507}
  assert _warned(tmp_path / "a", at_chance) == []
  assert _warned(tmp_path / "b", {**at_chance, "heldout_at_chance": 0.0}, phase=1) == []
  (text,) = _warned(tmp_path / "c", at_chance, phase=1)
  assert text == "the discriminator is no better than chance on held-out text (AUC 0.51), so the generator has nothing to learn from it"


def test_huge_training_metrics_are_warned_of(tmp_path):
  logs = {"generator/loss": -2e6, "generator/gradient_norm": 9e5, "heldout_loss": 1e9}
  (text,) = _warned(tmp_path / "a", logs)
  assert text.startswith("generator/loss is -2.0e+06, and training diverges at infinity")
