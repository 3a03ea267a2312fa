"""Tests of tf_textgan.metrics.frechet."""

import numpy as np
import pytest
from scipy import linalg

from tf_textgan.metrics import estimates
from tf_textgan.metrics import frechet


def _whitened(n, size, seed):
  """Makes a sample with mean 0 and unbiased covariance 1, up to rounding."""
  x = np.random.default_rng(seed).normal(size=(n, size))
  x -= x.mean(axis=0)
  return x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T


def _reference(x, y):
  root = linalg.sqrtm(np.cov(x.T) @ np.cov(y.T)).real
  return np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2) + np.trace(np.cov(x.T) + np.cov(y.T) - 2 * root)


def test_diagonal_gaussians():
  # Standard deviations 1, 2, 3 and 2, 2, 5; means 1 apart in each: 3 + (1 + 0 + 4).
  x = _whitened(50, 3, 0) * [1.0, 2.0, 3.0]
  y = _whitened(40, 3, 1) * [2.0, 2.0, 5.0] + 1.0
  assert frechet.distance(x, y) == pytest.approx(8.0, rel=1e-12)


def test_equals_the_formula_with_a_matrix_root():
  rng = np.random.default_rng(2)
  x, y = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)), rng.normal(size=(150, 6)) @ rng.normal(size=(6, 6)) + 0.3
  assert frechet.distance(x, y) == pytest.approx(_reference(x, y), rel=1e-9)
  assert frechet.distance(y, x) == pytest.approx(frechet.distance(x, y), rel=1e-12)
  # A common shift, even a large one, changes nothing.
  assert frechet.distance(x + 1e4, y + 1e4) == pytest.approx(_reference(x, y), rel=1e-9)


@pytest.mark.parametrize("n", [300, 5])
def test_zero_for_itself_in_any_order(n):
  x = np.random.default_rng(3).normal(size=(n, 20)).astype(np.float32)
  assert 0 <= frechet.distance(x, x) < 1e-11
  assert 0 <= frechet.distance(x, x[::-1]) < 1e-11


def test_singular_covariances():
  # One sample varies in the first coordinate only, the other in the second only: tr S_x + tr S_y, as the product is 0.
  line = _whitened(30, 2, 4)[:, 0]
  x, y = np.zeros([30, 40]), np.zeros([30, 40])
  x[:, 0], y[:, 1] = 2 * line, 3 * line
  assert frechet.distance(x, y) == pytest.approx(13.0, rel=1e-12)
  # In the same coordinate: (2 - 3)^2.
  assert frechet.distance(x, np.roll(y, -1, axis=1)) == pytest.approx(1.0, rel=1e-12)
  # A sample that is all one sentence.
  assert frechet.distance(x, np.ones([7, 40])) == pytest.approx(40.0 + 4.0, rel=1e-12)


def test_few_samples_of_many_dimensions():
  # With N below E the covariances' joint factor is small: tr (S_x S_y)^(1/2) is the nuclear norm of X Y^T of the centred samples.
  rng = np.random.default_rng(5)
  x, y = rng.normal(size=(6, 50)), rng.normal(size=(9, 50))
  a, b = (x - x.mean(axis=0)) / 5**0.5, (y - y.mean(axis=0)) / 8**0.5
  expected = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2) + np.sum(a**2) + np.sum(b**2) - 2 * np.linalg.norm(a @ b.T, "nuc")
  assert frechet.distance(x, y) == pytest.approx(expected, rel=1e-9)


def test_the_bias_of_equal_distributions_falls_as_1_over_n():
  rng = np.random.default_rng(6)
  few, many = (np.mean([frechet.distance(*rng.normal(size=(2, n, 8))) for _ in range(30)]) for n in (200, 800))
  assert few / many == pytest.approx(4.0, rel=0.15)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_interval_covers_the_mean_of_such_samples(shift):
  rng = np.random.default_rng(7)
  pairs = [(rng.normal(size=(150, 4)), rng.normal(size=(150, 4)) * (1 + shift) + shift) for _ in range(60)]
  results = [frechet.estimate(x, y) for x, y in pairs]
  mean = np.mean([result.value for result in results])
  assert np.mean([abs(result.value - mean) <= result.ci for result in results]) >= 0.9
  # It is not far too wide either.
  assert np.mean([result.ci for result in results]) < 2 * 1.96 * np.std([result.value for result in results])


def test_the_estimate_is_of_the_distance(monkeypatch):
  rng = np.random.default_rng(8)
  x, y = rng.normal(size=(30, 5)), rng.normal(size=(20, 5))
  result = frechet.estimate(x, y)
  assert result.value == frechet.distance(x, y) and result.n == 20
  # Leaving one out: as many groups as sentences.
  values = [np.array([_reference(np.delete(x, i, 0), y) for i in range(30)]), np.array([_reference(x, np.delete(y, i, 0)) for i in range(20)])]
  variance = sum((len(v) - 1) / len(v) * np.sum((v - v.mean()) ** 2) for v in values)
  monkeypatch.setattr(estimates, "_GROUPS", 30)
  result = frechet.estimate(x, y)
  assert result.ci == pytest.approx(1.96 * variance**0.5, rel=1e-6)
  assert result.own_ci == pytest.approx(1.96 * (29 * np.var(values[0])) ** 0.5, rel=1e-6)


def test_the_difference_of_two_distances_from_the_same_sentences_is_more_certain():
  rng = np.random.default_rng(9)
  y, others = rng.normal(size=(200, 4)), rng.normal(size=(2, 2000, 4))
  one, other = (frechet.estimate(x + 0.1, y) for x in others)
  assert estimates.difference(one, other).ci < 0.75 * np.hypot(one.ci, other.ci)


@pytest.mark.parametrize("shapes", [((5, 3), (5, 4)), ((1, 3), (5, 3)), ((5,), (5, 3))])
def test_wrong_shapes(shapes):
  with pytest.raises(ValueError, match="expected embeddings"):
    frechet.distance(*(np.zeros(shape) for shape in shapes))
