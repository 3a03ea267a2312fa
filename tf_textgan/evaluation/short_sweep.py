"""The quality-diversity curve of a generator at a few temperatures, as quick as some evaluations in training."""

import dataclasses
from typing import Any

import numpy as np

from tf_textgan import schema
from tf_textgan.evaluation import curves
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.metrics import estimates
from tf_textgan.sampling import pickers

TEMPERATURES = (0.6, 0.7, 0.8, 0.9, 1.0)


def run(name: str, evaluator: evaluator_lib.Evaluator, num: int, sweepable: bool, split: str = "validation") -> curves.Curve:
  """Scores an evaluator's generator at some temperatures, or as it is if it has none.

  Args:
    name: of the curve.
    evaluator: of the generator.
    num: sequences to sample at each temperature.
    sweepable: whether the generator, or the one that it guides, has a sampling temperature.
    split: the real sequences.

  Returns:
    Points with the two metrics of `Evaluator.plane`.
  """
  settings = [(f"T {temperature:g}", pickers.Categorical(temperature)) for temperature in TEMPERATURES] if sweepable else [("own", None)]
  return curves.Curve(name, "run", [curves.Point(setting, evaluator.quality_diversity(num, split, picker)) for setting, picker in settings])


def to_json(curve: curves.Curve) -> dict[str, Any]:
  """A curve as JSON values, with its estimates' shared items, so that what is read back compares alike."""
  points = [{"setting": point.setting, "numbers": {name: _to_json(number) for name, number in point.numbers.items()}} for point in curve.points]
  return {"name": curve.name, "points": points}


def from_json(values: Any) -> curves.Curve:
  """The curve of `to_json`; raises a `UserError` if the values are no such curve."""
  sweep = _Sweep(**schema.arguments(_Sweep, values, ""))
  return curves.Curve(sweep.name, "run", [_from_json(point) for point in sweep.points])


@dataclasses.dataclass(frozen=True)
class _Items:
  values: tuple[float, ...]
  weights: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class _Number:
  value: float | None
  n: int
  ci: float | None
  shared: _Items | None
  own_ci: float


@dataclasses.dataclass(frozen=True)
class _Point:
  setting: str
  numbers: dict[str, _Number]


@dataclasses.dataclass(frozen=True)
class _Sweep:
  name: str
  points: tuple[_Point, ...]


def _to_json(estimate):
  shared = estimate.shared and {"values": estimate.shared.values.tolist(), "weights": estimate.shared.weights.tolist()}
  return {**estimate._asdict(), "shared": shared}


def _from_json(point):
  return curves.Point(point.setting, {name: _estimate(number) for name, number in point.numbers.items()})


def _estimate(number):
  shared = number.shared and estimates.Items(np.array(number.shared.values), np.array(number.shared.weights))
  value = np.nan if number.value is None else number.value
  return estimates.Estimate(value, number.n, np.nan if number.ci is None else number.ci, shared, number.own_ci)
