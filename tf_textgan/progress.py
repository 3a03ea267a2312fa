"""Progress bars with the time left, and slow work in named steps, which keeps what is done if it is stopped."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import sys
import threading
import time
from typing import Any

import tqdm

# Seconds of work before the bar of a pass or of named steps appears.
_PATIENCE = 5.0


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
  return tqdm.tqdm(iterable, mininterval=_interval(0.1), dynamic_ncols=True, **options)


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


class _Clock:
  """Shows steps as a bar from a thread of its own, because a single step may take minutes.

  Attributes:
    done: steps that are done.
  """

  def __init__(self, names):
    self.done = 0
    self._names = names
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
    with bar(total=len(self._names), leave=False, delay=1e-9, bar_format="{desc}{n_fmt} of {total_fmt} done [{elapsed}]") as shown:
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
