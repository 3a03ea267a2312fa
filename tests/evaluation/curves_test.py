"""Tests of tf_textgan.evaluation.curves."""

import math

import numpy as np
import pytest

from tf_textgan.evaluation import curves
from tf_textgan.metrics import estimates

# BLEU-5, higher is better, against Self-BLEU-5, lower is more diverse.
BLEU = curves.PLANES[1]


def sweep(name, *places, ci=None, errors=None, kind="run"):
  """A curve of (Self-BLEU-5, BLEU-5); ci: of all numbers; errors: (of the diversity, of the quality) for each point."""
  errors = errors or [(ci, ci)] * len(places)
  points = []
  for i, ((x, y), (x_ci, y_ci)) in enumerate(zip(places, errors)):
    points.append(curves.Point(f"T {i}", {"self_bleu_5": estimates.Estimate(x, 100, x_ci), "bleu_5": estimates.Estimate(y, 100, y_ci)}))
  return curves.Curve(name, kind, points)


def test_parallel_lines_differ_by_their_distance():
  # The baseline is quality = diversity from 0.1 to 0.7; the other is 0.05 above it from 0.3 to 0.5.
  baseline = sweep("mle", (0.1, 0.1), (0.2, 0.2), (0.6, 0.6), (0.7, 0.7))
  better = curves.compare(sweep("gan", (0.3, 0.35), (0.5, 0.55)), baseline, BLEU)
  assert (better.curve, better.baseline, better.plane, better.verdict) == ("gan", "mle", "bleu", "above")
  np.testing.assert_allclose((better.low, better.high), (0.3, 0.5))
  np.testing.assert_allclose((better.difference, better.lower, better.upper), (0.05, 0.05, 0.05))
  assert not better.complete
  worse = curves.compare(sweep("gan", (0.3, 0.25), (0.5, 0.45)), baseline, BLEU)
  assert worse.verdict == "below"
  np.testing.assert_allclose(worse.difference, -0.05)


def test_difference_is_weighted_by_the_width_around_the_points():
  # The baseline is the line 0.2 + x / 2. The other: 0.2 at 0.1, 0.5 at 0.2, flat 0.5 at 0.3 (dominated by the one before it: as good, less diverse).
  # Common diversity 0.1 to 0.3. At 0.1 the gap is 0.2 - 0.25 = -0.05, up to the middle at 0.15: a quarter of the range; at 0.2 it is 0.2.
  baseline = sweep("mle", (-0.2, 0.1), (0.0, 0.2), (0.4, 0.4), (0.5, 0.45))
  found = curves.compare(sweep("gan", (0.1, 0.2), (0.2, 0.5), (0.3, 0.5)), baseline, BLEU)
  np.testing.assert_allclose((found.low, found.high, found.difference), (0.1, 0.3, 0.25 * -0.05 + 0.75 * 0.2))


def test_two_points_bound_a_concave_curve_on_one_side_only():
  # Quality sqrt(x): the chord from 0.2 to 0.6 is below it. Two points of the same curve are no worse, and the point above the chord is no better.
  places = [(x, math.sqrt(x)) for x in np.linspace(0.1, 0.9, 9)]
  dense, sparse = sweep("dense", *places), sweep("sparse", (0.2, math.sqrt(0.2)), (0.6, math.sqrt(0.6)))
  for pair in ((dense, sparse), (sparse, dense)):
    found = curves.compare(*pair, BLEU)
    assert found.verdict == "on" and found.lower <= 0.0 <= found.upper
  # Beside the sparse curve nothing is above that a concave curve through its points could reach; beside the dense one it is.
  point = sweep("file", (0.4, math.sqrt(0.4) + 0.05))
  assert curves.compare(point, sparse, BLEU).verdict == "on"
  assert curves.compare(point, sparse, BLEU).lower == -math.inf
  assert curves.compare(point, dense, BLEU).verdict == "above"
  assert curves.compare(sweep("file", (0.45, math.sqrt(0.45) - 0.05)), dense, BLEU).verdict == "below"


