"""Tests of tf_textgan.metrics.diversity, by hand and against slow implementations."""

import collections
import math

import numpy as np
import pytest

from tf_textgan.metrics import diversity

SENTENCES = ["a b a".split(), "a b c".split(), "a b a".split(), ["d"]]


def random_sentences(seed, num, longest=9):
  generator = np.random.default_rng(seed)
  return [tuple(generator.integers(4, size=generator.integers(longest + 1)).tolist()) for _ in range(num)]


def slow_counts(sentences, order):
  return collections.Counter(gram for sentence in sentences for gram in diversity.ngrams(tuple(sentence), order))


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
  # A part of a sentence is not a copy.
  assert diversity.copied_share([("a", "b")], [("a", "b", "c")]) == 0.0


def test_the_divergence_of_a_sample_from_itself_is_0():
  assert diversity.js_divergence(SENTENCES, SENTENCES[::-1] * 2, 2) == pytest.approx(0.0, abs=1e-12)


def test_the_divergence_of_disjoint_samples_is_log_2():
  assert diversity.js_divergence(["ab", "abb"], ["cd"], 1) == pytest.approx(math.log(2))
  assert diversity.js_divergence(["ab"], ["ba"], 2) == pytest.approx(math.log(2))


def test_the_divergence_by_hand():
  # p = (3/4, 1/4), q = (1/4, 3/4): each is 1/4 log(1/2) + 3/4 log(3/2) from the middle.
  assert diversity.js_divergence(["aaab"], ["abbb"], 1) == pytest.approx(0.25 * math.log(0.5) + 0.75 * math.log(1.5))
  assert diversity.js_divergence(["aab"], ["b"], 1) == diversity.js_divergence(["b"], ["aab"], 1)


def test_the_divergence_of_too_short_sentences_is_nan():
  assert math.isnan(diversity.js_divergence(["ab"], ["a"], 2))


def test_counts_equal_a_counter():
  samples = [random_sentences(0, 40), random_sentences(1, 30), []]
  tables = diversity.count_ngrams(samples, 6)
  for order, table in enumerate(tables, 1):
    expected = [slow_counts(sample, order) for sample in samples]
    grams = set().union(*expected)
    assert table.shape == (3, len(grams))
    assert sorted(table.T.tolist()) == sorted([count[gram] for count in expected] for gram in grams)


def test_too_short_sentences_have_no_counts():
  assert [table.shape for table in diversity.count_ngrams([["ab"], ["c"]], 3)] == [(2, 3), (2, 1), (2, 0)]
  assert diversity.count_ngrams([[]], 1)[0].shape == (1, 0)


def test_rows_of_an_array_are_sentences():
  assert diversity.distinct(np.array([[1, 2, 1], [1, 2, 3]]), 2) == 3 / 4


def test_entropy_by_hand():
  # Unigrams a 5, b 3, c 1, d 1 of ten; bigrams ab 3, ba 2, bc 1 of six.
  expected = -(0.5 * math.log(0.5) + 0.3 * math.log(0.3) + 0.2 * math.log(0.1))
  assert diversity.ngram_entropy(SENTENCES, 1) == pytest.approx(expected)
  assert diversity.ngram_entropy(SENTENCES, 2) == pytest.approx(math.log(2) / 2 + math.log(3) / 3 + math.log(6) / 6)
  assert diversity.ngram_entropy(["aaa"], 2) == 0.0
  assert math.isnan(diversity.ngram_entropy(SENTENCES, 4))


def test_ms_jaccard_by_hand():
  # Counts per sentence: ours a 2, b 1, ab 1, ba 1, aba 1; theirs a 1/2, b 1, c 1/2, ab 1/2, bc 1/2. Overlaps: 1.5 of 3.5 and 0.5 of 2.5.
  scores = diversity.ms_jaccard(["aba"], ["ab", "bc"], 3)
  assert scores == pytest.approx({2: math.sqrt(1.5 / 3.5 * 0.5 / 2.5), 3: 0.0})


def test_ms_jaccard_is_its_definition():
  samples = random_sentences(2, 50), random_sentences(3, 35, longest=6)
  expected = []
  for order in range(1, 6):
    ours, theirs = (slow_counts(sample, order) for sample in samples)
    pairs = [(ours[gram] / 50, theirs[gram] / 35) for gram in ours | theirs]
    expected.append(sum(map(min, pairs)) / sum(map(max, pairs)))
  scores = diversity.ms_jaccard(*samples, 5)
  assert scores == pytest.approx({n: math.prod(expected[:n]) ** (1 / n) for n in range(2, 6)})


def test_ms_jaccard_at_its_ends():
  assert diversity.ms_jaccard(SENTENCES, SENTENCES[::-1] * 2, 3) == pytest.approx({2: 1.0, 3: 1.0})
  assert diversity.ms_jaccard(["ab"], ["cd"], 2) == {2: 0.0}
  assert math.isnan(diversity.ms_jaccard(["ab"], ["ab"], 3)[3])


def test_flags_agree_with_the_fractions():
  assert diversity.duplicate_flags(SENTENCES).tolist() == [False, False, True, False]
  assert diversity.copied_flags(SENTENCES, [("a", "b", "a"), ("x",)]).tolist() == [True, False, True, False]


def test_longest_copied_by_hand():
  training = ["a b c d".split(), "c a".split()]
  # "d c" crosses the boundary of two training sentences.
  sentences = ["x b c x a b c".split(), "d c".split(), "a b c d".split(), "a b c d e".split(), ["x"], [], "c a a".split()]
  assert diversity.longest_copied(sentences, training).tolist() == [3, 1, 4, 4, 0, 0, 2]
  assert diversity.longest_copied(sentences, []).tolist() == [0] * 7
  assert diversity.longest_copied([], training).tolist() == []


def test_longest_copied_equals_a_search():
  sentences, training = random_sentences(4, 60, longest=12), random_sentences(5, 20, longest=12)
  known = {gram for sentence in training for order in range(1, 13) for gram in diversity.ngrams(sentence, order)}
  runs = [[gram for order in range(1, 13) for gram in diversity.ngrams(sentence, order) if gram in known] for sentence in sentences]
  expected = [max(map(len, found), default=0) for found in runs]
  assert diversity.longest_copied(sentences, training).tolist() == expected
  assert len(set(expected)) > 3


def test_leaving_out_groups_equals_counting_again():
  samples = random_sentences(6, 60), random_sentences(7, 20)
  ngrams = diversity.NGrams(samples, 4)
  bounds = np.cumsum([0] + [len(group) for group in np.array_split(np.arange(60), 25)])
  for (tables, num), first, last in zip(ngrams.without_groups(), bounds[:-1], bounds[1:]):
    left = samples[0][:first] + samples[0][last:]
    assert num == len(left)
    for order, table in enumerate(tables, 1):
      expected = diversity.count_ngrams([left, samples[1]], 4)[order - 1]
      # The n-grams of the group alone have the count 0 here.
      assert sorted(map(tuple, table[:, table.any(axis=0)].T.tolist())) == sorted(map(tuple, expected.T.tolist()))
