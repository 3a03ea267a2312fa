"""Tests of tf_textgan.data.treebank_ops: the rules in a graph split as NLTK's do in Python."""

import pathlib
import random

import pytest
import tensorflow as tf

from tf_textgan.data import treebank_ops
from tf_textgan.data.tokenizers import nltk

DATA = pathlib.Path(__file__).parents[3] / "shared/data"

# What the rules look at, and characters next to which they might be misled.
_PIECES = [
  "'", "''", '"', "``", "`", " ", "  ", "\t", "\n", "\r\n", "\xa0", "\x1c", "\u2028", "a", "b", "cannot", "CANNOT", "can", "not", "d'ye",
  "gimme", "G\u0130MME", "g\u0131mme", "gonna", "Gotta", "lemme", "more'n", "wanna", "'tis", "'twas", "'ti\u017f", "'TWAS", "s", "t", "'s", "'S",
  "'\u017f", "'ll", "'Ll", "n't", "N'T", "'re", "re", "ve", "m", ".", "..", "...", ",", ":", ";", "@", "#", "$", "%", "&", "?", "!", "*", "(",
  ")", "[", "]", "{", "}", "<", ">", "--", "-", "\u2013", "\u2014", "\u201c", "\u201d", "\u2018", "\u2019", "\xab", "\xbb", "\u201e", "mr.",
  "Dr.", "u.s.", "ETC.", "no.", "5", "3,4", "5:30", "\u0664", "\xe9", "e\u0301", "\u79e6", "_", "\U0001f600", "x.", "ab.", "abc.", "I", "\u212a",
  "\xb2", "\u0301", "\x00", "\ufeff",
]  # fmt: skip


@pytest.fixture(scope="module")
def split():
  """Function of strings to lists of words, in a graph."""
  signature = [tf.TensorSpec([None], tf.string)]
  words = tf.function(lambda texts: nltk.Tokenizer.split_graph(texts), input_signature=signature, autograph=False)
  return lambda texts: [[word.decode() for word in row] for row in words(tf.constant(texts)).to_list()]


def _assert_same(split, texts):
  for text, words in zip(texts, split(texts), strict=True):
    assert words == nltk.Tokenizer.split(text), text


def test_ordinary_sentences(split):
  _assert_same(split, [
    "They can't say \"no\", can they?", "a dog's ball.", "the airplane. above clouds", "a u.s. air force plane", "Dr. Smith sits.", "well...",
    '"in the u.s." he said', "''", "'' ''", "'tis 'tis 'twas", "cannot cannot", "'tis'tis", "don't -- ever -- say: 5:30, 3,4 (or $5)!", "",
    "it's 'quoted' 'n' rock 'n' roll", "o'clock o''clock", "a:\n", "a.\n", "end.''", "x.y. (z.)", "f.e.\u201d", "e.g.\x1f", "\x1f\"so\"",
  ])  # fmt: skip


def test_random_text(split):
  generator = random.Random(0)
  _assert_same(split, ["".join(generator.choices(_PIECES, k=generator.randrange(15))) for _ in range(8000)])


@pytest.mark.skipif(not DATA.exists(), reason="the folder shared/data beside the repository is absent")
def test_captions(split):
  _assert_same(split, (DATA / "image_coco_train.txt").read_text(encoding="utf-8").splitlines()[:3000])


def test_no_words():
  assert treebank_ops.words(tf.constant([], tf.string), frozenset({"mr."})).to_list() == []
