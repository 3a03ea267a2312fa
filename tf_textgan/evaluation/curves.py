"""Quality-diversity curves: the quality and diversity of a system over its sampling settings, and the comparison with a baseline's curve.

One number says little about a generator that can trade quality for diversity: a low temperature improves the first and reduces the second. Systems
are therefore compared over a sweep of settings, at equal diversity. Caccia et al., https://arxiv.org/abs/1811.02549.
"""

from collections.abc import Sequence
import math
from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates

# Differences below this are rounding errors.
_ROUNDING = 1e-9


class Point(NamedTuple):
  """One system at one setting.

  Attributes:
    setting: label of the sampling setting, such as "T 0.8"; empty for a file.
    numbers: `estimates.Estimate`s and plain numbers by metric.
  """

  setting: str
  numbers: dict[str, estimates.Estimate | float]


class Curve(NamedTuple):
  """One system.

  Attributes:
    name: of the run or file; unique among the systems shown together.
    kind: "run"; "file", with one point; "real", real sentences scored as if they were samples.
    points: in the order of the sweep.
  """

  name: str
  kind: str
  points: list[Point]


class Axis(NamedTuple):
  """One metric of a plane.

  Attributes:
    metric: its name in `Point.numbers`.
    label: its name in figures.
    higher: whether higher numbers are better, or more diverse.
    meaning: its definition, for the page.
  """

  metric: str
  label: str
  higher: bool
  meaning: str


class Plane(NamedTuple):
  """Two metrics that are drawn and compared together."""

  key: str
  title: str
  quality: Axis
  diversity: Axis


_SELF_BLEU = Axis("self_bleu_5", "Self-BLEU-5", False, "BLEU-5 of each sample against all other samples, a measure of repetition")

# {split} in metrics, labels and meanings stands for the split of the real sentences.
PLANES = (
  Plane(
    "nll",
    "Likelihood",
    Axis("nll_oracle", "NLL-oracle", False, "nats per token of the samples under the true distribution"),
    Axis("nll_{split}", "NLL-{split}", False, "nats per token of the {split} sentences under the generator, high if it misses some"),
  ),
  Plane(
    "bleu",
    "BLEU and Self-BLEU",
    Axis("bleu_5", "BLEU-5", True, "precision of the samples' n-grams, up to five words, against the {split} sentences"),
    _SELF_BLEU,
  ),
  Plane(
    "lm",
    "Language model scores",
    Axis("lm_nll", "LM score", False, "nats per token of the samples under a language model of the training sentences"),
    Axis("reverse_lm_nll", "Reverse LM score", False, "nats per token of the {split} sentences under a language model of the samples"),
  ),
  Plane(
    "frechet",
    "Frechet distance and Self-BLEU",
    Axis("frechet", "Frechet distance", False, "distance of the embedded samples from the embedded {split} sentences; repetition raises it too"),
    _SELF_BLEU,
  ),
)


class Track(NamedTuple):
  """Coordinates of the K points of a curve in a plane.

  Attributes:
    settings: K labels.
    diversities, qualities: K `estimates.Estimate`s each.
  """

  settings: list[str]
  diversities: list[estimates.Estimate]
  qualities: list[estimates.Estimate]

  @property
  def diversity(self) -> np.ndarray:
    """float64 `[K]`."""
    return np.array([float(estimate.value) for estimate in self.diversities])

  @property
  def diversity_ci(self) -> np.ndarray:
    """float64 `[K]`, half widths of the intervals; NaN without an interval."""
    return np.array([_width(estimate) for estimate in self.diversities])

  @property
  def quality(self) -> np.ndarray:
    """float64 `[K]`."""
    return np.array([float(estimate.value) for estimate in self.qualities])

  @property
  def quality_ci(self) -> np.ndarray:
    """float64 `[K]`, as `diversity_ci`."""
    return np.array([_width(estimate) for estimate in self.qualities])


class Comparison(NamedTuple):
  """A curve compared with a baseline's in one plane. Differences are in units of the quality metric, positive if the curve is better.

  Attributes:
    curve, baseline, plane: names of both, and key of the plane.
    verdict: "above" or "below" the baseline's curve; "on" it (a tie); "across" it, above at one diversity and below at another; or "no overlap", in
      which case all following attributes but `complete` are None.
    difference: mean over the common range of diversity.
    lower, upper: ends of its 95 % interval, which also covers what is unknown between the points; infinite if it is unbounded.
    low, high: common range of diversity, in the metric's units, low < high; equal for a single point.
    complete: whether every coordinate of both has an interval; coordinates without one count as exact.
  """

  curve: str
  baseline: str
  plane: str
  verdict: str
  difference: float | None
  lower: float | None
  upper: float | None
  low: float | None
  high: float | None
  complete: bool


def planes(systems: Sequence[Curve], split: str) -> list[Plane]:
  """Returns the `PLANES` in which at least one curve has a point, with the name of the split filled in."""
  return [plane for plane in filled(split) if any(track(system, plane).settings for system in systems)]


