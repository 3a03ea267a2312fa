"""Quality-diversity curves: what a system reaches as its sampling moves from safe to varied, and whether that is beyond a baseline's.

One number says little of a generator that can trade quality for diversity: a low temperature betters the first and costs the second. So systems are
compared over a sweep of settings, at equal diversity. Caccia et al., https://arxiv.org/abs/1811.02549.
"""

import math
from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates

# Draws of the Monte-Carlo intervals; enough for the second digit of their width.
_DRAWS = 1000
# Differences below this are rounding.
_ROUNDING = 1e-9


class Point(NamedTuple):
  """One system at one setting.

  Attributes:
    setting: how it was sampled, for people: "T 0.8"; empty for a file.
    numbers: dictionary of `estimates.Estimate` and plain numbers.
  """

  setting: str
  numbers: dict


class Curve(NamedTuple):
  """One system.

  Attributes:
    name: a run's or a file's; systems that are shown together have different ones.
    kind: "run"; "file", of one point; "real", real sentences scored as if they were samples.
    points: list of `Point`, in the order of the sweep.
  """

  name: str
  kind: str
  points: list[Point]


class Axis(NamedTuple):
  """A metric to draw; higher: whether a higher number is better or more diverse; label and meaning are for people."""

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


_SELF_BLEU = Axis("self_bleu_5", "Self-BLEU-5", False, "BLEU-5 of each sample against all the other samples: how alike they are")

