"""Keras callbacks that print a training: a bar for each phase, and a row of numbers with a sentence at each evaluation."""

from collections.abc import Callable
from collections.abc import Mapping
import unicodedata

import keras

from tf_textgan import progress
from tf_textgan.training import loop as loop_lib

_WIDTH = 10
_SENTENCES = 3


class ProgressBar(keras.callbacks.Callback):
  """A progress bar of each phase, with the time left in it."""

  def __init__(self, loop: loop_lib.Loop):
    super().__init__()
    self._loop = loop
    self._phase = None
    self._bar = None

  def on_epoch_begin(self, epoch, logs=None):
    state = self._loop.run_state
    if state.phase != self._phase:
      self._close()
      phase = self._loop.phases[state.phase]
      self._phase = state.phase
      self._bar = progress.bar(total=phase.steps, initial=state.round, desc=phase.name, unit="step")

  def on_train_batch_end(self, batch, logs=None):
    shown = [f"{name}={value:.3g}" for name, value in (logs or {}).items() if name.endswith(("nll", "loss", "reward"))]
    self._bar.set_postfix_str(", ".join(shown[:2]), refresh=False)
    self._bar.update(self._loop.run_state.round - self._bar.n)

  def on_train_end(self, logs=None):
    self._close()

  def _close(self):
    if self._bar is not None:
      self._bar.close()
    self._bar = None


class Evaluations(keras.callbacks.Callback):
  """Prints a row for each evaluation, with the numbers to read first, and a sample sentence."""

  def __init__(self, loop: loop_lib.Loop, sentences: Callable[[], list[str]], columns: Mapping[str, str], verbose: bool = False):
    """Creates the callback.

    Args:
      loop: the training loop.
      sentences: returns sample sentences.
      columns: labels to metrics, see `Evaluator.headline`.
      verbose: whether to print all metrics too, and more sentences.
    """
    super().__init__()
    self._loop = loop
    self._sentences = sentences
    self._columns = columns
    self._verbose = verbose
    self._begun = False

  def on_epoch_end(self, epoch, logs=None):
    logs, lines = logs or {}, [] if self._begun else [self._legend(), self._row("phase", "step", self._columns, "")]
    self._begun = True
    state = self._loop.run_state
    numbers = [f"{logs[name]:.3f}" if name in logs else "-" for name in self._columns.values()]
    lines.append(self._row(self._loop.phases[state.phase].name, state.step, numbers, "best" if self._loop.is_best(logs) else ""))
    if self._verbose:
      lines.append("  " + "  ".join(f"{name} {value:.4g}" for name, value in logs.items()))
    lines += [f"  {printable(sentence) or '(empty)'}" for sentence in self._sentences()[: _SENTENCES if self._verbose else 1]]
    progress.say("\n".join(lines))

  def _row(self, phase, step, numbers, mark):
    width = max(len(phase.name) for phase in self._loop.phases)
    cells = "".join(f"{number:>{max(_WIDTH, len(label) + 2)}}" for label, number in zip(self._columns, numbers))
    return f"{phase:<{width}}{step:>9}{cells}  {mark}".rstrip()

  def _legend(self):
    metrics = ", ".join(f"{label} is {name}" for label, name in self._columns.items() if label in ("quality", "diversity"))
    return f"validation split, nats per token, lower is better: {metrics}" + ("; AUC .5 is chance" if "AUC" in self._columns else "")


def printable(text: str) -> str:
  """The text without characters that would control a terminal."""
  return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) == "Cc" else c for c in text)
