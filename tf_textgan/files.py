"""Opens regular files only, writes files and folders atomically, and JSON without NaN."""

from collections.abc import Iterator
import contextlib
import errno
import io
import json
import math
import os
import pathlib
import shutil
import stat
from typing import IO
from typing import Any

import numpy as np
import tensorflow as tf

from tf_textgan import errors

# Suffix of unfinished files, after the number of their process.
PARTIAL = ".partial"

_KINDS = (
  (stat.S_ISDIR, "a folder"),
  (stat.S_ISFIFO, "a FIFO (a named pipe, or the shell's process substitution)"),
  (stat.S_ISCHR, "a device"),
  (stat.S_ISBLK, "a device"),
  (stat.S_ISSOCK, "a socket"),
)


def check_path(path: str | os.PathLike) -> None:
  """Raises a `UserError` for a path that no file can have: empty, with a NUL character, or with characters that cannot be encoded."""
  text = os.fspath(path)
  if not text:
    raise errors.UserError("expected the path of a file or a folder, but it is empty")
  if "\0" in text:
    raise errors.UserError(f"expected the path of a file or a folder, but {text!r} has a NUL character")
  try:
    os.fsencode(text)
  except UnicodeEncodeError as error:
    raise errors.UserError(f"expected the path of a file or a folder, but {text!r} has characters that cannot be encoded") from error


def check_regular(path: str | os.PathLike) -> None:
  """Checks that a file, or what a link points to, can be read to its end without waiting.

  A FIFO, a socket or a terminal would block, and a device such as /dev/zero never ends.

  Raises:
    UserError: it is a folder, a FIFO, a device or a socket, or the path is none.
    OSError: there is no such file.
  """
  check_path(path)
  _check_kind(path, os.stat(path).st_mode)


def check_regular_inside(folder: str | os.PathLike) -> None:
  """Checks that a folder, which a library will read, holds only regular files and folders, at any depth; raises as `check_regular`."""
  for parent, _, names in os.walk(folder):
    for name in names:
      if os.path.exists(path := os.path.join(parent, name)):  # Not a link to nothing.
        check_regular(path)


def open_regular(path: str | os.PathLike, text: bool = False) -> IO[Any]:
  """Opens a file for reading, as UTF-8 text or as bytes, if it is a regular one; every file that the library reads is opened here.

  Raises:
    UserError: see `check_regular`.
    OSError: the file cannot be opened.
  """
  check_regular(path)
  # The file may have been replaced since: without O_NONBLOCK the opening of a FIFO would wait.
  descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
  try:
    _check_kind(path, os.fstat(descriptor).st_mode)
  except BaseException:
    os.close(descriptor)
    raise
  file = open(descriptor, "rb")
  return io.TextIOWrapper(file, encoding="utf-8") if text else file


def read_text(path: str | os.PathLike) -> str:
  """The contents of a UTF-8 file; raises as `open_regular`, and a `UnicodeDecodeError`."""
  with open_regular(path, text=True) as file:
    return file.read()


def map_array(path: str | os.PathLike) -> np.ndarray:
  """The array in an .npy file, memory-mapped; raises as `open_regular`, and a `ValueError`."""
  check_regular(path)
  return np.load(path, mmap_mode="r", allow_pickle=False)


def _check_kind(path, mode):
  for is_kind, name in _KINDS:
    if is_kind(mode):
      raise errors.UserError(f"expected a regular file, but {path} is {name}")


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
  check_path(path)
  path = pathlib.Path(path)
  if path.is_dir():
    raise NotWritten(path, "expected a file, but this is a folder")
  if path.exists():  # A device must not give way to a file of its name.
    check_regular(path)
  temporary = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
  try:
    with writing(path):
      yield temporary
      if sync:
        with open_regular(temporary) as file:
          os.fsync(file.fileno())
      os.replace(temporary, path)
  except BaseException:
    temporary.unlink(missing_ok=True)
    raise


def remove_leftovers(folder: str | os.PathLike) -> None:
  """Removes the files that `replacing` has left in a folder, at any depth, when its process was killed. For the one process that writes there."""
  for path in pathlib.Path(folder).rglob(f"*{PARTIAL}"):
    if path.stem.rpartition(".")[2].isdigit() and path.is_file():
      path.unlink()


@contextlib.contextmanager
def output(path: str | os.PathLike) -> Iterator[IO[str]]:
  """Opens a file that the user named for writing UTF-8 text. It is written as by `replacing`; a device or a FIFO is written to directly.

  Raises:
    UserError: the path is none, or that of a FIFO that no process reads, for which writing would wait.
    NotWritten: the file cannot be written.
  """
  check_path(path)
  path = pathlib.Path(os.path.realpath(path) if os.path.islink(path) and os.path.isfile(path) else path)
  if path.exists() and not path.is_file() and not path.is_dir():
    with writing(path), open(path, "w", encoding="utf-8", opener=_open_without_waiting) as file:
      yield file
    return
  with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
    yield file


def _open_without_waiting(path, flags):
  try:
    descriptor = os.open(path, flags | os.O_NONBLOCK)
  except OSError as e:
    if e.errno == errno.ENXIO and stat.S_ISFIFO(os.stat(path).st_mode):
      raise errors.UserError(f"nothing reads the FIFO {path}; expected a reader that has begun") from e
    raise
  os.set_blocking(descriptor, True)
  return descriptor


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
  """Writes a UTF-8 file atomically; raises a `UserError` if the text has characters that UTF-8 does not have."""
  try:
    encoded = text.encode("utf-8")
  except UnicodeEncodeError as error:
    raise errors.UserError(f"{path} cannot be written: {text[error.start : error.end]!a} is no character of UTF-8") from error
  with replacing(path) as temporary:
    temporary.write_bytes(encoded)


def write_json(path: str | os.PathLike, value: Any, indent: int | None = 2) -> None:
  """Writes a JSON file atomically; see `as_json`."""
  write_text(path, as_json(value, indent))


def as_json(value: Any, indent: int | None = 2) -> str:
  """The text of a JSON file; numbers that are not finite become null."""
  return json.dumps(finite(value), ensure_ascii=False, indent=indent, allow_nan=False) + "\n"


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
