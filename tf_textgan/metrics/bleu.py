"""Exact BLEU and Self-BLEU, each sentence against all references (Papineni et al., 2002, https://aclanthology.org/P02-1040).

  BLEU-n(h) = brevity(h) * prod_{k=1..n} p_k(h)^(1/n),   brevity(h) = min(1, exp(1 - r / |h|)),
  p_k(h) = sum_g min(count of g in h, largest count of g in one reference) / (number of k-grams in h),

where g runs over the distinct k-grams of h, and r is the reference length closest to |h|, the shorter one in a tie. An order without matches counts
as 0.1 matches (Chen and Cherry, 2014, first smoothing, https://aclanthology.org/W14-3346), an order without k-grams as 0.1 of 1. A sentence without
a token of the references scores 0. The numbers equal NLTK's `sentence_bleu` with `SmoothingFunction().method1`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates
from tf_textgan.metrics import numbering

ORDERS = (2, 3, 4, 5)

# Matches credited to an order without a match.
_EPSILON = 0.1


class Protocol(NamedTuple):
  """Which sentences a publication scores against which references.

  Attributes:
    hypotheses: number of sentences of the sample, from its start, that BLEU scores; None for all.
    references: number of references of BLEU, from the start; None for all.
    self_hypotheses: number of sentences of the sample, from its start, that Self-BLEU scores; None for all.
    self_references: slice of the sample that Self-BLEU uses as references.
    leave_one_out: whether Self-BLEU excludes the scored sentence from its references; requires that `self_references` starts at 0.
    self_orders: orders of Self-BLEU.
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
  # Texygen's tables, https://arxiv.org/abs/1802.01886. Its code tokenizes the saved text again; here the sample keeps its tokens.
  "texygen": Protocol(),
  # Texygen's scores during training. Its code keeps the references of the first call; here each call uses the references it is given.
  "texygen_fast": Protocol(references=500, self_references=slice(500)),
  # RelGAN, https://openreview.net/forum?id=rJedV3R5tm, after https://github.com/weilinie/RelGAN (some versions score 200 sentences with BLEU too).
  # Its Self-BLEU keeps each sentence among its own references, so the score is 1 for all but the shortest sentences.
  "relgan": Protocol(hypotheses=100, self_hypotheses=200, leave_one_out=False),
  # TextGAN-PyTorch, https://github.com/williamSYSU/TextGAN-PyTorch. Its Self-BLEU scores 200 additional sentences against the sample and rounds to 3
  # decimals; here it scores the first 200 sentences of the sample against the others, without rounding.
  "textgan_pytorch": Protocol(
    hypotheses=200, self_hypotheses=200, self_references=slice(200, None), leave_one_out=False, self_orders=(2, 3, 4)
  ),
}


def fewest(protocol: str) -> int:
  """The smallest sample that a protocol, one of `PROTOCOLS`, can score."""
  chosen = PROTOCOLS[protocol]
  return (chosen.self_references.start or 0) + (2 if chosen.leave_one_out else 1)


def bleu(hypotheses: numbering.Sentences, references: numbering.Sentences, orders: Sequence[int] = ORDERS) -> np.ndarray:
  """Scores each hypothesis against all references.

  Args:
    hypotheses: N sentences.
    references: sentences, at least one.
    orders: n of each BLEU-n, at least 1.

  Returns:
    float64 `[N, len(orders)]` in [0, 1].

  Raises:
    ValueError: without references, or for an order below 1.
  """
  if not len(references):
    raise ValueError("BLEU needs at least one reference, and there is none")
  return _scores([*hypotheses, *references], len(hypotheses), len(hypotheses), orders)


def self_bleu(sentences: numbering.Sentences, orders: Sequence[int] = ORDERS, num: int | None = None) -> np.ndarray:
  """Scores each sentence against all others of the sample, a measure of low diversity (Zhu et al., 2018, https://arxiv.org/abs/1802.01886).

  Only the sentence itself is excluded from its references; duplicates of it are kept. The score rises with the sample size.

  Args:
    sentences: the sample, at least two sentences.
    orders: n of each Self-BLEU-n, at least 1.
    num: number of sentences to score, from the start, each against all others; None for all.

  Returns:
    float64 `[num, len(orders)]` in [0, 1].

  Raises:
    ValueError: for fewer than two sentences, or an order below 1.
  """
  if len(sentences) < 2:
    raise ValueError(f"Self-BLEU needs at least two sentences, not {len(sentences)}")
  return _scores(sentences, len(sentences[:num]), 0, orders)


