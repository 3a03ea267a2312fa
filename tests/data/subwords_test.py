"""Tests of tf_textgan.data.subwords: what bpe and unigram promise of any text."""

import dataclasses
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests import shell
from tests.data.tokenizers import hostile
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.data import subwords
from tf_textgan.data.tokenizers import base

NAMES = ("bpe", "unigram")
build, SENTENCES = hostile.build, hostile.LEARNED


@pytest.fixture(scope="module", params=NAMES)
def tokenizer(request):
  return build(request.param)


def test_any_text_is_restored(tokenizer):
  lines = hostile.lines()
  assert len(lines) > 400
  assert tokenizer.decode(tokenizer.encode(lines, 2100)) == lines
  lowered = dataclasses.replace(tokenizer, lowercase=True)
  assert lowered.decode(lowered.encode(lines, 2100)) == [line.lower() for line in lines]


@pytest.mark.parametrize("lowercase", [False, True])
def test_the_graph_agrees_with_python(tokenizer, lowercase):
  tokenizer = dataclasses.replace(tokenizer, lowercase=lowercase)
  graph, lines = tokenizer.graph(), [*hostile.lines(), *SENTENCES]
  for length in (1, 5, 700):
    np.testing.assert_array_equal(graph.encode(lines, length), tokenizer.encode(lines, length))
  rows = np.random.default_rng(0).integers(0, tokenizer.size, [500, 30])
  assert [text.decode() for text in graph.decode(rows).numpy()] == tokenizer.decode(rows)
  assert graph.encode(tf.constant([], tf.string), 5).shape == (0, 5) and graph.encode(["", ""], 2).numpy().tolist() == [[2, 0], [2, 0]]


def test_nothing_is_unknown(tokenizer):
  assert tokenizer.unknown_token is None
  assert tokenizer.spec(9) == sequences.Spec(tokenizer.size, 9, start_token=1, end_token=2, forbidden_tokens=(0, 1, 3))
  assert min(token for line in hostile.lines() for token in tokenizer.tokenize(line)) > base.UNK
  # Special tokens spelled out are text like any other.
  assert tokenizer.decode(tokenizer.encode(["<eos> <pad><unk>"], 20)) == ["<eos> <pad><unk>"]


def test_bytes_that_are_no_text(tokenizer):
  letters = [tokenizer.tokens.index(subwords.ALPHABET[byte]) for byte in (*b"a", 0xE7, 0xA7, *b"b", 0xFF)]
  assert tokenizer.decode([letters]) == ["a\ufffdb\ufffd"]


def test_metrics_are_of_words(tokenizer):
  assert tokenizer.words(tokenizer.encode(["the  cats see"], 30)) == [("the", "cats", "see")]


def test_words_are_split_as_gpt_2_does():
  found = ["".join(bytes(subwords.spelled(word)).decode()) for word, _ in subwords.words().pre_tokenize_str("It's 12 cats,  don't\tsay: Ça 秦!")]
  assert found == ["It", "'s", " 12", " cats", ",", "  ", "don", "'t", "\t", "say", ":", " Ça", " 秦", "!"]
  assert [len(word) for word, _ in subwords.words().pre_tokenize_str("a" * 150)] == [64, 64, 22]


def test_common_words_become_pieces(tokenizer):
  assert {"Ġcat", "Ġdog"} <= set(tokenizer.tokens)
  assert len(tokenizer.tokenize(SENTENCES[0])) <= 7 < len(SENTENCES[0])


@pytest.mark.parametrize("name", NAMES)
def test_building_again_gives_the_same_whatever_the_process(name, tmp_path):
  """In a fresh process, where hash tables have another order."""
  path = tmp_path / "vocabulary.json"
  code = (
    "import sys; from tests.data.tokenizers import hostile; "
    "hostile.build(sys.argv[1], hostile.emoji(), max_vocab_size=400).save(sys.argv[2])"
  )
  subprocess.run([sys.executable, "-c", code, name, str(path)], check=True, cwd=shell.ROOT, env=shell.environment(), capture_output=True)
  assert base.load(path) == build(name, hostile.emoji(), max_vocab_size=400)


@pytest.mark.parametrize("name", NAMES)
def test_the_size_of_the_vocabulary(name):
  assert build(name, max_vocab_size=260).size == 260
  assert build(name, max_vocab_size=275).size == 275
  # All that there is to merge.
  assert build(name, max_vocab_size=0).size < 600
  assert build(name, max_vocab_size=0, min_count=100).size == 260


