"""Tests of tf_textgan.runs.run: `train.py` in separate processes: killed, stopped, without disk space, and several at once."""

import concurrent.futures
import dataclasses
import json
import multiprocessing
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import sys
import time
import types

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests import shell
from tf_textgan import errors
from tf_textgan import runs
from tf_textgan.commands import flags
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.generators import guided
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import lock
from tf_textgan.sampling import noise

_STEPS = {"mle_steps": 12, "discriminator_steps": 4, "adversarial_steps": 6}
_TOTAL = 22


def _settings(folder, **changes):
  return {
    "dataset": "text_lines", "text_files": folder / "text.txt", "data_dir": folder / "data", "export": False,
    **shell.tiny_flags("gsgan"), "generator_hidden_size": 64, "batch_size": 16, **_STEPS, "evaluations": 2, "evaluation_samples": 20,
    "log_every": 2, "checkpoint_minutes": 0, "best_metric": "nll_validation", **changes,
  }  # fmt: skip


def _train(folder, workdir, **changes):
  return shell.start("train", *shell.as_flags(_settings(folder, workdir=folder / workdir, **changes)))


def _finish(process, timeout=150):
  out, err = process.communicate(timeout=timeout)
  return process.returncode, out, err


def _wait_for(process, found, timeout=120):
  """Polls until `found()` is true."""
  end = time.monotonic() + timeout
  while not found():
    assert process.poll() is None, process.communicate()
    assert time.monotonic() < end
    time.sleep(0.001)


def _last_step(folder):
  return max((int(path.stem.removeprefix("step_")) for path in folder.glob("checkpoints/step_*.npz")), default=0)


def _assert_same_arrays(first, second):
  first, second = shell.archive(first), shell.archive(second)
  assert first.keys() == second.keys()
  for name in first:
    np.testing.assert_array_equal(first[name], second[name], err_msg=name)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """A folder with a text and, in `whole`, an uninterrupted run on it."""
  folder = tmp_path_factory.mktemp("place")
  shell.write_text(folder / "text.txt", 120)
  code, _, err = _finish(_train(folder, "whole", profile_rounds=2))
  assert code == 0, err
  (folder / "whole.stderr").write_text(err)
  return folder


def test_a_run_killed_and_terminated_equals_one_that_was_not(place):
  """SIGKILL while checkpoints are written at every round, SIGTERM later, then to the end."""
  run = place / "killed"
  process = _train(place, "killed")
  _wait_for(process, lambda: list(run.glob("checkpoints/*")))
  process.send_signal(signal.SIGKILL)
  assert _finish(process)[0] == -signal.SIGKILL

  process = _train(place, "killed")
  first = _last_step(run)
  _wait_for(process, lambda: _last_step(run) > first)
  process.send_signal(signal.SIGTERM)
  code, _, err = _finish(process)
  assert code == 0, err
  stopped = _last_step(run)
  assert first < stopped < _TOTAL
  assert f"going on from step {first} of {_TOTAL}" in err or first == 0
  assert f"stopped by a signal at step {stopped} of {_TOTAL}; the same command goes on from there" in err

  code, _, err = _finish(_train(place, "killed"))
  assert code == 0, err
  for name in ("best.npz", "likelihood.npz", f"step_{_TOTAL:09d}.npz"):
    _assert_same_arrays(place / "whole" / "checkpoints" / name, run / "checkpoints" / name)
  for name in ("metrics.jsonl", "warnings.jsonl", "baseline.json", "results.json", "vocabulary.json", "report.html"):
    assert (run / name).read_text().replace(str(run), "RUN") == (place / "whole" / name).read_text().replace(str(place / "whole"), "RUN"), name
  samples = sorted((place / "whole" / "samples").iterdir())
  assert len(samples) == 6
  assert all(path.read_text() == (run / "samples" / path.name).read_text() for path in samples)


def test_files_of_a_run(place):
  run = place / "whole"
  names = {path.name for path in run.iterdir()}
  assert names == {
    "baseline.json", "checkpoints", "config.json", "metrics.jsonl", "report.html", "results.json", "samples", "summaries", "train.lock",
    "versions.json", "vocabulary.json", "warnings.jsonl",
  }  # fmt: skip
  kept = [f"step_{step:09d}.npz" for step in (20, 21, 22)]
  assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.npz", "likelihood.npz", *kept]
  assert set(json.loads((run / "versions.json").read_text())) == {"python", "tf_textgan", "tensorflow", "keras", "tensorflow_datasets", "numpy"}
  saved = experiment_lib.Experiment.from_json(json.loads((run / "config.json").read_text())["experiment"])
  assert saved == flags.parse(["train.py", *shell.as_flags(_settings(place, workdir=run, profile_rounds=2))], "")
  assert set(json.loads((run / "results.json").read_text())) >= {"nll_test", "entropy", "distinct_2", "copied"}
  # --profile_rounds 2
  assert list((run / "summaries").rglob("*.xplane.pb"))


def test_stderr_is_plain_lines_of_bars_evaluations_and_a_closing_table(place):
  lines = shell.said((place / "whole.stderr").read_text())
  assert all(line.isprintable() for line in lines)
  for name, steps in (("mle", 12), ("discriminator", 4), ("adversarial", 6)):
    assert any(line.startswith(f"{name}: 100% {steps}/{steps} [") and "step" in line for line in lines)
  rows = [line.split() for line in lines if re.match(r"(mle|discriminator|adversarial) +\d+ ", line)]
  assert [row[:2] for row in rows[:2] + rows[-1:]] == [["mle", "6"], ["mle", "12"], ["adversarial", "22"]] and len(rows) == 6
  best = [row for row in rows if row[-1] == "best"][-1]
  evaluation = next(line for line in shell.journal(place / "whole", "evaluation") if line["step"] == int(best[1]))
  assert float(best[2]) == round(evaluation["nll_validation"], 3)
  # The table names the best checkpoint and has its scores on both splits.
  heading = next(i for i, line in enumerate(lines) if line.startswith("nats per token; lower is better"))
  assert re.fullmatch(rf"(step \d+ +)?step {best[1]} +step {best[1]}", lines[heading - 1])
  result = json.loads((place / "whole" / "results.json").read_text())
  assert lines[heading + 1].split()[-2:] == [best[2], f"{result['nll_test']:.3f}"]


