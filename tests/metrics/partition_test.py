"""Tests of tf_textgan.metrics.partition, on 64 sequences whose every probability is known."""

import numpy as np
import pytest

from tf_textgan.metrics import partition

_RANDOM = np.random.default_rng(0)
Q = _RANDOM.dirichlet(np.ones(64))
SCORES = _RANDOM.normal(0.0, 1.0, 64)
LOG_Z = np.log(np.sum(Q * np.exp(SCORES)))
SIZES = _RANDOM.integers(1, 6, 64)


def _sample(num, seed):
  return SCORES[np.random.default_rng(seed).choice(64, num, p=Q)]


def test_the_mean_bounds_enclose_the_truth_and_converge():
  gaps = []
  for num in (20, 80):
    scores = _sample([40_000, num], num)
    both = np.array([partition._lower(scores), partition._upper(scores)])
    means, errors = both.mean(axis=1), both.std(axis=1) / 40_000**0.5
    assert means[0] < LOG_Z - 3.0 * errors[0] and means[1] > LOG_Z + 2.0 * errors[1]
    gaps.append(means[1] - means[0])
  assert gaps[1] < 0.4 * gaps[0]


def test_bounds_equal_the_formula():
  scores = _sample(7, 0)
  mean = lambda x: np.log(np.mean(np.exp(x)))  # noqa: E731
  without = np.mean([mean(np.delete(scores, i)) for i in range(7)])
  bounds = partition.log_z(scores)
  assert bounds.lower.value == pytest.approx(mean(scores)) and bounds.upper.value == pytest.approx(13 * mean(scores) - 12 * without)


def test_the_intervals_cover_the_truth():
  covered = 0
  for i in range(40):
    bounds = partition.log_z(_sample(400, i), seed=i)
    covered += bounds.lower.value - bounds.lower.ci <= LOG_Z <= bounds.upper.value + bounds.upper.ci
  assert 34 <= covered


def test_the_likelihood_of_real_text():
  real = np.random.default_rng(5).choice(64, 3000, p=Q)
  exact = np.sum(-np.log(Q[real]) - SCORES[real] + LOG_Z) / np.sum(SIZES[real])
  bounds = partition.nll(np.log(Q[real]), SCORES[real], SIZES[real], _sample(5000, 6))
  assert bounds.lower.value < bounds.upper.value < bounds.lower.value + 0.01
  assert bounds.lower.value - bounds.lower.ci < exact < bounds.upper.value + bounds.upper.ci
  assert bounds.lower.n == 3000 and 0 < bounds.lower.ci < 0.1
  # The interval covers both samples: it is wider with few proposals.
  assert partition.nll(np.log(Q[real]), SCORES[real], SIZES[real], _sample(50, 6)).upper.ci > 2.0 * bounds.upper.ci


def test_a_constant_score_is_known_exactly():
  bounds = partition.log_z(np.full(10, 3.0))
  assert bounds.lower.value == pytest.approx(3.0) and bounds.upper.value == pytest.approx(3.0) and bounds.upper.ci == pytest.approx(0.0, abs=1e-12)


def test_one_sample_with_all_the_weight_has_no_upper_bound():
  bounds = partition.log_z(np.array([0.0, 0.0, 1000.0]))
  assert np.isfinite(bounds.lower.value) and np.isinf(bounds.upper.value) and np.isnan(bounds.upper.ci)
