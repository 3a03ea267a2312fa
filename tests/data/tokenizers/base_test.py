"""Tests of the tokenizers: their common contract, and tables of pieces."""

import dataclasses
import json
import os
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from tests.data.tokenizers import hostile
from tf_textgan import errors
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base
from tf_textgan.data.tokenizers import char
from tf_textgan.data.tokenizers import integer
from tf_textgan.data.tokenizers import nltk
from tf_textgan.data.tokenizers import word

SENTENCES, HOSTILE = hostile.SENTENCES, hostile.TEXTS
CONFIG = text_config.TextConfig()
NAMES = registry.names("tf_textgan.data.tokenizers")


@dataclasses.dataclass(frozen=True)
class Bytes(base.Tokenizer):
  """A user's tokenizer: its ids are the bytes of the text, 0 included, plus the number of special tokens."""

  @classmethod
  def build(cls, sentences, config):
    return cls()

  @property
  def size(self):
    return 256 + 4

  def tokenize(self, sentence):
    return [byte + 4 for byte in sentence.encode()]

  def decode(self, tokens):
    return [bytes(i - 4 for i in row if i >= 4).decode(errors="replace") for row in np.asarray(tokens).tolist()]

  def to_json(self):
    return {}

  @classmethod
  def from_json(cls, fields):
    return cls()


@pytest.fixture
def outside(monkeypatch):
  """`Bytes` as the tokenizer of a user's module."""
  for name in ("users_tokenizers", "users_tokenizers.bytes"):
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
  monkeypatch.setattr(Bytes, "__module__", "users_tokenizers.bytes")
  sys.modules["users_tokenizers.bytes"].Tokenizer = Bytes
  return "users_tokenizers.bytes"


def test_names_and_unknown_names():
  assert NAMES == ["bpe", "char", "integer", "nltk", "regex", "smiles", "unigram", "word"]
  for name in NAMES:
    assert base.name_of(base.find(name)) == name
  with pytest.raises(errors.UserError, match=r"unknown tokenizer 'space'.* there are: bpe, char, integer, nltk, regex, smiles, unigram, word"):
    base.find("space")


def test_build_orders_by_count_then_alphabetically():
  built = word.Tokenizer.build(SENTENCES, CONFIG)
  assert built.tokens == ("<pad>", "<bos>", "<eos>", "<unk>", "the", "cat", "dog", "sees", "a", "bird")
  assert built.size == 10
  assert built.spec(7) == sequences.Spec(10, 7, start_token=1, end_token=2, forbidden_tokens=(0, 1))


def test_a_table_grows_at_its_end():
  first = word.Tokenizer.build(["the cat", "the"], CONFIG)
  other = word.Tokenizer.build(["the dog dog dog", "a a cat"], CONFIG)
  grown = first.grown(other)
  assert grown.tokens[4:] == ("the", "cat", "dog", "a") and grown.extends(first) and not first.extends(grown)
  assert grown.extends(grown) and not grown.extends(other)
  assert first.grown(other, 7).tokens[4:] == ("the", "cat", "dog")
  assert first.grown(other, 5) == first == first.grown(first)
  assert not word.Tokenizer(grown.tokens, True).extends(first) and not nltk.Tokenizer(grown.tokens).extends(first)
  assert integer.Tokenizer(7).extends(integer.Tokenizer(7)) and not integer.Tokenizer(8).extends(integer.Tokenizer(7))


def test_a_table_without_its_rules_as_operations_has_no_graph():
  class Tokenizer(base.Table):
    """Splits at hyphens; in a graph, splitting at white space would not be the same."""

    @staticmethod
    def split(sentence):
      return sentence.split("-")

  assert Tokenizer.build(["a-b"], CONFIG).graph() is None


def test_build_limits():
  assert word.Tokenizer.build(SENTENCES, text_config.TextConfig(min_count=2)).tokens[4:] == ("the", "cat", "dog", "sees")
  assert word.Tokenizer.build(SENTENCES, text_config.TextConfig(max_vocab_size=6)).tokens[4:] == ("the", "cat")