def test_a_run_says_which_phase_its_checkpoint_is_of(place):
  folder = place / "whole"
  best, likelihood = (runs.load(folder, name) for name in ("best", "likelihood"))
  assert best.describe("best") == f"{folder}: checkpoint best, step {best.step}, phase adversarial"
  results = json.loads((folder / "results.json").read_text())
  about = {"algorithm": "gsgan", "checkpoint": "best", "step": best.step, "phase": "adversarial"}
  assert {name: results[name] for name in about} == about
  line = f"{folder}: checkpoint likelihood, step 16, phase discriminator, before any adversarial round"
  assert likelihood.describe("likelihood") == line
  code, _, err = shell.call("generate", "--workdir", folder, "--checkpoint", "likelihood", "--num", 1)
  assert code == 0 and line in err
  (folder / "checkpoints" / "likelihood.npz").rename(place / "likelihood.npz")
  with pytest.raises(errors.UserError, match="has no likelihood checkpoint: train.py keeps the last one before an adversarial phase"):
    runs.load(folder, "likelihood")
  (place / "likelihood.npz").rename(folder / "checkpoints" / "likelihood.npz")


class _Memory(keras.callbacks.Callback):
  """The resident memory after each evaluation, in KiB."""

  def __init__(self):
    super().__init__()
    self.kib = []

  def on_epoch_end(self, epoch, logs=None):
    status = pathlib.Path("/proc/self/status").read_text()
    self.kib.append(int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]))


def _memory_of_training(folder):
  """KiB after each evaluation."""
  settings = {
    **shell.tiny_flags("mle"), "dataset": "text_lines", "text_files": folder / "text.txt", "data_dir": folder / "data", "export": False,
    "workdir": folder / "run", "batch_size": 8, "mle_steps": 2000, "evaluations": 200, "evaluation_samples": 20, "log_every": 10,
  }  # fmt: skip
  memory = _Memory()
  assert runs.train(flags.parse(["train.py", *shell.as_flags(settings)], ""), [memory])
  return memory.kib


@pytest.mark.skipif(not pathlib.Path("/proc/self/status").exists(), reason="reads Linux's account of memory")
def test_memory_does_not_grow_with_rounds_and_evaluations(tmp_path):
  """2,000 rounds and 200 evaluations. TensorFlow keeps each Python number and `tf.data` function it is given: 16 KiB an evaluation."""
  shell.write_text(tmp_path / "text.txt")
  # In a process of its own, whose memory no other test has used.
  with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
    kib = pool.submit(_memory_of_training, tmp_path).result()
  assert len(kib) == 200
  # The journal, which the page is made of, grows.
  assert kib[-1] - kib[80] < 120 * 8


def test_a_finished_run_does_not_change(place):
  shutil.copytree(place / "whole", place / "again")
  code, _, err = _finish(_train(place, "again"))
  assert code == 0, err
  assert f"nothing is left to train in {place / 'again'}: step {_TOTAL} of {_TOTAL}" in err
  for name in ("best.npz", f"step_{_TOTAL:09d}.npz"):
    _assert_same_arrays(place / "whole" / "checkpoints" / name, place / "again" / "checkpoints" / name)
  assert shell.journal(place / "again") == shell.journal(place / "whole")
  assert (place / "again" / "results.json").read_text() == (place / "whole" / "results.json").read_text()


@pytest.mark.slow
def test_a_full_disk_ends_a_longer_schedule_in_one_line_and_keeps_the_checkpoint_before(place):
  """The limit on the file size is below the size of a checkpoint; Python ignores the signal that comes with it."""
  shutil.copytree(place / "whole", place / "full")
  size = (place / "full" / "checkpoints" / "best.npz").stat().st_size
  words = shell.as_flags(_settings(place, workdir=place / "full", adversarial_steps=8))
  limit = size * 3 // 4
  code, _, err = shell.run("train", *words, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
  assert code == 2, err
  assert "Traceback" not in err
  complaint = err.splitlines()[-1]
  assert complaint == f"train.py: cannot write a checkpoint to {place / 'full' / 'checkpoints'}: File too large; the ones before it are kept"
  _assert_same_arrays(place / "whole" / "checkpoints" / f"step_{_TOTAL:09d}.npz", place / "full" / "checkpoints" / f"step_{_TOTAL:09d}.npz")
  assert runs.load(place / "full", "latest").step == _TOTAL
  assert runs.load(place / "full", "best").step <= _TOTAL


def _free_ports(num):
  sockets = [socket.socket() for _ in range(num)]
  for one in sockets:
    one.bind(("127.0.0.1", 0))
  ports = [one.getsockname()[1] for one in sockets]
  for one in sockets:
    one.close()
  return ports


def _two_workers(place):
  """Starts two workers, and returns them and their addresses."""
  addresses = [f"127.0.0.1:{port}" for port in _free_ports(2)]
  words = shell.as_flags(_settings(place, workdir=place / "workers"))
  workers = []
  for index in range(2):
    config = json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})
    workers.append(shell.start("train", *words, env=shell.environment(TF_CONFIG=config)))
  return workers, addresses


