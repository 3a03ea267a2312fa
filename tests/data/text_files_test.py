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


@pytest.mark.parametrize(("content", "message"), [
    ("a b\nc d\n".encode("utf-16"), r"starts with the byte order mark of UTF-16; expected UTF-8"),
    ("a b\nc d\n".encode("utf-32"), r"starts with the byte order mark of UTF-32; expected UTF-8"),
    ("\ufeffa b\n".encode("utf-16-be"), r"starts with the byte order mark of UTF-16; expected UTF-8"),
    ("a b\nc d\n".encode("utf-16-le"), r"line 1 has a NUL character \(the byte 0x00\) at position 2; it may be UTF-16 or UTF-32 without a byte"),
    ("a b\nc d\n".encode("utf-16-be"), r"line 1 has a NUL character \(the byte 0x00\) at position 1; it may be UTF-16 or UTF-32 without a byte"),
    ("a b\nc d\n".encode("utf-32-le"), r"line 1 has a NUL character \(the byte 0x00\) at position 2; it may be UTF-16 or UTF-32 without a byte"),
    (b"fine\nwords and one \0 in them\n", r"line 2 has a NUL character \(the byte 0x00\) at position 15$"),
])
def test_other_encodings_and_nul_characters(tmp_path, content, message):
  path = tmp_path / "text.txt"
  path.write_bytes(content)
  with pytest.raises(errors.UserError, match=f"text.txt is not UTF-8 text: (it )?{message}"):
    list(text_files.lines(path))


def test_check(tmp_path):
  with pytest.raises(errors.UserError, match="expected a regular file, but .* is a folder"):
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
