"""Tests of tf_textgan.commands.evaluate: a scoring that is stopped."""

import io
import json
import types

import pytest

from tests import shell
from tf_textgan import progress
from tf_textgan.commands import evaluate
from tf_textgan.evaluation import curves
from tf_textgan.metrics import estimates
from tf_textgan.metrics import mauve


def _stopped():
  raise progress.Stopped({"bleu_2": estimates.Estimate(0.5, 10)}, ["MAUVE", "Frechet distance"])


def _interrupted():
  raise KeyboardInterrupt


def _scored():
  return {"bleu_2": estimates.Estimate(0.25, 10), "mauve": estimates.Estimate(0.75, 10)}


def test_an_interrupt_prints_what_is_done_and_names_what_is_missing(tmp_path, capsys):
  options = evaluate.Options(json=str(tmp_path / "scores.json"))
  assert evaluate.score_all({"one": _scored, "two": _stopped, "three": _scored}, options, io.StringIO(), {}) == 130
  out, err = capsys.readouterr()
  rows = [line.split() for line in out.splitlines()]
  assert rows == [["one", "two"], ["bleu_2", "0.2500", "10", "0.5000", "10"], ["mauve", "0.7500", "10", "-"]]
  assert f"interrupted: two lacks MAUVE, Frechet distance; three lacks all metrics; {options.json} is not written\n" in err
  assert not (tmp_path / "scores.json").exists()


@pytest.mark.parametrize("scores, table", [({"one": _interrupted}, ""), ({"one": _scored, "two": _interrupted}, "bleu_2")])
def test_an_interrupt_before_a_systems_first_number(capsys, scores, table):
  assert evaluate.score_all(scores, evaluate.Options(), None, {}) == 130
  out, err = capsys.readouterr()
  assert out.startswith(table) and bool(out) == bool(table)
  assert err.endswith(f"interrupted: {[*scores][-1]} lacks all metrics\n")


def test_the_command_exits_as_an_interrupted_one(tmp_path, monkeypatch):
  shell.write_text(tmp_path / "text.txt", 40)
  monkeypatch.setattr(mauve, "estimate", lambda *args: _interrupted())
  code, out, err = shell.call("evaluate", "--file", tmp_path / "text.txt", "--references", tmp_path / "text.txt")
  assert code == 130
  measured = {line.split()[0] for line in out.splitlines()}
  assert {"bleu_5", "self_bleu_5", "lm_nll", "mean_length"} <= measured and not {"mauve", "frechet"} & measured
  assert shell.said(err)[-1] == f"interrupted: {tmp_path}/text.txt lacks MAUVE, Frechet distance"


class _Bench:
  """A bench of two runs; the second is interrupted."""

  runs = {}

  def __init__(self):
    self.corpus, self.scorer = types.SimpleNamespace(name="text"), None

  def generators(self):
    return {"one": None, "two": None}

  def likelihood(self, name):
    return {"one": "exact", "two": "bound"}[name]

  def describe(self, checkpoint):
    return [f"one: checkpoint {checkpoint}, step 3"]

  def sweepable(self, name):
    return True

  def score(self, name):
    return _scored if name == "one" else _interrupted


def test_it_says_whose_negative_log_likelihoods_are_bounds(tmp_path):
  assert evaluate.bounded(_Bench()) == "nll_... of two is an upper bound, from one z for each sequence: the generator has a latent"
  with (tmp_path / "scores.json").open("w") as file:
    evaluate.write({"one": _scored(), "two": _scored()}, file, {"one": {"likelihood": "exact"}, "two": {"likelihood": "bound"}})
  written = json.loads((tmp_path / "scores.json").read_text())
  assert {name: numbers["likelihood"] for name, numbers in written.items()} == {"one": "exact", "two": "bound"}


def test_an_interrupted_sweep_writes_the_curves_that_are_whole(tmp_path, monkeypatch, capsys):
  parts = evaluate.parse(["evaluate.py", "--workdir", "one", "--workdir", "two", "--sweep", "--output", str(tmp_path / "page")])
  point = curves.Point("", _scored())
  monkeypatch.setattr(evaluate.sweep, "real_row", lambda *_: curves.Curve("real", "real", [point]))
  monkeypatch.setattr(evaluate.sweep, "run", lambda name, score, *_: [curves.Curve(name, "temperature", [curves.Point("1", score())])])
  assert evaluate.draw_curves(_Bench(), parts, "") == 130
  assert "interrupted: the page lacks two\n" in capsys.readouterr().err
  results = json.loads((tmp_path / "page" / "results.json").read_text())
  assert [curve["name"] for curve in results["curves"]] == ["real", "one"] and results["notes"]["interrupted"] == "The page lacks two."
  assert results["notes"]["checkpoints"] == "one: checkpoint best, step 3."


def test_a_sweep_interrupted_at_once_writes_no_page(tmp_path, monkeypatch, capsys):
  parts = evaluate.parse(["evaluate.py", "--workdir", "one", "--sweep", "--output", str(tmp_path / "page")])
  monkeypatch.setattr(evaluate.sweep, "real_row", lambda *_: _interrupted())
  assert evaluate.draw_curves(_Bench(), parts, "") == 130
  assert capsys.readouterr().err.endswith("interrupted: no page is written, it lacks real text, one, two\n")
  assert not [*(tmp_path / "page").iterdir()]
