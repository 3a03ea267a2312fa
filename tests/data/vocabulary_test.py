"""Tests of vocabulary.py."""

import os

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.data import vocabulary as vocabularies

SENTENCES = ["the cat sees the dog", "a dog  sees\tthe\u00a0cat ", "the bird"]


def test_build_orders_by_count_then_alphabetically():
  built = vocabularies.Vocabulary.build(SENTENCES)
  assert built.tokens == ("<pad>", "<bos>", "<eos>", "<unk>", "the", "cat", "dog", "sees", "a", "bird")
  assert built.size == 10
  assert built.spec(7) == sequences.Spec(10, 7, start_token=1, end_token=2, forbidden_tokens=(0, 1))


def test_build_limits():
  assert vocabularies.Vocabulary.build(SENTENCES, min_count=2).tokens[4:] == ("the", "cat", "dog", "sees")
  assert vocabularies.Vocabulary.build(SENTENCES, max_size=6).tokens[4:] == ("the", "cat")
  with pytest.raises(errors.UserError, match="0 or more than its 4 special tokens, not 4"):
    vocabularies.Vocabulary.build(SENTENCES, max_size=4)
  with pytest.raises(errors.UserError, match="one of word, char, not 'byte'"):
    vocabularies.Vocabulary.build(SENTENCES, level="byte")


def test_encode_and_decode_words():
  vocabulary = vocabularies.Vocabulary.build(SENTENCES)
  tokens = vocabulary.encode(["the dog", "a fish sees", "the the the the", ""], 4)
  assert tokens.dtype == np.int32
  np.testing.assert_array_equal(tokens, [[4, 6, 2, 0], [8, 3, 7, 2], [4, 4, 4, 4], [2, 0, 0, 0]])
  assert vocabulary.decode(tokens) == ["the dog", "a <unk> sees", "the the the the", ""]
  assert vocabulary.decode([[4, 0, 5, 2, 6]]) == ["the cat"]


def test_text_cannot_spell_special_tokens():
  vocabulary = vocabularies.Vocabulary.build(["<eos> cat <pad> <unk>"])
  assert vocabulary.tokens[4:] == ("cat",)
  np.testing.assert_array_equal(vocabulary.encode(["<eos> cat <pad> <unk>"], 6), [[3, 4, 3, 3, 2, 0]])


def test_characters_round_trip():
  texts = ["秦 川", "naïve 😀"]
  vocabulary = vocabularies.Vocabulary.build(texts, "char")
  assert vocabulary.decode(vocabulary.encode(texts, 9)) == texts
  assert (vocabulary.encode(texts, 9) == vocabularies.EOS).argmax(axis=1).tolist() == [3, 7]


def test_save_and_load(tmp_path):
  path = tmp_path / "vocabulary.json"
  for vocabulary in (vocabularies.Vocabulary.build(["秦 \"川\""]), vocabularies.Vocabulary.build(["ab"], "char"),
                     vocabularies.IntegerVocabulary(7)):
    vocabulary.save(path)
    assert vocabularies.load(path) == vocabulary
  assert os.listdir(tmp_path) == ["vocabulary.json"]


def test_load_errors(tmp_path):
  path = tmp_path / "vocabulary.json"
  with pytest.raises(errors.UserError, match="cannot read the vocabulary .*No such file"):
    vocabularies.load(path)
  for text in ("{", "[]", '{"level": "word"}'):
    path.write_text(text)
    with pytest.raises(errors.UserError, match="is not a vocabulary"):
      vocabularies.load(path)
  path.write_text('{"level": "word", "tokens": ["a"]}')
  with pytest.raises(errors.UserError, match="must start with <pad> <bos> <eos> <unk>"):
    vocabularies.load(path)


def test_integers():
  vocabulary = vocabularies.IntegerVocabulary(100)
  tokens = vocabulary.encode(["0 99 5", " 7 7  7"], 3)
  np.testing.assert_array_equal(tokens, [[0, 99, 5], [7, 7, 7]])
  assert vocabulary.decode(tokens) == ["0 99 5", "7 7 7"]
  assert vocabulary.spec(3) == sequences.Spec(100, 3, start_token=0)


@pytest.mark.parametrize("text, message", [
    ("1 2", "expected 3 integers in a sequence, but '1 2' has 2"),
    ("1 2 100", "expected integers from 0 to 99, but '1 2 100' has '100'"),
    ("1 -2 3", "has '-2'"),
    ("1 two 3", "has 'two'"),
])
def test_integer_errors(text, message):
  with pytest.raises(errors.UserError, match=message):
    vocabularies.IntegerVocabulary(100).encode([text], 3)
