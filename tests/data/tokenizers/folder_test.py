"""Tests of tf_textgan.data.tokenizers.folder, on folders as other programs write them."""

import json
import re

import numpy as np
import pytest
import tokenizers

from tests.data.tokenizers import hostile
from tf_textgan import errors
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base
from tf_textgan.data.tokenizers import folder

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def byte_level(path):
  """A folder with a tokenizer of the kind of GPT-2's."""
  made = tokenizers.ByteLevelBPETokenizer()
  made.train_from_iterator(hostile.LEARNED, vocab_size=300, min_frequency=1, special_tokens=["<|endoftext|>"], show_progress=False)
  path.mkdir(exist_ok=True)
  made.save(str(path / "tokenizer.json"))
  return str(path)


def word_piece(path):
  """A folder with a tokenizer of the kind of BERT's, which lower-cases, pads, truncates and adds special tokens."""
  made = tokenizers.BertWordPieceTokenizer()
  made.train_from_iterator(hostile.LEARNED, vocab_size=60, min_frequency=1, special_tokens=SPECIAL, show_progress=False)
  made.enable_padding(length=9)
  made.enable_truncation(max_length=3)
  path.mkdir(exist_ok=True)
  made.save(str(path / "tokenizer.json"))
  return str(path)


def read(path, **settings):
  config = text_config.TextConfig(tokenizer=path, **settings)
  text_config.check(config)
  return base.find(path).build(iter(()), config)


def test_byte_level_pieces_restore_any_text(tmp_path):
  tokenizer = read(byte_level(tmp_path / "gpt"))
  lines = [*hostile.lines(), "<|endoftext|> <eos>"]
  assert tokenizer.decode(tokenizer.encode(lines, 2100)) == lines
  assert tokenizer.unknown_token is None and tokenizer.spec(5).forbidden_tokens == (0, 1, 3)
  # Padding, truncation and special tokens of the file are not taken over; its ids are.
  own = tokenizers.Tokenizer.from_file(f"{tmp_path}/gpt/tokenizer.json")
  assert tokenizer.tokenize("the cat") == [token + 4 for token in own.encode("the cat").ids]
  assert tokenizer.size == own.get_vocab_size() + 4


def test_the_graph_of_byte_level_pieces_decodes_only(tmp_path):
  tokenizer = read(byte_level(tmp_path / "gpt"))
  graph = tokenizer.graph()
  rows = np.random.default_rng(0).integers(0, tokenizer.size, [500, 30])
  assert [text.decode() for text in graph.decode(rows).numpy()] == tokenizer.decode(rows)
  assert not hasattr(graph, "encode")


def test_word_pieces(tmp_path):
  tokenizer = read(word_piece(tmp_path / "bert"))
  tokens = tokenizer.encode(["The cat sees the dog", "the \u2603 cat", "[SEP] cat"], 12)
  assert tokenizer.decode(tokens)[:2] == ["the cat sees the dog", "the [UNK] cat"]
  assert tokenizer.unknown_token == base.UNK and np.count_nonzero(tokens[1] == base.UNK) == 1
  # No text spells a special token.
  assert tokenizer._vocabulary["[SEP]"] + 4 not in tokens[2]
  assert tokenizer.graph() is None
  assert tokenizer.words(tokens)[0] == ("the", "cat", "sees", "the", "dog")


def test_the_whole_of_it_stands_in_the_runs_folder(tmp_path):
  for make in (byte_level, word_piece):
    path = make(tmp_path / make.__name__)
    tokenizer = read(path)
    tokenizer.save(tmp_path / "vocabulary.json")
    (tmp_path / make.__name__ / "tokenizer.json").unlink()
    loaded = base.load(tmp_path / "vocabulary.json")
    assert loaded == tokenizer
    np.testing.assert_array_equal(loaded.encode(hostile.SENTENCES, 30), tokenizer.encode(hostile.SENTENCES, 30))