def test_a_curve_may_cross_the_baseline():
  baseline = sweep("mle", (0.1, 0.2), (0.3, 0.4), (0.5, 0.6))
  # Better at its own points, worse at the baseline's: no concave curve, but measured so.
  found = curves.compare(sweep("gan", (0.2, 0.1), (0.2999, 0.1), (0.3, 0.1)), baseline, BLEU)
  assert found.verdict == "below"


def test_lower_is_better_metrics_are_reversed():
  # NLL-oracle 8 against the 9 that the baseline needs at the same NLL-test of 7.75: better by 1.
  plane = next(plane for plane in curves.planes([_nll("mle", (7.5, 9.5), (8.0, 8.5))], "validation") if plane.key == "nll")
  assert (plane.quality.metric, plane.diversity.metric, plane.diversity.label) == ("nll_oracle", "nll_validation", "NLL-validation")
  found = curves.compare(_nll("file", (7.75, 8.0)), _nll("mle", (7.25, 10.0), (7.5, 9.5), (8.0, 8.5), (8.5, 7.5)), plane)
  assert (found.verdict, found.low, found.high) == ("above", 7.75, 7.75)
  np.testing.assert_allclose(found.difference, 1.0)


def test_a_sweep_that_folds_back_counts_with_its_best_points():
  # NLL-oracle rises with the temperature, NLL-test falls to 7.5 and rises again: the last two points are worse in both than the one of 7.5 or 8.0.
  plane = _plane("nll", [_nll("mle", (8.0, 8.0))])
  cold, warm, hot = [(10.0, 5.0), (8.0, 8.0), (7.5, 9.0)], (8.5, 10.0), (9.5, 10.5)
  folded = _nll("mle", *cold, warm, hot)
  once = _nll("mle", *cold)
  # The other: 7.0 at an NLL-test of 9, where the baseline's line from (10, 5) to (8, 8) has 6.5: worse by 0.5.
  for baseline in (once, folded, folded._replace(points=folded.points[::-1])):
    found = curves.compare(_nll("file", (9.0, 7.0)), baseline, plane)
    np.testing.assert_allclose(found.upper, -0.5)
  assert curves.compare(folded, once, plane).difference == 0.0


def test_a_curve_is_constant_below_the_diversity_of_its_best_quality():
  # The baseline's best quality, 0.4, is at 0.3; at 0.5, less diverse, it has 0.3 only, but 0.4 is to be had with more diversity. The file at 0.5
  # with 0.35 beats the latter point and not the curve: worse by 0.05.
  found = curves.compare(sweep("file", (0.5, 0.35)), sweep("mle", (0.2, 0.2), (0.3, 0.4), (0.5, 0.3)), BLEU)
  assert found.verdict == "below"
  np.testing.assert_allclose(found.difference, -0.05)


def test_single_point_has_the_interval_of_normal_errors():
  # The baseline has the slope 0.5 and is exact; the point's difference is y - 0.5 x - const, of variance ci_y^2 + 0.25 ci_x^2, in half-widths:
  # sqrt(0.03^2 + 0.25 * 0.08^2) = 0.05.
  baseline = sweep("mle", (-2.0, -0.5), (-1.0, 0.0), (1.0, 1.0), (2.0, 1.5))
  found = curves.compare(sweep("file", (0.0, 0.54), errors=[(0.08, 0.03)]), baseline, BLEU)
  np.testing.assert_allclose(found.difference, 0.04)
  np.testing.assert_allclose((found.upper - found.difference, found.difference - found.lower), 0.05, rtol=0.08)
  assert (found.verdict, found.complete) == ("on", False)
  assert curves.compare(sweep("file", (0.0, 0.56), errors=[(0.08, 0.03)]), baseline, BLEU).verdict == "above"
  assert curves.compare(sweep("file", (0.0, 0.44), errors=[(0.08, 0.03)]), baseline, BLEU).verdict == "below"


