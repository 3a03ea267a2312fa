"""Averages of log-probabilities: nats per token, the end token counted, padding not."""

from typing import NamedTuple

import numpy as np


class Average(NamedTuple):
  """Attributes: nll: mean negative log-likelihood, nats per token; possible: share of the sequences with a probability above zero."""

  nll: float
  possible: float


def average(log_probs, lengths):
  """Averages sequences' log-probabilities over their tokens.

  Args:
    log_probs: float `[N]`, of whole sequences, nats; minus infinity where impossible. Those are left out of the mean and counted apart.
    lengths: int `[N]`, tokens in each, the end token included.

  Returns:
    `Average`; its `nll` is NaN if no sequence is possible.
  """
  log_probs, lengths = np.asarray(log_probs, np.float64), np.asarray(lengths)
  possible = np.isfinite(log_probs)
  tokens = lengths[possible].sum()
  nll = float(-log_probs[possible].sum() / tokens) if tokens else float("nan")
  return Average(nll, float(possible.mean()))
