"""Tests of tf_textgan.runs.lock."""

import errno
import fcntl
import os
import re
import signal
import socket
import time

import pytest

from tf_textgan import errors
from tf_textgan import files
from tf_textgan.runs import lock


def _refusal(folder, process):
  holder = f"process {process} on {socket.gethostname()}"
  return re.escape(f"another training is at work in {folder}: {holder}; wait for its end, stop it, or pass another --workdir")


def test_one_process_at_a_time(tmp_path):
  with lock.held(tmp_path / "run"):
    for _ in range(2):  # The one that is refused leaves the name of the holder.
      with pytest.raises(errors.UserError, match=_refusal(tmp_path / "run", os.getpid())), lock.held(tmp_path / "run"):
        pass
    with lock.held(tmp_path / "other"):
      pass
  with lock.held(tmp_path / "run"):
    pass
  assert [path.name for path in (tmp_path / "run").iterdir()] == ["train.lock"]


def test_the_lock_ends_with_its_process_also_when_it_is_killed(tmp_path):
  reading, writing = os.pipe()
  holder = os.fork()  # It uses no TensorFlow.
  if not holder:
    with lock.held(tmp_path):
      os.write(writing, b"held")
      time.sleep(100)
    os._exit(0)
  try:
    os.read(reading, 4)
    with pytest.raises(errors.UserError, match=_refusal(tmp_path, holder)), lock.held(tmp_path):
      pass
  finally:
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
  with lock.held(tmp_path):
    assert (tmp_path / "train.lock").read_text() == f"{os.getpid()} {socket.gethostname()}\n"


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_there_is_a_warning(tmp_path, monkeypatch, caplog, code):
  def flock(*args):
    raise OSError(code, os.strerror(code))

  monkeypatch.setattr(fcntl, "flock", flock)
  with lock.held(tmp_path):
    assert f"the file system of {tmp_path} has no locks ({os.strerror(code)}): a second training there would not be noticed" in caplog.text


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(files.NotWritten, match=f"cannot write {tmp_path / 'file' / 'run'}: Not a directory"), lock.held(tmp_path / "file" / "run"):
    pass