def test_curve_has_the_interval_of_normal_errors():
  # Two lines of two points at the same exact diversities: the mean difference is that of the mean qualities, each mean of half-width
  # 0.02 / sqrt(2), the difference of 0.02.
  lines = [sweep(name, (0.2, y), (0.6, y + 0.2), errors=[(0.0, 0.02)] * 2) for name, y in (("gan", 0.315), ("mle", 0.3))]
  found = curves.compare(*lines, BLEU)
  np.testing.assert_allclose(found.difference, 0.015)
  np.testing.assert_allclose((found.upper - found.difference, found.difference - found.lower), 0.02, rtol=0.08)
  assert (found.verdict, found.complete) == ("on", True)
  assert found == curves.compare(*lines, BLEU)
  assert found.upper != curves.compare(*lines, BLEU, seed=1).upper


def test_errors_of_shared_real_sentences_cancel():
  # Both lose the same nats on each of 200 real sentences, but for a tenth: alone each mean is uncertain, their difference is not.
  lost = np.random.default_rng(0).exponential(5.0, 200)

  def curve(name, oracle, more):
    numbers = {"nll_oracle": estimates.Estimate(oracle, 200, 0.001), "nll_validation": estimates.mean(lost + more, np.ones(200), shared=True)}
    return curves.Curve(name, "run", [curves.Point("T 1", numbers)])

  plane = _plane("nll", [curve("mle", 5.0, 0.0)])
  flat = curves.Curve("mle", "run", [*curve("", 5.0, 0.0).points, *curve("", 4.9, 0.3).points, *curve("", 4.8, 0.9).points])
  shifted = curves.Curve("gan", "run", [*curve("", 4.9, 0.0).points, *curve("", 4.8, 0.3).points, *curve("", 4.7, 0.9).points])
  assert flat.points[0].numbers["nll_validation"].ci > 0.5
  found = curves.compare(shifted, flat, plane)
  assert found.verdict == "above"
  np.testing.assert_allclose(found.difference, 0.1, atol=1e-6)


def test_verdicts_on_two_measurements_of_one_curve_have_the_nominal_error_rate():
  # 100 pairs of noisy sweeps of one line, errors far below the distance of its points: about 5 % get a difference.
  generator = np.random.default_rng(0)
  places, ci = np.stack([np.linspace(0.2, 0.6, 5), np.linspace(0.2, 0.4, 5)], axis=1), 0.004
  told = 0
  for i in range(100):
    noisy = places + generator.normal(0.0, ci / 1.96, (2, 5, 2))
    told += curves.compare(sweep("a", *noisy[0], ci=ci), sweep("b", *noisy[1], ci=ci), BLEU, seed=i).verdict != "on"
  assert 1 <= told <= 12


def test_no_overlap():
  baseline = sweep("mle", (0.2, 0.2), (0.5, 0.4), ci=0.01)
  for other in (sweep("file", (0.51, 0.3)), sweep("gan", (0.1, 0.1), (0.19, 0.2)), sweep("empty"), sweep("nan", (0.3, math.nan))):
    found = curves.compare(other, baseline, BLEU)
    assert found.verdict == "no overlap" and found.difference is None and found.upper is None
  assert curves.compare(baseline, sweep("empty"), BLEU).verdict == "no overlap"
  # Both share one diversity, at which they are compared.
  assert curves.compare(sweep("gan", (0.5, 0.5), (0.6, 0.6)), baseline, BLEU).difference == pytest.approx(0.1, abs=0.002)