# In texts and names, {split} stands for that of the real sentences.
PLANES = (
  Plane(
    "nll",
    "Likelihood",
    Axis("nll_oracle", "NLL-oracle", False, "nats per token of the samples under the true distribution"),
    Axis("nll_{split}", "NLL-{split}", False, "nats per token of the {split} sentences under the generator, which is high where it leaves some out"),
  ),
  Plane(
    "bleu",
    "BLEU and Self-BLEU",
    Axis("bleu_5", "BLEU-5", True, "agreement of the samples' n-grams, up to five words, with those of the {split} sentences"),
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
  """The K points of a curve that a plane can show; intervals are half-widths, NaN where there is none. All but settings are float64 `[K]`."""

  settings: list[str]
  diversity: np.ndarray
  diversity_ci: np.ndarray
  quality: np.ndarray
  quality_ci: np.ndarray


class Comparison(NamedTuple):
  """A curve against a baseline's in one plane. Differences are in units of the quality metric, and positive where the curve is the better one.

  Attributes:
    curve, baseline, plane: names and the plane's key.
    verdict: "above" or "below" the baseline's curve, "on" it (a tie: the mean difference is within its interval), or "no overlap".
      With no overlap all that follows but `complete` is None.
    difference: mean over the diversity that both reach.
    difference_ci: half its 95 % interval; 0 if no coordinate has an interval.
    low, high: the diversity that both reach, in the metric's units, low < high; equal for a single point.
    matched_at: the diversity halfway.
    matched, matched_ci: the difference there, and half its interval.
    complete: whether every coordinate of both has an interval; those without one count as exact.
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


def planes(systems, split):
  """The `PLANES` that at least one `Curve` can be shown in, with the split's name filled in."""
  filled = [plane._replace(quality=_fill(plane.quality, split), diversity=_fill(plane.diversity, split)) for plane in PLANES]
  return [plane for plane in filled if any(track(system, plane).settings for system in systems)]


def coordinate(point, metric):
  """A point's number and half its 95 % interval; NaN for what is missing or not finite."""
  number = point.numbers.get(metric)
  value, ci = (number.value, number.ci) if isinstance(number, estimates.Estimate) else (number, None)
  return tuple(float(x) if x is not None and math.isfinite(x) else math.nan for x in (value, ci))


def track(curve, plane):
  """The `Track` of a `Curve` in a `Plane`: points that lack one of the two numbers are left out."""
  rows = [(point.setting, *coordinate(point, plane.diversity.metric), *coordinate(point, plane.quality.metric)) for point in curve.points]
  rows = [row for row in rows if not math.isnan(row[1]) and not math.isnan(row[3])]
  columns = np.array([row[1:] for row in rows], np.float64).reshape(len(rows), 4).T
  return Track([row[0] for row in rows], *columns)


def compare(curve, baseline, plane, seed=0):
  """Tells whether a curve is above, on or below a baseline's.

  What a curve reaches at a diversity d is the best quality that it has at d or more: of its points those are kept that no other one equals or
  beats in both metrics, with straight lines between them; below the diversity of the best quality, down to that of its least diverse point, it is
  that quality. A sweep may so fold back, as one does where a high temperature costs both. The mean difference is the signed area between the two,
  over the diversity that both reach, divided by its width. A single point is compared at its own diversity.

  The intervals are a parametric bootstrap's: all of this for points drawn from normal distributions, independent, with the standard errors that
  the points' own intervals tell.

  Args:
    curve: `Curve`.
    baseline: `Curve`.
    plane: `Plane`, one of `planes`.
    seed: integer, of the intervals.

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


def tie(difference, ci):
  """Whether a difference is within its interval, so that it may as well be none."""
  return abs(difference) <= max(ci, _ROUNDING)


def table(systems):
  """All the numbers of some `Curve`s, a flat dictionary for each point: system, setting, and those of `estimates.flatten`."""
  return [{"system": system.name, "setting": point.setting, **estimates.flatten(point.numbers)} for system in systems for point in system.points]


def _fill(axis, split):
  return axis._replace(**{name: getattr(axis, name).format(split=split) for name in ("metric", "label", "meaning")})


def _overlap(ours, theirs):
  """The range of diversity in both.

  Args:
    ours, theirs: float64 `[R, K, 2]`, diversity and quality of the points, higher being better; K may differ.

  Returns:
    Its two ends, `[R]` each; the first one is above the second where there is none.
  """
  ours, theirs = ours[..., 0], theirs[..., 0]
  return np.maximum(ours.min(axis=1), theirs.min(axis=1)), np.minimum(ours.max(axis=1), theirs.max(axis=1))


def _differences(ours, theirs):
  """Mean difference in quality over the common diversity, and the one at its middle: float64 `[R, 2]`; see `_overlap`."""
  low, high = _overlap(ours, theirs)
  middle = ((low + high) / 2)[:, None]
  matched = (_reached(ours, middle) - _reached(theirs, middle))[:, 0]
  # Between these corners both are straight, so that trapezoids are exact.
  corners = np.sort(np.clip(np.concatenate([ours[..., 0], theirs[..., 0]], axis=1), low[:, None], high[:, None]), axis=1)
  gaps = _reached(ours, corners) - _reached(theirs, corners)
  areas = np.sum(np.diff(corners) * (gaps[:, 1:] + gaps[:, :-1]) / 2, axis=1)
  # A drawn point may lie just beyond the other curve: it is compared where it is nearest.
  wide = high > low
  return np.stack([np.where(wide, areas / np.where(wide, high - low, 1.0), matched), matched], axis=1)


def _reached(points, diversity):
  """The quality that curves reach; see `compare`.

  Args:
    points: float64 `[R, K, 2]`; see `_overlap`.
    diversity: float64 `[R, M]`. Beyond a curve it is its end that counts.

  Returns:
    float64 `[R, M]`.
  """
  x, y = points[..., 0], points[..., 1]
  at_least = (points[:, None] >= points[:, :, None]).all(axis=-1)
  kept = ~(at_least & (points[:, None] > points[:, :, None]).any(axis=-1)).any(axis=-1)
  beyond = x[:, None] >= diversity[..., None]
  right = np.argmin(np.where(kept[:, None] & beyond, x[:, None], np.inf), axis=-1)
  left = np.argmax(np.where(kept[:, None] & ~beyond, x[:, None], -np.inf), axis=-1)
  # One side may be empty: then both are the point on the other.
  right = np.where((kept[:, None] & beyond).any(axis=-1), right, left)
  left = np.where((kept[:, None] & ~beyond).any(axis=-1), left, right)
  x_right, x_left, y_right, y_left = (np.take_along_axis(z, side, axis=1) for z in (x, y) for side in (right, left))
  width = x_right - x_left
  share = np.where(width > 0, (diversity - x_left) / np.where(width > 0, width, 1.0), 0.0)
  return y_left + share * (y_right - y_left)
