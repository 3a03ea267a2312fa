"""Tests of tf_textgan.runs.sources."""

import dataclasses

import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import word
from tf_textgan.runs import sources

TOKENIZER = word.Tokenizer.build(["a b c"], text_config.TextConfig())


def test_a_file_and_a_graph_read_alike(tmp_path):
  (tmp_path / "sources.txt").write_text("a b\nc\n")
  read = sources.read_file(tmp_path / "sources.txt", TOKENIZER, 3)
  assert TOKENIZER.decode(read) == ["a b", "c"] and read.shape == (2, 3)
  spec = _spec(3)
  assert sources.encode(TOKENIZER.graph().encode, tf.constant(["a b", "c"]), spec).numpy().tolist() == read.tolist()


def _spec(length):
  return dataclasses.replace(TOKENIZER.spec(4), source_length=length)


@pytest.mark.parametrize("content, message", [
    ("a\n\n", "line 2 is blank; expected a source on each line"),
    ("a b c\n", "line 1 has 4 tokens, the end token included; the run's sources have 3 at most"),
    ("", "has no line"),
])  # fmt: skip
def test_a_line_that_is_no_source_is_refused(content, message, tmp_path):
  (tmp_path / "sources.txt").write_text(content)
  with pytest.raises(errors.UserError, match=message):
    sources.read_file(tmp_path / "sources.txt", TOKENIZER, 3)


@pytest.mark.parametrize("text, message", [(" ", "expected text in every source"), ("a b c", "(?s)expected sources of.*tokens at most")])
def test_a_graph_refuses_a_text_that_is_no_source(text, message):
  with pytest.raises(tf.errors.InvalidArgumentError, match=message):
    sources.encode(TOKENIZER.graph().encode, tf.constant(["a", text]), _spec(3))
