"""Tests of tf_textgan.files."""

import errno
import math
import os
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from tests import shell
from tf_textgan import files
from tf_textgan.evaluation import plots


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

  def curves(path):
    plots.curves([{"step": step, "phase": "mle", "kind": "evaluation", **{f"metric{i}": step * i for i in range(8)}} for step in range(9)], path)

  with shell.small_disk(tmp_path, "32k"):
    for write in (text, export, curves, summaries):
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
