import math

import numpy as np

from tf_textgan.metrics import estimates


def test_the_interval_of_a_large_sample_equals_the_normal_approximation():
  values = np.random.default_rng(0).normal(3.0, 2.0, 5000)
  estimate = estimates.mean(values)
  assert estimate.value == values.mean() and estimate.n == 5000
  np.testing.assert_allclose(estimate.ci, 1.96 * values.std() / math.sqrt(5000), rtol=0.1)


def test_the_interval_has_its_nominal_coverage():
  generator = np.random.default_rng(1)
  hits = 0
  for trial in range(200):
    estimate = estimates.mean(generator.exponential(1.0, 100), seed=trial)
    hits += abs(estimate.value - 1.0) <= estimate.ci
  assert 178 <= hits <= 198  # 95 % of 200, and the skew of 100 exponentials.


def test_a_ratio_is_resampled_by_item():
  lengths = np.random.default_rng(2).integers(1, 20, 1000)
  estimate = estimates.mean(2.0 * lengths, lengths)
  assert estimate.value == 2.0
  assert estimate.ci < 1e-9  # Each sentence has 2 nats per token: nothing varies.


def test_an_empty_sample_has_no_mean():
  assert math.isnan(estimates.mean([]).value)


def test_ties():
  assert estimates.tie(estimates.Estimate(1.0, 10, 0.3), estimates.Estimate(1.4, 10, 0.3))
  assert not estimates.tie(estimates.Estimate(1.0, 10, 0.3), estimates.Estimate(1.5, 10, 0.3))
  assert not estimates.tie(estimates.Estimate(1.0, 10), estimates.Estimate(1.0, 10, 0.3))


def test_flattening_keeps_numbers_only():
  flat = estimates.flatten({"bleu_5": estimates.Estimate(0.2, 100, 0.01), "distinct_2": estimates.Estimate(0.5, 100), "num": 100})
  assert flat == {"bleu_5": 0.2, "bleu_5_n": 100, "bleu_5_ci": 0.01, "distinct_2": 0.5, "distinct_2_n": 100, "num": 100}