@pytest.mark.parametrize("name", NAMES)
def test_wrong_settings(name):
  with pytest.raises(errors.UserError, match=f"max_vocab_size is 259; the tokenizer {name} needs 0 .* or at least 260"):
    build(name, max_vocab_size=259)
  with pytest.raises(errors.UserError, match=f"token_pattern is for the tokenizer regex, but the tokenizer is {name}$"):
    build(name, token_pattern="a")
  with pytest.raises(errors.UserError, match="expected sentences to learn from, but there is none"):
    build(name, [])


@pytest.mark.parametrize("name", NAMES)
def test_an_error_in_the_text_ends_the_learning(name):
  def sentences():
    yield "a"
    raise errors.UserError("line 2 is wrong")

  with pytest.raises(errors.UserError, match="^line 2 is wrong$"):
    build(name, sentences())


def test_without_the_package_one_line_says_what_to_install(monkeypatch):
  monkeypatch.setitem(sys.modules, "tokenizers", None)
  with pytest.raises(errors.UserError, match="the tokenizer bpe needs the package tokenizers, .*; run pip install tokenizers$"):
    build("bpe")


def test_decoding_needs_no_package(monkeypatch):
  tokenizer = build("bpe")
  tokens = tokenizer.encode(["a cat"], 9)
  monkeypatch.setitem(sys.modules, "tokenizers", None)
  assert dataclasses.replace(tokenizer).decode(tokens) == ["a cat"]


_ALL = [*base.SPECIAL_TOKENS, *subwords.ALPHABET]


@pytest.mark.parametrize(
  ("name", "fields", "message"),
  [
    ("bpe", {"tokens": ["a"]}, "tokens must start with <pad> <bos> <eos> <unk>"),
    ("bpe", {"tokens": _ALL[:-1]}, "tokens have no piece for the byte 0xff; expected one for each byte"),
    ("bpe", {"tokens": [*_ALL, "a b"]}, "tokens[260] is 'a b'; expected a piece in the alphabet of bytes"),
    ("bpe", {"tokens": [*_ALL, ""]}, "tokens[260] is ''; expected a piece in the alphabet of bytes"),
    ("bpe", {"tokens": [*_ALL, "a"]}, "tokens[260] is 'a' a second time"),
    ("bpe", {"tokens": [*_ALL, "ab"], "merges": ["a c"]}, "merges[0] is 'a c'; expected two pieces whose union is a piece, and each pair once"),
    ("bpe", {"tokens": [*_ALL, "ab"], "merges": ["a b", "a b"]}, "merges[1] is 'a b'; expected two pieces"),
    ("bpe", {"tokens": [*_ALL, "ab"], "merges": ["ab"]}, "merges[0] is 'ab'; expected two pieces"),
    ("bpe", {"tokens": _ALL, "merges": "a b"}, "merges is 'a b'; expected a list of strings"),
    ("unigram", {"tokens": _ALL, "scores": [-1.0]}, "there are 1 scores; expected one for each of the 256 pieces"),
    ("unigram", {"tokens": _ALL, "scores": [-1.0] * 255 + [0.5]}, "scores[255] is 0.5; expected a log-probability"),
    ("unigram", {"tokens": _ALL, "scores": [-1.0] * 255 + [None]}, "scores[255] is None; expected a finite number"),
    ("unigram", {"tokens": _ALL}, "scores is missing"),
  ],
)
def test_a_wrong_field_is_named(tmp_path, name, fields, message):
  path = tmp_path / "vocabulary.json"
  fields = {"tokenizer": name, "lowercase": False, **({"merges": []} if name == "bpe" else {}), **fields}
  path.write_text(json.dumps(fields))
  with pytest.raises(errors.UserError, match=re.escape(f"{path} is not a tokenizer written by this library: {message}")):
    base.load(path)


def test_the_alphabet_is_gpt_2s():
  assert subwords.ALPHABET[ord(" ")] == "Ġ" and subwords.ALPHABET[ord("\n")] == "Ċ" and subwords.ALPHABET[0xAD] == "Ń"
  assert len(set(subwords.ALPHABET)) == 256 and all(letter.isprintable() and not letter.isspace() for letter in subwords.ALPHABET)
