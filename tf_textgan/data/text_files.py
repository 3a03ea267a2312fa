"""Reads UTF-8 text files of any size, one sentence per line."""

import codecs
from collections.abc import Iterable
from collections.abc import Iterator
import hashlib
import os

from tf_textgan import errors
from tf_textgan import files

# The longer marks first: that of UTF-16 is the start of that of UTF-32.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"),
)  # fmt: skip


def check(path: str | os.PathLike) -> None:
  """Raises `UserError` unless the path is a readable regular file."""
  with _opened(path):
    pass


def named(text: str) -> tuple[str, ...]:
  """The paths in a setting `text_files`, which commas separate; raises a `UserError` if there is none, or one is no readable regular file."""
  paths = tuple(path.strip() for path in text.split(",") if path.strip())
  if not paths:
    raise errors.UserError("no text file given; pass --text_files with one path or several separated by commas")
  for path in paths:
    check(path)
  return paths


def lines(path: str | os.PathLike, keep_blank: bool = False) -> Iterator[str]:
  """Yields the lines, without line endings; other white space at both ends of a line is kept. Leaves out blank lines unless they are to be kept.

  Accepts a byte order mark and `\\n` or `\\r\\n` as line endings.

  Raises:
    UserError: the file cannot be read, or it is not UTF-8 text: it has another byte order mark, a byte that is not UTF-8, or a NUL character.
  """
  with _opened(path) as file:
    for number, line in enumerate(file, start=1):
      if number == 1:
        _check_mark(path, line)
      if b"\0" in line:
        raise errors.UserError(
            f"{path} is not UTF-8 text: line {number} has a NUL character (the byte 0x00) at position {line.index(0) + 1}{_guess(line)}")
      try:
        text = line.decode("utf-8")
      except UnicodeDecodeError as error:
        raise errors.UserError(
            f"{path} is not UTF-8 text: line {number} has the byte 0x{line[error.start]:02x} at position {error.start + 1}") from error
      text = (text.removeprefix("\ufeff") if number == 1 else text).rstrip("\r\n")
      if keep_blank or text.strip():
        yield text


def sentences(path: str | os.PathLike) -> list[str]:
  """The lines of a text file that are not blank, at least two.

  Raises:
    UserError: the file cannot be read, is not UTF-8 or has fewer lines.
  """
  check(path)
  found = list(lines(path))
  _check_text(path, found, bool(found))
  return found


def samples(path: str | os.PathLike) -> list[str]:
  """All lines of a text file, at least two, blank ones included: an empty sentence is a sample as any other. Raises as `sentences`."""
  check(path)
  found = list(lines(path, keep_blank=True))
  _check_text(path, found, any(map(str.strip, found)))
  return found


def _check_text(path, found, has_text):
  """Raises a `UserError` if there are fewer than two lines, or no text in them."""
  if len(found) < 2 or not has_text:
    number = "one line of" if has_text else "no"
    raise errors.UserError(f"{path} has {number} text; expected one sentence on each line, and two or more of them")


def fingerprint(paths: Iterable[str | os.PathLike]) -> str:
  """A hash of the contents and the order of some files: 16 hexadecimal digits."""
  digest = hashlib.sha256()
  for path in paths:
    with _opened(path) as file:
      digest.update(hashlib.file_digest(file, "sha256").digest())
  return digest.hexdigest()[:16]


def _opened(path):
  """The file, opened for reading bytes; raises a `UserError` if it cannot be."""
  try:
    return files.open_regular(path)
  except OSError as error:
    raise errors.UserError(f"cannot read the text file {path}: {error.strerror}") from error


def _check_mark(path, line):
  """Raises a `UserError` if the first line starts with a byte order mark of another encoding."""
  for mark, name in _MARKS:
    if line.startswith(mark):
      raise errors.UserError(f"{path} is not UTF-8 text: it starts with the byte order mark of {name}; expected UTF-8")


def _guess(line):
  """What a line with NUL characters probably is, for a message."""
  rest = line.rstrip(b"\r\n\0")
  return "; it may be UTF-16 or UTF-32 without a byte order mark; expected UTF-8" if 3 * rest.count(0) >= len(rest) > 0 else ""