@pytest.mark.slow
def test_two_workers_of_which_one_is_killed_and_one_terminated_train_as_one_process(place):
  run = place / "workers"
  workers, addresses = _two_workers(place)
  try:
    _wait_for(workers[0], lambda: _last_step(run))
    workers[1].send_signal(signal.SIGKILL)
    code, _, err = _finish(workers[0])
    assert code == 2, err
    complaint = f"train.py: worker 1 at {addresses[1]} is gone; start all workers again with the same command: they go on from the last checkpoint"
    assert err.splitlines()[-1] == complaint and "Traceback" not in err

    workers, _ = _two_workers(place)
    first = _last_step(run)
    _wait_for(workers[0], lambda: _last_step(run) > first)
    workers[1].send_signal(signal.SIGTERM)
    for code, _, err in map(_finish, workers):
      assert code == 0, err
      assert f"stopped by a signal at step {_last_step(run)} of {_TOTAL}; the same command goes on from there" in err
    assert first < _last_step(run) < _TOTAL

    workers, _ = _two_workers(place)
    results = [_finish(worker) for worker in workers]
  finally:
    for worker in workers:
      worker.kill()
  for code, _, err in results:
    assert code == 0, err
  first, second = (shell.archive(place / name / "checkpoints" / f"step_{_TOTAL:09d}.npz") for name in ("whole", "workers"))
  assert json.loads(str(first.pop("run_state")))["step"] == json.loads(str(second.pop("run_state")))["step"] == _TOTAL
  assert first.keys() == second.keys()
  for name in first:
    np.testing.assert_allclose(first[name], second[name], rtol=0, atol=1e-5, err_msg=name)
  assert [line["step"] for line in shell.journal(place / "workers", "evaluation")] == [6, 12, 14, 16, 19, 22]


def _experiment(place, workdir, **changes):
  return flags.parse(["train.py", *shell.as_flags(_settings(place, workdir=workdir, deterministic=False, **changes))], "")


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"seed": 1}, "its loop has seed 0, this command 1"),
    ({"batch_size": 8}, "its loop has batch_size 16, this command 8"),
    ({"generator_learning_rate": 0.5}, "its algorithm has generator_learning_rate 0.0001, this command 0.5"),
    ({"tokenizer": "char"}, "its dataset has tokenizer 'word', this command 'char'"),
  ],
)
def test_a_folder_of_another_run_is_refused_and_unchanged(place, changes, message):
  before = (place / "whole" / "config.json").read_text()
  with pytest.raises(errors.UserError, match=f"holds another run: {message}; pass another --workdir, or the same settings"):
    runs.train(_experiment(place, place / "whole", **changes))
  assert (place / "whole" / "config.json").read_text() == before


def test_another_algorithms_run_is_refused(place):
  experiment = _experiment(place, place / "whole")
  experiment = dataclasses.replace(experiment, choices=dataclasses.replace(experiment.choices, algorithm="mle"), discriminator=None)
  with pytest.raises(errors.UserError, match="holds another run: its choices has algorithm 'gsgan', this command 'mle'"):
    runs.train(experiment)


@pytest.mark.parametrize("flag", ["discriminator_patience", "stop_at_chance"])
def test_early_stopping_by_the_discriminator_needs_one(tmp_path, flag):
  shell.write_text(tmp_path / "text.txt", 60)
  settings = {"dataset": "text_lines", "text_files": tmp_path / "text.txt", "data_dir": tmp_path / "data", "workdir": tmp_path / "run"}
  words = shell.as_flags({**settings, **shell.tiny_flags("mle"), "deterministic": False, flag: 2})
  with pytest.raises(errors.UserError, match="--algorithm mle trains no discriminator; --discriminator_patience and --stop_at_chance must be 0"):
    runs.train(flags.parse(["train.py", *words], ""))


def test_the_text_may_move_but_not_change_its_vocabulary(place):
  """The run keeps its tokenizer."""
  run = runs.load(place / "whole")
  corpus = run.corpus()
  assert corpus.tokenizer == run.tokenizer
  assert corpus.spec == run.algorithm.generator.spec
  assert run.step <= _TOTAL


@pytest.mark.parametrize("content", [b"{}", b"[]", b"{", b"\xff\xfe", b"", b'{"experiment": {"choices": {"speed": 3}}, "length": 6}'])
def test_other_files_are_refused_as_a_config(place, tmp_path, content):
  (tmp_path / "config.json").write_bytes(content)
  with pytest.raises(errors.UserError, match=r"config\.json is not the config\.json of a run: [^\n]+$"):
    runs.load(tmp_path)


def test_a_folder_without_a_run_is_refused(tmp_path):
  for path in (tmp_path, tmp_path / "absent"):
    with pytest.raises(errors.UserError, match="there is no run in .*: expected a folder that train.py has written, with a config.json"):
      runs.load(path)


def test_a_file_in_place_of_the_folder_is_refused(place):
  with pytest.raises(errors.UserError, match="text.txt is a file; expected a folder, or a path where one can be made"):
    runs.train(_experiment(place, place / "text.txt"))


def test_a_folder_that_cannot_be_written_is_refused(place, tmp_path):
  if os.geteuid() == 0:
    pytest.skip("root may write everywhere")
  tmp_path.chmod(0o500)
  with pytest.raises(OSError, match="Permission denied"):
    runs.train(_experiment(place, tmp_path / "run"))


