"""Quality-diversity curves: the quality and diversity of a system over its sampling settings, and the comparison with a baseline's curve.

One number says little about a generator that can trade quality for diversity: a low temperature improves the first and reduces the second. Systems
are therefore compared over a sweep of settings, at equal diversity. Caccia et al., https://arxiv.org/abs/1811.02549.
"""

from collections.abc import Sequence
import math
from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates

# Draws of the Monte-Carlo intervals; enough for two digits of their width.
_DRAWS = 1000
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
    diversity: float64 `[K]`.
    diversity_ci: float64 `[K]`, half widths of the intervals; NaN without an interval.
    quality: float64 `[K]`.
    quality_ci: float64 `[K]`, as `diversity_ci`.
  """

  settings: list[str]
  diversity: np.ndarray
  diversity_ci: np.ndarray
  quality: np.ndarray
  quality_ci: np.ndarray


class Comparison(NamedTuple):
  """A curve compared with a baseline's in one plane. Differences are in units of the quality metric, positive if the curve is better.

  Attributes:
    curve, baseline, plane: names of both, and key of the plane.
    verdict: "above" or "below" the baseline's curve, "on" it (a tie: the mean difference is within its interval), or "no overlap", in which case all
      following attributes but `complete` are None.
    difference: mean over the common range of diversity.
    difference_ci: half width of its 95 % interval; 0 if no coordinate has an interval.
    low, high: common range of diversity, in the metric's units, low < high; equal for a single point.
    matched_at: middle of that range.
    matched, matched_ci: difference at the middle, and half width of its interval.
    complete: whether every coordinate of both has an interval; coordinates without one count as exact.
  """

  curve: str
  baseline: str
  plane: str
  verdict: str
  difference: float | None
  difference_ci: float | None
  low: float | None
  high: float | None
  matched_at: float | None
  matched: float | None
  matched_ci: float | None
  complete: bool


def planes(systems: Sequence[Curve], split: str) -> list[Plane]:
  """Returns the `PLANES` in which at least one curve has a point, with the name of the split filled in."""
  filled = [plane._replace(quality=_fill(plane.quality, split), diversity=_fill(plane.diversity, split)) for plane in PLANES]
  return [plane for plane in filled if any(track(system, plane).settings for system in systems)]


def coordinate(point: Point, metric: str) -> tuple[float, float]:
  """Returns a point's number and the half width of its 95 % interval; NaN if missing or not finite."""
  number = point.numbers.get(metric)
  value, ci = (number.value, number.ci) if isinstance(number, estimates.Estimate) else (number, None)
  return tuple(float(x) if x is not None and math.isfinite(x) else math.nan for x in (value, ci))


def track(curve: Curve, plane: Plane) -> Track:
  """Returns the coordinates of a curve in a plane, without points that lack one of the two numbers."""
  rows = [(point.setting, *coordinate(point, plane.diversity.metric), *coordinate(point, plane.quality.metric)) for point in curve.points]
  rows = [row for row in rows if not math.isnan(row[1]) and not math.isnan(row[3])]
  columns = np.array([row[1:] for row in rows], np.float64).reshape(len(rows), 4).T
  return Track([row[0] for row in rows], *columns)