def test_encode_and_decode_words():
  tokenizer = word.Tokenizer.build(SENTENCES, CONFIG)
  tokens = tokenizer.encode(["the dog", "a fish sees", "the the the the", ""], 4)
  assert tokens.dtype == np.int32
  np.testing.assert_array_equal(tokens, [[4, 6, 2, 0], [8, 3, 7, 2], [4, 4, 4, 4], [2, 0, 0, 0]])
  assert tokenizer.decode(tokens) == ["the dog", "a <unk> sees", "the the the the", ""]
  assert tokenizer.decode([[4, 0, 5, 2, 6]]) == ["the cat"]
  assert tokenizer.words(tokens) == [("the", "dog"), ("a", "<unk>", "sees"), ("the",) * 4, ()]
  assert tokenizer.tokenize(" a fish  sees") == [8, 3, 7]


def test_text_cannot_spell_special_tokens():
  tokenizer = word.Tokenizer.build(["<eos> cat <pad> <unk>"], CONFIG)
  assert tokenizer.tokens[4:] == ("cat",)
  np.testing.assert_array_equal(tokenizer.encode(["<eos> cat <pad> <unk>"], 6), [[3, 4, 3, 3, 2, 0]])


def test_characters_round_trip_with_their_white_space():
  texts = ["秦 川", "naïve 😀", "  if x:\t# y ", *HOSTILE]
  tokenizer = char.Tokenizer.build(texts, CONFIG)
  assert tokenizer.decode(tokenizer.encode(texts, 50)) == texts
  assert (tokenizer.encode(texts[:2], 9) == base.EOS).argmax(axis=1).tolist() == [3, 7]
  # Metrics of words are on the decoded text.
  assert tokenizer.words(tokenizer.encode(["naïve 😀"], 9)) == [("naïve", "😀")]


@pytest.mark.parametrize("name", ["word", "nltk", "char"])
@pytest.mark.parametrize("lowercase", [False, True])
def test_decoded_text_is_encoded_to_the_same_tokens(name, lowercase):
  """For any text: encoding the text of generated tokens restores the tokens."""
  config = text_config.TextConfig(tokenizer=name, lowercase=lowercase)
  tokenizer = base.find(name).build(HOSTILE[:-1], config)
  tokens = tokenizer.encode(HOSTILE, 40)
  np.testing.assert_array_equal(tokenizer.encode(tokenizer.decode(tokens[:-1]), 40), tokens[:-1])


@pytest.mark.parametrize("name", ["word", "nltk", "char"])
def test_all_input_text_is_lower_cased(name):
  tokenizer = base.find(name).build(["The Cat"], text_config.TextConfig(lowercase=True))
  np.testing.assert_array_equal(tokenizer.encode(["THE cAT"], 9), tokenizer.encode(["the cat"], 9))
  assert tokenizer.decode(tokenizer.encode(["THE cAT"], 9)) == ["the cat"]
  np.testing.assert_array_equal(tokenizer.graph().encode(["THE cAT"], 9), tokenizer.encode(["the cat"], 9))
  assert tokenizer.tokenize("THE cAT") == tokenizer.tokenize("the cat")


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("name", ["word", "char", "nltk"])
def test_the_graph_agrees_with_python(name, lowercase):
  tokenizer = base.find(name).build(HOSTILE, text_config.TextConfig(tokenizer=name, lowercase=lowercase))
  graph = tokenizer.graph()
  for length in (1, 5, 40):
    tokens = graph.encode(HOSTILE, length)
    assert tokens.dtype == tf.int32
    np.testing.assert_array_equal(tokens, tokenizer.encode(HOSTILE, length))
    assert [text.decode() for text in graph.decode(tokens).numpy()] == tokenizer.decode(tokens)


def test_saved_and_loaded(tmp_path, outside):
  path = tmp_path / "vocabulary.json"
  for tokenizer in (
    word.Tokenizer.build(['秦 "川"'], CONFIG), word.Tokenizer.build(["A"], text_config.TextConfig(lowercase=True)),
    nltk.Tokenizer.build(["a."], CONFIG), char.Tokenizer.build(["ab"], CONFIG), integer.Tokenizer(7), Bytes(),
  ):  # fmt: skip
    tokenizer.save(path)
    assert base.load(path) == tokenizer
  assert base.name_in(path) == outside
  assert os.listdir(tmp_path) == ["vocabulary.json"]
  # Equal pieces are not enough.
  tokens = word.Tokenizer.build(["a b"], CONFIG).tokens
  assert word.Tokenizer(tokens) != nltk.Tokenizer(tokens) and word.Tokenizer(tokens) != word.Tokenizer(tokens, True)