def test_a_folder_with_a_config_but_no_checkpoint_starts_the_run(place, tmp_path, monkeypatch):
  """The state after a kill before the first checkpoint."""
  for name in ("config.json", "vocabulary.json"):
    shutil.copy(place / "whole" / name, tmp_path / name)
  with pytest.raises(errors.UserError, match="has no best checkpoint yet: train.py writes the first one at its first evaluation"):
    runs.load(tmp_path)
  begun = _only_begin(monkeypatch)
  assert not runs.train(_experiment(place, tmp_path))
  assert [loop.run_state.step for loop in begun] == [0]


def _files(folder):
  """Path to content and time of all files in a folder but the lock."""
  return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file() and path.name != "train.lock"}


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"mle_steps": 20}, "the phase mle is over, with 12 of 12 rounds, and the run is at round 6 of the phase adversarial, so mle cannot have 20"),
    ({"discriminator_steps": 0}, "so discriminator cannot have 0 now; give it 4 again, or begin another run in a new --workdir"),
    ({"adversarial_steps": 5}, "the phase adversarial has made 6 rounds, so it cannot have 5"),
    ({"batch_size": 119}, "the training split has 107 sentences, fewer than the batch of 119|holds another run: its loop has batch_size 16"),
  ],
)
def test_a_resume_that_is_refused_changes_nothing(place, tmp_path, changes, message):
  shutil.copytree(place / "whole", tmp_path / "run")
  before = _files(tmp_path / "run")
  with pytest.raises(errors.UserError, match=message):
    runs.train(_experiment(place, tmp_path / "run", **changes))
  assert _files(tmp_path / "run") == before


@pytest.mark.parametrize("left", [(), ("best.npz",)])
def test_a_run_whose_checkpoints_are_gone_is_begun_anew_only_on_request(place, tmp_path, monkeypatch, capsys, left):
  run = tmp_path / "run"
  shutil.copytree(place / "whole", run)
  for path in (run / "checkpoints").iterdir():
    if path.name not in left:
      path.unlink()
  if left:
    (run / "metrics.jsonl").unlink()
  before = _files(run)
  expected = f"the run in {run} has trained, but its checkpoints are gone; pass --restart true to begin it anew, without its journal and samples, or"
  with pytest.raises(errors.UserError, match=re.escape(expected)):
    runs.train(_experiment(place, run))
  assert _files(run) == before
  begun = _only_begin(monkeypatch)
  runs.train(_experiment(place, run, restart=True))
  assert [loop.run_state.step for loop in begun] == [0]
  assert f"the checkpoints of the run in {run} are gone; beginning it anew" in capsys.readouterr().err
  assert sorted(path.name for path in run.iterdir()) == ["checkpoints", "config.json", "train.lock", "versions.json", "vocabulary.json"]
  assert not list((run / "checkpoints").iterdir())


def test_a_run_with_checkpoints_goes_on_also_with_restart(place, tmp_path, monkeypatch, capsys):
  shutil.copytree(place / "whole", tmp_path / "run")
  begun = _only_begin(monkeypatch)
  runs.train(_experiment(place, tmp_path / "run", restart=True, adversarial_steps=8))
  assert [loop.run_state.step for loop in begun] == [_TOTAL]
  assert f"going on from step {_TOTAL} of {_TOTAL + 2} in {tmp_path / 'run'}" in capsys.readouterr().err


