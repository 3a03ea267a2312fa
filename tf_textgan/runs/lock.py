"""The lock of a run's folder: one training at a time."""

from collections.abc import Iterator
import contextlib
import errno
import os
import pathlib
import socket

from absl import logging
import filelock

from tf_textgan import errors
from tf_textgan import files

# The lock file. It stays in the folder; the lock on it belongs to a process and ends with it, however the process ends.
NAME = "train.lock"

# Errors of file systems without locks.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def held(folder: str | os.PathLike) -> Iterator[None]:
  """Holds the lock of a folder, which is made if absent. The lock file has the process id and the host of its holder.

  On a file system without locks a warning is logged, and the block runs without a lock.

  Raises:
    UserError: another process holds the lock, which the message names; or the folder cannot be written.
  """
  path = pathlib.Path(folder) / NAME
  with files.writing(folder):
    path.parent.mkdir(parents=True, exist_ok=True)
  lock = filelock.FileLock(path, timeout=0, fallback_to_soft=False)
  try:
    lock.acquire()
  except filelock.Timeout as e:
    raise errors.UserError(
      f"another training is at work in {folder}: {_holder(path)}; wait for its end, stop it, or pass another --workdir"
    ) from e
  except OSError as e:
    if e.errno not in _NO_LOCKS:
      raise files.NotWritten(path, e.strerror or str(e)) from e
    logging.warning("the file system of %s has no locks (%s): a second training there would not be noticed", folder, e.strerror)
  try:
    with files.writing(path):
      path.write_text(f"{os.getpid()} {socket.gethostname()}\n", encoding="utf-8")
    yield
  finally:
    lock.release()


def _holder(path):
  """The process that a lock file names."""
  try:
    process, host = files.read_text(path).split()
  except (OSError, ValueError):
    return "a process that has just begun"
  return f"process {process} on {host}"
