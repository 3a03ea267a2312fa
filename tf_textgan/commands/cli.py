"""Start and error handling shared by the entry points."""

from collections.abc import Callable
import os
import sys
from typing import Any

from absl import app
from absl import flags as absl_flags
from absl import logging
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.commands import signals


def run(parse: Callable[[list[str]], Any], main: Callable[[Any], int | None]) -> None:
  """Runs a command; a `UserError` or `OSError` ends in one line on stderr and exit code 2, without a traceback, a signal as `signals` says. The
  standard output is UTF-8.

  Args:
    parse: maps argv to the command's options.
    main: maps the options to an exit code or None.
  """

  if hasattr(sys.stdout, "reconfigure"):
    sys.stdout.reconfigure(encoding="utf-8")  # Whatever the locale: a text that it lacks would be lost.

  def guarded_parse(argv):
    absl_flags.FLAGS(argv[:1])  # absl's own flags keep their defaults.
    return _guard(lambda: parse(argv))

  with signals.stopping():
    app.run(lambda options: _guard(lambda: main(options)), flags_parser=guarded_parse)


def _guard(action):
  logging.set_verbosity(logging.WARNING)
  try:
    return action()
  except errors.UserError as e:
    message = str(e)
  except BrokenPipeError:
    # The reader of stdout, such as `head`, has closed it: send the rest to the null device, so that flushing at exit does not fail.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
  except tf.errors.OpError as e:
    inside = errors.user_error_in(e)
    if inside is not None:
      message = str(inside)
    elif isinstance(e, tf.errors.ResourceExhaustedError):
      message = f"not enough memory: {e.message.strip().splitlines()[0]}"
    else:
      raise
  except MemoryError as e:
    message = f"not enough memory: {e}"
  except OSError as e:
    message = f"{e.strerror or e}{f': {e.filename}' if e.filename else ''}"
  print(f"{os.path.basename(sys.argv[0])}: {' '.join(message.split())}", file=sys.stderr)
  sys.exit(2)
