"""Tests of tf_textgan.metrics.likelihood, by hand."""

import math

import numpy as np

from tf_textgan.metrics import likelihood


def test_the_average_is_over_tokens_not_over_sequences():
  assert likelihood.average([-6.0, -1.0], [5, 2]) == (1.0, 1.0)


def test_impossible_sequences_are_left_out_and_counted():
  average = likelihood.average([-6.0, -np.inf, -2.0, -np.inf], [3, 100, 1, 7])
  assert average == (2.0, 0.5)
  assert average.nll == 2.0 and average.possible == 0.5


def test_nothing_possible_has_no_average():
  average = likelihood.average([-np.inf, -np.inf], [3, 4])
  assert math.isnan(average.nll) and average.possible == 0.0


def test_float32_sums_do_not_lose_digits():
  assert likelihood.average(np.full(10**6, -0.1, np.float32), np.ones(10**6, int)).nll == np.float32(0.1).astype(np.float64)
