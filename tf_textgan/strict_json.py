"""What JSON can hold: it has no NaN and no infinity."""

import math

import numpy as np


def finite(value):
  """A value with `None` in place of every number that is not finite, for `json`; NumPy's numbers and named tuples, at any depth, become plain."""
  if isinstance(value, np.generic):
    value = value.item()
  if hasattr(value, "_asdict"):
    value = value._asdict()
  if isinstance(value, dict):
    return {name: finite(part) for name, part in value.items()}
  if isinstance(value, (list, tuple)):
    return [finite(part) for part in value]
  return None if isinstance(value, float) and not math.isfinite(value) else value
