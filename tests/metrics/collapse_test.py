"""Tests of tf_textgan.metrics.collapse."""

import pytest

from tf_textgan.metrics import collapse

REAL = {"duplicates": 0.1, "copied": 0.3}
WELL = {"duplicates": 0.2, "copied": 0.35, "entropy": 1.8, "nll_validation": 1.9}


def test_a_sample_like_real_text_has_none():
  assert collapse.symptoms(WELL, REAL) == []
  # Without a likelihood the entropy is ignored.
  assert collapse.symptoms({"duplicates": 0.2, "copied": 0.35}, REAL) == []


@pytest.mark.parametrize(("change", "word"), [({"entropy": 0.9}, "entropy"), ({"duplicates": 0.56}, "unique"), ({"copied": 0.51}, "copied")])
def test_each_symptom_is_named(change, word):
  (symptom,) = collapse.symptoms(WELL | change, REAL)
  assert word in symptom


def test_the_thresholds_are_relative_to_real_text():
  # Half of real text's unique fraction: 45 %. Captions repeat; news do not.
  assert collapse.symptoms(WELL | {"duplicates": 0.54}, REAL) == []
  assert len(collapse.symptoms(WELL | {"duplicates": 0.54}, {"duplicates": 0.0, "copied": 0.3})) == 1


def test_several_symptoms_are_listed_together():
  assert len(collapse.symptoms({"duplicates": 0.9, "copied": 1.0, "entropy": 0.1, "nll_validation": 3.0}, REAL)) == 3
