"""Tests of text_lines.py."""

import csv
import json
import os

import pytest

from tf_textgan import errors
from tf_textgan.data import corpus
from tf_textgan.data.datasets import text_lines


def _texts(tmp_path, **options):
  made = text_lines.load(text_lines.Config(**options), tmp_path / "data")
  return {split: made.tokenizer.decode(tokens) for split, tokens in made.tokens.items()}


def _prepared(tmp_path):
  return sorted(os.listdir(tmp_path / "data/text_lines"))


def test_splits(tmp_path):
  path = tmp_path / "text.txt"
  path.write_text("".join(f"w {'x ' * (i // 100)}{'y ' * (i // 10 % 10)}{'z ' * (i % 10)}\n\n" for i in range(1000)))
  texts = _texts(tmp_path, text_files=str(path), validation_share=.2, test_share=.1)
  sizes = {split: len(some) for split, some in texts.items()}
  assert sum(sizes.values()) == 1000
  # Binomial: five standard deviations.
  assert abs(sizes["validation"] - 200) < 5 * 12.7 and abs(sizes["test"] - 100) < 5 * 9.5
  assert len(set().union(*map(set, texts.values()))) == 1000
  assert texts == _texts(tmp_path, text_files=str(path), validation_share=.2, test_share=.1)


def test_at_least_one_line_each(tmp_path):
  path = tmp_path / "text.txt"
  path.write_text("a\na\na\na\n")
  assert {split: len(some) for split, some in _texts(tmp_path, text_files=str(path), validation_share=0., test_share=0.).items()} == {
      "train": 2, "validation": 1, "test": 1}


def test_prepares_again_only_if_something_changed(tmp_path):
  path = tmp_path / "text.txt"
  path.write_text("a b\n" * 10)
  _texts(tmp_path, text_files=str(path))
  first = _prepared(tmp_path)
  _texts(tmp_path, text_files=str(path), tokenizer="char", lowercase=True)
  path.rename(tmp_path / "renamed.txt")
  _texts(tmp_path, text_files=str(tmp_path / "renamed.txt"))
  assert _prepared(tmp_path) == first and len(first) == 1
  path.write_text("a c\n" * 10)
  assert "c" in _texts(tmp_path, text_files=str(path))["train"][0]
  assert len(_prepared(tmp_path)) == 2
  _texts(tmp_path, text_files=str(path), test_share=.3)
  assert len(_prepared(tmp_path)) == 3


def test_options(tmp_path):
  (tmp_path / "a.txt").write_text("It's\n" * 10)
  (tmp_path / "b.txt").write_text("It's\n" * 10)
  files = f"{tmp_path}/a.txt, {tmp_path}/b.txt"
  texts = _texts(tmp_path, text_files=files)
  assert sum(map(len, texts.values())) == 20
  assert set(texts["train"]) == {"It's"}
  assert set(_texts(tmp_path, text_files=files, tokenizer="nltk", lowercase=True)["train"]) == {"it 's"}
  made = text_lines.load(text_lines.Config(text_files=files, tokenizer="char", min_count=1), tmp_path / "data")
  assert made.tokenizer.tokens[4:] == ("'", "I", "s", "t") and made.spec.length == 5


@pytest.mark.parametrize("content, options, message", [
    (b"a\n" * 9, {"text_files": " , "}, "no text file given; pass --text_files"),
    (b"a\n" * 9, {"text_files": "absent.txt"}, "cannot read the text file absent.txt: No such file"),
    (b"a\n" * 9, {"text_files": "/"}, "expected a regular file, but / is a folder"),
    (b"", {}, "there is no line of text in .*text.txt"),
    (b" \n\r\n", {}, "there is no line of text in .*text.txt"),
    (b"a\nb\nc\n", {}, "3 lines of text are too few.* 1 are left to train on; at least 2 are needed"),
    (b"a\n\xff\n", {}, "line 2 has the byte 0xff at position 1"),
    (b"a\n" * 9, {"tokenizer": "byte"}, "unknown tokenizer 'byte'"),
    (b"a\n" * 9, {"tokenizer": "pieces"}, "there are: bpe, char, integer, nltk, regex, smiles, unigram, word"),
    (b"a\n" * 9, {"tokenizer": "regex"}, "token_pattern is '', which is empty"),
    (b"a\n" * 9, {"tokenizer": "bpe", "max_vocab_size": 100}, "max_vocab_size is 100; the tokenizer bpe needs 0"),
    (b"a\n" * 9, {"tokenizer": "./absent"}, "the tokenizer ./absent expected a folder with a tokenizer.json, but ./absent/tokenizer.json cannot be"),
    (b"a\n" * 9, {"token_pattern": "a"}, "token_pattern is for the tokenizer regex, but the tokenizer is word"),
    (b"a\n" * 9, {"text_field": "text"}, "text_field is for files named .csv or .jsonl, but is 'text' with .*text.txt"),
    (b"a\n" * 9, {"label_field": "label"}, "label_field is 'label', but there is no text_field; expected both"),
    (b"a\n" * 9, {"test_share": 1.}, "test_share must be at least 0 and below 1, not 1.0"),
    (b"a\n" * 9, {"validation_share": .5, "test_share": .5}, "must leave lines to train on, but add up to 1.0"),
])
def test_errors(tmp_path, content, options, message):
  path = tmp_path / "text.txt"
  path.write_bytes(content)
  with pytest.raises(errors.UserError, match=message):
    _texts(tmp_path, **({"text_files": str(path)} | options))
  assert not (tmp_path / "data").exists()


