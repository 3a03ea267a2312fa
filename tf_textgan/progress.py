"""Progress bars with the time left, and slow work in named steps, which keeps what is done if it is stopped.

On a terminal, bars are drawn in place. Anywhere else, such as in a log file, they are whole lines now and then, without control characters.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import sys
import threading
import time
from typing import Any

import tqdm

# Seconds of work before the bar of a pass or of named steps appears.
_PATIENCE = 5.0
_STEPS = "{desc}{n_fmt} of {total_fmt} done [{elapsed}]"


class Stopped(KeyboardInterrupt):
  """An interrupt (SIGINT) during `run`.

  Attributes:
    found: the results of the steps that were done.
    missing: names of the other steps.
  """

  def __init__(self, found: Mapping[str, Any], missing: Sequence[str]):
    super().__init__()
    self.found, self.missing = found, missing


def bar(iterable: Iterable | None = None, **options: Any) -> tqdm.tqdm:
  """A `tqdm` bar on the standard error; takes what `tqdm.tqdm` takes."""
  stream = options.pop("file", None) or sys.stderr
  if stream.isatty():
    return tqdm.tqdm(iterable, file=stream, mininterval=_interval(0.1), dynamic_ncols=True, **options)
  # Of width 0, it is the numbers alone.
  width = {} if "bar_format" in options else {"ncols": 0}
  return tqdm.tqdm(iterable, file=_Lines(stream), mininterval=_interval(0.1), **width, **options)


def say(text: str) -> None:
  """Prints lines on the standard error, above the bars that are shown there."""
  tqdm.tqdm.write(text, file=sys.stderr)


def reading(sentences: Iterable, name: str) -> Iterable:
  """The same sentences, with a bar if a pass over them takes long."""
  return bar(sentences, desc=name, unit=" sentences", unit_scale=True, delay=_PATIENCE, leave=False)


def run(steps: Iterable[tuple[str, Callable[[], Mapping[str, Any]]]]) -> dict[str, Any]:
  """Takes steps one after another; if they take long, a bar names the current one and counts the seconds.

  Args:
    steps: names, and functions without arguments that return dictionaries.

  Returns:
    The union of the dictionaries.

  Raises:
    Stopped: an interrupt.
  """
  steps, found = list(steps), {}
  names = [name for name, _ in steps]
  with _Clock(names) as clock:
    for done, (_, step) in enumerate(steps):
      clock.done = done
      try:
        found |= step()
      except KeyboardInterrupt as e:
        raise Stopped(found, names[done:]) from e
  return found


@contextlib.contextmanager
def bars_of_others(name: str) -> Iterator[None]:
  """Runs a block whose libraries print bars of their own, on either standard stream.

  On a terminal they appear on the standard error, and go when the block ends: a bar that is closed later, by the garbage collector, would move the
  cursor into the text that follows. Elsewhere a bar with this name replaces them, and lines that others print stay.
  """
  stream = sys.stderr
  shown = _Curtain(stream) if stream.isatty() else _NoBars(stream)
  clock = contextlib.nullcontext() if stream.isatty() else _Clock([name], stream)
  with clock, contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
    try:
      yield
    finally:
      shown.end()


class _Stream:
  """A stream that changes what is written to another one, which has its other attributes."""

  def __init__(self, stream):
    self._stream = stream

  def __getattr__(self, name):
    return getattr(self._stream, name)


class _Lines(_Stream):
  """Writes each state of a bar as a line."""

  def write(self, text):
    if text.strip():
      self._stream.write(text.strip() + "\n")


class _NoBars(_Lines):
  """Leaves out what moves the cursor."""

  def write(self, text):
    if "\r" not in text and "\x1b" not in text:
      super().write(text)

  def end(self):
    """Nothing is left to remove."""


class _Curtain(_Stream):
  """Writes to a terminal until its end, which removes the bars that are there; ignores what comes later."""

  _ended = False

  def write(self, text):
    if not self._ended:
      self._stream.write(text)

  def end(self):
    self.write("\r\x1b[J")
    self._ended = True


class _Clock:
  """Shows steps as a bar from a thread of its own, because a single step may take minutes.

  Attributes:
    done: steps that are done.
  """

  def __init__(self, names, stream=None):
    self.done = 0
    self._names = names
    self._stream = stream
    self._over = threading.Event()
    self._thread = threading.Thread(target=self._show, daemon=True)

  def __enter__(self):
    self._thread.start()
    return self

  def _show(self):
    began = time.time()
    if self._over.wait(_PATIENCE):
      return
    # With a delay, tqdm shows nothing before the first name and the true start are set.
    with bar(total=len(self._names), leave=False, delay=1e-9, file=self._stream, bar_format=_STEPS) as shown:
      shown.start_t = began
      while True:
        shown.n = self.done
        shown.set_description(self._names[self.done])
        if self._over.wait(_interval(1.0)):
          return

  def __exit__(self, *_):
    self._over.set()
    self._thread.join()


def _interval(on_a_terminal):
  """Seconds between two states of a bar: on a pipe or in a log file one line now and then, not one a step."""
  return on_a_terminal if sys.stderr.isatty() else 30.0
