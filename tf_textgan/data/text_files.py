"""Reads UTF-8 text files of any size, one sentence per line."""

from collections.abc import Iterable
from collections.abc import Iterator
import hashlib
import os

from tf_textgan import errors


def check(path: str | os.PathLike) -> None:
  """Raises `UserError` unless the path is a readable file."""
  if os.path.isdir(path):
    raise errors.UserError(f"expected a text file, but {path} is a folder")
  try:
    with open(path, "rb"):
      pass
  except OSError as error:
    raise errors.UserError(f"cannot read the text file {path}: {error.strerror}") from error


def lines(path: str | os.PathLike, keep_blank: bool = False) -> Iterator[str]:
  """Yields the lines, without line endings; other white space at both ends of a line is kept. Leaves out blank lines unless they are to be kept.

  Accepts a byte order mark and `\\n` or `\\r\\n` as line endings.

  Raises:
    UserError: a byte is not UTF-8.
  """
  with open(path, "rb") as file:
    for number, line in enumerate(file, start=1):
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
    with open(path, "rb") as file:
      digest.update(hashlib.file_digest(file, "sha256").digest())
  return digest.hexdigest()[:16]