def scores(hypotheses: numbering.Sentences, references: numbering.Sentences, protocol: str = "full") -> dict[str, estimates.Estimate]:
  """Averages BLEU and Self-BLEU by a published protocol.

  The intervals cover the choice of hypotheses; references are held fixed. Where each sentence is also a reference of the others, the interval is a
  jackknife's over groups of sentences. They do not cover the variation between training runs.

  Args:
    hypotheses: the sample. If it is smaller than the protocol asks for, all of it is scored; see `n` of the estimates.
    references: sentences.
    protocol: one of `PROTOCOLS`.

  Returns:
    Estimates `bleu_2` to `bleu_5`, and `self_bleu_2` to the protocol's last order.

  Raises:
    ValueError: for an unknown protocol, fewer hypotheses than `fewest(protocol)`, or without references.
  """
  if protocol not in PROTOCOLS:
    raise ValueError(f"the protocol must be one of {', '.join(PROTOCOLS)}, not {protocol!r}")
  if len(hypotheses) < fewest(protocol):
    raise ValueError(f"the protocol {protocol} needs at least {fewest(protocol)} sentences, but got {len(hypotheses)}")
  chosen = PROTOCOLS[protocol]
  against_references = bleu(hypotheses[: chosen.hypotheses], references[: chosen.references])
  numbers = {f"bleu_{order}": estimates.mean(column) for order, column in zip(ORDERS, against_references.T)}
  sample = hypotheses[chosen.self_references]
  if not chosen.leave_one_out:
    against_sample = bleu(hypotheses[: chosen.self_hypotheses], sample, chosen.self_orders)
    return numbers | {f"self_bleu_{order}": estimates.mean(column) for order, column in zip(chosen.self_orders, against_sample.T)}
  values = self_bleu(sample, chosen.self_orders).mean(axis=0)
  rests = [[*sample[: group[0]], *sample[group[-1] + 1 :]] for group in estimates.groups(np.arange(len(sample)))]
  without = np.array([self_bleu(rest, chosen.self_orders).mean(axis=0) for rest in rests if len(rest) > 1]).reshape(-1, len(values))
  for order, value, column in zip(chosen.self_orders, values.tolist(), without.T):
    numbers[f"self_bleu_{order}"] = estimates.with_jackknife(estimates.Estimate(value, len(sample)), column)
  return numbers


def _scores(sentences, num, first, orders):
  """Scores sentences against sentences of the same list.

  Args:
    sentences: hypotheses and references.
    num: number of hypotheses, at the start of the list.
    first: index of the first reference: `num`, or 0 if each hypothesis is also a reference of the others.
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
  """Counts clipped matches.

  Args:
    grams: int `[P]`, id of the n-gram at each position.
    owners: int `[P]`, its sentence.
    size: number of sentences.
    num, first: see `_scores`.

  Returns:
    float64 `[num]`, number of n-grams of each hypothesis that a reference matches.
  """
  pairs, counts = np.unique(grams * size + owners, return_counts=True)
  grams, owners = np.divmod(pairs, size)
  # For each n-gram: its largest count in one reference, the index of that reference, and its largest count in the others.
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
  # Both are 0 for an n-gram of no reference.
  limit = np.where(holder[gram] == owner, second[gram], largest[gram])
  return np.bincount(owner, np.minimum(count, limit), num)


def _closest(lengths, num, first):
  """Finds the reference length closest to each hypothesis length, the shorter one in a tie: int `[num]`."""
  available, counts = np.unique(lengths[first:], return_counts=True)
  wanted, places = np.unique(lengths[:num], return_inverse=True)
  closest = np.empty_like(wanted)
  for i, length in enumerate(wanted):
    # If the hypothesis is a reference, its length counts only if another reference shares it.
    others = available[counts > (available == length)] if first < num else available
    closest[i] = others[np.argmin(np.abs(others - length))]
  return closest[places]
