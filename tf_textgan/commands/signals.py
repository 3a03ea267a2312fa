"""What a command does with SIGTERM and SIGINT (Ctrl-C): it says so in one line and exits with 128 plus the signal's number, as in a shell.

`training.loop` stops between two rounds instead, saves, and exits with 0. Imports nothing that takes time.
"""

import atexit
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import os
import signal
import sys
import threading
from typing import Any

_before = {}


class Stop(KeyboardInterrupt):
  """A signal asks the command to stop.

  Attributes:
    number: the signal.
  """

  def __init__(self, number: int):
    super().__init__(signal.Signals(number).name)
    self.number = number


def exit_while_starting() -> None:
  """From now until `stopping`, a signal ends the process at once: for the seconds of imports, in which nothing has begun."""
  terminal = os.dup(2)  # `quiet` holds back the standard error meanwhile.

  def leave(number, frame):
    os.write(terminal, f"{line(Stop(number))} while starting\n".encode())
    os._exit(128 + number)

  _handle(leave)


@contextlib.contextmanager
def stopping() -> Iterator[None]:
  """Within the block a signal raises `Stop`, and a second one has its usual effect. Afterwards signals are handled as before this module did."""

  def stop(number, frame):
    signal.signal(number, _before[number])
    raise Stop(number)

  def retry(unraisable):
    if not isinstance(unraisable.exc_value, Stop):
      return report(unraisable)
    # Python drops an exception in a destructor: the signal comes again when that is over.
    number = unraisable.exc_value.number
    signal.signal(number, stop)
    threading.Timer(0.01, os.kill, [os.getpid(), number]).start()

  _handle(stop)
  report, sys.unraisablehook = sys.unraisablehook, retry
  try:
    yield
  except KeyboardInterrupt as e:
    print(line(e), file=sys.stderr)
    sys.exit(128 + getattr(e, "number", signal.SIGINT))
  finally:
    sys.unraisablehook = report
    # A process that ends anyway does so with the exit code of what it has done.
    atexit.register(lambda numbers=tuple(_before): [signal.signal(number, signal.SIG_IGN) for number in numbers])
    while _before:
      signal.signal(*_before.popitem())


def line(stop: KeyboardInterrupt) -> str:
  """The line for a stop, with the advice in its notes."""
  name = str(stop) or "SIGINT"
  return f"{os.path.basename(sys.argv[0])}: {'; '.join([f'stopped by {name}', *getattr(stop, '__notes__', ())])}"


def _handle(handler: Callable[[int, Any], None]) -> None:
  if threading.current_thread() is not threading.main_thread():  # Python allows handlers there only.
    return
  for number in (signal.SIGTERM, signal.SIGINT):
    if signal.getsignal(number) is not signal.SIG_IGN:  # As under nohup.
      _before.setdefault(number, signal.signal(number, handler))
