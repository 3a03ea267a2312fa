"""Diversity of a set of sentences, and the part of it copied from the training set. Sentences are sequences of hashable tokens: words or ids.

N-gram statistics come in two forms: of sentences, and of counts made by `count_ngrams`, to count once for several statistics. G distinct n-grams.
"""

from collections.abc import Hashable
from collections.abc import Iterator
from collections.abc import Sequence
import math

import numpy as np
from scipy import special

from tf_textgan.metrics import estimates
from tf_textgan.metrics import numbering


def ngrams(sentence: Sequence[Hashable], order: int) -> Iterator[tuple[Hashable, ...]]:
  """Iterates over the n-grams of a sentence, as tuples, in order."""
  return zip(*(sentence[i:] for i in range(order)))


class NGrams:
  """The n-grams of several samples.

  Attributes:
    counts: for each order from 1, int64 `[S, G]`: occurrences of the order's G distinct n-grams in each of S samples. G may be 0.
  """

  def __init__(self, samples: Sequence[numbering.Sentences], max_order: int):
    """Finds the n-grams.

    Args:
      samples: S lists of sentences.
      max_order: length of the longest n-grams.
    """
    self._first = len(samples[0])
    text = numbering.number([sentence for sample in samples for sentence in sample])
    sample_of = np.repeat(np.arange(len(samples)), [len(sample) for sample in samples])[text.sentence]
    positions, ids = np.arange(len(text.tokens)), text.tokens
    self.counts, self._ids = [], []
    for order in range(1, max_order + 1):
      if order > 1:
        positions, ids = numbering.lengthen(text, positions, ids, order)
      size = int(ids.max(initial=-1)) + 1
      cells = np.bincount(sample_of[positions] * size + ids, minlength=len(samples) * size)
      self.counts.append(cells.reshape(len(samples), size))
      # The sentences of the occurrences are in order, and so are the n-grams of a group of sentences.
      self._ids.append((ids, text.sentence[positions]))

  def without_groups(self) -> Iterator[tuple[list[np.ndarray], int]]:
    """Leaves out each group of sentences of the first sample in turn: see `estimates.groups`. Yields the counts and the number of sentences left."""
    for left_out in estimates.groups(np.arange(self._first)):
      tables = []
      for table, (ids, sentence) in zip(self.counts, self._ids):
        group = ids[slice(*np.searchsorted(sentence, [left_out[0], left_out[-1] + 1]))]
        tables.append(np.concatenate([table[:1] - np.bincount(group, minlength=table.shape[1]), table[1:]]))
      yield tables, self._first - len(left_out)


def count_ngrams(samples: Sequence[numbering.Sentences], max_order: int) -> list[np.ndarray]:
  """The counts of `NGrams`."""
  return NGrams(samples, max_order).counts


def distinct(sentences: numbering.Sentences, order: int) -> float:
  """Computes the ratio of distinct n-grams to all n-grams (Li et al., https://arxiv.org/abs/1510.03055); NaN without n-grams.

  The ratio falls as the sample grows.
  """
  return distinct_of_counts(count_ngrams([sentences], order)[-1][0])


def distinct_of_counts(counts: np.ndarray) -> float:
  """Computes `distinct` from counts, int `[G]`, of one sample and order."""
  total = int(counts.sum())
  return int(np.count_nonzero(counts)) / total if total else math.nan


def ngram_entropy(sentences: numbering.Sentences, order: int) -> float:
  """Computes the entropy of the sample's n-gram frequencies, in nats; NaN without n-grams.

  It grows with the sample, up to the entropy of the distribution.
  """
  return ngram_entropy_of_counts(count_ngrams([sentences], order)[-1][0])


def ngram_entropy_of_counts(counts: np.ndarray) -> float:
  """Computes `ngram_entropy` from counts, int `[G]`, of one sample and order."""
  counts = counts[counts > 0]
  if not len(counts):
    return math.nan
  shares = counts / counts.sum()
  return float(np.sum(shares * -np.log(shares)))


def js_divergence(sentences: numbering.Sentences, others: numbering.Sentences, order: int) -> float:
  """Computes the Jensen-Shannon divergence of two samples' n-gram frequencies, in nats: from 0 (equal) to log 2 (disjoint).

  Used for the WGAN-GP language model, there on characters (https://arxiv.org/abs/1704.00028). NaN if a sample has no n-grams.
  """
  return js_divergence_of_counts(count_ngrams([sentences, others], order)[-1])


