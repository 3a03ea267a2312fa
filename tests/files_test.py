"""Tests of tf_textgan.files."""

import math
from typing import NamedTuple

import numpy as np

from tf_textgan import files


class _Pair(NamedTuple):
  name: str
  number: float


def test_numbers_that_are_not_finite_become_none_at_any_depth():
  value = {"a": math.nan, "b": [math.inf, -math.inf, 1.5], "c": {"d": np.float32("nan"), "e": np.int64(3)}, "f": _Pair("x", math.nan)}
  assert files.finite(value) == {"a": None, "b": [None, None, 1.5], "c": {"d": None, "e": 3}, "f": {"name": "x", "number": None}}


def test_other_values_stay():
  value = {"text": "nan", "flag": True, "none": None, "number": 10**20}
  assert files.finite(value) == value
