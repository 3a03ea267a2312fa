"""Tests of tf_textgan.metrics.diversity, by hand."""

import math

import pytest

from tf_textgan.metrics import diversity

SENTENCES = ["a b a".split(), "a b c".split(), "a b a".split(), ["d"]]


@pytest.mark.parametrize(("order", "expected"), [(1, 4 / 10), (2, 3 / 6), (3, 2 / 3)])
def test_distinct(order, expected):
  # Unigrams a b c d of ten; bigrams ab ba bc of six; trigrams aba abc of three.
  assert diversity.distinct(SENTENCES, order) == expected


def test_distinct_of_nothing_is_nan():
  assert math.isnan(diversity.distinct(SENTENCES, 4))


def test_ngrams_are_in_order():
  assert list(diversity.ngrams((1, 2, 3, 1), 2)) == [(1, 2), (2, 3), (3, 1)]


def test_duplicates():
  assert diversity.duplicate_share(SENTENCES) == 0.25
  assert diversity.duplicate_share([("a",)] * 4) == 0.75
  assert diversity.duplicate_share([("a",), ("b",), ()]) == 0.0


def test_copied():
  assert diversity.copied_share(SENTENCES, [("a", "b", "a"), ("x",)]) == 0.5
  assert diversity.copied_share(SENTENCES, []) == 0.0
  # A part of a sentence is no copy of it.
  assert diversity.copied_share([("a", "b")], [("a", "b", "c")]) == 0.0


def test_the_divergence_of_a_sample_from_itself_is_0():
  assert diversity.js_divergence(SENTENCES, SENTENCES[::-1] * 2, 2) == pytest.approx(0.0, abs=1e-12)


def test_the_divergence_of_samples_with_nothing_in_common_is_log_2():
  assert diversity.js_divergence(["ab", "abb"], ["cd"], 1) == pytest.approx(math.log(2))
  assert diversity.js_divergence(["ab"], ["ba"], 2) == pytest.approx(math.log(2))


def test_the_divergence_by_hand():
  # p = (3/4, 1/4), q = (1/4, 3/4): each is 1/4 log(1/2) + 3/4 log(3/2) from the middle.
  assert diversity.js_divergence(["aaab"], ["abbb"], 1) == pytest.approx(0.25 * math.log(0.5) + 0.75 * math.log(1.5))
  assert diversity.js_divergence(["aab"], ["b"], 1) == diversity.js_divergence(["b"], ["aab"], 1)


def test_the_divergence_of_what_is_too_short_is_nan():
  assert math.isnan(diversity.js_divergence(["ab"], ["a"], 2))
