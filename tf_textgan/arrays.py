"""Reads NumPy's files without trusting them: the header of an array is checked before memory is taken for its data, and nothing is unpickled."""

import math
import os
import pathlib
import struct
from typing import IO
from typing import NamedTuple
import zipfile
import zlib

import numpy as np

from tf_textgan import files

# What reading a damaged archive may raise; those of `zipfile` for methods it does not know and for passwords are among them.
DAMAGES = (OSError, ValueError, EOFError, KeyError, RuntimeError, OverflowError, MemoryError, struct.error, zlib.error, zipfile.BadZipFile)

_VERSIONS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class Header(NamedTuple):
  """What the header of an array says.

  Attributes:
    shape: of the array.
    dtype: of its elements: booleans, numbers or strings of a fixed length.
    fortran_order: whether the first index changes fastest.
  """

  shape: tuple[int, ...]
  dtype: np.dtype
  fortran_order: bool


def header(file: IO[bytes], size: int) -> Header:
  """Reads the header of an array in the `.npy` format.

  Args:
    file: at its start.
    size: bytes of the array's file.

  Raises:
    ValueError: it is not such a header, the elements are Python objects or records, or the file's size is not what the header says.
  """
  try:
    read = _VERSIONS[np.lib.format.read_magic(file)]
    shape, fortran_order, dtype = read(file)
  except Exception as e:  # NumPy evaluates the header as a Python literal, whose errors are of many types.
    raise ValueError("it has no header of a NumPy array") from e
  if dtype.kind not in "biufcSUV" or dtype.names is not None or dtype.hasobject:
    raise ValueError(f"its elements are {'objects' if dtype.hasobject else dtype}; expected numbers")
  if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size - file.tell():
    raise ValueError(f"its header says {dtype} {list(shape)}, but it holds {size - file.tell()} bytes")
  return Header(shape, dtype, fortran_order)


def headers(archive: zipfile.ZipFile) -> dict[str, Header]:
  """Reads the headers of all arrays in an `.npz` file, by name. Raises one of `DAMAGES` if it is damaged or holds anything else."""
  found = {}
  for member in archive.infolist():
    name = member.filename.removesuffix(".npy")
    if name in found or name == member.filename:
      raise ValueError(f"it holds {member.filename!r}{' twice' if name in found else ', which is no array'}")
    with archive.open(member) as file:
      try:
        found[name] = header(file, member.file_size)
      except ValueError as e:
        raise ValueError(f"{name!r}: {e}") from e
  return found


def read(archive: zipfile.ZipFile, name: str) -> np.ndarray:
  """Reads an array of an `.npz` file whose header has been checked; raises one of `DAMAGES`."""
  with archive.open(f"{name}.npy") as file:
    return np.lib.format.read_array(file, allow_pickle=False)


def load(path: str | os.PathLike, mmap: bool = False) -> np.ndarray:
  """Reads an array from a `.npy` file, or maps it into memory.

  Raises:
    OSError: the file cannot be read.
    UserError: it is no regular file.
    ValueError: see `header`.
  """
  with files.open_regular(path) as file:
    header(file, pathlib.Path(path).stat().st_size)
  array = files.map_array(path)
  return array if mmap else np.array(array)
