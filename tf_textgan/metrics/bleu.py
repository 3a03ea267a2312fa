"""BLEU and Self-BLEU, exact: each sentence against all the references (Papineni et al., 2002, https://aclanthology.org/P02-1040).

  BLEU-n(h) = brevity(h) * prod_{k=1..n} p_k(h)^(1/n),   brevity(h) = min(1, exp(1 - r / |h|)),
  p_k(h) = sum_g min(count of g in h, largest count of g in one reference) / (number of k-grams in h),

g over the distinct k-grams of h, r the reference length closest to |h|, the shorter of two as close. An order without a match counts 0.1
matches (Chen and Cherry's first smoothing, 2014, https://aclanthology.org/W14-3346), an order without k-grams 0.1 of one, and a sentence
without a single known token scores 0. These are the numbers of NLTK's `sentence_bleu` with `SmoothingFunction().method1`.

Sentences are sequences of hashable tokens, words or ids, without padding.
"""

from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates
from tf_textgan.metrics import numbering

ORDERS = (2, 3, 4, 5)

# What an order without a match counts for.
_EPSILON = 0.1


class Protocol(NamedTuple):
  """Which sentences a publication scores against which.

  Attributes:
    hypotheses: sentences that BLEU scores, the first so many of the sample; None for all.
    references: references of BLEU, the first so many; None for all.
    self_hypotheses: sentences that Self-BLEU scores, the first so many of the sample; None for all.
    self_references: the slice of the sample that Self-BLEU scores them against.
    leave_one_out: whether a sentence's own place among Self-BLEU's references is left out; `self_references` then starts at 0.
    self_orders: the orders of Self-BLEU.
  """

  hypotheses: int | None = None
  references: int | None = None
  self_hypotheses: int | None = None
  self_references: slice = slice(None)
  leave_one_out: bool = True
  self_orders: tuple[int, ...] = ORDERS


PROTOCOLS = {
  # Ours: every sentence against every reference, and against every other sentence.
  "full": Protocol(),
  # The tables of Texygen, https://arxiv.org/abs/1802.01886. Its code cuts the saved text into words anew; here the tokens are the sample's own.
  "texygen": Protocol(),
  # Texygen's scores during training. Its code keeps the references of the first call for good; here they are always those given.
  "texygen_fast": Protocol(references=500, self_references=slice(500)),
  # RelGAN, https://openreview.net/forum?id=rJedV3R5tm, by https://github.com/weilinie/RelGAN (some of its versions score 200 with BLEU too).
  # Self-BLEU there finds each sentence among its own references, so it is 1 for all but the shortest.
  "relgan": Protocol(hypotheses=100, self_hypotheses=200, leave_one_out=False),
  # TextGAN-PyTorch, https://github.com/williamSYSU/TextGAN-PyTorch. It rounds to 3 decimals, which is left out here, and draws 200 more
  # sentences for Self-BLEU to score against the sample; here these are the first 200 of the sample, scored against its remaining ones.
  "textgan_pytorch": Protocol(
    hypotheses=200, self_hypotheses=200, self_references=slice(200, None), leave_one_out=False, self_orders=(2, 3, 4)
  ),
}


def bleu(hypotheses, references, orders=ORDERS):
  """Scores each hypothesis against all the references.

  Args:
    hypotheses: N sentences.
    references: sentences, at least one.
    orders: the n of each BLEU-n, 1 or more.

  Returns:
    float64 `[N, len(orders)]`, from 0 to 1.

  Raises:
    ValueError: there is no reference, or an order below 1.
  """
  if not len(references):
    raise ValueError("BLEU needs at least one reference, and there is none")
  return _scores([*hypotheses, *references], len(hypotheses), len(hypotheses), orders)


def self_bleu(sentences, orders=ORDERS, num=None):
  """Scores each sentence against all the others of the sample: how alike they are (Zhu et al., 2018, https://arxiv.org/abs/1802.01886).

  Just its own place is left out: a copy elsewhere is a reference. The score rises as the sample grows.

  Args:
    sentences: the sample, at least two sentences.
    orders: the n of each Self-BLEU-n, 1 or more.
    num: scores the first `num` only, still against all the others; None for all.

  Returns:
    float64 `[num, len(orders)]`, from 0 to 1.

  Raises:
    ValueError: there are fewer than two sentences, or an order below 1.
  """
  if len(sentences) < 2:
    raise ValueError(f"Self-BLEU needs at least two sentences, not {len(sentences)}")
  return _scores(sentences, len(sentences[:num]), 0, orders)


