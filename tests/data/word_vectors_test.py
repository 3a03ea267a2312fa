"""Tests of tf_textgan.data.word_vectors."""

import os

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan.data import word_vectors
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.data.tokenizers import integer
from tf_textgan.data.tokenizers import word

VOCABULARY = word.Tokenizer((*tokenizers.SPECIAL_TOKENS, "the", "a", ". . ."))


def _write(tmp_path, text):
  path = tmp_path / "vectors.txt"
  path.write_bytes(text.encode("latin-1"))
  return path


@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_vectors_are_in_the_order_of_the_vocabulary(tmp_path, header):
  path = _write(tmp_path, header + "a 1.5 -2\nunused 7 8\n. . . 3 4e-1\n")
  matrix = word_vectors.read(path, VOCABULARY, 2)
  assert matrix.shape == (7, 2) and matrix.dtype == np.float32
  np.testing.assert_allclose(matrix[5:], [[1.5, -2.0], [3.0, 0.4]])
  # Missing vectors are random and always the same.
  assert len(np.unique(matrix)) == 14
  np.testing.assert_array_equal(matrix, word_vectors.read(path, VOCABULARY, 2))


def test_random_vectors_have_the_standard_deviation_of_gloves(tmp_path):
  many = word.Tokenizer((*tokenizers.SPECIAL_TOKENS, *(f"w{i}" for i in range(1000))))
  matrix = word_vectors.read(_write(tmp_path, "w0" + " 0.5" * 20), many, 20)
  np.testing.assert_allclose(matrix.std(), 0.3836, rtol=0.02)


@pytest.mark.parametrize(
  ("text", "expected"),
  [
    ("a 1 2 3\n", "expected a word and 2 numbers in each line of .*, but line 1 has 3 after its word"),
    ("a 1 2\nthe 1\n", "but line 2 has 1 after its word"),
    ("a 1 nan\n", "vectors.txt has a number that is not finite in line 1"),
    ("a 1 2\nthe 1e99 2\n", "vectors.txt has a number that is not finite in line 2"),
    ("a 1 two\n", "is not a file of word vectors in GloVe's text format: could not convert"),
    ("\xff 1 2\n", "is not a file of word vectors in GloVe's text format: 'utf-8' codec"),
    ("some 1 2\nwords 3 4\n", "have none of the 7 tokens of this corpus"),
    ("", "have none of the 7 tokens"),
  ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path, text, expected):
  with pytest.raises(errors.UserError, match=expected):
    word_vectors.read(_write(tmp_path, text), VOCABULARY, 2)


def test_a_missing_file_is_refused(tmp_path):
  with pytest.raises(errors.UserError, match="cannot read the word vectors .*absent.txt: No such file"):
    word_vectors.read(tmp_path / "absent.txt", VOCABULARY, 2)


def test_a_corpus_without_words_is_refused(tmp_path):
  with pytest.raises(errors.UserError, match="tokens of this corpus are no words in a table"):
    word_vectors.read(tmp_path / "vectors.txt", integer.Tokenizer(9), 2)


def test_a_fifo_is_refused(tmp_path):
  os.mkfifo(tmp_path / "vectors")
  with pytest.raises(errors.UserError, match="expected a regular file, but .*vectors is a FIFO"):
    word_vectors.read(tmp_path / "vectors", VOCABULARY, 2)
