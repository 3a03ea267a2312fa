"""Tests of text_files.py."""

import pytest

from tf_textgan import errors
from tf_textgan.data import text_files


def test_lines(tmp_path):
  path = tmp_path / "text.txt"
  path.write_bytes("\ufeffein Satz\r\n\r\n  \t\n zwei 秦\u00a0\nlast".encode())
  assert list(text_files.lines(path)) == ["ein Satz", " zwei 秦\u00a0", "last"]


def test_byte_that_is_not_utf8(tmp_path):
  path = tmp_path / "text.txt"
  path.write_bytes(b"fine\ncaf\xe9\n")
  with pytest.raises(errors.UserError, match=r"text.txt is not UTF-8 text: line 2 has the byte 0xe9 at position 4"):
    list(text_files.lines(path))


def test_check(tmp_path):
  with pytest.raises(errors.UserError, match="expected a text file, but .* is a folder"):
    text_files.check(tmp_path)
  with pytest.raises(errors.UserError, match="cannot read the text file .*absent.txt: No such file or directory"):
    text_files.check(tmp_path / "absent.txt")


def test_fingerprint_depends_on_contents_and_order(tmp_path):
  paths = [tmp_path / name for name in ("a", "b", "c")]
  for path, text in zip(paths, ("1", "2", "1")):
    path.write_text(text)
  a, b, c = paths
  assert text_files.fingerprint([a, b]) == text_files.fingerprint([c, b])
  assert len({text_files.fingerprint(some) for some in ([a], [b], [a, b], [b, a], [a, c])}) == 5
