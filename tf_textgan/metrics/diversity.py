"""How varied a set of sentences is, and how much of it is copied. Sentences are sequences of hashable tokens: words or ids.

What counts n-grams has two forms: one of sentences, and one of counts as `count_ngrams` gives them, for whoever wants several numbers of one count.
"""

import math

import numpy as np

from tf_textgan.metrics import numbering


def ngrams(sentence, order):
  """The n-grams of a sentence, as tuples, in order."""
  return zip(*(sentence[i:] for i in range(order)))


def count_ngrams(samples, max_order):
  """Counts the n-grams of some samples, all orders in one go.

  Args:
    samples: S lists of sentences.
    max_order: the longest n-grams.

  Returns:
    A list, of order 1 to `max_order`, of int64 `[S, G]`: how often each of the order's G distinct n-grams stands in each sample. G may be 0.
  """
  text = numbering.number([sentence for sample in samples for sentence in sample])
  sample_of = np.repeat(np.arange(len(samples)), [len(sample) for sample in samples])[text.sentence]
  positions, ids = np.arange(len(text.tokens)), text.tokens
  counts = []
  for order in range(1, max_order + 1):
    if order > 1:
      positions, ids = numbering.lengthen(text, positions, ids, order)
    size = int(ids.max(initial=-1)) + 1
    cells = np.bincount(sample_of[positions] * size + ids, minlength=len(samples) * size)
    counts.append(cells.reshape(len(samples), size))
  return counts


def distinct(sentences, order):
  """Distinct n-grams over all n-grams (Li et al., https://arxiv.org/abs/1510.03055); NaN if there are none. It falls as the sample grows."""
  return distinct_of_counts(count_ngrams([sentences], order)[-1][0])


def distinct_of_counts(counts):
  """See `distinct`; counts: int `[G]` of one sample and order."""
  total = int(counts.sum())
  return int(np.count_nonzero(counts)) / total if total else math.nan


def ngram_entropy(sentences, order):
  """Entropy of the sample's n-gram frequencies, nats; NaN if there are none. It grows with the sample, up to that of the distribution."""
  return ngram_entropy_of_counts(count_ngrams([sentences], order)[-1][0])


def ngram_entropy_of_counts(counts):
  """See `ngram_entropy`; counts: int `[G]` of one sample and order."""
  counts = counts[counts > 0]
  if not len(counts):
    return math.nan
  shares = counts / counts.sum()
  return float(np.sum(shares * -np.log(shares)))


def js_divergence(sentences, others, order):
  """Jensen-Shannon divergence between two samples' n-gram frequencies, in nats: from 0, alike, to log 2, nothing in common.

  The measure of the WGAN-GP language model, there on characters (https://arxiv.org/abs/1704.00028).
  """
  return js_divergence_of_counts(count_ngrams([sentences, others], order)[-1])


def js_divergence_of_counts(counts):
  """See `js_divergence`; counts: int `[2, G]` of two samples and one order."""
  totals = counts.sum(axis=1, keepdims=True)
  if not totals.all():
    return math.nan
  shares = counts / totals
  ratios = shares / shares.mean(axis=0)
  return 0.5 * float(np.sum(shares * np.log(ratios, where=shares > 0, out=np.zeros_like(shares))))


def ms_jaccard(sentences, references, max_order):
  """MS-Jaccard: how much two samples' n-grams overlap, from 0, nothing in common, to 1, the same counts; it sees both quality and diversity.

  With c_1 and c_2 how often an n-gram g stands in each sample, divided by the sample's number of sentences,

    MS-Jaccard-N = (prod_{n=1}^N sum_g min(c_1(g), c_2(g)) / sum_g max(c_1(g), c_2(g)))^(1/N).

  Montahaei et al., https://arxiv.org/abs/1904.03971. It grows with the samples' sizes.

  Args:
    sentences, references: the two samples.
    max_order: the largest N.

  Returns:
    Dictionary of N, from 2 to `max_order`, to the number; NaN from the first order on of which neither sample has an n-gram.
  """
  return ms_jaccard_of_counts(count_ngrams([sentences, references], max_order), [len(sentences), len(references)])


def ms_jaccard_of_counts(counts, sizes):
  """See `ms_jaccard`; counts: those of two samples, from order 1; sizes: the samples' numbers of sentences."""
  scores = []
  for table in counts:
    shares = table / np.reshape(sizes, [2, 1])
    most = shares.max(axis=0).sum()
    scores.append(float(shares.min(axis=0).sum() / most) if most else math.nan)
  return {order: math.prod(scores[:order]) ** (1 / order) for order in range(2, len(counts) + 1)}


def duplicate_flags(sentences):
  """Which sentences stand earlier in the sample too: bool `[N]`."""
  seen = set()
  flags = []
  for sentence in map(tuple, sentences):
    flags.append(sentence in seen)
    seen.add(sentence)
  return np.array(flags, bool)


def duplicate_share(sentences):
  """Share of the sentences that stand earlier in the sample too."""
  return int(duplicate_flags(sentences).sum()) / len(sentences)


def summary(sentences):
  """What a sample says by itself: `distinct_1` to `distinct_4` and `duplicates`, a dictionary of numbers."""
  counts = count_ngrams([sentences], 4)
  return {f"distinct_{order}": distinct_of_counts(table[0]) for order, table in enumerate(counts, 1)} | {"duplicates": duplicate_share(sentences)}


def copied_flags(sentences, training):
  """Which sentences stand in the training set: bool `[N]`."""
  known = {tuple(sentence) for sentence in training}
  return np.array([tuple(sentence) in known for sentence in sentences], bool)


def copied_share(sentences, training):
  """Share of the sentences that stand in the training set."""
  return int(copied_flags(sentences, training).sum()) / len(sentences)


def longest_copied(sentences, training):
  """Tokens of each sentence's longest run that stands within some sentence of the training set: int64 `[N]`."""
  text = numbering.number([*sentences, *training])
  positions, ids = np.arange(len(text.tokens)), text.tokens
  longest = np.zeros(len(sentences), np.int64)
  order = 1
  while len(positions):
    ours = text.sentence[positions] < len(sentences)
    size = int(ids.max()) + 1
    # Only an n-gram of both sides can be the beginning of a longer one.
    common = (np.bincount(ids[ours], minlength=size) > 0) & (np.bincount(ids[~ours], minlength=size) > 0)
    kept = common[ids]
    longest[text.sentence[positions[kept & ours]]] = order
    order += 1
    positions, ids = numbering.lengthen(text, positions[kept], ids[kept], order)
  return longest


def length_summary(sentences):
  """Tokens in a sentence: `length_mean`, `length_std` (standard deviation), `length_p5`, `length_p50`, `length_p95` (percentiles), plain numbers."""
  lengths = np.array([len(sentence) for sentence in sentences])
  percentiles = {f"length_p{percent}": float(np.percentile(lengths, percent)) for percent in (5, 50, 95)}
  return {"length_mean": float(lengths.mean()), "length_std": float(lengths.std())} | percentiles
