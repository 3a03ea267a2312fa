"""Tests of tf_textgan.metrics.mauve."""

import math

import numpy as np
import pytest

from tf_textgan.metrics import mauve


def _slow_area(p, q, scale):
  """Sums the trapezoids one by one."""
  points = [(1.0, 0.0)]
  for i in range(25):
    w = 1e-6 + (1 - 2e-6) * i / 24
    mixture = [w * a + (1 - w) * b for a, b in zip(p, q)]
    from_q, from_p = (sum(a * math.log(a / r) for a, r in zip(one, mixture) if a) for one in (q, p))
    points.append((math.exp(-scale * from_q), math.exp(-scale * from_p)))
  points.append((0.0, 1.0))
  return sum((x0 - x1) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in zip(points, points[1:]))


@pytest.mark.parametrize("scale", [1.0, 5.0])
@pytest.mark.parametrize(("p", "q"), [([0.75, 0.25], [0.25, 0.75]), ([0.5, 0.5, 0.0], [0.0, 0.2, 0.8]), ([0.1, 0.2, 0.7], [0.3, 0.3, 0.4])])
def test_the_area_equals_a_slow_implementation(p, q, scale):
  assert mauve.area(p, q, scale) == pytest.approx(_slow_area(p, q, scale), rel=1e-12)
  assert mauve.area(q, p, scale) == pytest.approx(mauve.area(p, q, scale), rel=1e-9)


def test_the_area_of_a_curve_with_a_formula():
  # p = (1, 0), q = (1/2, 1/2): r = ((1 + w)/2, (1 - w)/2), so with c = 1 the points are (sqrt(1 - w^2), (1 + w)/2). The left end is joined to (0, 1).
  w = np.linspace(0, 1, 100_001)
  x, y = np.sqrt(1 - w**2), (1 + w) / 2
  exact = np.sum((x[:-1] - x[1:]) * (y[:-1] + y[1:]) / 2)
  assert exact == pytest.approx(0.5 + math.pi / 8, abs=1e-6)
  # 25 points cut the corners.
  assert mauve.area([1.0, 0.0], [0.5, 0.5], 1.0) == pytest.approx(exact, abs=0.01)


def test_equal_histograms_are_at_1():
  assert mauve.area([0.2, 0.3, 0.0, 0.5], [0.2, 0.3, 0.0, 0.5]) == pytest.approx(1.0, abs=1e-9)


def test_disjoint_histograms_have_the_smallest_area():
  # The points are ((1 - w)^5, w^5): the integral is 5 B(5, 6) = 1/252, and 25 trapezoids give a little more.
  least = mauve.area([0.5, 0.5, 0, 0], [0, 0, 0.1, 0.9])
  w = np.linspace(1e-6, 1 - 1e-6, 25)
  x, y = (1 - w) ** 5, w**5
  assert least == pytest.approx(np.sum((x[:-1] - x[1:]) * (y[:-1] + y[1:]) / 2), rel=1e-4)
  assert 1 / 252 < least < 0.0042


def test_a_growing_difference_lowers_it():
  x = np.random.default_rng(0).normal(size=(400, 8)) + 1.0
  values = [mauve.mauve(x, np.random.default_rng(1).normal(size=(400, 8)) + 1.0 + shift * np.arange(8)).value for shift in (0.0, 0.1, 0.2, 1.0)]
  assert values == sorted(values, reverse=True)
  assert 0.9 < values[0] < 1.0 and values[-1] < 0.1


def test_separated_clusters():
  # Two directions far apart.
  centres = 10 * np.eye(6)[:2]
  rng = np.random.default_rng(2)
  sample = lambda counts: np.repeat(centres, counts, axis=0) + rng.normal(size=(sum(counts), 6)) * 0.01  # noqa: E731
  x, y = sample([60, 20]), sample([20, 60])
  expected = mauve.area([0.75, 0.25], [0.25, 0.75])
  assert mauve.mauve(x, y, num_clusters=2).value == pytest.approx(expected, rel=1e-9)
  # The length of an embedding does not matter.
  assert mauve.mauve(x * 7, y * rng.uniform(1, 9, size=(80, 1)), num_clusters=2).value == pytest.approx(expected, rel=1e-9)
  assert mauve.mauve(x, y, num_clusters=2, scale=1.0).value == pytest.approx(mauve.area([0.75, 0.25], [0.25, 0.75], 1.0), rel=1e-9)


def test_a_copy_is_at_1_and_a_seed_repeats():
  x, y = np.random.default_rng(3).normal(size=(2, 100, 5)).astype(np.float32)
  assert mauve.mauve(x, x[::-1]).value == pytest.approx(1.0, abs=1e-9)
  assert mauve.mauve(x, y, seed=4) == mauve.mauve(x, y, seed=4)


def test_the_default_is_a_tenth_of_the_smaller_sample():
  x, y = np.random.default_rng(5).normal(size=(80, 3)), np.random.default_rng(6).normal(size=(120, 3))
  assert mauve.mauve(x, y) == mauve.mauve(x, y, num_clusters=8)
  assert mauve.mauve(x[:5], y) == mauve.mauve(x[:5], y, num_clusters=2)


def test_wrong_shapes():
  with pytest.raises(ValueError, match=r"\[5, 3\] and \[5, 4\]"):
    mauve.mauve(np.zeros([5, 3]), np.zeros([5, 4]))


def test_the_interval_covers_the_choice_of_samples():
  rng = np.random.default_rng(7)
  y = rng.normal(size=(300, 4)) + 0.5
  scored = [mauve.mauve(rng.normal(size=(300, 4)) + 0.7, y, seed=seed) for seed in range(30)]
  assert {estimate.n for estimate in scored} == {300}
  spread = 1.96 * np.std([estimate.value for estimate in scored], ddof=1)
  # It also covers the choice of y, which is the same here.
  assert 0.8 < np.mean([estimate.ci for estimate in scored]) / spread < 2.0


def test_an_estimate_of_small_samples_is_of_all_of_them():
  x, y = (np.random.default_rng(seed).normal(size=(num, 4)) for seed, num in ((0, 60), (1, 80)))
  assert mauve.estimate(x, y, seed=3) == mauve.mauve(x, y, seed=3)


def test_larger_samples_are_drawn_from_by_the_seed(monkeypatch):
  """The rows are sorted, as the lines of a file may be: the first ones alone have nothing in common."""
  monkeypatch.setattr(mauve, "LARGEST", 100)
  angles, others = np.linspace(0, np.pi / 2, 1000), np.linspace(np.pi / 2, 0, 300)
  x, y = (np.stack([np.cos(a), np.sin(a)], axis=1) for a in (angles, others))
  first, again, other = (mauve.estimate(x, y, seed) for seed in (0, 0, 1))
  assert first == again != other
  assert first.n == other.n == 100
  assert first.value > 0.9 and mauve.mauve(x[:100], y[:100]).value < 0.1
