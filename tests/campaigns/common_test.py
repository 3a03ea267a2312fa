"""Tests of the campaigns' own machinery."""

import dataclasses
import os
import shutil
import signal
import time

import numpy as np
import pytest

from tests.campaigns import common
from tests.campaigns import flags
from tests.campaigns import full_disk
from tests.campaigns import kills
from tests.campaigns import memory
from tests.campaigns import texts
from tf_textgan import registry

_TRACEBACK = 'Traceback (most recent call last):\n  File "loop.py", line 3, in run\n    a.b\nAttributeError: no b\n 0%|   | 0/22\n'


@pytest.mark.parametrize(
  ("code", "err", "expected"),
  [
    (0, "going on from step 3 of 9\n", ("done", "going on from step 3 of 9")),
    (2, "train.py: --num is 0; expected 1\n", ("refused", "train.py: --num is 0; expected 1")),
    (2, "train.py: --num is 0\ntrain.py: expected 1\n", ("lines", "exit code 2: train.py: --num is 0 | train.py: expected 1")),
    (2, "train.py: --num is 0\nmore\n", ("lines", "exit code 2: train.py: --num is 0 | more")),
    (2, "", ("lines", "exit code 2: ")),
    (1, "train.py: --num is 0\n", ("lines", "exit code 1: train.py: --num is 0")),
    (None, " 5%| 1/20\r10%| 2/20", ("hang", "10%| 2/20")),
    (-signal.SIGSEGV, "", ("crash", "SIGSEGV: ")),
  ],
)
def test_what_a_command_came_to(code, err, expected):
  assert common.judge("train", code, err) == expected


def test_a_traceback_is_named_by_its_exception():
  for code in (1, 2, None):
    result, detail = common.judge("train", code, _TRACEBACK)
    assert result == "traceback" and detail.splitlines()[0] == "AttributeError: no b"


class _Odd:
  """Cases of which each third crashes, as far as the machinery is told, and one is slow."""

  def __init__(self, options=None, folder=None):
    self.made = []

  def __call__(self, number):
    self.made.append(number)
    return common.Outcome("odd" if number % 2 else "even", "crash" if number % 3 == 2 else "done", f"case {number}", count=2)


def test_a_campaign_goes_on_where_it_stopped(tmp_path):
  journal, cases = tmp_path / "journal.jsonl", _Odd()
  common._run_cases(cases, range(3), journal, 0)
  with open(journal, "a") as file:
    file.write('{"case": 3, "ki')  # A kill.
  common._run_cases(cases, range(5), journal, 0)
  assert cases.made == [0, 1, 2, 3, 4]
  common._run_cases(cases, range(9), journal, 1e-9)
  assert cases.made == [0, 1, 2, 3, 4]
  lines = common.table(common.read_journal(journal)).splitlines()
  assert lines[0].split() == ["cases", "number", "done", "refused", "skipped", "crash"]
  assert [line.split() for line in lines[1:4]] == [
    ["even", "3", "6", "2", "0", "0", "1"], ["odd", "2", "4", "2", "0", "0", "0"], ["all", "5", "10", "4", "0", "0", "1"],
  ]  # fmt: skip
  assert lines[4:] == ["case 2: even: crash: case 2", "1 faults in 5 cases, 0 minutes"]


class _Breaking:
  """A case that ends the process, one that sleeps, one that fails, and one that works."""

  def __init__(self, options, folder):
    pass

  def __call__(self, number):
    if number == 0:
      os._exit(3)
    if number == 1:
      time.sleep(60)
    if number == 2:
      raise ValueError("no")
    return common.Outcome("kind", "done")


@pytest.mark.slow
def test_a_worker_outlives_its_cases(tmp_path):
  worker = common._Worker(_Breaking, common.Options(), tmp_path, 0.5)
  found = [worker(number) for number in range(4)]
  worker.stop()
  assert [outcome.result for outcome in found] == ["crash", "hang", "traceback", "done"]
  assert "exit code 3" in found[0].detail and "longer than 0.5 seconds" in found[1].detail and "ValueError: no" in found[2].detail


