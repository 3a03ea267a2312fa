"""Starts TensorFlow without its start-up notes on the terminal. Imports nothing of it at the top: it must come before."""

import os
import re
import sys
import tempfile

# What TensorFlow's native code writes about drivers and instruction sets; no setting of its own silences it before its log is initialised.
_NOTE = re.compile(r"^([IWE]0000 |WARNING: All log messages before absl::InitializeLog)")


def start_tensorflow():
  """Imports TensorFlow and finds its devices with stderr held back, then passes on what was said there besides the notes.

  What it warns of later, such as a function that is traced anew for each picker of a sweep, is not for the user of a command and is left out, too.
  A user who sets TF_CPP_MIN_LOG_LEVEL sees everything.
  """
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