def test_points_without_two_finite_numbers_are_left_out():
  numbers = [
    {"self_bleu_5": 0.3, "bleu_5": 0.2},
    {"self_bleu_5": None, "bleu_5": 0.2},
    {"bleu_5": 0.2},
    {"self_bleu_5": estimates.Estimate(math.inf, 10, 0.1), "bleu_5": 0.2},
    {"self_bleu_5": estimates.Estimate(0.4, 10, math.nan), "bleu_5": estimates.Estimate(np.float32(0.5), 10, 0.25)},
  ]
  curve = curves.Curve("gan", "run", [curves.Point(f"T {i}", each) for i, each in enumerate(numbers)])
  found = curves.track(curve, BLEU)
  assert found.settings == ["T 0", "T 4"]
  np.testing.assert_array_equal(found.diversity, [0.3, 0.4])
  np.testing.assert_array_equal(found.diversity_ci, [math.nan, math.nan])
  np.testing.assert_array_equal(found.quality, [0.2, 0.5])
  np.testing.assert_array_equal(found.quality_ci, [math.nan, 0.25])


def test_planes_have_points_of_some_curve():
  systems = [_nll("gan", (7.5, 9.0)), curves.Curve("file", "file", [curves.Point("", {"lm_nll": 3.0, "reverse_lm_nll": math.nan})])]
  assert [plane.key for plane in curves.planes(systems, "test")] == []
  assert [plane.key for plane in curves.planes(systems, "validation")] == ["nll"]
  systems.append(curves.Curve("real", "real", [curves.Point("", {"self_bleu_5": 0.2, "bleu_5": 0.2, "frechet": 0.1})]))
  assert [plane.key for plane in curves.planes(systems, "validation")] == ["nll", "bleu", "frechet"]
  assert "{" not in repr(curves.planes(systems, "validation"))


def test_table_has_a_row_for_each_point():
  one, other = {"bleu_5": estimates.Estimate(0.2, 10, 0.01), "epochs": 3}, {"mauve": estimates.Estimate(0.9, 5)}
  assert curves.table([curves.Curve("gan", "run", [curves.Point("T 1", one), curves.Point("T 2", other)])]) == [
    {"system": "gan", "setting": "T 1", "bleu_5": 0.2, "bleu_5_n": 10, "bleu_5_ci": 0.01, "epochs": 3},
    {"system": "gan", "setting": "T 2", "mauve": 0.9, "mauve_n": 5},
  ]


def test_random_curves_are_bounded_as_by_a_slow_implementation():
  generator = np.random.default_rng(0)
  compared = 0
  for _ in range(60):
    # Coarse numbers, so that some coincide.
    ours, theirs = (np.round(generator.random((generator.integers(1, 8), 2)), 1) for _ in range(2))
    found = curves.compare(sweep("gan", *ours.tolist()), sweep("mle", *theirs.tolist()), BLEU)
    low, high = max(ours[:, 0].min(), theirs[:, 0].min()), min(ours[:, 0].max(), theirs[:, 0].max())
    if low > high:
      assert found.verdict == "no overlap"
      continue
    for points, bound in ((ours, found.upper), (theirs, found.lower)):
      nodes = [-x for x, _ in _front(points) if low <= -x <= high]
      if nodes and low < high:
        compared += 1
        # The nearest node of each diversity.
        grid = np.linspace(low, high, 20_001)
        nearest = np.array(nodes)[np.argmin(np.abs(grid[:, None] - nodes), axis=1)]
        gaps = np.interp(-nearest, *zip(*_front(ours))) - np.interp(-nearest, *zip(*_front(theirs)))
        np.testing.assert_allclose(bound, np.mean(gaps), atol=1e-3)
    np.testing.assert_allclose((found.low, found.high), (low, high))
  assert compared > 20


def _front(points):
  """The Pareto front of points (Self-BLEU, BLEU): (diversity, quality) in order."""
  points = [(-x, y) for x, y in points]
  return sorted({(x, y) for x, y in points if not any((a >= x and b > y) or (a > x and b >= y) for a, b in points)})


def _nll(name, *places):
  points = [curves.Point(f"T {i}", {"nll_validation": x, "nll_oracle": y}) for i, (x, y) in enumerate(places)]
  return curves.Curve(name, "run", points)


def _plane(key, systems):
  return next(plane for plane in curves.planes(systems, "validation") if plane.key == key)