def _run_folder(folder):
  (folder / "checkpoints").mkdir(parents=True)
  (folder / "samples").mkdir()
  for name in ("best.npz", "step_000000004.npz"):
    np.savez(folder / "checkpoints" / name, a=np.arange(3.0), run_state=np.array("{}"))
  for name in ("config.json", "metrics.jsonl", "results.json", "vocabulary.json", "samples/4.txt"):
    (folder / name).write_text("{}")
  return folder


def test_runs_are_compared_to_the_bit(tmp_path):
  first, second = _run_folder(tmp_path / "first"), _run_folder(tmp_path / "second")
  assert common.differences(first, second) == [] and common.damaged(second) == [] and common.last_step(second) == 4
  np.savez(second / "checkpoints" / "best.npz", a=np.array([0.0, 1.0, np.nextafter(2.0, 3.0)]), run_state=np.array("{}"))
  (second / "samples" / "4.txt").write_text("{ }")
  (second / "samples" / "5.txt").write_text("")
  (second / "results.json.1.partial").write_text("")
  assert common.differences(first, second) == [
    "best.npz differs in 1 of 2 arrays, a among them", "samples/4.txt differs", "one has no samples/5.txt", "results.json.1.partial was left over",
  ]  # fmt: skip
  (second / "checkpoints" / "best.npz").rename(second / "checkpoints" / "likelihood.npz")
  assert common.differences(first, second)[:2] == ["one has no best.npz", "one has no likelihood.npz"]
  (second / "checkpoints" / "likelihood.npz").unlink()
  (second / "checkpoints" / "best.npz").write_bytes((first / "checkpoints" / "best.npz").read_bytes()[:300])
  (second / "config.json").write_text("{")
  assert [sentence.split(":")[0] for sentence in common.damaged(second)] == ["best.npz is not whole", "config.json is not whole"]
  shutil.rmtree(second / "checkpoints")
  assert common.differences(first, second)[0].startswith("the last steps are")


def test_cases_depend_on_seed_and_number(tmp_path):
  options, other = common.Options(), common.Options(seed=1)
  for name in texts._KINDS:
    assert texts._KINDS[name](common.draws(options, 3)) == texts._KINDS[name](common.draws(options, 3))
  lines = [flags.line_of(tmp_path, common.draws(options, number)) for number in range(20)]
  assert lines == [flags.line_of(tmp_path, common.draws(options, number)) for number in range(20)]
  assert lines != [flags.line_of(tmp_path, common.draws(other, number)) for number in range(20)]
  assert {name for name, _ in lines} == {"train", "generate", "evaluate"}


def test_the_kills_take_all_algorithms_and_both_precisions(tmp_path):
  cases = kills.Cases(kills.Options(), tmp_path)
  # As many runs as the default number of kills is of.
  settings = [cases._settings(number, common.draws(kills.Options(), number)) for number in range(kills.Options().num // kills.Cases.per_case)]
  found = {(one["algorithm"], one["precision"], one["steps_per_call"]) for one in settings}
  assert len(found) == min(len(settings), len(cases._combinations))
  names, precisions, _ = zip(*found)
  assert set(names) == set(registry.names("tf_textgan.algorithms")) and len(set(precisions)) == 2


def test_the_lines_of_a_file():
  assert texts.sentences_in("\ufeffa b\r\n\n \u2028\nc\u2028d\n e".encode()) == ["a b", "c\u2028d", " e"]


def test_growth_is_that_of_the_second_half():
  minutes = np.arange(100) / 10
  megabytes = np.where(minutes < 4, 100 * minutes, 400 + 0.25 * (minutes - 4))
  np.testing.assert_allclose(memory.slope(minutes, megabytes), 0.25)
  assert memory.resident(os.getpid()) > 50


def test_the_defaults_are_the_sizes_of_the_page():
  assert [dataclasses.replace(module.Options()).num for module in (kills, flags, texts, full_disk)] == [200, 10000, 300, 30]
