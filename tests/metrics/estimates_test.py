import math

import numpy as np
import pytest

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


def test_a_share_has_wilsons_interval():
  # 0 of 200: from 0 to 1.96^2 / (200 + 1.96^2).
  none = estimates.share(np.zeros(200, bool))
  assert none[:2] == (0.0, 200) and none.ci == pytest.approx(1.96**2 / (200 + 1.96**2))
  # 15 of 60, by the formula of a textbook: 0.2579 to 0.1572 .. 0.3723.
  some = estimates.share(np.arange(60) < 15)
  assert some.value == 0.25 and some.ci == pytest.approx(0.3723 - 0.25, abs=1e-4)
  assert math.isnan(estimates.share([]).value)


@pytest.mark.parametrize("share", [0.001, 0.003, 0.01, 0.5, 0.995])
def test_the_interval_of_a_share_covers_it(share):
  flags = np.random.default_rng(0).random((1000, 200)) < share
  found = [estimates.share(row) for row in flags]
  assert np.mean([abs(estimate.value - share) <= estimate.ci for estimate in found]) >= 0.93


def test_a_percentile_has_the_interval_of_its_rank():
  # 100 of 400 values are below 5, half are 5 or 6: the median is 5, and its rank may be 50 % +- 1.96 * 2.5 %, still 5.
  values = np.repeat([4, 5, 6, 7], [100, 110, 90, 100])
  assert estimates.percentile(values, 50)[:3] == (5.0, 400, 1.0)  # 52.5 % are up to 5: the upper end, 54.9 %, is 6.
  assert estimates.percentile(values, 5)[:3] == (4.0, 400, 0.0)
  found = [estimates.percentile(np.random.default_rng(seed).poisson(4.0, 100), 50) for seed in range(100)]
  assert np.mean([estimates.tie(one, other) for one, other in zip(found[::2], found[1::2])]) > 0.9


def test_the_difference_of_scores_of_the_same_sentences_is_taken_sentence_by_sentence():
  rng = np.random.default_rng(0)
  nats, lengths = rng.exponential(50.0, 2000), rng.integers(5, 15, 2000).astype(float)
  one = estimates.mean(nats, lengths, shared=True)
  other = estimates.mean(nats + 0.02 * lengths + rng.normal(0.0, 0.1, 2000), lengths, shared=True)
  assert one.ci > 0.2 and abs(other.value - one.value) < 0.03
  gap = estimates.difference(other, one)
  assert gap.value == pytest.approx(0.02, abs=0.002) and gap.ci < 0.002
  assert not estimates.tie(one, other)
  # Of other sentences, or with an error of its own, it is as uncertain as both.
  assert estimates.difference(estimates.mean(nats, lengths), other).ci == pytest.approx(math.hypot(one.ci, other.ci))
  assert estimates.difference(one._replace(own_ci=0.3), other._replace(own_ci=0.4)).ci == pytest.approx(0.5, rel=1e-2)


def test_a_jackknife_adds_its_own_error():
  values = np.array([1.0, 2.0, 4.0])
  own = 1.96 * math.sqrt(2 * np.var(values))
  widened = estimates.with_jackknife(estimates.Estimate(3.0, 9, 0.5), values)
  assert widened[:3] == (3.0, 9, pytest.approx(math.hypot(0.5, own))) and widened.own_ci == pytest.approx(own)
  assert estimates.with_jackknife(estimates.Estimate(3.0, 9, 0.5), []).ci is None


def test_errors_of_shared_items_are_drawn_together():
  rng = np.random.default_rng(1)
  values, weights = rng.normal(3.0, 1.0, 500), rng.integers(1, 4, 500).astype(float)
  same = [estimates.mean(values + shift, weights, shared=True) for shift in (0.0, 5.0)]
  own = estimates.Estimate(1.0, 10, 0.7)
  drawn = estimates.errors([same[0], own, same[1], estimates.Estimate(2.0, 5)], seed=3)
  assert drawn.shape == (1000, 4)
  np.testing.assert_allclose(drawn.std(axis=0)[[0, 1]] * 1.96, [same[0].ci, 0.7], rtol=0.1)
  # A constant on every item changes the ratio by a part that depends on the weights only.
  assert np.corrcoef(drawn[:, 0], drawn[:, 2])[0, 1] > 0.3 and abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.1
  assert not drawn[:, 3].any()
  np.testing.assert_array_equal(drawn, estimates.errors([same[0], own, same[1], estimates.Estimate(2.0, 5)], seed=3))
