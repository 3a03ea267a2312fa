"""Tests of tf_textgan.sampling.limits."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.sampling import limits

V, END = 5, 2


def _possible(made, positions, given):
  logits = tf.constant(np.random.default_rng(0).normal(size=[len(positions), V]), tf.float32)
  changed = made(logits, tf.constant(positions), tf.constant(given)).numpy()
  finite = np.isfinite(changed)
  np.testing.assert_array_equal(changed[finite], logits.numpy()[finite])
  assert (changed[~finite] == -np.inf).all()
  return [set(np.flatnonzero(row)) for row in finite]


def test_the_end_is_impossible_before_the_least_length_and_alone_possible_after_the_greatest():
  everything, others = {0, 1, 2, 3, 4}, {0, 1, 3, 4}
  made = limits.Limits(END, least=2, most=4)
  assert _possible(made, [0, 1, 2, 3, 4, 5], [0] * 6) == [others, others, everything, everything, {END}, {END}]
  assert _possible(limits.Limits(END, new=1), [0, 1, 1, 3], [0, 0, 1, 1]) == [everything, {END}, everything, {END}]
  assert _possible(limits.Limits(END, most=3, new=2), [2, 3, 3, 3], [1, 1, 3, 2]) == [everything, {END}, {END}, {END}]


def test_excluded_tokens_are_never_possible():
  assert _possible(limits.Limits(END, excluded=(0, 3)), [0, 9], [0, 0]) == [{1, 2, 4}] * 2
  assert _possible(limits.Limits(None, least=3, most=1, excluded=(4,)), [0, 9], [0, 0]) == [{0, 1, 2, 3}] * 2


@pytest.mark.parametrize("settings", [{"least": 1}, {"most": 0}, {"new": 3}, {"excluded": (1,)}])
def test_it_knows_whether_it_limits(settings):
  assert limits.Limits(END, **settings) and not limits.Limits(END)
