"""Tests of tf_textgan.arrays."""

import io
import zipfile

import numpy as np
import pytest

from tf_textgan import arrays


def _npy(array):
  file = io.BytesIO()
  np.save(file, array)
  return file.getvalue()


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3), np.float32(3.0), np.zeros([0, 4], np.int64), np.array("text"), np.array([True])])
def test_header(array):
  content = _npy(array)
  found = arrays.header(io.BytesIO(content), len(content))
  assert found == (array.shape, array.dtype, False)


def test_fortrans_order_is_told():
  content = _npy(np.asfortranarray(np.zeros([2, 3])))
  assert arrays.header(io.BytesIO(content), len(content)).fortran_order


def test_headers_that_do_not_fit_are_refused(tmp_path):
  whole = _npy(np.zeros([2, 3]))
  objects = io.BytesIO()
  np.save(objects, np.array([{}]), allow_pickle=True)
  for content, message in (
    (b"", "no header of a NumPy array"),
    (b"\x93NUMPY\x09\x00" + whole[8:], "no header of a NumPy array"),
    (whole[:-1], r"its header says float64 \[2, 3\], but it holds 47 bytes"),
    (whole + b"a", r"its header says float64 \[2, 3\], but it holds 49 bytes"),
    (whole.replace(b"(2, 3)", b"(-2,3)"), "its header says"),
    (whole.replace(b"(2, 3)", b"(2e3,)"), "no header of a NumPy array"),
    (whole.replace(b"'<f8'", b"'<f4'"), "its header says float32"),
    (objects.getvalue(), "its elements are objects; expected numbers"),
    (_npy(np.zeros(2, [("a", "f4")])), "its elements are .*'a'.*; expected numbers"),
    (_npy(np.zeros(2, "M8[s]")), "its elements are datetime64.*; expected numbers"),
  ):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match=message):
      arrays.load(tmp_path / "a.npy")


def test_load(tmp_path):
  np.save(tmp_path / "a.npy", np.arange(6.0).reshape(2, 3))
  for mmap in (False, True):
    found = arrays.load(tmp_path / "a.npy", mmap)
    assert isinstance(found, np.memmap) == mmap
    np.testing.assert_array_equal(found, [[0, 1, 2], [3, 4, 5]])


def test_archives(tmp_path):
  path = tmp_path / "a.npz"
  np.savez(path, a=np.arange(3), b=np.float32(1.5))
  with zipfile.ZipFile(path) as archive:
    assert arrays.headers(archive) == {"a": ((3,), np.dtype(np.int64), False), "b": ((), np.dtype(np.float32), False)}
    np.testing.assert_array_equal(arrays.read(archive, "a"), [0, 1, 2])
  with zipfile.ZipFile(path, "a") as archive:
    archive.writestr("notes.txt", "abc")
  with zipfile.ZipFile(path) as archive, pytest.raises(ValueError, match="it holds 'notes.txt', which is no array"):
    arrays.headers(archive)
