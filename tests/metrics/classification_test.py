"""Tests of tf_textgan.metrics.classification: brute force, scikit-learn, closed forms, and how often the intervals hold the truth."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from tf_textgan.metrics import classification

REAL, FAKE = np.array([2.0, 0.5, 0.0, -1.0]), np.array([-2.0, 0.0, 0.5])


def rounded_scores(seed, num_real=300, num_fake=200):
  """Two samples with many ties, within and between them."""
  random = np.random.default_rng(seed)
  return random.normal(0.4, 1.0, num_real).round(1), random.normal(0.0, 1.5, num_fake).round(1)


def covered(estimate_of, truth, trials=200):
  """Counts the intervals of samples of size 100 and 150 that cover the truth."""
  hits = 0
  for trial in range(trials):
    random = np.random.default_rng(trial)
    estimate = estimate_of(random.normal(0.5, 1.0, 100), random.normal(-0.5, 1.0, 150), trial)
    hits += abs(estimate.value - truth) <= estimate.ci
  return hits


def test_accuracy_by_hand():
  # Real: two above 0, one at 0, one below; fake: one below, one at 0, one above.
  assert classification.accuracy(REAL, FAKE).value == pytest.approx((2.5 / 4 + 1.5 / 3) / 2)
  assert classification.accuracy(REAL, FAKE).n == 7
  assert classification.accuracy(REAL, FAKE, threshold=-1.5).value == pytest.approx((1 + 1 / 3) / 2)
  assert classification.accuracy(np.zeros(5), np.zeros(9)).value == 0.5
  right = classification.accuracy(np.ones(5), -np.ones(9))
  # Wilson's lower ends of 5 in 5 and 9 in 9 are n / (n + 1.96^2).
  ends = [1.96**2 / (n + 1.96**2) for n in (5, 9)]
  assert right.value == 1.0 and right.ci == pytest.approx(math.hypot(*ends) / 2)


def test_accuracy_is_balanced():
  real, fake = rounded_scores(0, 900, 30)
  labels, scores = np.repeat([1, 0], [900, 30]), np.concatenate([real, fake])
  expected = metrics.balanced_accuracy_score(labels, scores > 0.05)
  assert classification.accuracy(real, fake, 0.05).value == pytest.approx(expected)


def test_the_interval_of_the_accuracy():
  random = np.random.default_rng(1)
  real, fake = random.normal(1.0, 1.0, 4000), random.normal(0.0, 1.0, 1000)
  share, other = np.mean(real > 0), np.mean(fake < 0)
  error = 0.5 * math.sqrt(share * (1 - share) / 4000 + other * (1 - other) / 1000)
  np.testing.assert_allclose(classification.accuracy(real, fake).ci, 1.96 * error, rtol=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_auc_equals_all_pairs_and_scikit_learn(seed):
  real, fake = rounded_scores(seed)
  pairs = (real[:, None] > fake) + 0.5 * (real[:, None] == fake)
  estimate = classification.auc(real, fake)
  assert estimate.value == pytest.approx(pairs.mean(), abs=1e-12)
  assert estimate.value == pytest.approx(metrics.roc_auc_score(np.repeat([1, 0], [len(real), len(fake)]), np.concatenate([real, fake])), abs=1e-12)
  # DeLong's variance from the matrix of all pairs.
  variance = pairs.mean(axis=1).var(ddof=1) / len(real) + pairs.mean(axis=0).var(ddof=1) / len(fake)
  assert estimate.ci == pytest.approx(1.96 * math.sqrt(variance))
  assert estimate.n == 500


def test_auc_by_hand():
  # Twelve pairs: 2 beats 3; 0.5 beats 2 and ties 1; 0 beats 1 and ties 1; -1 beats 1.
  assert classification.auc(REAL, FAKE).value == pytest.approx((3 + 2.5 + 1.5 + 1) / 12)
  # No pair varies; the interval is Wilson's for 5 in 5 and 2 in 2.
  for scores, value in (((np.zeros(5), np.zeros(9)), 0.5), (([1.0, 2.0], [0.0, -1.0]), 1.0)):
    estimate, n = classification.auc(*scores), len(scores[0])
    assert estimate.value == value and estimate.ci == pytest.approx(1.96**2 / (n + 1.96**2))
  assert math.isnan(classification.auc([1.0], [0.0, 2.0]).ci)


def test_auc_depends_on_the_order_only():
  real, fake = rounded_scores(3)
  assert classification.auc(np.exp(real), np.exp(fake)) == classification.auc(real, fake)


def test_auc_of_samples_too_large_for_all_pairs():
  random = np.random.default_rng(0)
  real, fake = random.normal(1.0, 1.0, 100_000), random.normal(0.0, 1.0, 100_000)
  expected = metrics.roc_auc_score(np.repeat([1, 0], 100_000), np.concatenate([real, fake]))
  assert classification.auc(real, fake).value == pytest.approx(expected, abs=1e-12)


def test_the_gain_by_hand():
  real, fake = [1.0, 2.0], [0.0, math.log(3.0)]
  assert classification.density_ratio_gain(real, fake).value == pytest.approx(1.5 - math.log(2.0))
  assert classification.density_ratio_gain(real, fake).n == 4
  assert classification.density_ratio_gain([7.0] * 4, [7.0] * 3)[:3] == (0.0, 7, 0.0)


def test_the_gain_of_the_log_ratio_is_the_divergence():
  """Truth N(1, 1) and model N(0, 2^2): log p / q is quadratic and the KL log 2 + (1 + 1) / 8 - 1/2."""
  random = np.random.default_rng(2)
  ratio = lambda x: stats.norm.logpdf(x, 1.0, 1.0) - stats.norm.logpdf(x, 0.0, 2.0)  # noqa: E731
  real, fake = random.normal(1.0, 1.0, 5000), random.normal(0.0, 2.0, 5000)
  exact = math.log(2.0) + 2.0 / 8.0 - 0.5
  estimate = classification.density_ratio_gain(ratio(real), ratio(fake))
  assert abs(estimate.value - exact) <= 1.5 * estimate.ci and estimate.ci < 0.04
  # Any other function gives less.
  for worse in (lambda x: 0.5 * ratio(x), lambda x: 2.0 * ratio(x), lambda x: ratio(x) + 0.5 * np.sin(3 * x)):
    assert classification.density_ratio_gain(worse(real), worse(fake)).value < estimate.value - estimate.ci


def test_the_gain_does_not_change_with_a_constant_however_large():
  real, fake = rounded_scores(4)
  expected = classification.density_ratio_gain(real, fake)
  for constant in (-1e4, 3.0, 1e4):
    assert classification.density_ratio_gain(real + constant, fake + constant) == pytest.approx(expected)


def test_scores_far_apart_neither_overflow_nor_underflow():
  real, fake = np.full(10, 1000.0), np.array([-2000.0] * 9 + [2000.0])
  estimate = classification.density_ratio_gain(real, fake)
  assert estimate.value == pytest.approx(1000.0 - 2000.0 + math.log(10)) and math.isfinite(estimate.ci)


def test_the_intervals_have_their_nominal_coverage():
  # Two normals one standard deviation apart; f = x is the log ratio.
  assert 178 <= covered(lambda real, fake, seed: classification.auc(real, fake), stats.norm.cdf(math.sqrt(0.5))) <= 199
  assert 178 <= covered(lambda real, fake, seed: classification.density_ratio_gain(real, fake, seed=seed), 0.5) <= 199


def test_the_same_seed_gives_the_same_interval():
  real, fake = rounded_scores(5)
  gain = classification.density_ratio_gain
  assert gain(real, fake, seed=1) == gain(real, fake, seed=1) != gain(real, fake, seed=2)


@pytest.mark.parametrize("function", [classification.accuracy, classification.auc, classification.density_ratio_gain])
@pytest.mark.parametrize(
  ("scores", "complaint"), [([], r"the shape \(0,\)"), ([[1.0]], r"the shape \(1, 1\)"), ([1.0, math.nan, math.inf], "2 of 3 are not")]
)
def test_mistakes(function, scores, complaint):
  with pytest.raises(ValueError, match=f"real scores.*{complaint}"):
    function(scores, [0.0])
  with pytest.raises(ValueError, match=f"fake scores.*{complaint}"):
    function([0.0], scores)
