"""What the entry points share: how they start, and how a user's mistake ends."""

import os
import sys

from absl import app
from absl import flags as absl_flags
from absl import logging

from tf_textgan import errors


def run(parse, main):
  """Runs a command; a user's mistake ends in one line on stderr and exit code 2, not in a traceback.

  Args:
    parse: function of argv, giving the command's options.
    main: function of the options, giving an exit code or None.
  """

  def guarded_parse(argv):
    absl_flags.FLAGS(argv[:1])  # absl's own flags keep their defaults.
    return _guard(lambda: parse(argv))

  app.run(lambda options: _guard(lambda: main(options)), flags_parser=guarded_parse)


def _guard(action):
  logging.set_verbosity(logging.WARNING)
  try:
    return action()
  except errors.UserError as e:
    message = str(e)
  except BrokenPipeError:
    # The reader of our output has gone, as `head` does: nothing more to say, and nothing to flush at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
  except OSError as e:
    message = f"{e.strerror or e}{f': {e.filename}' if e.filename else ''}"
  print(f"{os.path.basename(sys.argv[0])}: {' '.join(message.split())}", file=sys.stderr)
  sys.exit(2)