@pytest.mark.parametrize("kinds", [[], ["training", "training"], ["training", "evaluation"]])
def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(place, tmp_path, monkeypatch, capsys, kinds):
  """The journal may be ahead of the first checkpoint, up to the first evaluation."""
  for name in ("config.json", "vocabulary.json"):
    shutil.copy(place / "whole" / name, tmp_path / name)
  lines = [json.dumps({"step": step, "phase": "mle", "kind": kind}) for step, kind in enumerate(kinds, 1)]
  (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
  begun = _only_begin(monkeypatch)
  runs.train(_experiment(place, tmp_path))
  assert [loop.run_state.step for loop in begun] == [0]
  assert f"the run in {tmp_path} has no checkpoint yet; beginning at step 0" in capsys.readouterr().err


def test_a_second_training_in_a_folder_is_refused_with_the_first_ones_process(place, tmp_path, monkeypatch):
  shutil.copytree(place / "whole", tmp_path / "run")
  with lock.held(tmp_path / "run"), lock.held(tmp_path / "other"):
    before = _files(tmp_path)
    for folder in ("run", "other"):
      expected = f"another training is at work in {tmp_path / folder}: process {os.getpid()} on {socket.gethostname()}; wait for its end, stop it, or"
      with pytest.raises(errors.UserError, match=re.escape(expected)):
        runs.train(_experiment(place, tmp_path / folder))
    assert _files(tmp_path) == before
    # Others may read the run.
    assert runs.load(tmp_path / "run").step
  _only_begin(monkeypatch)
  assert not runs.train(_experiment(place, tmp_path / "run"))


def test_a_run_that_another_command_begins_meanwhile_is_refused(place, tmp_path, monkeypatch):
  build = experiment_lib.build

  def begin_meanwhile(*args):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    return build(*args)

  monkeypatch.setattr(experiment_lib, "build", begin_meanwhile)
  with pytest.raises(errors.UserError, match="another command has begun a run in .* meanwhile; give the command again to go on with it"):
    runs.train(_experiment(place, tmp_path / "run"))


def test_files_have_the_modes_of_the_umask(place, tmp_path):
  before = os.umask(0o027)
  try:
    runs.train(_mle(place, tmp_path / "run", mle_steps=2, evaluations=1, evaluation_samples=20, export=True))
  finally:
    os.umask(before)
  modes = {path.relative_to(tmp_path): path.stat().st_mode & 0o777 for path in (tmp_path / "run").rglob("*")}
  assert len(modes) > 15
  assert {path: mode for path, mode in modes.items() if mode != (0o750 if (tmp_path / path).is_dir() else 0o640)} == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_disk_that_is_full_at_the_end_keeps_the_run_and_the_same_command_finishes_it(place, tmp_path):
  disk = tmp_path / "disk"
  with shell.small_disk(disk, "8m") as resize:
    shutil.copytree(place / "whole", disk / "run")
    for name in ("results.json", "report.html"):
      (disk / "run" / name).unlink()
    trained = _files(disk / "run" / "checkpoints")
    # The results fit, the SavedModel does not.
    resize(shutil.disk_usage(disk).used + 400_000)
    expected = f"cannot write {disk}/run/export: No space left on device; the training is complete, and the same command finishes the run"
    with pytest.raises(errors.UserError, match=expected):
      runs.train(_experiment(place, disk / "run", export=True))
    assert _files(disk / "run" / "checkpoints") == trained
    assert not list((disk / "run").rglob("export*"))
    resize("8m")
    assert runs.train(_experiment(place, disk / "run", export=True))
    assert (disk / "run" / "results.json").read_text() == (place / "whole" / "results.json").read_text()
    assert (disk / "run" / "export" / "saved_model.pb").exists() and (disk / "run" / "report.html").exists()


def test_a_run_starts_from_a_pretrained_generator(place, tmp_path, monkeypatch):
  """With its best weights and its vocabulary; the discriminator is new."""
  begun = _only_begin(monkeypatch)
  assert not runs.train(_experiment(place, tmp_path / "run", pretrained=place / "whole", seed=1))
  best = shell.archive(place / "whole" / "checkpoints" / "best.npz")
  same = {name: np.array_equal(variable.numpy(), best[name]) for name, variable in begun[0].algorithm.variables().items()}
  assert all(equal for name, equal in same.items() if name.startswith("generator/"))
  assert not same["discriminator/0/embedding"]
  assert (tmp_path / "run" / "vocabulary.json").read_bytes() == (place / "whole" / "vocabulary.json").read_bytes()


def test_a_pretrained_vocabulary_grows_by_the_words_of_the_new_text(place, tmp_path, monkeypatch, capfd):
  """The old tokens keep their ids and their weights in both networks; the weights of new ones are those of a new run."""
  (tmp_path / "text.txt").write_text("a man sees the moon\na star likes a moon\n" * 40, encoding="utf-8")
  begun = _only_begin(monkeypatch)
  changes = {"text_files": tmp_path / "text.txt", "data_dir": tmp_path / "data", "seed": 1, "pretrained": place / "whole"}
  assert not runs.train(_experiment(place, tmp_path / "run", **changes, pretrained_discriminator=place / "whole"))
  old, new = (tokenizers.load(folder / "vocabulary.json") for folder in (place / "whole", tmp_path / "run"))
  assert new.tokens == (*old.tokens, "moon", "star") and new.extends(old) and not old.extends(new)
  assert f"the vocabulary of {place / 'whole'} grows from {old.size} to {new.size} tokens" in capfd.readouterr().err
  loop = begun[0]
  assert new.decode(loop._data.tokens[:1])[0] in ("a man sees the moon", "a star likes a moon")
  monkeypatch.setattr(experiment_lib, "_restore", lambda *args: None)
  runs.train(_experiment(place, tmp_path / "fresh", **changes))
  fresh = begun[1].algorithm.variables()
  archives = {"generator": place / "whole/checkpoints/best.npz", "discriminator": max((place / "whole/checkpoints").glob("step_*.npz"))}
  archives = {network: shell.archive(path) for network, path in archives.items()}
  grew = 0
  for name, variable in loop.algorithm.variables().items():
    if name.partition("/")[0] not in archives:
      continue
    restored, value = archives[name.partition("/")[0]][name], variable.numpy()
    part = tuple(map(slice, restored.shape))
    np.testing.assert_array_equal(value[part], restored, err_msg=name)
    if value.shape != restored.shape:
      grew += 1
      rest = np.ones(value.shape, bool)
      rest[part] = False
      np.testing.assert_array_equal(value[rest], fresh[name].numpy()[rest], err_msg=name)
      assert restored.size < value.size == restored.size // old.size * new.size
  assert grew == 4  # Embedding, output kernel and bias, and the discriminator's embedding.


def test_new_words_are_added_by_the_rules_of_a_new_vocabulary(place, tmp_path, monkeypatch):
  lines = ["a man sees the moon"] * 40 + ["a star likes a moon"] * 40 + ["a comet"]
  (tmp_path / "text.txt").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
  _only_begin(monkeypatch)
  old = tokenizers.load(place / "whole" / "vocabulary.json")

  def vocabulary(name, **changes):
    changes = {"text_files": tmp_path / "text.txt", "data_dir": tmp_path / "data", "pretrained": place / "whole", **changes}
    runs.train(_experiment(place, tmp_path / name, **changes))
    assert json.loads((tmp_path / name / "config.json").read_text())["length"] == changes.get("max_length", 6)
    return tokenizers.load(tmp_path / name / "vocabulary.json").tokens[old.size :]

  assert vocabulary("frequent", min_count=2) == ("moon", "star")
  assert vocabulary("few", max_vocab_size=old.size + 1) == ("moon",)
  assert vocabulary("none", max_vocab_size=8) == ()
  assert vocabulary("longer", min_count=2, max_length=9) == ("moon", "star")


def test_integers_outside_a_pretrained_vocabulary_are_refused(tmp_path, monkeypatch):
  (tmp_path / "text.txt").write_text("1 2 3\n4 5 6\n" * 30, encoding="utf-8")
  (tmp_path / "other.txt").write_text("1 2 3\n4 5 9\n" * 30, encoding="utf-8")
  settings = {"dataset": "text_lines", "text_files": tmp_path / "text.txt", "tokenizer": "integer", "data_dir": tmp_path / "data"}
  shell.begin(tmp_path / "run", {**settings, **shell.tiny_flags("mle")})
  with pytest.raises(errors.UserError, match="expected integers from 0 to 6, but '4 5 9' has '9'"):
    runs.train(_mle(tmp_path, tmp_path / "second", tokenizer="integer", text_files=tmp_path / "other.txt", pretrained=tmp_path / "run"))


class _Letters(tokenizers.Tokenizer):
  """Lower-case letters up to the largest of the training text; a user's tokenizer without a table."""

  def __init__(self, last):
    self.last, self.size = last, 5 + ord(last) - ord("a")

  def __eq__(self, other):
    return type(self) is type(other) and self.last == other.last

  @classmethod
  def build(cls, sentences, config):
    return cls(max(max(sentence) for sentence in sentences))

  def tokenize(self, sentence):
    return [4 + ord(letter) - ord("a") if "a" <= letter <= self.last else tokenizers.UNK for letter in sentence]

  def decode(self, tokens):
    return ["".join(chr(93 + token) for token in row if token > 3) for row in tokens]

  def to_json(self):
    return {"last": self.last}

  @classmethod
  def from_json(cls, fields):
    return cls(fields["last"])


def test_a_vocabulary_without_a_table_cannot_grow(tmp_path, monkeypatch):
  for name in ("users", "users.letters"):
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
  monkeypatch.setattr(_Letters, "__module__", "users.letters")
  sys.modules["users.letters"].Tokenizer = _Letters
  _only_begin(monkeypatch)
  for name, text in (("text", "abc\ncba\n"), ("other", "abc\ncbd\n")):
    (tmp_path / f"{name}.txt").write_text(text * 30, encoding="utf-8")
  shell.begin(tmp_path / "run", {
    "dataset": "text_lines", "text_files": tmp_path / "text.txt", "data_dir": tmp_path / "data", "tokenizer": "users.letters",
    **shell.tiny_flags("mle"),
  })  # fmt: skip
  changes = {"tokenizer": "users.letters", "pretrained": tmp_path / "run"}
  assert not runs.train(_mle(tmp_path, tmp_path / "same", **changes))
  message = "--pretrained .*run does not fit: its tokenizer users.letters takes some of the training text for unknown, and has no table"
  with pytest.raises(errors.UserError, match=message):
    runs.train(_mle(tmp_path, tmp_path / "second", text_files=tmp_path / "other.txt", **changes))


def test_a_run_starts_from_another_temperature_of_the_pretrained_generator(place, tmp_path, monkeypatch):
  begun = _only_begin(monkeypatch)
  assert not runs.train(_experiment(place, tmp_path, pretrained=place / "whole", pretrained_temperature=1.25))
  best = shell.archive(place / "whole" / "checkpoints" / "best.npz")
  for name, variable in begun[0].algorithm.variables().items():
    if name.startswith("generator/"):
      expected = best[name] / 1.25 if "output_" in name else best[name]
      np.testing.assert_allclose(variable, expected, rtol=1e-6, err_msg=name)


def test_a_run_starts_from_a_pretrained_discriminator(place, tmp_path, monkeypatch, capsys):
  begun = _only_begin(monkeypatch)
  workdir = tmp_path / "run"
  changes = {"pretrained": place / "whole", "pretrained_discriminator": place / "whole", "seed": 1}
  assert not runs.train(_experiment(place, workdir, **changes))
  best = runs.load(place / "whole").step
  assert shell.said(capsys.readouterr().err)[:2] == [
    f"--pretrained {place / 'whole'}: checkpoint best, step {best}, phase adversarial",
    f"--pretrained_discriminator {place / 'whole'}: checkpoint latest, step {_TOTAL}, phase adversarial",
  ]
  latest = shell.archive(max((place / "whole" / "checkpoints").glob("step_*.npz")))
  algorithm = begun[0].algorithm
  same = {name: np.array_equal(variable.numpy(), latest[name]) for name, variable in algorithm.variables().items()}
  assert all(equal for name, equal in same.items() if name.startswith("discriminator/"))
  # Adam starts from zero.
  assert not all(equal for name, equal in same.items() if name.startswith("discriminator_optimizer/"))
  # The generator's weights do not replace it.
  monkeypatch.setattr(type(algorithm.discriminator), "begin", lambda self: pytest.fail("it has begun elsewhere"))
  algorithm.begin("discriminator")


@pytest.fixture
def changed(tmp_path):
  """A run's settings; its text changed after it began."""
  tfds.disable_progress_bar()
  shell.write_text(tmp_path / "text.txt", 120)
  (tmp_path / "written.txt").write_text("a cat sees a dog\n" * 3, encoding="utf-8")
  settings = {"text_files": tmp_path / "text.txt", "data_dir": tmp_path / "data", "workdir": tmp_path / "run", "dataset": "text_lines"}
  settings |= {**shell.tiny_flags("mle"), **shell.SHORT, "export": False, "deterministic": False}
  shell.begin(tmp_path / "run", settings)
  (tmp_path / "text.txt").write_text("the moon and the stars\na comet\n" * 60, encoding="utf-8")
  return settings


def test_a_run_does_not_go_on_with_other_data(changed, tmp_path):
  before = (tmp_path / "run" / "config.json").read_text()
  message = (
    f"train.py: the data of the run in {tmp_path / 'run'} changed since it began; pass --new_data true to go on with the new data, "
    "another --workdir to begin anew, or restore the old data"
  )
  words = shell.as_flags(changed)
  code, out, err = shell.call("train", *words)
  assert code == 2 and not out and shell.said(err) == [message]
  assert (tmp_path / "run" / "config.json").read_text() == before
  code, _, err = shell.call("train", *words, "--new_data", "true")
  assert code == 0, err
  lines = shell.said(err)
  assert f"the data of the run in {tmp_path / 'run'} changed since it began; --new_data true: this command will go on with the new data" in lines
  # About four of seven: the run's vocabulary has "the" and "a" only.
  assert any(re.match(r"text_lines: tokens that the vocabulary does not have, read as <unk>: 5\d\.\d% of train, ", line) for line in lines)
  # It was a permission for that one command, and is the run's data now.
  config = json.loads((tmp_path / "run" / "config.json").read_text())
  assert config["data"] != json.loads(before)["data"] and config["experiment"]["choices"]["new_data"] is False
  code, _, err = shell.call("train", *words)
  assert code == 0 and "nothing is left to train in" in err, err


def test_a_run_is_not_scored_against_other_data(changed, tmp_path):
  words = ["--workdir", tmp_path / "run", "--num", 20, "--encoder", "", "--json", tmp_path / "scores.json"]
  message = (
    f"evaluate.py: the data of the run in {tmp_path / 'run'} changed since it began; pass --new_data true to score against the new data, "
    "or restore the old data"
  )
  code, _, err = shell.call("evaluate", *words)
  assert code == 2 and shell.said(err) == [message]
  code, _, err = shell.call("evaluate", *words, "--new_data", "true")
  assert code == 0 and "--new_data true: this command will score against the new data" in err, err
  # Restored, it fits again.
  shell.write_text(tmp_path / "text.txt", 120)
  assert shell.call("evaluate", *words)[0] == 0


def test_runs_on_different_data_are_not_compared(changed, tmp_path):
  shell.write_text(tmp_path / "text.txt", 120)
  first = (tmp_path / "text.txt").read_text(encoding="utf-8")
  (tmp_path / "text.txt").write_text(first[::-1][1:][::-1] + "\na dog sees the dog\n", encoding="utf-8")
  shell.begin(tmp_path / "other", {**changed, "workdir": tmp_path / "other"})
  code, _, err = shell.call("evaluate", "--workdir", tmp_path / "run", "--workdir", tmp_path / "other", "--num", 20)
  assert code == 2 and "differ in corpus, vocabulary or length; expected runs whose scores can be compared" in err


def test_a_run_does_not_go_on_with_another_synthetic_file(tmp_path, monkeypatch, capfd):
  shell.write_text(tmp_path / "text.txt", 60)
  (tmp_path / "written.txt").write_text("a cat sees a dog\n" * 3, encoding="utf-8")
  begun = _only_begin(monkeypatch)
  runs.train(_mle(tmp_path, tmp_path / "run", synthetic_file=tmp_path / "written.txt"))
  (tmp_path / "written.txt").write_text("a cat sees a cat\n" * 3, encoding="utf-8")
  with pytest.raises(errors.UserError, match="the --synthetic_file of the run in .*run changed since it began; pass --new_data true to go on"):
    runs.train(_mle(tmp_path, tmp_path / "run", synthetic_file=tmp_path / "written.txt"))
  runs.train(_mle(tmp_path, tmp_path / "run", synthetic_file=tmp_path / "written.txt", new_data=True))
  assert "the --synthetic_file of the run" in capfd.readouterr().err
  runs.train(_mle(tmp_path, tmp_path / "run", synthetic_file=tmp_path / "written.txt"))
  assert len(begun) == 3


def test_what_is_left_out_is_said_on_the_terminal(tmp_path, monkeypatch, capfd):
  """Once for a run whose vocabulary comes from another, too."""
  shell.write_text(tmp_path / "text.txt", 60)
  text = (tmp_path / "text.txt").read_text(encoding="utf-8")
  (tmp_path / "text.txt").write_text(text + "\n  \n" + "a dog " * 300 + "\n", encoding="utf-8")
  _only_begin(monkeypatch)
  runs.train(_mle(tmp_path, tmp_path / "run"))
  lines = [line for line in shell.said(capfd.readouterr().err) if line.startswith("text_lines: ")]
  assert lines[0] == "text_lines: 2 of 63 lines are left out: blank"
  assert re.fullmatch(r"text_lines: 1 of 61 sentences are left out: 1 longer than 255 tokens \(the longest has 600\) \(\w+ 1 of \d+\)", lines[1])
  assert len(lines) == 2


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"pretrained_discriminator": "absent"}, "cannot read the tokenizer absent/vocabulary.json"),
    ({"discriminator_hidden_size": 5}, "is a checkpoint of another model: discriminator/.* has shape"),
    (
      {"text_files": "other.txt"},
      "has another vocabulary; expected a discriminator of the same corpus, or with --pretrained of that run's vocabulary",
    ),
  ],
)
def test_a_pretrained_discriminator_that_does_not_fit_is_refused(place, tmp_path, monkeypatch, changes, message):
  (tmp_path / "other.txt").write_text("a man sees the moon\n" * 40, encoding="utf-8")
  monkeypatch.chdir(tmp_path)
  with pytest.raises(errors.UserError, match=message):
    runs.train(_experiment(place, tmp_path / "run", **{"data_dir": tmp_path / "data", "pretrained_discriminator": place / "whole", **changes}))


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"pretrained_temperature": 0.0}, "pretrained_temperature must be above 0, not 0.0"),
    ({"pretrained": "", "pretrained_temperature": 1.1}, "--pretrained_temperature is for a generator of --pretrained that writes token by token"),
    ({"pretrained": "absent"}, "there is no run in absent: expected a folder that train.py has written"),
    (
      {"tokenizer": "char", "lowercase": True},
      "text_lines has the tokenizer char and lowercase True, but the existing vocabulary has word and lowercase False",
    ),
    ({"generator_hidden_size": 5}, "is a checkpoint of another model: generator/.* has shape"),
  ],
)
def test_a_pretrained_generator_that_does_not_fit_is_refused(place, tmp_path, changes, message):
  with pytest.raises(errors.UserError, match=message):
    runs.train(_experiment(place, tmp_path / "run", **{"pretrained": place / "whole", **changes}))


