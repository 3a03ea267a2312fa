"""Estimates: a value with its sample size and its confidence interval."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import math
from typing import Any
from typing import NamedTuple

import numpy as np

# Bootstrap resamples; enough for two digits of an interval's width.
_RESAMPLES = 1000
# Groups of a jackknife: the relative error of its standard error is about 1 / sqrt(2 * groups).
_GROUPS = 25
# Numbers resampled at a time, which bounds the memory.
_BLOCK = 2_000_000
# Standard errors on each side of a normal 95 % interval.
NORMAL = 1.96


@dataclasses.dataclass(frozen=True, eq=False)
class Items:
  """Numbers of items that the estimates of several systems share, such as the real sentences that each of them scores.

  Attributes:
    values, weights: float64 `[N]`; the estimate is sum(values) / sum(weights). Estimates of the same items have equal weights.
  """

  values: np.ndarray
  weights: np.ndarray

  def __eq__(self, other: Any) -> bool:
    return isinstance(other, Items) and self.same_as(other) and np.array_equal(self.values, other.values)

  def same_as(self, other: "Items | None") -> bool:
    """Whether these are numbers of the same items."""
    return other is not None and np.array_equal(self.weights, other.weights)


class Estimate(NamedTuple):
  """A value with its sample size and confidence interval.

  Attributes:
    value: the number.
    n: number of independent items, mostly sentences, behind it.
    ci: half width of the 95 % confidence interval; None if it is unknown.
    shared: `Items` that other systems' estimates share, so that a difference is computed item by item; None if the samples are the system's own.
    own_ci: half width of the part of the interval that is not due to the choice of the shared items; without such items all of it is.
  """

  value: float
  n: int
  ci: float | None = None
  shared: Items | None = None
  own_ci: float = 0.0


def mean(values: np.ndarray, weights: np.ndarray | None = None, seed: int = 0, shared: bool = False) -> Estimate:
  """Computes the mean of a sample with a bootstrap interval (Efron, 1979, percentile method).

  Args:
    values: float `[N]`, one per independent item.
    weights: float `[N]`; the result is sum(values) / sum(weights), such as nats per token from the nats and tokens of each sentence. None for ones.
    seed: of the bootstrap.
    shared: whether other systems' estimates are of the same items: see `Estimate.shared`.

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
  ci = _half_width(resampled(_ratio, values, weights, seed=seed))
  return Estimate(value, n, ci, Items(values, weights) if shared else None)


def share(flags: np.ndarray) -> Estimate:
  """Computes the fraction of items with a flag, with a Wilson interval (1927), which is right near 0 and 1 too, where a bootstrap has no width.

  Args:
    flags: bool `[N]`, or numbers from 0 to 1, such as a half for a tie.

  Returns:
    Estimate, NaN for an empty sample. Wilson's interval is not symmetric: `ci` is the distance to its farther end.
  """
  flags = np.asarray(flags, np.float64)
  n = len(flags)
  if not n:
    return Estimate(float("nan"), 0, float("nan"))
  value, spread = float(flags.mean()), NORMAL**2 / n
  centre = (value + spread / 2) / (1 + spread)
  half = math.sqrt(value * (1 - value) * spread + spread**2 / 4) / (1 + spread)
  return Estimate(value, n, abs(value - centre) + half)


def groups(items: np.ndarray) -> list[np.ndarray]:
  """Splits items `[N, ...]` into at most 25 groups of a jackknife: consecutive items, so that dependent ones stay together."""
  return np.array_split(items, min(_GROUPS, len(items)))


def with_jackknife(estimate: Estimate, values: np.ndarray) -> Estimate:
  """Widens an estimate's interval by an independent source of error, found by a delete-group jackknife (Efron and Stein, 1981).

  Args:
    estimate: its interval covers all other sources; None counts as 0.
    values: float `[G]`, the value without each of G groups of items in turn; fewer than 2 leave the interval unknown.

  Returns:
    Estimate.
  """
  if len(values) < 2:
    return estimate._replace(ci=None)
  own = NORMAL * math.sqrt((len(values) - 1) * np.var(values))
  return estimate._replace(ci=math.hypot(estimate.ci or 0.0, own), own_ci=math.hypot(estimate.own_ci, own))


