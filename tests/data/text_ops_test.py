"""Tests of text_ops.py: the graph gives what Python gives, before and after export."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.data import vocabulary as vocabularies

TEXTS = [
    "the cat sees", "", "  the\t\tdog\n", "an unknown thing", "the the the the the the the", "<eos> the <pad> <unk> <bos>",
    "the\u00a0cat\u3000dog\x1cthe\u2028cat", "naïve 😀 \u3000"
]


def _vocabulary(level):
  return vocabularies.Vocabulary.build(["the cat sees the dog", "naïve 😀"], level)


@pytest.mark.parametrize("level", vocabularies.LEVELS)
def test_agrees_with_python(level):
  vocabulary = _vocabulary(level)
  graph = vocabulary.graph()
  for length in (1, 5, 40):
    tokens = graph.encode(TEXTS, length)
    assert tokens.dtype == tf.int32
    np.testing.assert_array_equal(tokens, vocabulary.encode(TEXTS, length))
    assert [text.decode() for text in graph.decode(tokens).numpy()] == vocabulary.decode(tokens)
  tokens = np.random.default_rng(0).integers(0, vocabulary.size, [50, 8], np.int32)
  assert [text.decode() for text in graph.decode(tokens).numpy()] == vocabulary.decode(tokens)


def test_special_tokens_only():
  vocabulary = vocabularies.Vocabulary.build([])
  np.testing.assert_array_equal(vocabulary.graph().encode(["a b"], 4), [[3, 3, 2, 0]])


def test_whole_unicode_whitespace():
  vocabulary = vocabularies.Vocabulary.build(["a b"])
  spaces = [chr(code) for code in range(0x10000) if chr(code).isspace()]
  tokens = vocabulary.graph().encode([f"a{space}b" for space in spaces], 3)
  np.testing.assert_array_equal(tokens, [[4, 5, 2]] * len(spaces))


class _Model(tf.Module):
  """Holds a graph as an exported model would."""

  def __init__(self, vocabulary, length):
    super().__init__()
    self.text = vocabulary.graph()
    self._length = length

  @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
  def encode(self, texts):
    return self.text.encode(texts, self._length)

  @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
  def decode(self, tokens):
    return self.text.decode(tokens)


@pytest.mark.parametrize("level", vocabularies.LEVELS)
def test_export(level, tmp_path):
  vocabulary = _vocabulary(level)
  tf.saved_model.save(_Model(vocabulary, 5), str(tmp_path))
  loaded = tf.saved_model.load(str(tmp_path))
  tokens = loaded.encode(tf.constant(TEXTS))
  np.testing.assert_array_equal(tokens, vocabulary.encode(TEXTS, 5))
  assert [text.decode() for text in loaded.decode(tokens).numpy()] == vocabulary.decode(tokens)


def test_export_integers(tmp_path):
  tf.saved_model.save(_Model(vocabularies.IntegerVocabulary(100), 3), str(tmp_path))
  loaded = tf.saved_model.load(str(tmp_path))
  tokens = loaded.encode(tf.constant(["0 99 5", " 7 7  7"]))
  np.testing.assert_array_equal(tokens, [[0, 99, 5], [7, 7, 7]])
  assert loaded.decode(tokens).numpy().tolist() == [b"0 99 5", b"7 7 7"]
  for text, message in (("1 2", "expected 3 integers"), ("1 2 100", "from 0 to 99"), ("1 2 x", "from 0 to 99")):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
      loaded.encode(tf.constant([text]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
      vocabularies.IntegerVocabulary(100).graph().encode([text], 3)
