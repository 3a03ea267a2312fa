"""Range checks for settings. A `Config` checks its settings on creation, so that a wrong flag is reported before anything is built."""

import math
from typing import Any

from tf_textgan import errors

# Largest size of a layer. A dimension of more makes tensors that no memory holds, and TensorFlow dies of some of them instead of raising an error.
LARGEST_SIZE = 2**16
# Most layers, blocks or networks in a row: each takes time to make.
MOST_PARTS = 1000

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
  """Checks that settings, numbers or tuples of numbers, are at most `most`; see `at_least`."""
  for name in names:
    value = getattr(config, name)
    if not all(number <= most for number in (value if isinstance(value, tuple) else (value,))):
      raise errors.UserError(f"{name} must be at most {most}, not {value}")


def sizes(config: Any, *names: str) -> None:
  """Checks that settings, sizes of layers, are from 1 to `LARGEST_SIZE`; see `at_least`."""
  at_least(config, 1, *names)
  at_most(config, LARGEST_SIZE, *names)


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


def multiple(config: Any, name: str, factor: int, what: str) -> None:
  """Checks that a setting, an integer, is a multiple of a number above 0, which `what` describes; see `at_least`."""
  if getattr(config, name) % factor:
    raise errors.UserError(f"{name} must be a multiple of {what}, {factor}, not {getattr(config, name)}")
