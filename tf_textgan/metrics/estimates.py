"""Estimates: a value with its sample size and its confidence interval."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

# Bootstrap resamples; enough for two digits of an interval's width.
_RESAMPLES = 1000
# Numbers resampled at a time, which bounds the memory.
_BLOCK = 2_000_000
# Standard errors on each side of a normal 95 % interval.
NORMAL = 1.96


class Estimate(NamedTuple):
  """A value with its sample size and confidence interval.

  Attributes:
    value: the number.
    n: number of independent items, mostly sentences, behind it.
    ci: half width of the 95 % confidence interval; None if the value is no mean.
  """

  value: float
  n: int
  ci: float | None = None


def mean(values: np.ndarray, weights: np.ndarray | None = None, seed: int = 0) -> Estimate:
  """Computes the mean of a sample with a bootstrap interval (Efron, 1979, percentile method).

  Args:
    values: float `[N]`, one per independent item.
    weights: float `[N]`; the result is sum(values) / sum(weights), such as nats per token from the nats and tokens of each sentence. None for ones.
    seed: of the bootstrap.

  Returns:
    Estimate; NaN for an empty sample; infinite, with ci NaN, if a value is infinite.
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


def of_two(
  real_statistic: Callable[[np.ndarray], np.ndarray],
  real: np.ndarray,
  fake_statistic: Callable[[np.ndarray], np.ndarray],
  fake: np.ndarray,
  combine: Callable[[np.ndarray, np.ndarray], np.ndarray],
  seed: int = 0,
) -> Estimate:
  """Combines statistics of two independent samples; the bootstrap resamples both.

  Args:
    real_statistic: maps `[..., N]` to `[...]`.
    real: float `[N]`.
    fake_statistic: maps `[..., M]` to `[...]`.
    fake: float `[M]`.
    combine: elementwise function of the two statistics.
    seed: of the bootstrap.

  Returns:
    Estimate with n = N + M.
  """
  # Independent samples need independent resamples, so two seeds.
  seeds = np.random.SeedSequence(seed).spawn(2)
  parts = [resampled(statistic, x, seed=s) for statistic, x, s in zip((real_statistic, fake_statistic), (real, fake), seeds)]
  value = combine(real_statistic(real), fake_statistic(fake))
  return Estimate(float(value), len(real) + len(fake), _half_width(combine(*parts)))


def row_means(values: np.ndarray) -> np.ndarray:
  """Averages a sample, or each of several resamples: float `[..., N]` to `[...]`. A statistic for `of_two`."""
  return values.mean(axis=-1)


def resampled(statistic: Callable[..., np.ndarray], *columns: np.ndarray, seed: int = 0) -> np.ndarray:
  """Computes a statistic of bootstrap resamples.

  Args:
    statistic: maps columns `[R, N]` to `[R]`.
    *columns: `[N]` each, numbers of the same N items; the numbers of an item are drawn together.
    seed: integer, or a NumPy `SeedSequence`.

  Returns:
    float64 `[1000]`, one value per resample.
  """
  generator = np.random.default_rng(seed)
  n = len(columns[0])
  results = []
  rows = max(1, _BLOCK // n)
  for first in range(0, _RESAMPLES, rows):
    chosen = generator.integers(n, size=(min(rows, _RESAMPLES - first), n), dtype=np.int32)
    results.append(statistic(*(np.asarray(column)[chosen] for column in columns)))
  return np.concatenate(results)


def tie(one: Estimate, other: Estimate) -> bool:
  """Returns whether two independent estimates are indistinguishable: their difference lies within its 95 % interval. False without an interval."""
  if one.ci is None or other.ci is None:
    return False
  return abs(one.value - other.value) <= (one.ci**2 + other.ci**2) ** 0.5


def flatten(estimates: Mapping[str, Estimate | float]) -> dict[str, float]:
  """Flattens estimates to numbers: `bleu_5` also gives `bleu_5_n` and, with an interval, `bleu_5_ci`; plain numbers are kept."""
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
