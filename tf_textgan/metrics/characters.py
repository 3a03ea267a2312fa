"""The score of the WGAN-GP language model: divergences of character n-grams (https://arxiv.org/abs/1704.00028, section 5.4)."""

from collections.abc import Sequence
import math

from tf_textgan.metrics import diversity
from tf_textgan.metrics import estimates

# Orders of the n-grams in the paper's code.
ORDERS = (1, 2, 3, 4)


def js(texts: Sequence[str], references: Sequence[str]) -> dict[str, estimates.Estimate]:
  """Computes the Jensen-Shannon divergence of the n-gram frequencies of characters, with logarithms to base 2 as in the paper's code.

  It falls as either sample grows: compare samples of equal size, and with real text of that size.

  Args:
    texts: the sample, N strings, at least one.
    references: strings to compare with, at least one.

  Returns:
    Estimates `char_js_1` to `char_js_4`, bits: from 0 (equal) to 1 (disjoint); NaN without n-grams of that order. The intervals, jackknives over
    groups of the texts, cover the choice of the texts alone.
  """
  ngrams = diversity.NGrams([list(map(tuple, sample)) for sample in (texts, references)], max(ORDERS))
  whole = _of_counts(ngrams.counts)
  without = [_of_counts(counts) for counts, _ in ngrams.without_groups()] if len(texts) > 1 else []
  return {
    f"char_js_{order}": estimates.with_jackknife(estimates.Estimate(whole[order - 1], len(texts)), [numbers[order - 1] for numbers in without])
    for order in ORDERS
  }


def _of_counts(counts):
  return [diversity.js_divergence_of_counts(table) / math.log(2.0) for table in counts]
