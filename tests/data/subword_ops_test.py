"""Tests of tf_textgan.data.subword_ops beyond the learned tokenizers: orders of merges and equal scores that learning does not give."""

import random

import pytest
import tensorflow as tf
import tokenizers

from tf_textgan.data import subword_ops

LETTERS = "abc"


def _words():
  draws = random.Random(0)
  return ["".join(draws.choice(LETTERS) for _ in range(draws.randint(1, 12))) for _ in range(300)]


def _python(model, words):
  return [[token.id for token in model.tokenize(word)] for word in words]


@pytest.mark.parametrize("seed", range(5))
def test_merges_in_any_order(seed):
  draws = random.Random(seed)
  pieces, merges = list(LETTERS), []
  for _ in range(12):
    pair = draws.choice(pieces), draws.choice(pieces)
    if pair not in merges and len("".join(pair)) < 6:
      merges.append(pair)
      pieces.append("".join(pair))
  pieces = list(dict.fromkeys(pieces))
  # As a file of the user's may have them: a pair before its parts.
  draws.shuffle(merges)
  ids = {piece: i for i, piece in enumerate(pieces)}
  found = subword_ops.Merges(ids, merges)(tf.strings.unicode_split(_words(), "UTF-8"))
  assert found.to_list() == _python(tokenizers.models.BPE(ids, merges), _words())


@pytest.mark.parametrize("scores", [[-1.0, -1.5, -2.0, -2.0, -2.5, -3.0], [-1.0, -1.0, -1.0, -2.0, -2.0, -3.0]])
def test_equal_scores_are_decided_as_in_python(scores):
  pieces = ["a", "b", "c", "ab", "ba", "abc"]
  ids = {piece: i for i, piece in enumerate(pieces)}
  found = subword_ops.Viterbi(ids, scores)(tf.strings.unicode_split(_words(), "UTF-8"))
  assert found.to_list() == _python(tokenizers.models.Unigram(list(zip(pieces, scores))), _words())


def test_no_words_and_no_merges():
  none = tf.strings.unicode_split(tf.constant([], tf.string), "UTF-8")
  ids = {letter: i for i, letter in enumerate(LETTERS)}
  for finder in (subword_ops.Merges(ids, []), subword_ops.Viterbi(ids, [-1.0, -1.0, -1.0])):
    assert finder(none).to_list() == []
    assert finder(tf.strings.unicode_split(["abc"], "UTF-8")).to_list() == [[0, 1, 2]]
