"""Tests of tf_textgan.schema."""

import dataclasses
import json
import math
import pathlib
import subprocess
import sys
from typing import Any
from typing import Literal

import numpy as np
import pytest

from tests import shell
from tf_textgan import errors
from tf_textgan import schema


@dataclasses.dataclass(frozen=True)
class Settings:
  """One of each type that settings have."""

  size: int = 1
  rate: float = 0.5
  flag: bool = False
  name: str = ""
  widths: tuple[int, ...] = ()
  rates: tuple[float, ...] = ()
  kind: Literal["a", "b"] = "a"
  maybe: int | None = None
  counts: dict[str, int] = dataclasses.field(default_factory=dict)
  other: Any = None


@pytest.mark.parametrize(
  ("field", "value", "expected"),
  [
    ("size", 3, 3), ("size", np.int64(3), 3), ("size", -(2**63), -(2**63)), ("rate", 1, 1.0), ("rate", np.float32(0.5), 0.5), ("flag", True, True),
    ("name", "ü\n", "ü\n"), ("name", pathlib.Path("a/b"), "a/b"), ("widths", [1, 2], (1, 2)), ("widths", (1, 2), (1, 2)),
    ("rates", [1, 0.5], (1.0, 0.5)),
    ("kind", "b", "b"), ("maybe", None, None), ("maybe", 3, 3), ("counts", {"a": 1}, {"a": 1}), ("other", [math.nan], [math.nan]),
  ],
)  # fmt: skip
def test_converted(field, value, expected):
  found = schema.converted(Settings, field, value, field)
  assert repr(found) == repr(expected)


@pytest.mark.parametrize(
  ("field", "value", "message"),
  [
    ("size", "1", "it is '1'; expected an integer"), ("size", 1.0, "it is 1.0; expected an integer"),
    ("size", True, "it is True; expected an integer"),
    ("size", None, "it is None; expected an integer"), ("size", 2**63, "it is 9223372036854775808; expected an integer of at most 64 bits"),
    ("rate", "1", "it is '1'; expected a finite number"),
    ("rate", math.inf, "it is inf; expected a finite number"), ("rate", False, "it is False; expected a finite number"),
    ("flag", 0, "it is 0; expected true or false"), ("name", 3, "it is 3; expected a string"), ("name", b"a", "it is b'a'; expected a string"),
    ("name", "\ud800", r"it is '\ud800'; expected text without half of a surrogate pair"), ("widths", 3, "it is 3; expected a list of integers"),
    ("widths", [1, "2\n"], r"it[1] is '2\n'; expected an integer"), ("rates", [[]], "it[0] is []; expected a finite number"),
    ("kind", "c", "it is 'c'; expected one of 'a', 'b'"), ("maybe", "3", "it is '3'; expected an integer or nothing"),
    ("counts", {"a": "b"}, "it is {'a': 'b'}; expected an object"), ("counts", {"a": 2**70}, "expected an integer of at most 64 bits"),
    ("size", list(range(999)), "it is [0, 1, 2, 3, 4, 5, ...]; expected an integer"),
  ],
)  # fmt: skip
def test_values_of_other_types_are_refused(field, value, message):
  with pytest.raises(errors.UserError) as caught:
    schema.converted(Settings, field, value, "it")
  assert message in str(caught.value) and "\n" not in str(caught.value)


def test_long_values_are_shortened_in_messages():
  with pytest.raises(errors.UserError, match="^it is a value of type int; expected an integer$"):
    schema.converted(Settings, "size", 10**5000, "it")
  assert len(schema.shown("a" * 999)) < 70
  assert schema.shown_name("generator/0/kernel") == "generator/0/kernel" and schema.shown_name("a\nb") == r"'a\nb'"
  assert len(schema.shown_name("a" * 999)) < 70


def test_infinity_is_a_number_where_it_is_allowed():
  assert schema.converted(Settings, "rate", -math.inf, "rate", finite=False) == -math.inf


def test_arguments_are_complete():
  whole = json.loads(json.dumps(dataclasses.asdict(Settings())))
  assert Settings(**schema.arguments(Settings, whole, "")) == Settings()
  for values, message in (
    ([], r"^part is \[\]; expected an object$"),
    ({**whole, "speed": 3}, "^part.speed is unknown to this version; expected size, rate, "),
    ({**whole, "a\nb": 3}, r"^part.'a\\nb' is unknown to this version"),
    ({name: value for name, value in whole.items() if name != "rate"}, "^part.rate is missing$"),
    ({**whole, "size": None}, "^part.size is None; expected an integer$"),
  ):
    with pytest.raises(errors.UserError, match=message):
      schema.arguments(Settings, values, "part")


@pytest.mark.parametrize(
  ("content", "message"),
  [
    (b"", "Expecting value"), (b"{", "Expecting property name"), (b"\xff", "can't decode byte 0xff"),
    (b'{"a": 1, "b": 2, "a": 3}', "^it has a twice$"),
    (b"[" * 100_000, "^it is nested too deeply$"), (b'{"a":' * 100_000, "^it is nested too deeply$"), (b"\xef\xbb\xbf{}", "BOM"),
    (b'{"a": {"\\n": 1, "\\n": 1}}', r"^it has '\\n' twice$"),
  ],
)  # fmt: skip
def test_other_json_is_refused(tmp_path, content, message):
  (tmp_path / "a.json").write_bytes(content)
  with pytest.raises(ValueError, match=message) as caught:
    schema.read_json(tmp_path / "a.json")
  assert "\n" not in str(caught.value)


def test_json_is_read_as_json_reads_it(tmp_path):
  text = '{"a": [1, 2.5, true, null, "\\u00fc"], "b": {"c": -3}}'
  (tmp_path / "a.json").write_text(text)
  assert schema.read_json(tmp_path / "a.json") == json.loads(text)
  assert schema.parse_json("1" * 5000) == math.inf


def test_pydantic_is_imported_when_it_is_needed():
  """It takes a tenth of a second."""
  code = "import sys; from tf_textgan import schema; assert 'pydantic' not in sys.modules"
  subprocess.run([sys.executable, "-c", code], env=shell.environment(), check=True)