def filled(split: str) -> list[Plane]:
  """The `PLANES` with the name of a split filled in."""
  return [plane._replace(quality=_fill(plane.quality, split), diversity=_fill(plane.diversity, split)) for plane in PLANES]


def coordinate(point: Point, metric: str) -> estimates.Estimate | None:
  """Returns a point's number; None if it is missing or not finite."""
  number = point.numbers.get(metric)
  if number is not None and not isinstance(number, estimates.Estimate):
    number = estimates.Estimate(number, 0)
  return number if number is not None and number.value is not None and math.isfinite(number.value) else None


def track(curve: Curve, plane: Plane) -> Track:
  """Returns the coordinates of a curve in a plane, without points that lack one of the two numbers."""
  rows = [(point.setting, coordinate(point, plane.diversity.metric), coordinate(point, plane.quality.metric)) for point in curve.points]
  rows = [row for row in rows if row[1] is not None and row[2] is not None]
  return Track(*([row[column] for row in rows] for column in range(3)))


def _width(estimate):
  return float(estimate.ci) if estimate.ci is not None and math.isfinite(estimate.ci) else math.nan


def compare(curve: Curve, baseline: Curve, plane: Plane, seed: int = 0) -> Comparison:
  """Decides whether a curve is above, on or below a baseline's.

  The quality a curve reaches at diversity d is its best quality at diversity d or more: Pareto-optimal points are joined by straight lines, and below
  the diversity of the best quality, down to the least diverse point, the curve is constant at that quality. So a sweep may fold back, for example if
  a high temperature reduces both.

  A straight line between two settings of one system runs below its true curve, which is concave: the line is what a mixture of both settings reaches.
  So a curve of few points would look worse than one of many points of the same system. Each curve is therefore known at its own points and bounded
  from below elsewhere. At the curve's points, its quality minus the baseline's line is at least the true difference; at the baseline's points, the
  curve's line minus the baseline's quality is at most the true difference. The mean difference over the common range of diversity is estimated
  both ways and lies between the two. Where a curve has no point in that range, such as a baseline beside a single point, it is bounded from above by
  the lines through its two next points on either side. A single point is compared at its own diversity.

  The intervals come from a parametric bootstrap: both estimates are repeated for points drawn with their random errors, see `estimates.errors`.
  Errors of scores of the same real sentences are common to all points. The best of several noisy points is too good on average; where the bootstrap
  finds that this bias narrows the two estimates' bracket, it is taken off.

  Args:
    curve: the curve to judge.
    baseline: the curve to compare with.
    plane: one of `planes`.
    seed: of the bootstrap.

  Returns:
    `Comparison`.
  """
  tracks = track(curve, plane), track(baseline, plane)
  complete = not any(np.isnan([each.diversity_ci, each.quality_ci]).any() for each in tracks)
  names = curve.name, baseline.name, plane.key
  signs = np.array([1 if axis.higher else -1 for axis in (plane.diversity, plane.quality)])
  ours, theirs = (signs * np.stack([each.diversity, each.quality], axis=1) for each in tracks)
  low, high = _overlap(ours, theirs) if ours.size and theirs.size else (math.inf, -math.inf)
  if low > high:
    return Comparison(*names, "no overlap", *[None] * 5, complete)
  drawn = _draws(tracks, signs, seed)
  most, most_ci = _mean_gap(ours, theirs, drawn, low, high)
  least, least_ci = _mean_gap(theirs, ours, drawn[::-1], low, high)
  least = -least
  above, below = least > max(least_ci, _ROUNDING), most < -max(most_ci, _ROUNDING)
  verdict = "across" if above and below else "above" if above else "below" if below else "on"
  middle = np.array([[(low + high) / 2]])
  known = [bound for bound in (least, most) if math.isfinite(bound)] or [(_reached(ours[None], middle) - _reached(theirs[None], middle)).item()]
  ends = sorted(float(signs[0] * end) for end in (low, high))
  return Comparison(*names, verdict, float(np.mean(known)), least - least_ci, most + most_ci, *ends, complete)


def table(systems: Sequence[Curve]) -> list[dict]:
  """Lists all numbers of some curves, a flat dictionary per point: system, setting, and the numbers of `estimates.flatten`."""
  return [{"system": system.name, "setting": point.setting, **estimates.flatten(point.numbers)} for system in systems for point in system.points]


def _fill(axis, split):
  return axis._replace(**{name: getattr(axis, name).format(split=split) for name in ("metric", "label", "meaning")})


def _overlap(ours, theirs):
  """The ends of the common range of diversity of two curves of points `[K, 2]`; the lower one is above the upper one if there is none."""
  ours, theirs = ours[:, 0], theirs[:, 0]
  return max(ours.min(), theirs.min()), min(ours.max(), theirs.max())


