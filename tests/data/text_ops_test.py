"""Tests of text_ops.py: the graph agrees with Python, before and after export."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base
from tf_textgan.data.tokenizers import integer
from tf_textgan.data.tokenizers import word

TEXTS = [
    "the cat sees", "", "  the\t\tdog\n", "an unknown thing", "the the the the the the the", "<eos> the <pad> <unk> <bos>",
    "the\u00a0cat\u3000dog\x1cthe\u2028cat", "naïve 😀 \u3000"
]


NAMES = ("word", "char")


def _tokenizer(name):
  return base.find(name).build(["the cat sees the dog", "naïve 😀"], text_config.TextConfig())


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_python(name):
  tokenizer = _tokenizer(name)
  graph = tokenizer.graph()
  for length in (1, 5, 40):
    tokens = graph.encode(TEXTS, length)
    assert tokens.dtype == tf.int32
    np.testing.assert_array_equal(tokens, tokenizer.encode(TEXTS, length))
    assert [text.decode() for text in graph.decode(tokens).numpy()] == tokenizer.decode(tokens)
  tokens = np.random.default_rng(0).integers(0, tokenizer.size, [50, 8], np.int32)
  assert [text.decode() for text in graph.decode(tokens).numpy()] == tokenizer.decode(tokens)


def test_special_tokens_only():
  tokenizer = word.Tokenizer.build([], text_config.TextConfig())
  np.testing.assert_array_equal(tokenizer.graph().encode(["a b"], 4), [[3, 3, 2, 0]])


def test_whole_unicode_whitespace():
  tokenizer = word.Tokenizer.build(["a b"], text_config.TextConfig())
  spaces = [chr(code) for code in range(0x10000) if chr(code).isspace()]
  tokens = tokenizer.graph().encode([f"a{space}b" for space in spaces], 3)
  np.testing.assert_array_equal(tokens, [[4, 5, 2]] * len(spaces))


def test_every_letter_is_lower_cased_as_in_python():
  letters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000 and not chr(code).isspace()]
  texts = [*letters, "\ufdd0\ufdd1", "\ufdd0\ufdd2", "\0\ufdd0\0\ufdd2", "A\0B", "\ufdd1\0"]
  tokenizer = word.Tokenizer.build(texts, text_config.TextConfig(lowercase=True))
  np.testing.assert_array_equal(tokenizer.graph().encode(texts, 2), tokenizer.encode(texts, 2))


class _Model(tf.Module):
  """Holds a graph as an exported model does."""

  def __init__(self, tokenizer, length):
    super().__init__()
    self.text = tokenizer.graph()
    self._length = length

  @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
  def encode(self, texts):
    return self.text.encode(texts, self._length)

  @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
  def decode(self, tokens):
    return self.text.decode(tokens)


@pytest.mark.parametrize("name", NAMES)
def test_export(name, tmp_path):
  tokenizer = _tokenizer(name)
  tf.saved_model.save(_Model(tokenizer, 5), str(tmp_path))
  loaded = tf.saved_model.load(str(tmp_path))
  tokens = loaded.encode(tf.constant(TEXTS))
  np.testing.assert_array_equal(tokens, tokenizer.encode(TEXTS, 5))
  assert [text.decode() for text in loaded.decode(tokens).numpy()] == tokenizer.decode(tokens)


def test_export_integers(tmp_path):
  tf.saved_model.save(_Model(integer.Tokenizer(100), 3), str(tmp_path))
  loaded = tf.saved_model.load(str(tmp_path))
  tokens = loaded.encode(tf.constant(["0 99 5", " 7 7  7"]))
  np.testing.assert_array_equal(tokens, [[0, 99, 5], [7, 7, 7]])
  assert loaded.decode(tokens).numpy().tolist() == [b"0 99 5", b"7 7 7"]
  for text, message in (("1 2", "expected 3 integers"), ("1 2 100", "from 0 to 99"), ("1 2 x", "from 0 to 99")):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
      loaded.encode(tf.constant([text]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
      integer.Tokenizer(100).graph().encode([text], 3)
