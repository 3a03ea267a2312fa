"""Bounds on the likelihood of a residual energy-based model, p(x) = q(x) exp f(x) / Z with Z = E_q[exp f].

log Z is estimated from scores f of N samples of q, by T_N = log (1/N sum_i exp f(x_i)). Deng et al., https://arxiv.org/abs/2004.11714, theorem 2:

  E[T_N] <= log Z                              by Jensen's inequality, for any N;
  E[(2N - 1) T_N - 2 (N - 1) T_{N-1}] >= log Z   for all N that are large enough, T_{N-1} being the mean over leaving one sample out.

Both converge to log Z, and their distance is how far N is from infinity: if one sample has most of the weight, it is large, and N too small.
"""

from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates


class Bounds(NamedTuple):
  """Two `estimates.Estimate`s whose expectations enclose a number; each has an interval for the chance of the samples."""

  lower: estimates.Estimate
  upper: estimates.Estimate


def log_z(scores, seed=0):
  """Bounds log Z.

  Args:
    scores: float `[N]`, f of N >= 2 samples of q, nats.
    seed: integer, of the bootstrap.

  Returns:
    `Bounds`, nats; the upper one is infinite where one sample has all the weight.
  """
  return Bounds(*(_estimate(bound(np.asarray(scores, np.float64)), _resampled(bound, scores, seed), len(scores)) for bound in (_lower, _upper)))


def nll(log_probs, real_scores, sizes, scores, seed=0):
  """Bounds the negative log-likelihood of real sequences under p: the mean of -log q(x) - f(x) + log Z.

  Args:
    log_probs: float `[M]`, log q of the real sequences, nats.
    real_scores: float `[M]`, f of them.
    sizes: `[M]`, tokens in each.
    scores: float `[N]`, f of N >= 2 samples of q.
    seed: integer, of the bootstrap.

  Returns:
    `Bounds`, nats per token. Their intervals know of the chance of both samples.
  """
  energies = -np.asarray(log_probs, np.float64) - real_scores
  sizes = np.asarray(sizes, np.float64)
  # The same rows for both: what log Z adds to each token depends on the resample's lengths.
  per_token = estimates.resampled(lambda values, weights: values.sum(axis=-1) / weights.sum(axis=-1), energies, sizes, seed=seed)
  share = estimates.resampled(lambda weights: 1.0 / weights.mean(axis=-1), sizes, seed=seed)
  bounds = []
  for bound in (_lower, _upper):
    value = energies.sum() / sizes.sum() + bound(np.asarray(scores, np.float64)) / sizes.mean()
    bounds.append(_estimate(value, per_token + share * _resampled(bound, scores, seed + 1), len(energies)))
  return Bounds(*bounds)


def _weights(scores):
  """Shares of the weight, and T_N, of scores `[..., N]`."""
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
    # T_N - T_{N-1}: what a sample adds to the sum, less that the sum is divided by one more.
    difference = -np.log1p(-shares).mean(axis=-1) + np.log1p(-1.0 / n)
  return value + 2.0 * (n - 1) * difference


def _resampled(bound, scores, seed):
  return estimates.resampled(bound, np.asarray(scores, np.float64), seed=seed)


def _estimate(value, resampled, n):
  """An `Estimate` with the spread of its resamples; NaN for an interval without end."""
  low, high = np.percentile(resampled, [2.5, 97.5]) if np.isfinite(resampled).all() else (np.nan, np.nan)
  return estimates.Estimate(float(value), n, float(high - low) / 2.0)
