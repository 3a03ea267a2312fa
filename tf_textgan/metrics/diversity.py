"""How varied a set of sentences is, and how much of it is copied. Sentences are sequences of hashable tokens: words or ids."""

import collections
import math


def ngrams(sentence, order):
  """The n-grams of a sentence, as tuples, in order."""
  return zip(*(sentence[i:] for i in range(order)))


def distinct(sentences, order):
  """Distinct n-grams over all n-grams (Li et al., https://arxiv.org/abs/1510.03055); NaN if there are none. It falls as the sample grows."""
  counts = collections.Counter(gram for sentence in sentences for gram in ngrams(tuple(sentence), order))
  return len(counts) / counts.total() if counts else math.nan


def duplicate_share(sentences):
  """Share of the sentences that stand earlier in the sample too."""
  return 1.0 - len({tuple(sentence) for sentence in sentences}) / len(sentences)


def summary(sentences):
  """What a sample says by itself: `distinct_1` to `distinct_4` and `duplicates`, a dictionary of numbers."""
  return {f"distinct_{order}": distinct(sentences, order) for order in range(1, 5)} | {"duplicates": duplicate_share(sentences)}


def copied_share(sentences, training):
  """Share of the sentences that stand in the training set."""
  known = {tuple(sentence) for sentence in training}
  return sum(tuple(sentence) in known for sentence in sentences) / len(sentences)


def js_divergence(sentences, others, order):
  """Jensen-Shannon divergence between two samples' n-gram frequencies, in nats: from 0, alike, to log 2, nothing in common.

  The measure of the WGAN-GP language model, there on characters (https://arxiv.org/abs/1704.00028).
  """
  counts = [collections.Counter(gram for s in sample for gram in ngrams(tuple(s), order)) for sample in (sentences, others)]
  totals = [count.total() for count in counts]
  if not all(totals):
    return math.nan
  divergence = 0.0
  for gram in counts[0].keys() | counts[1].keys():
    p, q = (count[gram] / total for count, total in zip(counts, totals))
    middle = 0.5 * (p + q)
    divergence += 0.5 * sum(share * math.log(share / middle) for share in (p, q) if share)
  return divergence
