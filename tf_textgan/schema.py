"""Checks what comes from a file or a caller against the types of dataclasses. "1" is no integer here: only lists are converted, to tuples, and
integers, to floats.

Pydantic checks one field at a time, so that a message names it, and the dataclass's own constructor then checks ranges.
"""

from collections.abc import Mapping
import dataclasses
import functools
import json
import math
import os
import reprlib
import types
import typing
from typing import Any
from typing import Literal

import numpy as np

from tf_textgan import errors
from tf_textgan import files

_NAMES = {int: "an integer", float: "a number", bool: "true or false", str: "a string", type(None): "nothing", dict: "an object"}
_PLURALS = {int: "integers", float: "numbers", bool: "values true or false", str: "strings"}

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def read_json(path: str | os.PathLike) -> Any:
  """Reads a JSON file.

  Raises:
    OSError: the file cannot be read.
    ValueError: it is not JSON in UTF-8, has a key twice, or is nested too deeply; the text is one line without the path.
  """
  with files.open_regular(path) as file:
    return parse_json(file.read())


def parse_json(data: bytes | str) -> Any:
  """As `read_json`, of a file's contents."""
  try:
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    return json.loads(text, object_pairs_hook=_object, parse_int=_integer)
  except RecursionError as e:
    raise ValueError("it is nested too deeply") from e


def arguments(cls: type, values: Any, name: str, finite: bool = True) -> dict[str, Any]:
  """Checks a JSON object that holds all fields of a dataclass.

  Args:
    cls: the dataclass.
    values: the object.
    name: its name in messages, such as "generator"; empty for none.
    finite: whether numbers must be finite.

  Returns:
    Arguments for the constructor: field to value.

  Raises:
    UserError: names the field, its type and the value; `values` is no object, a field is missing or unknown, or a value has another type.
  """
  check_names(cls, values, name)
  prefix = f"{name}." if name else ""
  return {field: converted(cls, field, value, prefix + field, finite) for field, value in values.items()}


def check_names(cls: type, values: Any, name: str) -> None:
  """Raises a `UserError` unless `values` is an object with the names of a dataclass's fields; see `arguments`."""
  if not isinstance(values, dict):
    raise errors.UserError(f"{name or 'its content'} is {shown(values)}; expected an object")
  prefix = f"{name}." if name else ""
  known = [field.name for field in dataclasses.fields(cls) if field.init]
  for field in values:
    if field not in known:
      raise errors.UserError(f"{prefix}{shown_name(field)} is unknown to this version; expected {', '.join(known)}")
  for field in known:
    if field not in values:
      raise errors.UserError(f"{prefix}{field} is missing")


def converted(cls: type, field: str, value: Any, name: str, finite: bool = True) -> Any:
  """Checks a value against the type of a dataclass's field.

  Args:
    cls: the dataclass.
    field: the field's name.
    value: a JSON value. Of Python's, tuples, paths and NumPy's numbers will do as well.
    name: the value's name in messages.
    finite: whether numbers must be finite.

  Returns:
    The value in the field's type: lists become tuples, integers floats.

  Raises:
    UserError: the value has another type, or an integer has more than 64 bits.
  """
  return _converted(_hints(cls)[field], value, name, finite)


def _converted(hint, value, name, finite):
  if hint is Any:
    return value
  try:
    result = _adapter(hint, finite).validate_json(json.dumps(_plain(value)), strict=True)
    if all(isinstance(number, float) or -(2**63) <= number < 2**63 for number in _numbers(result)):
      return result
    expected = "an integer of at most 64 bits"
  except (TypeError, ValueError, RecursionError):  # Pydantic's error is a ValueError.
    parts = typing.get_args(hint)
    if isinstance(value, (list, tuple)) and parts[1:] == (...,):
      for number, part in enumerate(value):  # The first element that is wrong: a message cannot show a long list.
        _converted(parts[0], part, f"{name}[{number}]", finite)
    expected = _expected(hint, finite)
    if isinstance(value, str) and hint is str:
      expected = "text without half of a surrogate pair"
  raise errors.UserError(f"{name} is {shown(value)}; expected {expected}")


def shown(value: Any) -> str:
  """A value for a message: its representation on one line, shortened."""
  if value is None or isinstance(value, bool):
    return str(value)
  try:
    return _SHORT.repr(value)
  except (ValueError, RecursionError):
    return f"a value of type {type(value).__name__}"


def shown_name(name: str) -> str:
  """A name from a file for a message: as it is, or as `shown` if it is long or not printable."""
  return name if name and name.isprintable() and len(name) <= 100 else shown(name)


def _object(pairs):
  value = dict(pairs)
  if len(value) < len(pairs):
    names = [name for name, _ in pairs]
    raise ValueError(f"it has {next(shown_name(name) for name in names if names.count(name) > 1)} twice")
  return value


def _integer(digits):
  # Python refuses to read thousands of digits. Infinity is no integer either, and the message names the field.
  return int(digits) if len(digits) < 400 else math.inf


@functools.cache
def _hints(cls):
  return typing.get_type_hints(cls, include_extras=True)


@functools.cache
def _adapter(hint, finite):
  import pydantic  # Here, because its import takes a tenth of a second, which a new run need not wait for.

  if dataclasses.is_dataclass(hint):  # It has a configuration of its own.
    return pydantic.TypeAdapter(hint)
  return pydantic.TypeAdapter(hint, config=pydantic.ConfigDict(allow_inf_nan=not finite, arbitrary_types_allowed=True))


def _plain(value):
  """The value for `json`."""
  if isinstance(value, os.PathLike):
    return os.fspath(value)
  if isinstance(value, np.generic):
    return value.item()
  if isinstance(value, (list, tuple)):
    return [_plain(part) for part in value]
  return value


def _numbers(value):
  """All numbers in a value."""
  if isinstance(value, (int, float)):
    yield value
  elif isinstance(value, Mapping):
    yield from (number for part in value.values() for number in _numbers(part))
  elif isinstance(value, (list, tuple)):
    yield from (number for part in value for number in _numbers(part))


def _expected(hint, finite):
  """The type in words."""
  origin, parts = typing.get_origin(hint), typing.get_args(hint)
  if origin is typing.Annotated:
    return _expected(parts[0], finite)
  if origin is Literal:
    return f"one of {', '.join(map(repr, parts))}"
  if origin in (typing.Union, types.UnionType):
    return " or ".join(_expected(part, finite) for part in parts)
  if origin in (list, tuple):
    return f"a list of {_PLURALS.get(parts[0], 'values')}"
  if hint is float and finite:
    return "a finite number"
  return _NAMES.get(origin or hint) or getattr(hint, "__name__", str(hint))
