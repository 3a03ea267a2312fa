"""Tests of tf_textgan.commands.results, and of the pages and files of docs/results."""

import pathlib

import pytest

from tf_textgan import errors
from tf_textgan.commands import results

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs/results"
PAGES = sorted(FOLDER.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_pages_have_the_tables_of_the_files(page):
  """If this fails: python -m tf_textgan.commands.results docs/results/*.md."""
  text = page.read_text(encoding="utf-8")
  assert text == results.update(text, FOLDER)


def test_every_file_is_shown_or_linked():
  pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
  assert [path.name for path in FOLDER.glob("*") if path.suffix in (".csv", ".png") and path.name not in pages] == []


def test_every_verdict_counts_its_seeds():
  for row in results.read(FOLDER / "verdicts.csv"):
    counts = [sum(map(int, row[plane].split("/"))) for plane in results.PLANES if row[plane]]
    pairings = 9 if "pairings" in row["note"] else int(row["seeds"])
    assert counts and all(count == pairings or count < pairings and "too far" in row["note"] for count in counts), row


def test_rows_and_columns_are_chosen(tmp_path):
  (tmp_path / "a.csv").write_text('run,T,score\n"seed 0, T = 1",1,.5\n"seed 1, T = 1",1,.6\n')
  page = "before\n<!-- table a.csv; rows run: seed 1; columns T, score -->\nold\n<!-- end of table -->\nafter\n"
  made = results.update(page, tmp_path)
  assert "| T | score |\n| --- | --- |\n| 1 | .6 |\n\n1 of 2 rows: [all of them](a.csv).\n" in made and "old" not in made
  assert results.update(made, tmp_path) == made
  whole = results.update("<!-- table a.csv -->\n<!-- end of table -->\n", tmp_path)
  assert "| seed 0, T = 1 | 1 | .5 |\n| seed 1, T = 1 | 1 | .6 |\n\n<!-- end" in whole


@pytest.mark.parametrize("choice,message", [
  ("rows run: seed 7", "the pattern 'seed 7' finds none of the 1 rows by 'run'"),
  ("columns T", "has no column T; expected one of run"),
])  # fmt: skip
def test_a_wrong_choice_is_one_line(choice, message, tmp_path):
  (tmp_path / "a.csv").write_text("run\nseed 0\n")
  with pytest.raises(errors.UserError, match=message):
    results.update(f"<!-- table a.csv; {choice} -->\n<!-- end of table -->", tmp_path)


def test_a_row_of_another_length_is_one_line(tmp_path):
  (tmp_path / "a.csv").write_text("run,T\nseed 0\n")
  with pytest.raises(errors.UserError, match="expected 2 cells in each row; got 1 in .'seed 0'."):
    results.read(tmp_path / "a.csv")


def test_verdicts_say_in_how_many_seeds(tmp_path):
  lines = [
    "corpus,method,beginning,seeds,likelihood,bleu,lm,frechet,shown,section,note",
    "news,a,,3,0/1/2,0/3/0,3/0/0,0/0/2,yes,news.md#a,",
    "oracle,b,,1,,,,,yes,oracle.md#b,",
    "oracle,a,,3,3/0/0,,,,no,oracle.md#b,",
  ]
  (tmp_path / "v.csv").write_text("\n".join(lines))
  assert results.verdicts(tmp_path / "v.csv").splitlines()[2:] == [
    "| a | **above**: LM; on: NLL in 1 of 3, BLEU; below: NLL in 2 of 3, Frechet in 2 of 3 ([3 seeds](news.md#a)) | - |",
    "| b | - | not compared ([1 seed](oracle.md#b)) |",
  ]