def _only_begin(monkeypatch):
  """Interrupts runs as soon as they start; returns the list to which their loops are added."""
  begun = []

  def begin(loop, callbacks):
    begun.append(loop)
    loop.interrupted = True

  monkeypatch.setattr("tf_textgan.training.loop.Loop.run", begin)
  return begun


def _mle(place, workdir, **changes):
  settings = {
    "dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data", "export": False, "workdir": workdir,
    **shell.tiny_flags("mle"), "deterministic": False, "batch_size": 16, **changes,
  }  # fmt: skip
  return flags.parse(["train.py", *shell.as_flags(settings)], "")


def test_maximum_likelihood_also_trains_on_a_file(place, tmp_path, monkeypatch):
  """Its sentences do not count as real: vocabulary and corpus are as in a run without the file."""
  (tmp_path / "written.txt").write_text("a cat sees a moon\nthe cat sees a dog\n", encoding="utf-8")
  begun = _only_begin(monkeypatch)
  runs.train(_mle(place, tmp_path / "plain"))
  runs.train(_mle(place, tmp_path / "taught", synthetic_file=tmp_path / "written.txt"))
  plain, taught = (loop._data.tokens for loop in begun)
  np.testing.assert_array_equal(taught[:-2], plain)
  assert (tmp_path / "taught" / "vocabulary.json").read_bytes() == (tmp_path / "plain" / "vocabulary.json").read_bytes()
  decoded = tokenizers.load(tmp_path / "taught" / "vocabulary.json").decode(taught[-2:])
  assert decoded == ["a cat sees a <unk>", "the cat sees a dog"]


