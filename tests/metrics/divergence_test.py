"""Tests of tf_textgan.metrics.divergence, by enumeration: all sequences of three of four tokens."""

import itertools
import math

import numpy as np
import pytest

from tf_textgan.metrics import divergence

SEQUENCES = list(itertools.product(range(4), repeat=3))


def distribution(seed, scale=1.0, forbidden=0):
  """Makes log-probabilities of all sequences, less uniform at a larger scale; the first `forbidden` are impossible."""
  logits = scale * np.random.default_rng(seed).normal(size=len(SEQUENCES))
  logits[:forbidden] = -np.inf
  return logits - np.logaddexp.reduce(logits)


def draw(log_probs, num, seed):
  probabilities = np.exp(log_probs)
  return np.random.default_rng(seed).choice(len(SEQUENCES), size=num, p=probabilities / probabilities.sum())


def exact_kl(one, other):
  possible = np.isfinite(one)
  return np.sum(np.exp(one[possible]) * (one[possible] - other[possible]))


def exact_js(one, other):
  middle = np.logaddexp(one, other) - math.log(2)
  return 0.5 * exact_kl(one, middle) + 0.5 * exact_kl(other, middle)


def within_4_standard_errors(estimate, exact):
  return abs(estimate.value - exact) <= 4 * estimate.ci / 1.96


def test_the_estimates_are_near_the_exact_values():
  truth, model = distribution(1), distribution(2, scale=2.0)
  real, fake = draw(truth, 20_000, 3), draw(model, 15_000, 4)
  forward = divergence.forward_kl(truth[real], model[real])
  reverse = divergence.reverse_kl(truth[fake], model[fake])
  middle = divergence.jensen_shannon(truth[real], model[real], truth[fake], model[fake])
  assert within_4_standard_errors(forward, exact_kl(truth, model)) and forward.n == 20_000
  assert within_4_standard_errors(reverse, exact_kl(model, truth)) and reverse.n == 15_000
  assert within_4_standard_errors(middle, exact_js(truth, model)) and middle.n == 35_000
  # The three differ by far more than their errors, so none can be confused with another.
  assert exact_kl(truth, model) - exact_kl(model, truth) > 4 * forward.ci
  assert exact_kl(model, truth) - exact_js(truth, model) > 4 * middle.ci


def test_the_intervals_are_1_96_standard_errors():
  truth, model = distribution(1), distribution(2)
  real, fake = draw(truth, 5000, 5), draw(model, 2000, 6)
  error = np.std(truth[real] - model[real]) / math.sqrt(5000)
  np.testing.assert_allclose(divergence.forward_kl(truth[real], model[real]).ci, 1.96 * error, rtol=0.1)
  middle = np.logaddexp(truth, model) - math.log(2)
  # Variances of independent means add.
  error = 0.5 * math.sqrt(np.var(truth[real] - middle[real]) / 5000 + np.var(model[fake] - middle[fake]) / 2000)
  estimate = divergence.jensen_shannon(truth[real], model[real], truth[fake], model[fake])
  np.testing.assert_allclose(estimate.ci, 1.96 * error, rtol=0.1)


def test_equal_distributions_are_0_apart():
  truth = distribution(1)
  real, fake = truth[draw(truth, 100, 3)], truth[draw(truth, 50, 4)]
  assert divergence.forward_kl(real, real)[:3] == (0.0, 100, 0.0)
  assert divergence.reverse_kl(fake, fake)[:3] == (0.0, 50, 0.0)
  assert divergence.jensen_shannon(real, real, fake, fake)[:3] == (0.0, 150, 0.0)


def test_disjoint_distributions_are_log_2_or_infinity_apart():
  possible, impossible = np.full(10, -3.0), np.full(10, -np.inf)
  for estimate in (divergence.forward_kl(possible, impossible), divergence.reverse_kl(impossible, possible)):
    assert estimate.value == math.inf and math.isnan(estimate.ci) and estimate.n == 10
  assert divergence.jensen_shannon(possible, impossible, impossible, possible)[:3] == (math.log(2), 20, 0.0)


