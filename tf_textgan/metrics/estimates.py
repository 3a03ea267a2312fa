"""Numbers that say how far they can be trusted: a value, the size of the sample behind it, a confidence interval."""

from typing import NamedTuple

import numpy as np

# Resamples of a bootstrap; enough for the second digit of an interval's width.
_RESAMPLES = 1000
# Numbers of one block of resampling: bounds the memory.
_BLOCK = 2_000_000
# Standard errors on each side of a normal 95 % interval.
NORMAL = 1.96


class Estimate(NamedTuple):
  """A number and its trust.

  Attributes:
    value: the number.
    n: independent items (sentences, mostly) that it was computed from.
    ci: half the width of the 95 % confidence interval; None where the number is no average.
  """

  value: float
  n: int
  ci: float | None = None


def mean(values, weights=None, seed=0):
  """The mean of a sample, with a bootstrap interval (Efron, 1979: percentiles of the means of samples drawn from the sample).

  Args:
    values: float `[N]`, one number for each independent item.
    weights: float `[N]`; the result is sum(values) / sum(weights), as for nats per token from nats and tokens of each sentence. None for ones.
    seed: integer, of the resampling.

  Returns:
    `Estimate`; NaN of an empty sample; infinite, with a ci of NaN, if a value is.
  """
  values = np.asarray(values, np.float64)
  n = len(values)
  weights = np.ones(n) if weights is None else np.asarray(weights, np.float64)
  if not n or not weights.sum():
    return Estimate(float("nan"), n, float("nan"))
  value = float(values.sum() / weights.sum())
  if np.isinf(values).any():
    return Estimate(value, n, float("nan"))
  return Estimate(value, n, _half_width(resampled(_ratio, values, weights, seed=seed)))


def of_two(real_statistic, real, fake_statistic, fake, combine, seed=0):
  """A number made of a statistic of each of two independent samples; the bootstrap draws from both.

  Args:
    real_statistic, fake_statistic: functions of a sample `[..., N]`, giving `[...]`.
    real: float `[N]`.
    fake: float `[M]`.
    combine: function of the two statistics.
    seed: integer.

  Returns:
    `Estimate`; its n is N + M.
  """
  # Two seeds: the samples are independent, and so must be their resamples.
  seeds = np.random.SeedSequence(seed).spawn(2)
  parts = [resampled(statistic, x, seed=s) for statistic, x, s in zip((real_statistic, fake_statistic), (real, fake), seeds)]
  value = combine(real_statistic(real), fake_statistic(fake))
  return Estimate(float(value), len(real) + len(fake), _half_width(combine(*parts)))


def row_means(values):
  """The mean of a sample, or of each of some resamples, for `of_two`: float `[..., N]` to `[...]`."""
  return values.mean(axis=-1)


def resampled(statistic, *columns, seed=0):
  """A statistic of samples drawn, with replacement, from a sample.

  Args:
    statistic: function of the columns, each `[R, N]`, giving `[R]`.
    *columns: numbers of the same N items, each `[N]`; one item's numbers stay together.
    seed: integer.

  Returns:
    float64 `[1000]`, the statistic of as many resamples.
  """
  generator = np.random.default_rng(seed)
  n = len(columns[0])
  results = []
  rows = max(1, _BLOCK // n)
  for first in range(0, _RESAMPLES, rows):
    chosen = generator.integers(n, size=(min(rows, _RESAMPLES - first), n), dtype=np.int32)
    results.append(statistic(*(np.asarray(column)[chosen] for column in columns)))
  return np.concatenate(results)


def tie(one, other):
  """Whether two estimates of independent samples cannot be told apart: their difference is within its own 95 % interval.

  Args:
    one, other: `Estimate`.

  Returns:
    bool; False if either has no interval.
  """
  if one.ci is None or other.ci is None:
    return False
  return abs(one.value - other.value) <= (one.ci**2 + other.ci**2) ** 0.5


def flatten(estimates):
  """A flat dictionary of numbers: of `bleu_5` also `bleu_5_n` and, where there is an interval, `bleu_5_ci`; plain numbers stay as they are."""
  flat = {}
  for name, estimate in estimates.items():
    if not isinstance(estimate, Estimate):
      flat[name] = estimate
      continue
    flat[name] = estimate.value
    flat[f"{name}_n"] = estimate.n
    if estimate.ci is not None:
      flat[f"{name}_ci"] = estimate.ci
  return flat


def _ratio(values, weights):
  return values.sum(axis=-1) / weights.sum(axis=-1)


def _half_width(statistics):
  low, high = np.percentile(statistics, [2.5, 97.5])
  return float(high - low) / 2.0