def compare(curve: Curve, baseline: Curve, plane: Plane, seed: int = 0) -> Comparison:
  """Decides whether a curve is above, on or below a baseline's.

  The quality a curve reaches at diversity d is its best quality at diversity d or more: Pareto-optimal points are joined by straight lines, and below
  the diversity of the best quality, down to the least diverse point, the curve is constant at that quality. So a sweep may fold back, for example if
  a high temperature reduces both. The mean difference is the signed area between both curves over their common range of diversity, divided by
  its width. A single point is compared at its own diversity.

  The intervals come from a parametric bootstrap: the comparison is repeated for points drawn independently from normal distributions with the
  standard errors given by the points' own intervals.

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
  places = [signs * np.stack([each.diversity, each.quality], axis=1)[None] for each in tracks]
  low, high = (end[0] for end in _overlap(*places)) if all(place.size for place in places) else (math.inf, -math.inf)
  if low > high:
    return Comparison(*names, "no overlap", *[None] * 7, complete)
  mean, matched = _differences(*places)[0].tolist()

  errors = [np.nan_to_num(np.stack([each.diversity_ci, each.quality_ci], axis=1)) / estimates.NORMAL for each in tracks]
  mean_ci, matched_ci = 0.0, 0.0
  if any(error.any() for error in errors):
    generator = np.random.default_rng(seed)
    draws = _differences(*(place + error * generator.standard_normal((_DRAWS, *error.shape)) for place, error in zip(places, errors)))
    mean_ci, matched_ci = (np.diff(np.percentile(draws, [2.5, 97.5], axis=0), axis=0)[0] / 2).tolist()
  verdict = "on" if tie(mean, mean_ci) else "above" if mean > 0 else "below"
  ends = sorted(float(signs[0] * end) for end in (low, high))
  return Comparison(*names, verdict, mean, mean_ci, *ends, sum(ends) / 2, matched, matched_ci, complete)


def tie(difference: float, ci: float) -> bool:
  """Returns whether a difference is within its interval, or is a rounding error."""
  return abs(difference) <= max(ci, _ROUNDING)


def table(systems: Sequence[Curve]) -> list[dict]:
  """Lists all numbers of some curves, a flat dictionary per point: system, setting, and the numbers of `estimates.flatten`."""
  return [{"system": system.name, "setting": point.setting, **estimates.flatten(point.numbers)} for system in systems for point in system.points]


def _fill(axis, split):
  return axis._replace(**{name: getattr(axis, name).format(split=split) for name in ("metric", "label", "meaning")})


def _overlap(ours, theirs):
  """Computes the common range of diversity.

  Args:
    ours, theirs: float64 `[R, K, 2]`, diversity and quality of the points, higher is better; K may differ.

  Returns:
    Its lower and upper end, `[R]` each; the lower end is above the upper one if the ranges are disjoint.
  """
  ours, theirs = ours[..., 0], theirs[..., 0]
  return np.maximum(ours.min(axis=1), theirs.min(axis=1)), np.minimum(ours.max(axis=1), theirs.max(axis=1))


def _differences(ours, theirs):
  """Computes the mean difference in quality over the common range and the difference at its middle, float64 `[R, 2]`; see `_overlap`."""
  low, high = _overlap(ours, theirs)
  middle = ((low + high) / 2)[:, None]
  matched = (_reached(ours, middle) - _reached(theirs, middle))[:, 0]
  # Both curves are straight between these corners, so trapezoids are exact.
  corners = np.sort(np.clip(np.concatenate([ours[..., 0], theirs[..., 0]], axis=1), low[:, None], high[:, None]), axis=1)
  gaps = _reached(ours, corners) - _reached(theirs, corners)
  areas = np.sum(np.diff(corners) * (gaps[:, 1:] + gaps[:, :-1]) / 2, axis=1)
  # In a bootstrap draw the ranges may be disjoint: then the nearest ends are compared.
  wide = high > low
  return np.stack([np.where(wide, areas / np.where(wide, high - low, 1.0), matched), matched], axis=1)


def _reached(points, diversity):
  """Computes the quality that curves reach; see `compare`.

  Args:
    points: float64 `[R, K, 2]`; see `_overlap`.
    diversity: float64 `[R, M]`, clipped to the range of each curve.

  Returns:
    float64 `[R, M]`.
  """
  x, y = points[..., 0], points[..., 1]
  at_least = (points[:, None] >= points[:, :, None]).all(axis=-1)
  kept = ~(at_least & (points[:, None] > points[:, :, None]).any(axis=-1)).any(axis=-1)
  beyond = x[:, None] >= diversity[..., None]
  right = np.argmin(np.where(kept[:, None] & beyond, x[:, None], np.inf), axis=-1)
  left = np.argmax(np.where(kept[:, None] & ~beyond, x[:, None], -np.inf), axis=-1)
  # Without a point on one side, the point on the other side stands for both.
  right = np.where((kept[:, None] & beyond).any(axis=-1), right, left)
  left = np.where((kept[:, None] & ~beyond).any(axis=-1), left, right)
  x_right, x_left, y_right, y_left = (np.take_along_axis(z, side, axis=1) for z in (x, y) for side in (right, left))
  width = x_right - x_left
  share = np.where(width > 0, (diversity - x_left) / np.where(width > 0, width, 1.0), 0.0)
  return y_left + share * (y_right - y_left)