def test_other_files_are_refused(tmp_path):
  path = tmp_path / "vocabulary.json"
  with pytest.raises(errors.UserError, match="cannot read the tokenizer .*No such file"):
    base.load(path)
  special = list(base.SPECIAL_TOKENS)
  for fields in (
    "{", "[]", "{}", '{"tokenizer": 3}', '{"tokenizer": "word"}', '{"tokenizer": "word", "lowercase": 1, "tokens": []}',
    json.dumps({"tokenizer": "word", "lowercase": False, "tokens": [*special, 7]}), '{"tokenizer": "integer", "size": null}',
  ):  # fmt: skip
    path.write_text(fields)
    with pytest.raises(errors.UserError, match="vocabulary.json is not a tokenizer written by this library"):
      base.load(path)
  path.write_text('{"tokenizer": "word", "lowercase": false, "tokens": ["a"]}')
  with pytest.raises(errors.UserError, match="must start with <pad> <bos> <eos> <unk>"):
    base.load(path)
  path.write_text('{"tokenizer": "subword"}')
  with pytest.raises(errors.UserError, match="unknown tokenizer 'subword'"):
    base.load(path)


@pytest.mark.parametrize(
  ("fields", "message"),
  [
    ({"tokenizer": "word", "tokens": ["a", "a"]}, r"tokens\[5\] is 'a' a second time$"),
    ({"tokenizer": "word", "tokens": ["<eos>"]}, r"tokens\[4\] is '<eos>' a second time$"),
    ({"tokenizer": "word", "tokens": ["a", 7]}, r"tokens\[5\] is 7; expected a string$"),
    ({"tokenizer": "word", "tokens": ["\ud800"]}, r"tokens\[4\] is '\\ud800'; expected text without half of a surrogate pair$"),
    ({"tokenizer": "word", "tokens": ["a b"]}, r"tokens\[4\] is 'a b'; expected a piece of text without white space$"),
    ({"tokenizer": "nltk", "tokens": ["a\u2028"]}, r"tokens\[4\] is 'a\\u2028'; expected a piece of text without white space$"),
    ({"tokenizer": "char", "tokens": ["\n", " ", "ab"]}, r"tokens\[6\] is 'ab'; expected one character$"),
    ({"tokenizer": "char", "tokens": [""]}, r"tokens\[4\] is ''; expected a piece of text"),
    ({"tokenizer": "integer", "size": 10**9}, "size is 1000000000; expected an integer from 1 to 1048576$"),
    ({"tokenizer": "integer", "size": True}, "size is True; expected an integer$"),
    ({"tokenizer": "integer", "size": "7"}, "size is '7'; expected an integer$"),
    ({"tokenizer": "integer", "size": 7, "speed": 3}, "speed is unknown to this version; expected size$"),
  ],
)
def test_a_wrong_field_is_named(tmp_path, fields, message):
  path = tmp_path / "vocabulary.json"
  if "tokens" in fields:
    fields = {**fields, "lowercase": False, "tokens": [*base.SPECIAL_TOKENS, *fields["tokens"]]}
  path.write_text(json.dumps(fields))
  with pytest.raises(errors.UserError, match=f"^{path} is not a tokenizer written by this library: {message}"):
    base.load(path)


def test_the_error_of_a_users_tokenizer_is_one_line(tmp_path, outside, monkeypatch):
  def fail(fields):
    raise RuntimeError("it is\nno use")

  monkeypatch.setattr(Bytes, "from_json", fail)
  path = tmp_path / "vocabulary.json"
  path.write_text(json.dumps({"tokenizer": outside}))
  with pytest.raises(errors.UserError, match=rf"^{path} is not a tokenizer written by this library: RuntimeError\('it is\\nno use'\)$"):
    base.load(path)


def test_an_integer_too_large_is_refused_in_training_text():
  with pytest.raises(errors.UserError, match="the largest integer is 1048576; expected at most 1048575$"):
    integer.Tokenizer.build(["0 1048576"], CONFIG)


def test_padding_is_0_for_a_tokenizer_with_its_own_ids():
  tokenizer = Bytes.build([], CONFIG)
  tokens = tokenizer.encode(["a\x00b", ""], 6)
  np.testing.assert_array_equal(tokens, [[101, 4, 102, 2, 0, 0], [2, 0, 0, 0, 0, 0]])
  assert tokenizer.graph() is None  # Where none is written, nothing can be exported.
  np.testing.assert_array_equal(tokenizer.spec(6).mask(tokens), [[1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0]])
  assert tokenizer.decode(tokens) == ["a\x00b", ""]
  assert tokenizer.words(tokenizer.encode(["two words"], 12)) == [("two", "words")]
