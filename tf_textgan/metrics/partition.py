"""Bounds on the likelihood of a residual energy-based model p(x) = q(x) exp f(x) / Z with Z = E_q[exp f].

log Z is estimated from the scores f of N samples of q, by T_N = log (1/N sum_i exp f(x_i)). Deng et al., https://arxiv.org/abs/2004.11714, theorem 2:

  E[T_N] <= log Z                                by Jensen's inequality, for any N;
  E[(2N - 1) T_N - 2 (N - 1) T_{N-1}] >= log Z   for all sufficiently large N, with T_{N-1} averaged over leaving one sample out.

Both converge to log Z. A wide gap, as when one sample has most of the weight, means that N is too small.
"""

import math
from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates


class Bounds(NamedTuple):
  """Lower and upper estimate whose expectations enclose a number; their intervals cover the sampling error."""

  lower: estimates.Estimate
  upper: estimates.Estimate


def log_z(scores: np.ndarray, seed: int = 0) -> Bounds:
  """Bounds log Z.

  Args:
    scores: float `[N]`, f of N >= 2 samples of q, nats.
    seed: of the bootstrap.

  Returns:
    `Bounds`, nats; the upper bound is infinite if one sample has all the weight.
  """
  return Bounds(*(_estimate(bound(np.asarray(scores, np.float64)), _resampled(bound, scores, seed), len(scores)) for bound in (_lower, _upper)))


def nll(log_probs: np.ndarray, real_scores: np.ndarray, sizes: np.ndarray, scores: np.ndarray, seed: int = 0) -> Bounds:
  """Bounds the negative log-likelihood of real sequences under p, the mean of -log q(x) - f(x) + log Z.

  Args:
    log_probs: float `[M]`, log q of the real sequences, nats.
    real_scores: float `[M]`, f of the real sequences.
    sizes: `[M]`, tokens per sequence.
    scores: float `[N]`, f of N >= 2 samples of q.
    seed: of the bootstrap.

  Returns:
    `Bounds`, nats per token. The intervals cover the sampling error of both samples; the real sequences are `shared` with other systems.
  """
  energies = -np.asarray(log_probs, np.float64) - real_scores
  sizes = np.asarray(sizes, np.float64)
  bounds = []
  for bound in log_z(scores, seed + 1):
    number = estimates.mean(energies + bound.value, sizes, seed, shared=True)
    own = bound.ci / sizes.mean()
    bounds.append(number._replace(ci=math.hypot(number.ci, own), own_ci=own))
  return Bounds(*bounds)


def _weights(scores):
  """Returns the normalized weights `[..., N]` and T_N `[...]` of scores `[..., N]`."""
  largest = scores.max(axis=-1, keepdims=True)
  weights = np.exp(scores - largest)
  total = weights.sum(axis=-1, keepdims=True)
  return weights / total, (largest + np.log(total))[..., 0] - np.log(scores.shape[-1])


def _lower(scores):
  return _weights(scores)[1]


def _upper(scores):
  shares, value = _weights(scores)
  n = scores.shape[-1]
  with np.errstate(divide="ignore"):
    # T_N - T_{N-1}: minus the log of the sum without a sample relative to the whole sum, plus the change of 1/N.
    difference = -np.log1p(-shares).mean(axis=-1) + np.log1p(-1.0 / n)
  return value + 2.0 * (n - 1) * difference


def _resampled(bound, scores, seed):
  return estimates.resampled(bound, np.asarray(scores, np.float64), seed=seed)


def _estimate(value, resampled, n):
  """Makes an `Estimate` with the interval of the resamples; ci is NaN if a resample is infinite."""
  low, high = np.percentile(resampled, [2.5, 97.5]) if np.isfinite(resampled).all() else (np.nan, np.nan)
  return estimates.Estimate(float(value), n, float(high - low) / 2.0)
