"""Writes files and folders atomically, and JSON without NaN."""

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
import tensorflow as tf

from tf_textgan import errors

# Suffix of unfinished files. A folder's owner may remove such leftovers of a killed process.
PARTIAL = ".partial"


# Why the operating system does not write: the errors whose text TensorFlow and TFDS put into exceptions of their own.
_REASONS = tuple(os.strerror(code) for code in (
  errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG,
))  # fmt: skip


class NotWritten(errors.UserError):
  """A file or folder that cannot be written, for example because the disk is full.

  Attributes:
    reason: the operating system's, such as "No space left on device".
  """

  def __init__(self, path: str | os.PathLike, reason: str):
    super().__init__(f"cannot write {path}: {reason}")
    self.reason = reason


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[None]:
  """Turns errors of the file system into `NotWritten`, whether Python or TensorFlow writes.

  Args:
    path: the file or folder that the block writes. Temporary files' paths begin with it; errors that name other files stay as they are.
  """
  try:
    yield
  except OSError as e:
    if e.filename is not None and not os.fspath(e.filename).startswith(os.fspath(path)):
      raise
    raise NotWritten(path, e.strerror or str(e)) from e
  except tf.errors.OpError as e:
    reason = reason_in(e)
    if reason is None:
      raise
    raise NotWritten(path, reason) from e


def reason_in(error: Exception) -> str | None:
  """The operating system's reason for not writing, such as "No space left on device", in the text of an exception; None if there is none."""
  return next((reason for reason in _REASONS if reason in str(error)), None)


@contextlib.contextmanager
def replacing(path: str | os.PathLike, sync: bool = False) -> Iterator[pathlib.Path]:
  """Yields a temporary path to write to; it replaces `path` when the block ends without an error.

  Until then, and after an error, `path` is unchanged. Several processes may write the same path at once: the last one wins.

  Args:
    path: path of the final file.
    sync: flush the file to disk before replacing, so that a power failure leaves the old file or the new one.

  Raises:
    NotWritten: `path` cannot be written.
  """
  path = pathlib.Path(path)
  if path.is_dir():
    raise NotWritten(path, "expected a file, but this is a folder")
  temporary = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
  try:
    with writing(path):
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
  """Yields a path for a new folder; it replaces `path` when the block ends without an error. Removes leftovers of a killed process first.

  Raises:
    NotWritten: `path` cannot be written.
  """
  path = pathlib.Path(path)
  temporary = path.with_name(path.name + PARTIAL)
  shutil.rmtree(temporary, ignore_errors=True)
  try:
    with writing(path):
      yield temporary
      shutil.rmtree(path, ignore_errors=True)
      os.replace(temporary, path)
  except BaseException:
    shutil.rmtree(temporary, ignore_errors=True)
    raise


def write_text(path: str | os.PathLike, text: str) -> None:
  """Writes a UTF-8 file atomically."""
  with replacing(path) as temporary:
    temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: Any, indent: int | None = 2) -> None:
  """Writes a JSON file atomically; numbers that are not finite become null."""
  write_text(path, json.dumps(finite(value), ensure_ascii=False, indent=indent, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
  """Converts a value for `json`, at any depth: NumPy numbers to Python's, named tuples to dictionaries, numbers that are not finite to None."""
  if isinstance(value, np.generic):
    value = value.item()
  if hasattr(value, "_asdict"):
    value = value._asdict()
  if isinstance(value, dict):
    return {name: finite(part) for name, part in value.items()}
  if isinstance(value, (list, tuple)):
    return [finite(part) for part in value]
  return None if isinstance(value, float) and not math.isfinite(value) else value
