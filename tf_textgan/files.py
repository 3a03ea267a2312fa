"""Files and folders that appear whole or not at all, and JSON without NaN."""

from collections.abc import Iterator
import contextlib
import errno
import json
import math
import os
import pathlib
import shutil
from typing import Any

import numpy as np

# Ending of what is being written; whoever owns a folder may remove what a killed process has left under it.
PARTIAL = ".partial"


@contextlib.contextmanager
def replacing(path: str | os.PathLike, sync: bool = False) -> Iterator[pathlib.Path]:
  """Gives a file to write, which takes the place of `path` once the block ends without an error.

  Until then `path` is as it was, and after an error too. Several processes may write the same path at once: the last one counts.

  Args:
    path: of the file to be.
    sync: flush the file to the disk first, so that a power failure leaves the old one or the new one.

  Raises:
    OSError: `path` cannot be written; the error names the file.
  """
  path = pathlib.Path(path)
  if path.is_dir():
    raise IsADirectoryError(errno.EISDIR, "expected a file, but this is a folder", str(path))
  temporary = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
  try:
    yield temporary
    if sync:
      with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
  except BaseException:
    temporary.unlink(missing_ok=True)
    raise


@contextlib.contextmanager
def replacing_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
  """Gives a folder to make and fill, which takes the place of `path` once the block ends without an error. What a killed process left is removed."""
  path = pathlib.Path(path)
  temporary = path.with_name(path.name + PARTIAL)
  shutil.rmtree(temporary, ignore_errors=True)
  try:
    yield temporary
    shutil.rmtree(path, ignore_errors=True)
    os.replace(temporary, path)
  except BaseException:
    shutil.rmtree(temporary, ignore_errors=True)
    raise


def write_text(path: str | os.PathLike, text: str) -> None:
  """Writes a UTF-8 file whole or not at all."""
  with replacing(path) as temporary:
    temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: Any, indent: int | None = 2) -> None:
  """Writes a JSON file whole or not at all; a number that is not finite becomes null."""
  write_text(path, json.dumps(finite(value), ensure_ascii=False, indent=indent, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
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