def js_divergence_of_counts(counts: np.ndarray) -> float:
  """Computes `js_divergence` from counts, int `[2, G]`, of two samples and one order."""
  totals = counts.sum(axis=1, keepdims=True)
  if not totals.all():
    return math.nan
  shares = counts / totals
  return 0.5 * float(special.rel_entr(shares, shares.mean(axis=0)).sum())


def ms_jaccard(sentences: numbering.Sentences, references: numbering.Sentences, max_order: int) -> dict[int, float]:
  """Computes MS-Jaccard, the overlap of two samples' n-grams, from 0 (disjoint) to 1 (equal counts); it depends on quality and diversity.

  With c_1 and c_2 the occurrences of an n-gram g in each sample, divided by the sample's number of sentences,

    MS-Jaccard-N = (prod_{n=1}^N sum_g min(c_1(g), c_2(g)) / sum_g max(c_1(g), c_2(g)))^(1/N).

  Montahaei et al., https://arxiv.org/abs/1904.03971. It grows with the sizes of the samples.

  Args:
    sentences, references: the two samples.
    max_order: the largest N.

  Returns:
    MS-Jaccard-N for each N from 2 to `max_order`; NaN from the first order on for which neither sample has n-grams.
  """
  return ms_jaccard_of_counts(count_ngrams([sentences, references], max_order), [len(sentences), len(references)])


def ms_jaccard_of_counts(counts: Sequence[np.ndarray], sizes: Sequence[int]) -> dict[int, float]:
  """Computes `ms_jaccard` from counts.

  Args:
    counts: int `[2, G]` for each order from 1.
    sizes: number of sentences of each sample.

  Returns:
    As `ms_jaccard`.
  """
  scores = []
  for table in counts:
    shares = table / np.reshape(sizes, [2, 1])
    most = shares.max(axis=0).sum()
    scores.append(float(shares.min(axis=0).sum() / most) if most else math.nan)
  return {order: math.prod(scores[:order]) ** (1 / order) for order in range(2, len(counts) + 1)}


def duplicate_flags(sentences: numbering.Sentences) -> np.ndarray:
  """Marks sentences that also occur earlier in the sample: bool `[N]`."""
  seen = set()
  flags = []
  for sentence in map(tuple, sentences):
    flags.append(sentence in seen)
    seen.add(sentence)
  return np.array(flags, bool)


def duplicate_share(sentences: numbering.Sentences) -> float:
  """Computes the fraction of sentences that also occur earlier in the sample."""
  return int(duplicate_flags(sentences).sum()) / len(sentences)


def summary(sentences: numbering.Sentences) -> dict[str, float]:
  """Computes `distinct_1` to `distinct_4` and `duplicates`, the statistics that need no other text."""
  counts = count_ngrams([sentences], 4)
  return {f"distinct_{order}": distinct_of_counts(table[0]) for order, table in enumerate(counts, 1)} | {"duplicates": duplicate_share(sentences)}


def copied_flags(sentences: numbering.Sentences, training: numbering.Sentences) -> np.ndarray:
  """Marks sentences that occur in the training set: bool `[N]`."""
  known = {tuple(sentence) for sentence in training}
  return np.array([tuple(sentence) in known for sentence in sentences], bool)


def copied_share(sentences: numbering.Sentences, training: numbering.Sentences) -> float:
  """Computes the fraction of sentences that occur in the training set."""
  return int(copied_flags(sentences, training).sum()) / len(sentences)


def longest_copied(sentences: numbering.Sentences, training: numbering.Sentences) -> np.ndarray:
  """Computes the length of each sentence's longest n-gram that occurs in a sentence of the training set: int64 `[N]`, tokens."""
  text = numbering.number([*sentences, *training])
  positions, ids = np.arange(len(text.tokens)), text.tokens
  longest = np.zeros(len(sentences), np.int64)
  order = 1
  while len(positions):
    ours = text.sentence[positions] < len(sentences)
    size = int(ids.max()) + 1
    # Only common n-grams can be prefixes of longer common n-grams.
    common = (np.bincount(ids[ours], minlength=size) > 0) & (np.bincount(ids[~ours], minlength=size) > 0)
    kept = common[ids]
    longest[text.sentence[positions[kept & ours]]] = order
    order += 1
    positions, ids = numbering.lengthen(text, positions[kept], ids[kept], order)
  return longest