def _draws(tracks, signs, seed):
  """Points of both curves drawn with their errors: a list of float64 `[R, K, 2]`, diversity and quality, higher is better."""
  coordinates = [estimate for each in tracks for estimate in (*each.diversities, *each.qualities)]
  # Each error with both signs: where a difference is linear in the points, its draws then have no bias by chance.
  errors = estimates.errors(coordinates, seed)
  drawn = np.array([estimate.value for estimate in coordinates]) + np.concatenate([errors, -errors])
  parts = np.split(drawn, [2 * len(tracks[0].settings)], axis=1)
  return [signs * part.reshape(len(part), 2, -1).transpose(0, 2, 1) for part in parts]


def _nodes(points, low, high):
  """The places of the Pareto-optimal ones of some points `[K, 2]` in a range of diversity, in its order."""
  chosen = np.flatnonzero(_pareto(points[None])[0] & (points[:, 0] >= low) & (points[:, 0] <= high))
  return chosen[np.argsort(points[chosen, 0])]


def _mean_gap(better, worse, drawn, low, high):
  """The largest mean difference in quality that the points of two curves allow over a range of diversity.

  Known exactly at the points of the better curve; only if it has none in the range, it is bounded at those of the other.

  Args:
    better, worse: float64 `[K, 2]`, diversity and quality of their points, higher is better.
    drawn: float64 `[R, K, 2]` each, draws of the points of both.
    low, high: ends of the range.

  Returns:
    The mean, and the half width of its interval; the mean is infinite if the better curve has no bound.
  """
  own = _nodes(better, low, high)
  chosen, nodes = (own, better) if len(own) else (_nodes(worse, low, high), worse)
  if not len(chosen):
    return math.inf, 0.0
  # Weights of the trapezoid rule; beyond the outermost points the difference is constant.
  middles = (nodes[chosen[1:], 0] + nodes[chosen[:-1], 0]) / 2
  weights = np.diff([low, *middles, high]) / (high - low) if high > low else np.full(len(chosen), 1 / len(chosen))

  def gap(better, worse):
    diversity = (better if len(own) else worse)[:, chosen, 0]
    most = _reached(better, diversity) if len(own) else _most(better, diversity)
    return (most - _reached(worse, diversity)) @ weights

  value, draws = gap(better[None], worse[None])[0], gap(*drawn)
  if not np.isfinite(value):
    return math.inf, 0.0
  draws = draws[np.isfinite(draws)]
  ends = np.percentile(draws, [2.5, 97.5])
  # The best of several noisy points is too good on average: the draws are beyond the points by as much as the points are beyond the truth.
  bias = draws.mean() - value
  return float(value - min(bias, 0.0)), float(ends[1] - ends[0]) / 2


def _pareto(points):
  """Marks Pareto-optimal points: float64 `[R, K, 2]` to bool `[R, K]`."""
  at_least = (points[:, None] >= points[:, :, None]).all(axis=-1)
  return ~(at_least & (points[:, None] > points[:, :, None]).any(axis=-1)).any(axis=-1)


def _reached(points, diversity):
  """Computes the quality that curves reach; see `compare`.

  Args:
    points: float64 `[R, K, 2]`, diversity and quality, higher is better.
    diversity: float64 `[R, M]`, clipped to the range of each curve.

  Returns:
    float64 `[R, M]`.
  """
  x, y, right, num = _front(points, diversity)
  left = np.clip(right - 1, 0, num - 1)
  return _line(x, y, left, np.minimum(right, num - 1), diversity, constant=True)


def _most(points, diversity):
  """As `_reached`, but the most that a concave curve through the points can reach: below the lines through the two points on either side.

  Infinite between two points without a third one.
  """
  x, y, right, num = _front(points, diversity)
  lines = []
  for first in (right - 2, right):
    exists = (first >= 0) & (first + 1 < num)
    first = np.clip(first, 0, np.maximum(num - 2, 0))
    line = _line(x, y, first, np.minimum(first + 1, num - 1), diversity, constant=False)
    lines.append(np.where(exists, line, np.inf))
  inside = (right > 0) & (right < num)
  reached = _reached(points, diversity)
  return np.where(inside, np.maximum(np.minimum(*lines), reached), reached)


def _front(points, diversity):
  """The Pareto-optimal points by diversity, `[R, K]` twice, how many are before each diversity, `[R, M]`, and how many there are, `[R, 1]`."""
  kept = _pareto(points)
  x = np.where(kept, points[..., 0], np.inf)
  order = np.argsort(x, axis=1, kind="stable")
  x, y = np.take_along_axis(x, order, axis=1), np.take_along_axis(points[..., 1], order, axis=1)
  return x, y, (x[:, None] < diversity[..., None]).sum(axis=-1), kept.sum(axis=1)[:, None]


def _line(x, y, left, right, diversity, constant):
  """The line through two points of each row at a diversity; the value of the points where they coincide, and beyond both if it is `constant`."""
  x_left, x_right, y_left, y_right = (np.take_along_axis(z, side, axis=1) for z in (x, y) for side in (left, right))
  width = x_right - x_left
  share = np.where(width > 0, (diversity - x_left) / np.where(width > 0, width, 1.0), 0.0)
  if constant:
    share = np.clip(share, 0.0, 1.0)
  return y_left + share * (y_right - y_left)
