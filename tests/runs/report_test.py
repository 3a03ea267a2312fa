"""Tests of tf_textgan.runs.report: the page of a run while it trains."""

import os
import re

import pytest

from tests import shell
from tf_textgan import errors
from tf_textgan import runs
from tf_textgan.commands import flags
from tf_textgan.evaluation import report as page_lib
from tf_textgan.runs import report


def _settings(folder, algorithm="gsgan", **changes):
  return {
    "dataset": "text_lines", "text_files": folder / "text.txt", "data_dir": folder / "data", "export": False, **shell.tiny_flags(algorithm),
    "batch_size": 16, "mle_steps": 4, "discriminator_steps": 2, "adversarial_steps": 4, "evaluations": 2, "evaluation_samples": 20, **changes,
  }  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  folder = tmp_path_factory.mktemp("place")
  shell.write_text(folder / "text.txt", 60)
  return folder


def _train(place, workdir, **changes):
  settings = _settings(place, workdir=place / workdir, **changes)
  return runs.train(flags.parse(["train.py", *shell.as_flags(settings)], ""))


@pytest.fixture
def contents(monkeypatch):
  """What the pages of a training show."""
  shown = []
  make = page_lib.make
  monkeypatch.setattr(page_lib, "make", lambda content: shown.append(content) or make(content))
  return shown


def test_the_page_is_renewed_at_each_evaluation_and_at_the_end(place, contents, capsys):
  assert _train(place, "run")
  folder = place / "run"
  assert [len(content.evaluations) for content in contents] == [1, 2, 3, 4, 5, 6, 6]
  assert contents[2].state == "Training: step 5 of 10, round 1 of 2 of the phase discriminator."
  assert [phase[1:] for phase in contents[-1].phases] == [(0, 4), (4, 6), (6, 10)]
  # The baseline's curve is there from the beginning of the adversarial phase, the best checkpoint's at the end.
  assert [content.baseline is not None for content in contents] == [False] * 4 + [True] * 3
  assert [len(content.ends) for content in contents] == [0] * 6 + [1]
  last = contents[-1]
  assert last.baseline.name == "before adversarial" and last.state == "Finished at step 10."
  assert [row[1:] for row in last.table][1][-1] == f"step {last.best_step}" and [row[-1] for row in last.table][2] == "test"
  for samples in last.samples:
    step = int(re.search(r"step (\d+)", samples.title)[1])
    assert (folder / "samples" / f"step_{step:09d}.txt").read_text() == "".join(sentence + "\n" for sentence in samples.sentences)
  assert last.samples[-1].title == f"Best checkpoint, step {last.best_step}"
  assert list(last.commands.values())[0] == f"python generate.py --workdir {folder} --num 10"
  assert f"the run's page: {folder}/report.html" in capsys.readouterr().err


def test_likelihood_training_alone_has_no_baseline(place, contents):
  assert _train(place, "mle", algorithm="mle")
  assert [len(content.ends) for content in contents] == [0, 0, 1] and contents[-1].baseline is None
  assert not (place / "mle" / report.BASELINE).exists()


def test_a_guided_curve_is_compared_too(place, contents, capsys):
  assert _train(place, "guided", algorithm="seqgan", guided_curve=True)
  assert [curve.name for curve in contents[-1].ends] == ["best checkpoint", "guided"]
  assert [point.setting for point in contents[-1].ends[1].points] == ["T 0.6", "T 0.7", "T 0.8", "T 0.9", "T 1"]
  said = capsys.readouterr().err
  for curve in contents[-1].ends:
    assert f"\n{curve.name.capitalize()}, against the generator before its adversarial phase, over temperatures: " in said


def test_a_guided_curve_without_a_discriminator_is_refused(place):
  with pytest.raises(errors.UserError, match="a guide needs a discriminator, but mle trains none"):
    _train(place, "unguided", algorithm="mle", guided_curve=True)
  assert not (place / "unguided").exists()


def test_a_page_that_cannot_be_written_is_one_line_and_no_loss(place, capsys):
  folder = place / "blocked"
  os.makedirs(folder / "report.html")
  assert _train(place, "blocked")
  lines = [line for line in capsys.readouterr().err.splitlines() if "report.html" in line]
  expected = f"cannot write {folder}/report.html: expected a file, but this is a folder; the run goes on without it"
  assert lines == [expected] * 7
  assert (folder / "results.json").exists()


@pytest.mark.parametrize("name, content, says", [
  ("baseline.json", b"\0" * 9, "is not the curve that train.py has written: "),
  ("baseline.json", b'{"name": "a", "points": 3}', "is not the curve that train.py has written: points is 3; "),
  ("samples/step_000000002.txt", b"\xff", "is not UTF-8 text; the run goes on without it"),
])
def test_a_damaged_file_that_only_the_page_shows_is_one_line_and_no_loss(place, capsys, name, content, says):
  workdir = f"damaged_{says.split()[2]}_{len(content)}"
  assert _train(place, workdir)
  (place / workdir / name).write_bytes(content)
  capsys.readouterr()
  assert _train(place, workdir, adversarial_steps=6)
  assert f"{place / workdir / name} {says}" in capsys.readouterr().err
  assert (place / workdir / "results.json").exists()


def test_what_a_killed_process_left_is_removed_when_the_run_goes_on(place):
  assert _train(place, "killed", algorithm="mle")
  leftover = place / "killed" / "report.html.730.partial"
  leftover.touch()
  assert _train(place, "killed", algorithm="mle", mle_steps=6)
  assert not leftover.exists()
