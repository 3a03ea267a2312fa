"""Checkpoints: one file each, written in the background, and replaced atomically.

A checkpoint is a NumPy archive (`.npz`) of every variable by name, and of the run's state. The main thread copies the variables; a second
thread writes them to a temporary file, flushes it to the disk and renames it, so that a kill at any moment leaves the previous checkpoint or the
new one. Restoring compares names and shapes: `tf.train.Checkpoint`, which matches objects, silently skips variables that it cannot match.
"""

from collections.abc import Mapping
import concurrent.futures
import json
import pathlib
import re
import shutil
from typing import Any
import zipfile
import zlib

from absl import logging
import keras
import numpy as np

from tf_textgan import errors
from tf_textgan import files

_RUN_STATE = "run_state"
_KEPT = "kept/"
_NAME = re.compile(r"step_(\d{9})\.npz$")


class Checkpoints:
  """The checkpoints in a folder: the last few, and the best by a metric as `best.npz`.

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
    best: bool = False,
    kept: Mapping[str, np.ndarray] | None = None,
  ) -> None:
    """Copies the variables and writes them in the background. Waits for the previous write first.

    Args:
      step: non-negative number that orders the checkpoints.
      variables: name to variable.
      run_state: JSON-serializable dictionary.
      best: whether to keep this checkpoint as the best too.
      kept: name to array, extra arrays to save; None for none.

    Raises:
      UserError: the previous write failed, for example because the disk is full.
    """
    self.wait()
    # A copy: `numpy()` may share memory with a variable that the next step changes.
    arrays = {name: np.array(variable.numpy()) for name, variable in variables.items()}
    arrays |= {_KEPT + name: array for name, array in (kept or {}).items()}
    arrays[_RUN_STATE] = np.array(json.dumps(run_state))
    self._writing = self._writer.submit(self._write, step, arrays, best)

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
    except OSError as e:
      raise errors.UserError(f"cannot write a checkpoint to {self._folder}: {e.strerror or e}; the ones before it are kept") from e

  def restore(self, variables: Mapping[str, keras.Variable], which: str | int = "latest", part: str = "") -> dict[str, Any] | None:
    """Assigns a checkpoint's values to variables.

    Args:
      variables: name to variable, as they were saved.
      which: "latest", "best", or the step of a kept checkpoint, an integer or its digits.
      part: prefix of the names to restore; empty for all variables.

    Returns:
      The run state that was saved, or None if there is no checkpoint.

    Raises:
      UserError: `which` is invalid, or the checkpoint is of another model: its variables have other names or shapes.
    """
    check(which)
    paths = self._files()[::-1] if which == "latest" else [path for path in [self._folder / _file(which)] if path.exists()]
    if not paths:
      return None
    path, arrays = _first_whole(paths)
    run_state = json.loads(str(arrays.pop(_RUN_STATE)))
    kept = {name.removeprefix(_KEPT): arrays.pop(name) for name in list(arrays) if name.startswith(_KEPT)}
    arrays = {name: array for name, array in arrays.items() if name.startswith(part)}
    if set(arrays) != set(variables):
      odd = sorted(set(arrays) ^ set(variables))
      raise errors.UserError(f"{path} is a checkpoint of another model: it differs in {len(odd)} variables, {odd[0]} among them")
    for name, variable in variables.items():
      if arrays[name].shape != tuple(variable.shape):
        raise errors.UserError(
          f"{path} is a checkpoint of another model: {name} has shape {arrays[name].shape} there, {tuple(variable.shape)} here"
        )
    # Assigned after all checks, so that a checkpoint that does not fit changes nothing.
    for name, variable in variables.items():
      variable.assign(arrays[name])
    self.kept = kept
    return run_state

  def steps(self) -> list[int]:
    """The steps of the kept checkpoints, in order."""
    return [int(_NAME.search(path.name)[1]) for path in self._files()]

  def _files(self):
    return sorted(path for path in self._folder.glob("step_*.npz") if _NAME.search(path.name))

  def _write(self, step, arrays, best):
    self._folder.mkdir(parents=True, exist_ok=True)
    for leftover in self._folder.glob(f"*{files.PARTIAL}"):
      leftover.unlink()  # Of a run that was killed while writing.
    target = self._folder / _file(step)
    # The best first: the run state in the other file says that the best has been saved.
    first = self._folder / "best.npz" if best else target
    with files.replacing(first, sync=True) as temporary, open(temporary, "wb") as file:
      np.savez(file, **arrays)
    if best:
      with files.replacing(target, sync=True) as temporary:
        shutil.copyfile(first, temporary)
    for old in self._files()[: -self._keep]:
      old.unlink(missing_ok=True)


def check(which: str | int) -> None:
  """Checks the name of a checkpoint.

  Raises:
    UserError: it is not "latest", "best", or a step, an integer or its digits.
  """
  if which not in ("latest", "best") and not str(which).isdecimal():
    raise errors.UserError(f"the checkpoint to read is {which!r}; expected best, latest or the step of one that is kept")


def _file(which):
  """The file name of the best checkpoint, or of the checkpoint of a step."""
  return "best.npz" if which == "best" else f"step_{int(which):09d}.npz"


def _first_whole(paths):
  """The first checkpoint that can be read, and its arrays by name; a file may be damaged."""
  for path in paths:
    try:
      with files.open_regular(path) as file, np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
      json.loads(str(arrays[_RUN_STATE]))
      return path, arrays
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zlib.error, zipfile.BadZipFile) as e:
      if path != paths[-1]:
        logging.warning("%s is not a whole checkpoint (%s); trying the one before it", path, e)
  raise errors.UserError(f"no whole checkpoint in {paths[0].parent}: {', '.join(path.name for path in paths)} cannot be read")
