"""Range checks for settings. A `Config` checks its settings on creation, so that a wrong flag is reported before anything is built."""

import math
from typing import Any

from tf_textgan import errors

_LARGEST_SEED = 2**32 - 1


def at_least(config: Any, least: float, *names: str) -> None:
  """Checks that settings are finite and at least `least`.

  Args:
    config: object with the settings as attributes.
    least: lower bound.
    *names: names of settings, each a number or a tuple of numbers.

  Raises:
    UserError: names the setting, the bound and the value.
  """
  for name in names:
    value = getattr(config, name)
    if not all(least <= number < math.inf for number in (value if isinstance(value, tuple) else (value,))):
      raise errors.UserError(f"{name} must be at least {least}, not {value}")


def at_most(config: Any, most: float, *names: str) -> None:
  """Checks that settings, numbers, are at most `most`; see `at_least`."""
  for name in names:
    if getattr(config, name) > most:
      raise errors.UserError(f"{name} must be at most {most}, not {getattr(config, name)}")


def above_zero(config: Any, *names: str) -> None:
  """Checks that settings, numbers, are finite and above 0; see `at_least`."""
  for name in names:
    if not 0 < getattr(config, name) < math.inf:
      raise errors.UserError(f"{name} must be above 0, not {getattr(config, name)}")


def seed(config: Any, *names: str) -> None:
  """Checks that settings, seeds of random numbers, are integers from 0 to 2^32 - 1, the range of every library that takes one; see `at_least`."""
  for name in names:
    value = getattr(config, name)
    if not 0 <= value <= _LARGEST_SEED:
      raise errors.UserError(f"{name} must be an integer from 0 to {_LARGEST_SEED}, not {value}")


def path(config: Any, *names: str) -> None:
  """Checks that settings, paths of files or folders that are needed, are not empty and have no NUL character; see `at_least`."""
  for name in names:
    value = getattr(config, name)
    if not value or "\0" in value:
      raise errors.UserError(f"{name} must be the path of a file or a folder, not {value!r}")


def share(config: Any, *names: str) -> None:
  """Checks that settings, numbers, are at least 0 and below 1; see `at_least`."""
  for name in names:
    if not 0 <= getattr(config, name) < 1:
      raise errors.UserError(f"{name} must be at least 0 and below 1, not {getattr(config, name)}")
