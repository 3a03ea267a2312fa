"""Tests of tf_textgan.commands.cli."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.commands import cli


def _raise(error):
  raise error


@pytest.mark.parametrize(
  ("action", "line"),
  [
    (lambda: _raise(errors.UserError("expected this,\n but got that")), "expected this, but got that"),
    (lambda: _raise(OSError(28, "No space left on device", "a/b")), "No space left on device: a/b"),
    (lambda: _raise(OSError("no number")), "no number"),
    (lambda: np.zeros(2**57), "not enough memory: Unable to allocate 1.00 EiB"),
    (lambda: _raise(tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\n with shape")), "not enough memory: OOM when allocating"),
    (lambda: _raise(tf.errors.UnknownError(None, None, "x\nUserError: expected 3\n")), "expected 3"),
  ],
)  # fmt: skip
def test_mistakes_end_in_one_line(action, line, capsys, monkeypatch):
  monkeypatch.setattr("sys.argv", ["folder/generate.py"])
  with pytest.raises(SystemExit) as left:
    cli._guard(action)
  captured = capsys.readouterr()
  assert left.value.code == 2 and captured.err.startswith(f"generate.py: {line}") and captured.err.count("\n") == 1 and not captured.out


@pytest.mark.parametrize("error", [ValueError("a bug"), tf.errors.InternalError(None, None, "a bug")])
def test_bugs_keep_their_traceback(error):
  with pytest.raises(type(error)):
    cli._guard(lambda: _raise(error))