def scores(hypotheses, references, protocol="full"):
  """Averages BLEU and Self-BLEU by a published protocol.

  The intervals are those of drawing other hypotheses, each scored against the same references, which are held fixed; so are the other
  sentences of Self-BLEU. They say nothing of another training run.

  Args:
    hypotheses: the sample, sentences. A protocol's number larger than the sample takes all there are; the estimates' `n` tells.
    references: sentences.
    protocol: one of `PROTOCOLS`.

  Returns:
    Dictionary of `estimates.Estimate`: `bleu_2` to `bleu_5`, and `self_bleu_2` to the last of the protocol's orders.

  Raises:
    ValueError: the protocol is unknown, or leaves nothing to score against.
  """
  if protocol not in PROTOCOLS:
    raise ValueError(f"the protocol must be one of {', '.join(PROTOCOLS)}, not {protocol!r}")
  chosen = PROTOCOLS[protocol]
  against_references = bleu(hypotheses[: chosen.hypotheses], references[: chosen.references])
  sample = hypotheses[chosen.self_references]
  if chosen.leave_one_out:
    against_sample = self_bleu(sample, chosen.self_orders, chosen.self_hypotheses)
  else:
    against_sample = bleu(hypotheses[: chosen.self_hypotheses], sample, chosen.self_orders)
  columns = {f"bleu_{order}": column for order, column in zip(ORDERS, against_references.T)}
  columns |= {f"self_bleu_{order}": column for order, column in zip(chosen.self_orders, against_sample.T)}
  return {name: estimates.mean(column) for name, column in columns.items()}


def _scores(sentences, num, first, orders):
  """Scores sentences against sentences of the same list.

  Args:
    sentences: hypotheses and references.
    num: the first so many are the hypotheses.
    first: index of the first reference. If it is 0, a hypothesis is a reference of all but itself; otherwise it is `num`.
    orders: integers.

  Returns:
    float64 `[num, len(orders)]`.
  """
  if min(orders) < 1:
    raise ValueError(f"the orders of BLEU must be 1 or more, not {min(orders)}")
  lengths = np.array([len(sentence) for sentence in sentences])
  text = numbering.number(sentences)
  positions, grams = np.arange(len(text.tokens)), text.tokens
  log_precisions = np.empty([num, max(orders)])
  for order in range(1, max(orders) + 1):
    if order > 1:
      positions, grams = numbering.lengthen(text, positions, grams, order)
    matches = _matches(grams, text.sentence[positions], len(sentences), num, first)
    if order == 1:
      known = matches > 0
    log_precisions[:, order - 1] = np.log(np.where(matches, matches, _EPSILON) / np.maximum(lengths[:num] - order + 1, 1))

  log_means = np.cumsum(log_precisions, axis=1) / np.arange(1, max(orders) + 1)
  log_brevities = np.minimum(1.0 - _closest(lengths, num, first) / np.maximum(lengths[:num], 1), 0.0)
  return known[:, None] * np.exp(log_brevities[:, None] + log_means[:, [order - 1 for order in orders]])


def _matches(grams, owners, size, num, first):
  """Clipped counts.

  Args:
    grams: int `[P]`, the id of the n-gram at each place.
    owners: int `[P]`, the sentence that it is in.
    size: sentences in all.
    num, first: as of `_scores`.

  Returns:
    float64 `[num]`, n-grams of each hypothesis that a reference matches.
  """
  pairs, counts = np.unique(grams * size + owners, return_counts=True)
  grams, owners = np.divmod(pairs, size)
  # Of each n-gram: the largest count in one reference, which reference that is, and the largest count in any other.
  references = owners >= first
  gram, owner, count = grams[references], owners[references], counts[references]
  largest, holder, second = np.zeros([3, np.max(grams, initial=-1) + 1], np.int64)
  np.maximum.at(largest, gram, count)
  holders = count == largest[gram]
  holder[gram[holders]] = owner[holders]
  others = holder[gram] != owner
  np.maximum.at(second, gram[others], count[others])

  hypotheses = owners < num
  gram, owner, count = grams[hypotheses], owners[hypotheses], counts[hypotheses]
  # Of an n-gram in no reference both are 0.
  limit = np.where(holder[gram] == owner, second[gram], largest[gram])
  return np.bincount(owner, np.minimum(count, limit), num)


def _closest(lengths, num, first):
  """The length of the reference closest in length to each hypothesis, the shorter of two as close: int `[num]`."""
  available, counts = np.unique(lengths[first:], return_counts=True)
  wanted, places = np.unique(lengths[:num], return_inverse=True)
  closest = np.empty_like(wanted)
  for i, length in enumerate(wanted):
    # A hypothesis that is a reference itself has its own length from another sentence only.
    others = available[counts > (available == length)] if first < num else available
    closest[i] = others[np.argmin(np.abs(others - length))]
  return closest[places]
