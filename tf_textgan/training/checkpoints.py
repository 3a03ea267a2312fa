"""Checkpoints: one file each, written in the background, and replaced atomically.

A checkpoint is a NumPy archive (`.npz`) of every variable by name, and of the run's state. The main thread copies the variables; a second
thread writes them to a temporary file, flushes it to the disk and renames it, so that a kill at any moment leaves the previous checkpoint or the
new one. Restoring compares names, shapes and types before any data are read: `tf.train.Checkpoint`, which matches objects, silently skips variables
that it cannot match. Nothing is unpickled, and memory is taken only for arrays that the variables have too, or that fit into the file.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import concurrent.futures
import json
import pathlib
import re
import shutil
from typing import Any
from typing import NamedTuple
import zipfile

from absl import logging
import keras
import numpy as np
import tensorflow as tf

from tf_textgan import arrays as arrays_lib
from tf_textgan import errors
from tf_textgan import files
from tf_textgan import schema

_RUN_STATE = "run_state"
_KEPT = "kept/"
_NAME = re.compile(r"step_(\d{9})\.npz$")
# The files that a checkpoint is kept as besides its numbered one.
_NAMED = ("best", "likelihood")


class Checkpoints:
  """The checkpoints in a folder: the last few, the best by a metric as `best.npz`, and of a GAN the last before its adversarial phase as
  `likelihood.npz`.

  Attributes:
    kept: name to array, the extra arrays of the checkpoint last restored.
  """

  def __init__(self, folder: str | pathlib.Path, keep: int = 3):
    """Opens a folder, created if absent, in which the last `keep` checkpoints are kept."""
    self._folder = pathlib.Path(folder)
    self._keep = keep
    self._writer = concurrent.futures.ThreadPoolExecutor(max_workers=1)
    self._writing = None
    self.kept = {}

  def save(
    self,
    step: int,
    variables: Mapping[str, keras.Variable],
    run_state: dict[str, Any],
    names: Sequence[str] = (),
    kept: Mapping[str, np.ndarray] | None = None,
  ) -> None:
    """Copies the variables and writes them in the background. Waits for the previous write first.

    Args:
      step: non-negative number that orders the checkpoints.
      variables: name to variable.
      run_state: JSON-serializable dictionary.
      names: "best", "likelihood" or both, the names to keep this checkpoint under too.
      kept: name to array, extra arrays to save; None for none.

    Raises:
      UserError: the previous write failed, for example because the disk is full; or a variable is not finite, see `restore`.
    """
    self.wait()
    # A copy: `numpy()` may share memory with a variable that the next step changes.
    arrays = {name: np.array(variable.numpy()) for name, variable in variables.items()}
    if name := _not_finite(arrays, variables):
      raise errors.UserError(f"training diverged: {name} is not finite at step {step}; the last checkpoint before it is kept")
    arrays |= {_KEPT + name: np.array(array, order="C") for name, array in (kept or {}).items()}
    arrays[_RUN_STATE] = np.array(json.dumps(run_state))
    self._writing = self._writer.submit(self._write, step, arrays, names)

  def wait(self) -> None:
    """Waits for the current write.

    Raises:
      UserError: it failed.
    """
    if self._writing is None:
      return
    writing, self._writing = self._writing, None
    try:
      writing.result()
    except (OSError, files.NotWritten) as e:
      reason = e.reason if isinstance(e, files.NotWritten) else e.strerror or e
      raise errors.UserError(f"cannot write a checkpoint to {self._folder}: {reason}; the ones before it are kept") from e

  def restore(
    self,
    variables: Mapping[str, keras.Variable],
    which: str | int = "latest",
    part: str = "",
    grown: tuple[int, int] | None = None,
    read_state: Callable[[Any], Any] | None = None,
  ) -> Any:
    """Assigns a checkpoint's values to variables.

    Args:
      variables: name to variable, as they were saved.
      which: "latest", "best", "likelihood", or the step of a kept checkpoint, an integer or its digits.
      part: prefix of the names to restore; empty for all variables.
      grown: sizes of a vocabulary in the checkpoint and in these variables. A variable that differs from the checkpoint's in one axis, which has
        these sizes, keeps its own values after the checkpoint's. None if it did not grow.
      read_state: checks and converts the run state that was saved; raises a `UserError` if it is wrong. None for no check.

    Returns:
      What `read_state` makes of the run state, or None if there is no checkpoint.

    Raises:
      UserError: `which` is invalid; the checkpoint is damaged (of the latest: all are); it is of another model: its variables have other names,
        shapes or types; a variable holds NaN, or a trainable one infinity.
    """
    check(which)
    paths = self._files()[::-1] if which == "latest" else [path for path in [self._folder / _file(which)] if path.exists()]
    if not paths:
      return None
    found = _first_whole(paths, variables, part, read_state, grown)
    # Assigned after all checks, so that a checkpoint that does not fit changes nothing.
    for name, variable in variables.items():
      value = found.arrays[name]
      if value.shape != tuple(variable.shape):
        value = np.array(variable.numpy())
        value[tuple(map(slice, found.arrays[name].shape))] = found.arrays[name]
      variable.assign(value)
    self.kept = found.kept
    return found.run_state

  def check_best(self, variables: Mapping[str, keras.Variable], read_state: Callable[[Any], Any] | None, needed: bool) -> Any:
    """Reads the best checkpoint, if there is one, without assigning it.

    Args:
      variables, read_state: see `restore`.
      needed: whether there must be one.

    Returns:
      What `read_state` makes of its run state, or None if there is none.

    Raises:
      UserError: as `restore`; or there is none, and it is needed.
    """
    path = self._folder / _file("best")
    try:
      if path.exists():
        return _first_whole([path], variables, "", read_state).run_state
      if needed:
        raise errors.UserError(f"{path}, the best checkpoint, is missing")
    except errors.UserError as e:
      raise errors.UserError(f"{e}; to go on, copy a kept checkpoint, such as {_file(self.steps()[-1])}, to its place") from e
    return None

  def steps(self) -> list[int]:
    """The steps of the kept checkpoints, in order."""
    return [int(_NAME.search(path.name)[1]) for path in self._files()]

  def _files(self):
    return sorted(path for path in self._folder.glob("step_*.npz") if _NAME.search(path.name))

  def _write(self, step, arrays, names):
    self._folder.mkdir(parents=True, exist_ok=True)
    files.remove_leftovers(self._folder)
    # The numbered file last: its run state says that the others have been saved.
    first, *copies = [self._folder / _file(which) for which in (*names, step)]
    with files.replacing(first, sync=True) as temporary, open(temporary, "wb") as file:
      np.savez(file, **arrays)
    for copy in copies:
      with files.replacing(copy, sync=True) as temporary:
        shutil.copyfile(first, temporary)
    for old in self._files()[: -self._keep]:
      old.unlink(missing_ok=True)


def check(which: str | int) -> None:
  """Checks the name of a checkpoint.

  Raises:
    UserError: it is not "latest", "best", "likelihood", or a step, an integer or its digits.
  """
  if which not in ("latest", *_NAMED) and not str(which).isdecimal():
    raise errors.UserError(f"the checkpoint to read is {which!r}; expected best, latest, likelihood or the step of one that is kept")


def _file(which):
  """The file name of a named checkpoint, or of the checkpoint of a step."""
  return f"{which}.npz" if which in _NAMED else f"step_{int(which):09d}.npz"


class _Checkpoint(NamedTuple):
  """The contents of a file: `arrays` and `kept`, both name to array, and the run state."""

  arrays: dict[str, np.ndarray]
  kept: dict[str, np.ndarray]
  run_state: Any


def _first_whole(paths, variables, part, read_state, grown=None):
  """The first checkpoint that can be read; a file may be damaged. Raises as `Checkpoints.restore`."""
  damages = []
  for path in paths:
    try:
      return _read(path, variables, part, read_state, grown)
    except arrays_lib.DAMAGES as e:
      damages.append(f"{path} is damaged: {' '.join(str(e).split()) or type(e).__name__}")
      if path != paths[-1]:
        logging.warning("%s; trying the one before it", damages[-1])
  raise errors.UserError(damages[0] + (f"; so are the {len(damages) - 1} before it" if damages[1:] else ""))


def _read(path, variables, part, read_state, grown):
  """Reads a file: a `_Checkpoint`. Raises one of `arrays.DAMAGES`, or a `UserError` if it is whole but does not fit."""
  with files.open_regular(path) as file, zipfile.ZipFile(file) as archive:
    headers = _headers(archive, path.stat().st_size)
    state = headers.pop(_RUN_STATE)
    if state.dtype.kind != "U" or state.shape:
      raise ValueError(f"its run state is {state.dtype} {list(state.shape)}; expected text")
    kept = {name.removeprefix(_KEPT): headers.pop(name) for name in list(headers) if name.startswith(_KEPT)}
    _check_fit(path, {name: header for name, header in headers.items() if name.startswith(part)}, variables, kept, grown)
    try:
      run_state = schema.parse_json(str(arrays_lib.read(archive, _RUN_STATE)))
      run_state = read_state(run_state) if read_state else run_state
    except errors.UserError as e:
      raise ValueError(f"its run state: {e}") from e
    found = _Checkpoint(
      {name: arrays_lib.read(archive, name) for name in variables}, {name: arrays_lib.read(archive, _KEPT + name) for name in kept}, run_state
    )
  for prefix, arrays in (("", found.arrays), (_KEPT, found.kept)):
    if name := _not_finite(arrays, variables):
      raise errors.UserError(f"{path} cannot be used: {prefix}{name} holds numbers that are not finite")
  return found


def _headers(archive, size):
  """Name to header of the arrays in a file of `size` bytes; raises one of `arrays.DAMAGES`."""
  members = archive.infolist()
  # Compressed, or overlapping, a small file could fill the memory.
  if any(member.compress_type != zipfile.ZIP_STORED for member in members) or sum(member.file_size for member in members) > size:
    raise ValueError("its arrays are compressed or larger than the file; expected them as numpy.savez writes them")
  headers = arrays_lib.headers(archive)
  if _RUN_STATE not in headers:
    raise ValueError("it has no run state")
  for name, header in headers.items():
    if header.fortran_order and len(header.shape) > 1:
      raise ValueError(f"{name!r}: its elements are in Fortran's order; expected C's")
  return headers


def _check_fit(path, headers, variables, kept, grown):
  """Raises a `UserError` if the arrays of a file are not those of the variables: names, shapes and types.

  Of the kept arrays, those of a network or optimizer must be all of its variables; other names are free.
  """
  owners = {name.partition("/")[0] for name in kept}
  incomplete = {_KEPT + name for name in variables if name.partition("/")[0] in owners and name not in kept}
  if odd := sorted(set(headers) ^ set(variables) | incomplete):
    raise errors.UserError(f"{path} is a checkpoint of another model: it differs in {len(odd)} variables, {schema.shown_name(odd[0])} among them")
  for prefix, found in (("", headers), (_KEPT, kept)):
    for name in found.keys() & variables.keys():
      shape, dtype = tuple(variables[name].shape), np.dtype(tf.as_dtype(variables[name].dtype).as_numpy_dtype)
      there = found[name].shape
      has_grown = len(there) == len(shape) and [sizes for sizes in zip(there, shape) if sizes[0] != sizes[1]] == [grown]
      if there != shape and not has_grown:
        raise errors.UserError(
          f"{path} is a checkpoint of another model: {prefix}{name} has shape {schema.shown(there)} there, {shape} here"
        )
      if found[name].dtype != dtype:
        raise errors.UserError(f"{path} is a checkpoint of another model: {prefix}{name} has type {found[name].dtype} there, {dtype} here")


def _not_finite(arrays, variables):
  """The name of an array that holds NaN, or infinity where the variable is trainable: a network may have a mask of -infinity. None if none does."""
  for name, array in arrays.items():
    if array.dtype.kind == "f" and not np.isfinite(array).all():
      if np.isnan(array).any() or getattr(variables.get(name), "trainable", False):
        return name
  return None