def deviation(values: np.ndarray, seed: int = 0) -> Estimate:
  """Computes the standard deviation of a sample, float `[N]`, with a bootstrap interval."""
  return Estimate(float(np.std(values)), len(values), _half_width(resampled(lambda x: x.std(axis=-1), values, seed=seed)))


def percentile(values: np.ndarray, percent: float) -> Estimate:
  """Computes a percentile of a sample, float `[N]`, with the binomial interval of its rank, which is right for integers too.

  The interval is not symmetric: `ci` is the distance to its farther end.
  """
  ends = percent + NORMAL * np.sqrt(percent * (100 - percent) / len(values)) * np.array([-1, 1])
  value, low, high = np.percentile(values, [percent, *np.clip(ends, 0, 100)], method="inverted_cdf").tolist()
  return Estimate(value, len(values), max(value - low, high - value))


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


def difference(one: Estimate, other: Estimate) -> Estimate:
  """Computes one estimate minus another, of two systems, with its interval.

  Errors due to items that both share are computed item by item, so that they cancel where both systems do alike; all other errors are independent.

  Returns:
    Estimate with the smaller n; its interval is None if one of the two has none.
  """
  value, n = one.value - other.value, min(one.n, other.n)
  if one.ci is None or other.ci is None:
    return Estimate(value, n)
  if one.shared is None or not one.shared.same_as(other.shared):
    return Estimate(value, n, math.hypot(one.ci, other.ci))
  values = resampled(lambda x, y, weights: _ratio(x, weights) - _ratio(y, weights), one.shared.values, other.shared.values, one.shared.weights)
  return Estimate(value, n, math.hypot(_half_width(values), one.own_ci, other.own_ci))


def tie(one: Estimate, other: Estimate) -> bool:
  """Returns whether two estimates are indistinguishable: their `difference` lies within its 95 % interval. False without an interval."""
  gap = difference(one, other)
  return gap.ci is not None and abs(gap.value) <= gap.ci


def errors(estimates: Sequence[Estimate], seed: int = 0) -> np.ndarray:
  """Draws random errors of several estimates together: those of shared items by resampling the items, the same in each; all others are normal.

  Args:
    estimates: K estimates; one without an interval counts as exact.
    seed: integer.

  Returns:
    float64 `[1000, K]`.
  """
  generator = np.random.default_rng(seed)
  widths = np.array([(estimate.ci if estimate.shared is None else estimate.own_ci) or 0.0 for estimate in estimates])
  drawn = np.nan_to_num(widths) / NORMAL * generator.standard_normal((_RESAMPLES, len(estimates)))
  left = [i for i, estimate in enumerate(estimates) if estimate.shared is not None]
  while left:
    alike = [i for i in left if estimates[i].shared.same_as(estimates[left[0]].shared)]
    left = [i for i in left if i not in alike]
    weights = estimates[alike[0]].shared.weights
    table = np.stack([estimates[i].shared.values for i in alike])
    item_seed = generator.integers(2**31)
    resamples = _sums(np.concatenate([table, weights[None]]), item_seed)
    drawn[:, alike] += resamples[:, :-1] / resamples[:, -1:] - table.sum(axis=1) / weights.sum()
  return drawn


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


def _sums(table, seed):
  """The sums of each of K rows over resamples of the N columns: float64 `[K, N]` to `[1000, K]`."""
  generator = np.random.default_rng(seed)
  n = table.shape[1]
  rows = max(1, _BLOCK // n)
  sums = []
  for first in range(0, _RESAMPLES, rows):
    num = min(rows, _RESAMPLES - first)
    chosen = generator.integers(n, size=(num, n), dtype=np.int64) + n * np.arange(num)[:, None]
    sums.append(np.bincount(chosen.ravel(), minlength=num * n).reshape(num, n) @ table.T)
  return np.concatenate(sums)


def _ratio(values, weights):
  return values.sum(axis=-1) / weights.sum(axis=-1)


def _half_width(statistics):
  low, high = np.percentile(statistics, [2.5, 97.5])
  return float(high - low) / 2.0
