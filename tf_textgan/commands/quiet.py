"""Start of TensorFlow without its start-up messages. Imports no TensorFlow at module level, because stderr must be held back first."""

import os
import re
import sys
import tempfile

# Messages of TensorFlow's native code about drivers and instruction sets; no setting silences them before its log is initialized.
_NOTE = re.compile(r"^([IWE]0000 |WARNING: All log messages before absl::InitializeLog)")


def start_tensorflow() -> None:
  """Imports TensorFlow and lists its devices with stderr held back, then prints the held text without the start-up messages.

  Later TensorFlow warnings, such as about a function retraced for each picker of a sweep, do not concern users of a command and are silenced too.
  If TF_CPP_MIN_LOG_LEVEL is set, nothing is silenced.
  """
  _open_closed_streams()
  if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
    return
  os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
  sys.stderr.flush()
  terminal = os.dup(2)
  with tempfile.TemporaryFile() as held:
    os.dup2(held.fileno(), 2)
    try:
      import tensorflow as tf

      tf.config.list_physical_devices()
      tf.get_logger().setLevel("ERROR")
    finally:
      sys.stderr.flush()
      os.dup2(terminal, 2)
      os.close(terminal)
      held.seek(0)
      said = held.read().decode(errors="replace").splitlines(keepends=True)
      sys.stderr.write("".join(line for line in said if not _NOTE.match(line)))


def _open_closed_streams():
  """Opens the null device in place of standard streams that the shell has closed, so that no file takes the number of one and gets its messages."""
  for number in range(3):
    try:
      os.fstat(number)
    except OSError:
      os.open(os.devnull, os.O_RDWR)  # The lowest free number.
  for name, number in (("stdout", 1), ("stderr", 2)):
    if getattr(sys, name) is None:
      setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))
