"""Tests of tf_textgan.metrics.characters."""

import collections
import math

import numpy as np
import pytest

from tf_textgan.metrics import characters

TEXTS = ["the cat sat", "a dog", "the dog sat", "a", "cats and dogs"]
REFERENCES = ["the dog sat on the cat", "a cat", "no"]


def _slow(texts, references, order):
  """As in the paper's code: counts of all n-grams, Kullback-Leibler divergences from the middle, base 2."""
  counts = [collections.Counter(text[i : i + order] for text in sample for i in range(len(text) - order + 1)) for sample in (texts, references)]
  p, q = ({gram: count / sum(table.values()) for gram, count in table.items()} for table in counts)
  total = 0.0
  for own, other in ((p, q), (q, p)):
    total += 0.5 * sum(share * math.log2(share / (0.5 * (share + other.get(gram, 0.0)))) for gram, share in own.items())
  return total


@pytest.mark.parametrize("order", characters.ORDERS)
def test_the_divergence_equals_that_of_the_papers_code(order):
  found = characters.js(TEXTS, REFERENCES)[f"char_js_{order}"]
  assert found.value == pytest.approx(_slow(TEXTS, REFERENCES, order), rel=1e-6)
  assert found.n == 5 and found.ci >= 0


def test_equal_text_has_0_and_text_without_common_letters_1():
  assert {round(estimate.value, 9) for estimate in characters.js(TEXTS, TEXTS).values()} == {0.0}
  assert characters.js(["abcd"], ["efgh"])["char_js_2"].value == pytest.approx(1.0)
  assert math.isnan(characters.js(["ab"], ["efgh"])["char_js_4"].value)


def test_the_intervals_cover_the_choice_of_texts():
  random = np.random.default_rng(0)
  sample = lambda: ["".join("abcdef"[i] for i in np.minimum(random.geometric(0.4, 8) - 1, 5)) for _ in range(200)]  # noqa: E731
  references = sample()
  scored = [characters.js(sample(), references)["char_js_3"] for _ in range(40)]
  spread = 1.96 * np.std([estimate.value for estimate in scored], ddof=1)
  assert 0.6 < np.mean([estimate.ci for estimate in scored]) / spread < 1.7
