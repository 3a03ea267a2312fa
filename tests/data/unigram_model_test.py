"""Tests of tf_textgan.data.unigram_model, against sums over all ways to cut a word."""

import itertools
import math

import numpy as np
import pytest

from tf_textgan.data import unigram_model

PIECES = ["a", "b", "ab", "ba", "abab"]
WORDS = {"ab": 3, "abab": 2, "b": 1, "bab": 4}


def _ways(word):
  """All ways to cut a word into `PIECES`."""
  for cuts in itertools.product((False, True), repeat=len(word) - 1):
    places = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(word)]
    way = [word[start:end] for start, end in itertools.pairwise(places)]
    if set(way) <= set(PIECES):
      yield way


def _scores():
  return np.log([0.3, 0.2, 0.25, 0.15, 0.1])


def test_expected_counts_are_those_of_all_ways():
  lattice, scores = unigram_model._Lattice(list(WORDS), PIECES), dict(zip(PIECES, _scores()))
  expected = dict.fromkeys(PIECES, 0.0)
  for word, count in WORDS.items():
    ways = [(way, math.exp(sum(scores[piece] for piece in way))) for way in _ways(word)]
    total = sum(probability for _, probability in ways)
    for way, probability in ways:
      for piece in way:
        expected[piece] += count * probability / total
  np.testing.assert_allclose(lattice.expected(_scores(), np.array(list(WORDS.values()), float)), list(expected.values()), rtol=1e-12)


def test_the_best_way_without_the_word_itself():
  scores = dict(zip(PIECES, _scores()))
  best = unigram_model._Lattice(PIECES, PIECES, whole=False).best(_scores())
  for word, found in zip(PIECES, best):
    ways = [way for way in _ways(word) if len(word) == 1 or way != [word]]
    assert found == pytest.approx(max(sum(scores[piece] for piece in way) for way in ways))


def test_pieces_are_seen_at_every_place():
  lattice = unigram_model._Lattice(list(WORDS), PIECES)
  seen = lattice.seen(np.array(list(WORDS.values()), float))
  np.testing.assert_array_equal(seen, [3 + 4 + 4, 3 + 4 + 1 + 8, 3 + 4 + 4, 2 + 4, 2])


def test_learning_keeps_what_explains_the_words_and_all_letters():
  words = {"the": 50, "then": 20, "he": 5, "n": 2, "xq": 1}
  seeds = [*"thenxq", "th", "he", "the", "then", "en", "hen", "xq"]
  model = unigram_model.learn(words, seeds, 8)
  # "then" is nearly as probable as "the" and "n", but "he" without its piece would be two letters that occur nowhere else.
  assert set(model) == {*"thenxq", "the", "he"}
  assert sum(map(math.exp, model.values())) <= 1
  assert model["the"] == max(model.values())
  assert set(unigram_model.learn(words, seeds, 2)) == set("thenxq")
  assert unigram_model.learn(words, seeds, 8) == model
