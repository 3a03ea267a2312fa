"""Tests of tf_textgan.checks, and that the settings of networks have ranges."""

import dataclasses
import math
import types

import pytest

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import registry


def _refused(check, *arguments, **values):
  """The message of a check of settings that are out of range."""
  with pytest.raises(errors.UserError) as caught:
    check(types.SimpleNamespace(**values), *arguments)
  return str(caught.value)


def test_ranges():
  assert _refused(checks.at_least, 1, "a", a=0) == "a must be at least 1, not 0"
  assert _refused(checks.at_least, 1, "a", a=(1, 0)) == "a must be at least 1, not (1, 0)"
  assert _refused(checks.at_least, 1, "a", a=math.inf) == "a must be at least 1, not inf"
  assert _refused(checks.at_most, 3, "a", a=4) == "a must be at most 3, not 4"
  assert _refused(checks.at_most, 3, "a", a=(3, 4)) == "a must be at most 3, not (3, 4)"
  assert _refused(checks.at_most, 3, "a", a=math.nan) == "a must be at most 3, not nan"
  assert _refused(checks.above_zero, "a", a=0.0) == "a must be above 0, not 0.0"
  assert _refused(checks.share, "a", a=1.0) == "a must be at least 0 and below 1, not 1.0"
  assert _refused(checks.sizes, "a", a=0) == "a must be at least 1, not 0"
  assert _refused(checks.sizes, "a", a=65537) == "a must be at most 65536, not 65537"
  checks.sizes(types.SimpleNamespace(a=1, b=(1, 65536)), "a", "b")


_CONFIGS = [(kind, name) for kind in ("generator", "discriminator") for name in registry.names(f"tf_textgan.{kind}s")]


@pytest.mark.parametrize(("kind", "name"), _CONFIGS)
def test_no_network_is_asked_for_that_has_no_room_anywhere(kind, name):
  """Nor for a negative one. TensorFlow may die of such sizes instead of raising an error."""
  cls = registry.load(f"tf_textgan.{kind}s", name).Config
  default = cls()
  integers = [field.name for field in dataclasses.fields(cls) if type(getattr(default, field.name)) in (int, tuple)]
  assert integers
  for field in integers:
    old = getattr(default, field)
    for number in (-1, 10**9, 2**62):
      with pytest.raises(errors.UserError, match=f"{field}.* must be at (least|most) "):
        dataclasses.replace(default, **{field: (number,) * len(old) if isinstance(old, tuple) else number})
    if isinstance(old, tuple):
      with pytest.raises(errors.UserError, match="must (be as many|have at least one size)"):
        dataclasses.replace(default, **{field: ()})