class _Counts(keras.callbacks.Callback):
  """Adds the number of remaining evaluations to the logs."""

  def on_epoch_end(self, epoch, logs=None):
    logs["to_come"] = self.params["epochs"] - 1 - epoch


def test_a_users_callback_is_recorded_and_chooses_the_best_checkpoint(place, tmp_path):
  settings = {"mle_steps": 4, "evaluations": 2, "evaluation_samples": 20, "best_metric": "to_come"}
  assert runs.train(_mle(place, tmp_path / "run", **settings), [_Counts()])
  assert [line["to_come"] for line in shell.journal(tmp_path / "run", "evaluation")] == [1.0, 0.0]
  assert runs.load(tmp_path / "run").step == 4


def test_a_phase_that_ended_early_is_named_at_the_end(place, tmp_path, capsys):
  settings = {"mle_steps": 8, "evaluations": 4, "evaluation_samples": 20, "best_metric": "nll_validation"}
  for beginning in ("", f"nothing is left to train in {tmp_path / 'run'}: step 4 of 8\n"):
    assert runs.train(_mle(place, tmp_path / "run", **settings), [keras.callbacks.EarlyStopping("nll_validation", mode="max", patience=1)])
    err = capsys.readouterr().err
    assert err.startswith(beginning)
    assert "the phase mle was ended early by EarlyStopping at step 4, after 4 of its 8 rounds" in err.splitlines()
    assert json.loads((tmp_path / "run" / "results.json").read_text())