def _two_files(tmp_path, num=60):
  """Lines that name their file."""
  for name in ("bad", "good"):
    (tmp_path / f"{name}.txt").write_text("".join(f"{name} w{i % 7}{' and more' * (i % 5 == 0)}\n" for i in range(num)))
  return f"{tmp_path}/bad.txt,{tmp_path}/good.txt"


def test_a_category_for_each_file(tmp_path):
  files = _two_files(tmp_path)
  config = text_lines.Config(text_files=files, categories="neg, pos", max_length=3)
  made = text_lines.load(config, tmp_path / "data")
  assert made.spec.categories == ("neg", "pos")
  for split, tokens in made.tokens.items():
    words = [sentence.split()[0] for sentence in made.tokenizer.decode(tokens)]
    # Lines of four words are dropped with their labels.
    assert words == [("bad", "good")[category] for category in made.categories[split]]
  assert sum(map(len, made.categories.values())) == 96
  assert set(made.categories["train"].tolist()) == {0, 1}


def test_the_split_of_a_line_does_not_depend_on_the_categories(tmp_path):
  files = _two_files(tmp_path)
  assert _texts(tmp_path, text_files=files) == _texts(tmp_path, text_files=files, categories="neg,pos")
  assert len(_prepared(tmp_path)) == 2  # With labels and without.
  _texts(tmp_path, text_files=files, categories="minus,plus")
  assert len(_prepared(tmp_path)) == 2


@pytest.mark.parametrize("categories, message", [
    ("neg", r"one category for each of the text_files, but there are 1 categories \(neg\) and 2 files"),
    ("neg,pos,odd", r"there are 3 categories \(neg, pos, odd\) and 2 files"),
    ("neg,", "the name of a category is empty: 'neg', ''"),
    ("neg, neg", "two categories are named 'neg'"),
])
def test_categories_that_do_not_fit_the_files(tmp_path, categories, message):
  with pytest.raises(errors.UserError, match=message):
    _texts(tmp_path, text_files=_two_files(tmp_path, 9), categories=categories)
  assert not (tmp_path / "data").exists()


def _columns(tmp_path, num=60):
  """A CSV file and a file of JSON lines of the same kind of content: text with commas, quotes and line feeds, and labels; and the expected pairs."""
  pairs = [(f'w{i}, "{"good" if i % 3 else "bad"}"\nend', "pos" if i % 3 else "neg") for i in range(num)]
  with open(tmp_path / "a.csv", "w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow(["id", "label", "text"])
    writer.writerows([i, label, text] for i, (text, label) in enumerate(pairs))
  (tmp_path / "b.jsonl").write_text("".join(json.dumps({"text": text, "label": label, "n": 3}) + "\n\n" for text, label in pairs))
  return pairs


@pytest.mark.parametrize("name", ["a.csv", "b.jsonl"])
def test_columns(tmp_path, name):
  pairs = _columns(tmp_path)
  config = text_lines.Config(text_files=str(tmp_path / name), text_field="text", label_field="label", tokenizer="char")
  made = text_lines.load(config, tmp_path / "data")
  assert made.spec.categories == ("neg", "pos")
  read = []
  for split, tokens in made.tokens.items():
    read += [(text, made.spec.categories[i]) for text, i in zip(made.tokenizer.decode(tokens), made.categories[split], strict=True)]
  assert sorted(read) == sorted(pairs)
  plain = text_lines.load(text_lines.Config(text_files=str(tmp_path / name), text_field="label"), tmp_path / "data")
  assert plain.spec.categories == () and set(plain.tokenizer.tokens[4:]) == {"neg", "pos"}
  assert len(_prepared(tmp_path)) == 2


def test_files_of_both_kinds_with_a_category_each(tmp_path):
  _columns(tmp_path)
  config = text_lines.Config(text_files=f"{tmp_path}/a.csv,{tmp_path}/b.jsonl", text_field="text", categories="csv,json")
  made = text_lines.load(config, tmp_path / "data")
  assert sum(map(len, made.tokens.values())) == 120 and sum(int(labels.sum()) for labels in made.categories.values()) == 60


@pytest.mark.parametrize("options, message", [
    ({}, r"a.csv has columns; pass --text_field with the name of the one that holds the sentences"),
    ({"text_field": "text", "label_field": "label", "categories": "a"}, "label_field and categories both name the sentences' categories"),
    ({"text_field": "txt"}, "a.csv: line 1, the header, has no column 'txt'; it has id, label, text"),
    ({"text_field": "text", "label_field": "id"}, "the label_field 'id' has more than 50 different values, so it holds no categories"),
])
def test_wrong_columns(tmp_path, options, message, monkeypatch):
  monkeypatch.setattr(corpus, "MOST_CATEGORIES", 50)
  _columns(tmp_path)
  with pytest.raises(errors.UserError, match=message):
    _texts(tmp_path, text_files=str(tmp_path / "a.csv"), **options)
  assert not (tmp_path / "data").exists()
