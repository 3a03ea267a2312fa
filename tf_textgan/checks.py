"""What numbers settings may be. A `Config` checks its own when it is made, so that a wrong flag is told before anything is built."""

import math

from tf_textgan import errors


def at_least(config, least, *names):
  """Raises a `UserError` unless each of the named settings, a finite number or a tuple of them, is `least` or more."""
  for name in names:
    value = getattr(config, name)
    if not all(least <= number < math.inf for number in (value if isinstance(value, tuple) else (value,))):
      raise errors.UserError(f"{name} must be at least {least}, not {value}")


def at_most(config, most, *names):
  """Raises a `UserError` if one of the named settings, a number, is above `most`."""
  for name in names:
    if getattr(config, name) > most:
      raise errors.UserError(f"{name} must be at most {most}, not {getattr(config, name)}")


def above_zero(config, *names):
  """Raises a `UserError` unless each of the named settings is a finite number above 0."""
  for name in names:
    if not 0 < getattr(config, name) < math.inf:
      raise errors.UserError(f"{name} must be above 0, not {getattr(config, name)}")


def share(config, *names):
  """Raises a `UserError` unless each of the named settings is at least 0 and below 1."""
  for name in names:
    if not 0 <= getattr(config, name) < 1:
      raise errors.UserError(f"{name} must be at least 0 and below 1, not {getattr(config, name)}")
