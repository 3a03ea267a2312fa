"""Tests of tf_textgan.files."""

import errno
import math
import os
import socket
import stat
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from tests import shell
from tf_textgan import errors
from tf_textgan import files


class _Pair(NamedTuple):
  name: str
  number: float


_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@pytest.mark.parametrize("code", _CODES)
def test_an_error_of_the_disk_names_the_file_and_leaves_the_old_one(tmp_path, code):
  path = tmp_path / "value.json"
  files.write_json(path, 1)
  with pytest.raises(files.NotWritten, match=f"cannot write {path}: {os.strerror(code)}$"):
    with files.replacing(path) as temporary:
      temporary.write_text("2")
      raise OSError(code, os.strerror(code))
  assert path.read_text() == "1\n" and list(tmp_path.iterdir()) == [path]


def test_an_error_that_names_the_temporary_file_names_the_final_one(tmp_path):
  path = tmp_path / "absent" / "value.json"
  with pytest.raises(files.NotWritten, match=f"cannot write {path}: No such file or directory"):
    files.write_json(path, 1)


def test_errors_that_are_not_of_writing_stay(tmp_path):
  with pytest.raises(FileNotFoundError, match="other"), files.writing(tmp_path / "value.json"):
    (tmp_path / "other").read_text()
  with pytest.raises(tf.errors.InvalidArgumentError), files.writing(tmp_path):
    tf.debugging.Assert(False, ["no disk"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk_is_one_line_whoever_writes(tmp_path):
  """Python, NumPy and TensorFlow on a file system of 32 KiB."""

  def text(path):
    files.write_text(path, "x" * 2**16)

  def export(path):
    module = tf.Module()
    module.variable = tf.Variable(tf.zeros([2**16]))
    with files.replacing_folder(path) as temporary:
      tf.saved_model.save(module, str(temporary))

  def summaries(path):
    with files.writing(path):
      writer = tf.summary.create_file_writer(str(path))
      with writer.as_default(step=0):
        for i in range(1000):
          tf.summary.scalar(f"number{i}", 1.0)
      writer.flush()

  with shell.small_disk(tmp_path, "32k"):
    for write in (text, export, summaries):
      with pytest.raises(files.NotWritten, match=f"^cannot write {tmp_path}/{write.__name__}: No space left on device$"):
        write(tmp_path / write.__name__)
      assert write is summaries or not list(tmp_path.iterdir())


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_files_and_folders_have_the_modes_of_the_umask(tmp_path, mask):
  before = os.umask(mask)
  try:
    files.write_json(tmp_path / "value.json", 1)
    with files.replacing_folder(tmp_path / "folder") as temporary:
      temporary.mkdir()
  finally:
    os.umask(before)
  assert (tmp_path / "value.json").stat().st_mode & 0o777 == 0o666 & ~mask
  assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o777 & ~mask


def test_numbers_that_are_not_finite_become_none_at_any_depth():
  value = {"a": math.nan, "b": [math.inf, -math.inf, 1.5], "c": {"d": np.float32("nan"), "e": np.int64(3)}, "f": _Pair("x", math.nan)}
  assert files.finite(value) == {"a": None, "b": [None, None, 1.5], "c": {"d": None, "e": 3}, "f": {"name": "x", "number": None}}


def test_other_values_stay():
  value = {"text": "nan", "flag": True, "none": None, "number": 10**20}
  assert files.finite(value) == value


@pytest.fixture
def special(tmp_path):
  """Paths that are no regular files, by their kind in messages."""
  os.mkfifo(tmp_path / "fifo")
  (tmp_path / "link").symlink_to("/dev/zero")
  place = socket.socket(socket.AF_UNIX)
  place.bind(os.path.relpath(tmp_path / "socket"))  # A socket's path must be short.
  yield {
    tmp_path: "a folder", tmp_path / "fifo": "a FIFO", tmp_path / "socket": "a socket", tmp_path / "link": "a device",
    "/dev/zero": "a device", "/dev/full": "a device", "/dev/urandom": "a device",
  }  # fmt: skip
  place.close()


@pytest.mark.parametrize("read", [files.check_regular, files.open_regular, files.read_text, files.map_array], ids=lambda read: read.__name__)
def test_only_regular_files_are_read(special, read):
  for path, kind in special.items():
    with pytest.raises(errors.UserError, match=f"^expected a regular file, but {path} is {kind}"):
      read(path)
  with pytest.raises(FileNotFoundError):
    read("absent")


@pytest.mark.parametrize(("path", "message"), [("", "it is empty"), ("a\0b", r"'a\\x00b' has a NUL"), ("\ud800", "cannot be encoded")])
def test_paths_that_no_file_can_have(path, message):
  for use in (files.check_regular, files.open_regular, lambda path: files.write_text(path, "")):
    with pytest.raises(errors.UserError, match=f"^expected the path of a file or a folder, but .*{message}"):
      use(path)


def test_a_folder_with_a_special_file_inside(tmp_path):
  (tmp_path / "a" / "b").mkdir(parents=True)
  (tmp_path / "a" / "text").write_text("x")
  files.check_regular_inside(tmp_path)
  os.mkfifo(tmp_path / "a" / "b" / "fifo")
  with pytest.raises(errors.UserError, match="a/b/fifo is a FIFO"):
    files.check_regular_inside(tmp_path)


def test_a_file_that_turns_into_a_fifo_between_the_check_and_the_opening(tmp_path, monkeypatch):
  os.mkfifo(tmp_path / "fifo")
  monkeypatch.setattr(files, "check_regular", lambda path: None)
  with pytest.raises(errors.UserError, match="is a FIFO"):
    files.open_regular(tmp_path / "fifo")


def test_no_device_gives_way_to_a_file(special):
  for path, kind in special.items():
    if not str(path).startswith("/dev/"):  # A failure must not cost the machine its devices: the link stands for them.
      with pytest.raises((errors.UserError, IsADirectoryError), match=kind):
        files.write_text(path, "x")
      assert not stat.S_ISREG(os.stat(path).st_mode)


def test_text_that_is_not_utf8_leaves_the_old_file(tmp_path):
  files.write_json(tmp_path / "a.json", {"a": 1})
  with pytest.raises(errors.UserError, match=r"a\.json cannot be written: '\\ud800' is no character of UTF-8"):
    files.write_json(tmp_path / "a.json", {"a": "\ud800"})
  assert (tmp_path / "a.json").read_text() == '{\n  "a": 1\n}\n'


def test_output_is_whole_or_as_before(tmp_path):
  (tmp_path / "old").write_text("old")
  (tmp_path / "link").symlink_to("old")
  with pytest.raises(KeyError):
    with files.output(tmp_path / "link") as file:
      file.write("new")
      raise KeyError
  assert (tmp_path / "old").read_text() == "old"
  with files.output(tmp_path / "link") as file:
    file.write("é")
  assert (tmp_path / "link").is_symlink() and (tmp_path / "old").read_bytes() == "é".encode()
  assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "old"]


def test_output_to_a_device(tmp_path):
  for name in ("null", "full"):
    (tmp_path / name).symlink_to(f"/dev/{name}")
  with files.output(tmp_path / "null") as file:
    file.write("x")
  with pytest.raises(files.NotWritten, match=f"cannot write {tmp_path}/full: No space left on device"):
    with files.output(tmp_path / "full") as file:
      file.write("x")
  assert all(stat.S_ISCHR(os.stat(path).st_mode) for path in tmp_path.iterdir())


def test_output_to_a_fifo_needs_a_reader(tmp_path):
  path = tmp_path / "fifo"
  os.mkfifo(path)
  with pytest.raises(errors.UserError, match=f"^nothing reads the FIFO {path}; expected a reader that has begun$"):
    with files.output(path):
      pytest.fail("it was opened")
  reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
  with files.output(path) as file:
    file.write("é")
  assert os.read(reader, 9) == "é".encode()
  os.close(reader)


def test_leftovers_of_a_killed_process_are_removed_and_nothing_else(tmp_path):
  (tmp_path / "samples").mkdir()
  for name in ("report.html.730.partial", "samples/step_1.txt.9.partial", "notes.partial", "report.html"):
    (tmp_path / name).touch()
  files.remove_leftovers(tmp_path)
  assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["notes.partial", "report.html", "samples"]
