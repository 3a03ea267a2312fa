"""Learns a unigram language model of pieces: expectation maximization, and pruning of the pieces that text loses least without.

Kudo, 2018, https://arxiv.org/abs/1804.10959, section 3.2. Sums are made in the order of the words, so that the same words give the same model.
Letters: W different words, P pieces; a node is a place between two letters of a word, an edge a piece that stands between two nodes.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.special

# Expectation maximizations between two prunings, as in SentencePiece.
_ITERATIONS = 2
# Share of the pieces that a pruning keeps; section 3.2 has 80 %, SentencePiece 75 %.
_KEPT = 0.75
# A single letter counts as often at least, because it always stays: any word must have pieces.
_LEAST = 0.5


def learn(words: Mapping[str, int], seeds: Sequence[str], num: int) -> dict[str, float]:
  """Learns the model.

  Args:
    words: word to how often it is seen.
    seeds: the pieces to prune from, all letters of the words among them.
    num: how many of them stay at most; single letters always do.

  Returns:
    Piece to log-probability, nats.
  """
  counts = np.array(list(words.values()), float)
  lattice, own = _Lattice(list(words), seeds), _Lattice(seeds, seeds, whole=False)
  single = np.array([len(seed) == 1 for seed in seeds])
  scores = _log_shares(np.maximum(lattice.seen(counts), _LEAST), np.ones(len(seeds), bool))
  kept, num = np.ones(len(seeds), bool), max(num, int(single.sum()))
  while True:
    for _ in range(_ITERATIONS):
      expected = lattice.expected(scores, counts)
      expected[single] = np.maximum(expected[single], _LEAST)
      kept &= expected >= _LEAST
      scores = _log_shares(expected, kept)
    size = int(kept.sum())
    if size <= num:
      return {seed: float(scores[i]) for i, seed in enumerate(seeds) if kept[i]}
    # To first order, what the text's log-probability loses if a piece gives way to the best other pieces.
    loss, some = np.where(single, np.inf, -np.inf), kept & ~single
    loss[some] = expected[some] * (scores - own.best(scores))[some]
    kept[np.argsort(-loss, kind="stable")[max(num, int(_KEPT * size)) :]] = False
    scores = np.where(kept, scores, -np.inf)


def _log_shares(expected, kept):
  """Log-probabilities of pieces that are expected so often, by variational Bayes with a sparse prior, as SentencePiece has them; -inf if not kept."""
  return np.where(kept, scipy.special.digamma(np.maximum(expected, _LEAST)) - scipy.special.digamma(expected[kept].sum()), -np.inf)


class _Lattice:
  """All ways to cut words into pieces."""

  def __init__(self, words: Sequence[str], pieces: Sequence[str], whole: bool = True):
    """Finds the edges.

    Args:
      words: strings.
      pieces: strings, all letters of the words among them.
      whole: whether a word may be a piece itself; a word of one letter always may.
    """
    ids, longest = {piece: i for i, piece in enumerate(pieces)}, max(map(len, pieces))
    edges, self._ends, node = [], [], 0
    for word in words:
      for end in range(1, len(word) + 1):
        for start in range(max(0, end - longest), end):
          piece = ids.get(word[start:end])
          if piece is not None and (whole or end - start < len(word) or len(word) == 1):
            edges.append((end, node + start, node + end, piece))
      node += len(word) + 1
      self._ends.append(node - 1)
    self._num, self._num_pieces = node, len(pieces)
    self._sizes = np.array([len(word) for word in words])
    self._ends = np.array(self._ends)
    self._depth, self._from, self._to, self._pieces = np.array(edges, np.int64).reshape(-1, 4).T
    self._forward = _groups(self._depth, self._to)
    # Backwards, the edges from nodes that are as far from their word's start are done together, those from the last ones first.
    self._backward = _groups(-(self._depth - (self._to - self._from)), self._from)

  def seen(self, counts: np.ndarray) -> np.ndarray:
    """How often each piece is seen, at any place of words that are seen `counts` `[W]` times: float `[P]`."""
    return np.bincount(self._pieces, self._edge_counts(counts), self._num_pieces)

  def expected(self, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """How often each piece is expected in words that are seen `counts` `[W]` times, at log-probabilities `scores` `[P]`: float `[P]`."""
    values = scores[self._pieces]
    alpha = self._sweep(values, self._forward, self._from, self._to, self._ends - self._sizes, np.logaddexp)
    beta = self._sweep(values, self._backward, self._to, self._from, self._ends, np.logaddexp)
    total = np.repeat(alpha[self._ends], self._sizes + 1)
    shares = np.exp(alpha[self._from] + values + beta[self._to] - total[self._from])
    return np.bincount(self._pieces, shares * self._edge_counts(counts), self._num_pieces)

  def best(self, scores: np.ndarray) -> np.ndarray:
    """The log-probability of the best way to cut each word: float `[W]`."""
    return self._sweep(scores[self._pieces], self._forward, self._from, self._to, self._ends - self._sizes, np.maximum)[self._ends]

  def _edge_counts(self, counts):
    return np.repeat(counts, self._sizes + 1)[self._from]

  def _sweep(self, values, groups, before, after, starts, add: Any):
    """Adds up log-probabilities of ways from the nodes `starts` to each node."""
    reached = np.full(self._num, -np.inf)
    reached[starts] = 0.0
    for order, firsts in groups:
      reached[after[order[firsts]]] = add.reduceat(reached[before[order]] + values[order], firsts)
    return reached


def _groups(depth, node):
  """The edges by depth, and in it by node: for each depth the edges' numbers, and where those of another node begin."""
  order = np.lexsort((node, depth))
  groups = []
  for part in np.split(order, np.flatnonzero(np.diff(depth[order])) + 1):
    if len(part):
      groups.append((part, np.flatnonzero(np.concatenate([[True], np.diff(node[part]) != 0]))))
  return groups