def test_a_callback_that_cannot_work_is_refused_and_leaves_no_files(place, tmp_path):
  with pytest.raises(errors.UserError, match="ReduceLROnPlateau needs the name of its optimizer: .* with one of mle_optimizer"):
    runs.train(_mle(place, tmp_path / "run"), [keras.callbacks.ReduceLROnPlateau("nll_validation")])
  assert not (tmp_path / "run").exists()


def test_a_synthetic_file_that_cannot_be_used_is_refused_and_leaves_no_files(place, tmp_path):
  (tmp_path / "written.txt").write_text("a cat sees a dog\n", encoding="utf-8")
  with pytest.raises(errors.UserError, match="--synthetic_file is for maximum likelihood without categories"):
    runs.train(_experiment(place, tmp_path / "run", synthetic_file=tmp_path / "written.txt"))
  with pytest.raises(errors.UserError, match="cannot read the text file .*absent"):
    runs.train(_mle(place, tmp_path / "run", synthetic_file=tmp_path / "absent"))
  assert not (tmp_path / "run").exists()


def test_from_python_the_guiding_run_is_loaded_too(tmp_path):
  shell.write_text(tmp_path / "text.txt")
  data = {"dataset": "text_lines", "text_files": tmp_path / "text.txt", "data_dir": tmp_path / "data"}
  for algorithm in ("mle", "seqgan"):
    shell.begin(tmp_path / algorithm, {**data, **shell.tiny_flags(algorithm)})
  run = runs.load(tmp_path / "mle")
  with pytest.raises(errors.UserError, match="a guide needs a discriminator"):
    runs.guide(run.algorithm.generator, run, guided.Config(guide="resampling"))
  config = guided.Config(guide="resampling", guide_workdir=str(tmp_path / "seqgan"))
  generators = [runs.guide(run.algorithm.generator, run, config, judge) for judge in (None, runs.load(tmp_path / "seqgan"))]
  first, second = (generator.write(5, noise.seed(1)) for generator in generators)
  np.testing.assert_array_equal(first.tokens, second.tokens)
  np.testing.assert_array_equal(first.scores, second.scores)
