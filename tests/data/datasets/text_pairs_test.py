"""Tests of tf_textgan.data.datasets.text_pairs."""

import csv
import json

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan.data import corpus
from tf_textgan.data.datasets import given
from tf_textgan.data.datasets import text_pairs

PAIRS = [(f"w{i} a, b", f'"b" a w{i} end') for i in range(60)]


def _write(folder):
  """The pairs as files of three kinds."""
  (folder / "pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS) + "\n")
  with open(folder / "pairs.csv", "w", newline="") as file:
    csv.writer(file).writerows([("n", "to", "from"), *((i, target, source) for i, (source, target) in enumerate(PAIRS))])
  (folder / "pairs.jsonl").write_text("".join(json.dumps({"from": source, "to": target}) + "\n" for source, target in PAIRS))


def _load(folder, name, **settings):
  fields = {} if name.endswith(".tsv") else {"source_field": "from", "target_field": "to"}
  config = text_pairs.Config(**{"text_files": str(folder / name), "tokenizer": "char", **fields, **settings})
  return text_pairs.load(config, folder / "data")


def _decoded(made, split):
  return list(zip(made.tokenizer.decode(made.sources[split]), made.tokenizer.decode(made.tokens[split]), strict=True))


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.csv", "pairs.jsonl"])
def test_pairs_stay_together(name, tmp_path):
  _write(tmp_path)
  made = _load(tmp_path, name)
  assert sorted(pair for split in corpus.SPLITS for pair in _decoded(made, split)) == sorted(PAIRS)
  assert made.spec.length == max(len(target) for _, target in PAIRS) + 1
  assert made.spec.source_length == max(len(source) for source, _ in PAIRS) + 1
  # One vocabulary for both sides: the comma is in the sources alone, the quote in the targets.
  assert {",", '"'} <= set(made.tokenizer.tokens)
  corpus.check(made, "the corpus")


def test_all_kinds_of_files_give_the_same_splits_and_an_existing_tokenizer_the_same_ids(tmp_path):
  _write(tmp_path)
  made = _load(tmp_path, "pairs.tsv")
  for name in ("pairs.csv", "pairs.jsonl"):
    assert _load(tmp_path, name).fingerprint == made.fingerprint
  config = text_pairs.Config(text_files=str(tmp_path / "pairs.tsv"), tokenizer="char")
  again = text_pairs.load(config, tmp_path / "data", made.tokenizer, made.spec.length)
  assert again.spec == made.spec and again.fingerprint == made.fingerprint


def test_the_fingerprint_depends_on_the_sources(tmp_path):
  _write(tmp_path)
  made = _load(tmp_path, "pairs.tsv")
  (tmp_path / "other.tsv").write_text((tmp_path / "pairs.tsv").read_text().replace("w0 a, b\t", "w0 b, a\t"))
  assert _load(tmp_path, "other.tsv").fingerprint != made.fingerprint


def test_a_pair_whose_source_or_target_is_too_long_is_left_out_and_counted(tmp_path):
  lines = ["a b\tb"] * 20 + ["a b c d\tb"] * 3 + ["a\tb b b b"] * 2
  (tmp_path / "pairs.tsv").write_text("\n".join(lines))
  made = _load(tmp_path, "pairs.tsv", tokenizer="word", max_source_length=3, max_length=3)
  assert sum(map(len, made.tokens.values())) == sum(map(len, made.sources.values())) == 20
  assert {pair for split in corpus.SPLITS for pair in _decoded(made, split)} == {("a b", "b")}
  assert any("3 of 25 pairs are left out: their source is longer than 2 tokens (the longest has 4)" in note for note in made.notes)
  assert any("2 of 25 sentences are left out: 2 longer than 2 tokens" in note for note in made.notes)


@pytest.mark.parametrize("name, content, options, message", [
    ("a.tsv", "a\tb\nab\n", {}, r"a.tsv: line 2 has 1 column; expected 2, separated by a tab"),
    ("a.tsv", "a\tb\n\na\tb\tc\n", {}, r"a.tsv: line 3 has 3 columns; expected 2"),
    ("a.tsv", "a\tb\na\t \n", {}, r"a.tsv: line 2 has an empty target; expected text on both sides"),
    ("a.tsv", "\tb\n", {}, r"a.tsv: line 1 has an empty source"),
    ("a.tsv", "a\tb\n" * 3, {}, "3 lines of text are too few"),
    ("a.tsv", "a\tb\n" * 9, {"source_field": "x"}, "source_field and target_field are for files named .csv or .jsonl, but are 'x' and ''"),
    ("a.tsv", "a\tb\n" * 9, {"max_source_length": 1}, "max_source_length must be 0, or from 2"),
    ("a.tsv", "a\tb\n" * 9, {"text_files": ""}, "no text file given; pass --text_files"),
    ("a.csv", "x,y\na,b\n", {}, "a.csv has columns; pass --source_field and --target_field"),
    ("a.csv", "x,y\na,b\n", {"source_field": "x"}, "a.csv has columns; pass --source_field and --target_field"),
    ("a.csv", "x,y\na,b\n", {"source_field": "x", "target_field": "z"}, "line 1, the header, has no column 'z'; it has x, y"),
    ("a.csv", 'x,y\na,b\na,"b\nc,d\n', {"source_field": "x", "target_field": "y"}, "begins on line 3 is no CSV: a quote is never closed"),
    ("a.csv", "x,y\na,b\na,\n", {"source_field": "x", "target_field": "y"}, "line 3 has an empty target"),
    ("a.jsonl", '{"x": "a"}\n', {"source_field": "x", "target_field": "y"}, "line 1 has no 'y'; it has x"),
])  # fmt: skip
def test_errors(tmp_path, name, content, options, message):
  (tmp_path / name).write_text(content)
  with pytest.raises(errors.UserError, match=message):
    text_pairs.load(text_pairs.Config(**{"text_files": str(tmp_path / name)} | options), tmp_path / "data")
  assert not (tmp_path / "data").exists()


def test_a_run_s_folder_keeps_pairs_that_came_from_python(tmp_path):
  _write(tmp_path)
  made = _load(tmp_path, "pairs.tsv")
  given.save(made, tmp_path)
  read = given.load(given.Config(), tmp_path, made.tokenizer, made.spec.length)
  assert read.spec == made.spec and read.fingerprint == made.fingerprint
  np.save(tmp_path / "corpus" / "test_sources.npy", made.sources["test"][:, :-1])
  with pytest.raises(errors.UserError, match="test_sources.npy is damaged: it holds int32"):
    given.load(given.Config(), tmp_path, made.tokenizer, made.spec.length)