def test_the_folder_is_compared_with_the_runs(tmp_path):
  first, second = byte_level(tmp_path / "a"), word_piece(tmp_path / "b")
  tokenizer = read(first)
  assert tokenizer.unlike(text_config.TextConfig(tokenizer=first)) == ""
  assert tokenizer.unlike(text_config.TextConfig(tokenizer=second)) == (
    f"the tokenizer {second}, but the existing vocabulary is that of another tokenizer.json"
  )


@pytest.mark.parametrize(
  ("contents", "message"),
  [
    (None, "the tokenizer FOLDER expected a folder with a tokenizer.json, but FOLDER/tokenizer.json cannot be read: No such file or directory"),
    ("", "DAMAGED: Expecting value: line 1 column 1"),
    ("[]", "DAMAGED: expected an object with a model"),
    ('{"model": {}}', "DAMAGED: "),
    ('{"model": {"type": "BPE", "vocab": {}, "merges": []}}', "DAMAGED: it has 0 ids"),
    ('{"model": {"type": "BPE", "vocab": {"a": 2000000}, "merges": []}}', "DAMAGED: it has 2000001 ids; expected 1 to 1048572"),
    ('{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "b"]]}}', "DAMAGED: "),
  ],
)
def test_a_damaged_file_is_refused(tmp_path, contents, message, capfd):
  path = tmp_path / "folder"
  path.mkdir()
  if contents is not None:
    (path / "tokenizer.json").write_text(contents)
  message = message.replace("DAMAGED", "FOLDER/tokenizer.json is no tokenizer of the package tokenizers").replace("FOLDER", str(path))
  with pytest.raises(errors.UserError, match=f"^{re.escape(message)}") as raised:
    read(str(path))
  assert "\n" not in str(raised.value) and capfd.readouterr().err == ""


def test_every_cut_file_is_refused(tmp_path):
  path = tmp_path / "bert"
  contents = (tmp_path / word_piece(path) / "tokenizer.json").read_text()
  for size in range(0, len(contents) - 1, len(contents) // 50):
    (path / "tokenizer.json").write_text(contents[:size])
    with pytest.raises(errors.UserError, match="tokenizer.json is no tokenizer of the package tokenizers"):
      read(str(path))


def test_a_field_of_the_runs_file_is_named(tmp_path):
  path = tmp_path / "vocabulary.json"
  for fields, message in (({}, "contents is missing"), ({"contents": 3}, "expected an object with a model"), ({"contents": {"model": {}}}, "")):
    path.write_text(json.dumps({"tokenizer": "folder", **fields}))
    with pytest.raises(errors.UserError, match=f"vocabulary.json is not a tokenizer written by this library: {message}"):
      base.load(path)


@pytest.mark.parametrize(
  ("settings", "message"),
  [
    ({"lowercase": True}, "lowercase is true, but the tokenizer is .*/bert: its tokenizer.json says what is done to text"),
    ({"min_count": 2}, "choose among tokens, but .*/bert has its own; expected 1 and 0"),
    ({"max_vocab_size": 50}, "choose among tokens, but .*/bert has its own; expected 1 and 0"),
    ({"token_pattern": "a"}, "token_pattern is for the tokenizer regex"),
  ],
)
def test_settings_that_it_would_ignore(tmp_path, settings, message):
  with pytest.raises(errors.UserError, match=message):
    read(word_piece(tmp_path / "bert"), **settings)


def test_a_path_has_a_slash(tmp_path, monkeypatch):
  byte_level(tmp_path / "gpt")
  monkeypatch.chdir(tmp_path)
  with pytest.raises(errors.UserError, match="unknown tokenizer 'gpt'; a folder with a tokenizer.json is named by a path with a /, such as ./gpt"):
    base.find("gpt")
  assert base.find("./gpt") is base.find("folder") is folder.Tokenizer
  assert read("./gpt").size > 260