def test_sequences_of_the_model_that_are_impossible_under_the_truth():
  truth, model = distribution(1, forbidden=9), distribution(2)
  real, fake = draw(truth, 20_000, 3), draw(model, 20_000, 4)
  assert within_4_standard_errors(divergence.forward_kl(truth[real], model[real]), exact_kl(truth, model))
  assert divergence.reverse_kl(truth[fake], model[fake]).value == math.inf
  assert within_4_standard_errors(divergence.jensen_shannon(truth[real], model[real], truth[fake], model[fake]), exact_js(truth, model))


def test_long_sequences_do_not_underflow():
  # exp(-5000) is 0 in any float; the middle of p and q = p / e is p (1 + 1/e) / 2.
  p, q = np.full(4, -5000.0), np.full(4, -5001.0)
  expected = 0.5 * (math.log(2) - math.log1p(math.exp(-1)) + math.log(2) - math.log1p(math.exp(1)))
  np.testing.assert_allclose(divergence.jensen_shannon(p, q, p, q).value, expected, rtol=1e-12)


def test_the_mass_covered_counts_distinct_sequences():
  fake, real = [(1, 2), (1, 2), (3, 4), (9, 9)], [(1, 2), (3, 4), (5, 6), (1, 2)]
  log_probs = {(1, 2): math.log(0.5), (3, 4): math.log(0.25), (5, 6): math.log(0.125), (9, 9): -math.inf}
  coverage = divergence.mass_covered(fake, [log_probs[s] for s in fake], real, [log_probs[s] for s in real])
  assert coverage.model[:2] == pytest.approx((0.75, 4))
  assert coverage.truth[:2] == pytest.approx((0.875, 4))
  # Leaving out each of the four: (3, 4) and (5, 6) are lost, the others are there twice.
  assert coverage.truth.ci == pytest.approx(1.96 * math.sqrt(3 * np.var([0.875, 0.625, 0.75, 0.875])))


def test_the_mass_covered_has_its_expected_value():
  truth, model = distribution(1), distribution(2)
  coverages, intervals = [], []
  for seed in range(200):
    fake, real = draw(model, 40, 2 * seed), draw(truth, 40, 2 * seed + 1)
    coverage = divergence.mass_covered(np.array(SEQUENCES)[fake], truth[fake], [SEQUENCES[i] for i in real], truth[real])
    coverages.append((coverage.model.value, coverage.truth.value))
    intervals.append(coverage.model.ci)
  # A sequence is in a sample of 40 with the probability 1 - (1 - q)^40.
  expected = [np.sum(np.exp(truth) * (1 - (1 - np.exp(drawn_from)) ** 40)) for drawn_from in (model, truth)]
  errors = np.std(coverages, axis=0) / math.sqrt(200)
  assert np.all(np.abs(np.mean(coverages, axis=0) - expected) <= 4 * errors)
  assert expected[0] < expected[1]
  assert 0.8 < np.mean(intervals) / (1.96 * np.std([model for model, _ in coverages])) < 1.8


@pytest.mark.parametrize(
  ("own", "other", "complaint"),
  [
    ([-1.0, math.nan], [-1.0, -1.0], "got NaN"),
    ([-1.0, -1.0], [-1.0, math.inf], "plus infinity"),
    ([-1.0, -1.0], [-1.0], "got 2 real_under_truth and 1 real_under_model"),
    ([[-1.0]], [[-1.0]], r"the shape \(1, 1\)"),
    ([], [], r"the shape \(0,\)"),
    ([-1.0, -math.inf], [-1.0, -1.0], "drawn from the truth; 1 of 2 have probability zero"),
  ],
)
def test_mistakes(own, other, complaint):
  with pytest.raises(ValueError, match=complaint):
    divergence.forward_kl(own, other)
  with pytest.raises(ValueError, match=complaint):
    divergence.jensen_shannon(own, other, [-1.0], [-1.0])
  with pytest.raises(ValueError, match=complaint.replace("real", "fake").replace("truth", "x").replace("model", "truth").replace("x", "model")):
    divergence.reverse_kl(other, own)


def test_mistakes_of_coverage():
  with pytest.raises(ValueError, match="got 1 and 1 of the model, 2 and 2 of the truth"):
    divergence.mass_covered([(1,)], [-1.0], [(1,), (2,)], [-1.0, -1.0])
  with pytest.raises(ValueError, match="NaN"):
    divergence.mass_covered([(1,)], [math.nan], [(1,)], [-1.0])
