"""Keras callbacks of a run: journal, TensorBoard, sample sentences, warnings, and early stopping of phases."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import json
import pathlib
import re
import types
from typing import Any
from typing import ClassVar
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from tf_textgan import files
from tf_textgan import progress
from tf_textgan import schema
from tf_textgan.training import learning_rates
from tf_textgan.training import loop as loop_lib

# Averages of training metrics above this in magnitude are warned of: float32 ends at 3e38, and a square or exponential gets there soon.
_HUGE = 1e6


class Recorder(Protocol):
  """What `Means` hands its averages to."""

  def record(self, step: int, phase: str, metrics: dict[str, float]) -> None:
    """Records averaged metrics at a step of the named phase."""


class Means(keras.callbacks.Callback):
  """Averages the training metrics over `every` rounds, and up to each evaluation, and hands the averages to its recorders, with the learning rates
  that change.

  The sums are in `RunState`, and so in the checkpoints: a resumed run records the same averages. A loop has at most one `Means`, listed before its
  recorders.
  """

  def __init__(self, loop: loop_lib.Loop, every: int, recorders: Sequence[Recorder]):
    super().__init__()
    self._loop = loop
    self._every = every
    self._recorders = recorders

  def on_train_batch_end(self, batch, logs=None):
    state = self._loop.run_state
    for name, value in (logs or {}).items():
      state.window[name] = state.window.get(name, 0.0) + value
    state.window_calls += 1
    if state.step % self._every == 0:
      self._flush()

  def on_epoch_end(self, epoch, logs=None):
    self._flush()

  def _flush(self):
    state = self._loop.run_state
    if state.window:
      means = {name: total / state.window_calls for name, total in state.window.items()}
      means |= learning_rates.current(self._loop.algorithm.optimizers)
      state.window, state.window_calls = {}, 0
      for recorder in self._recorders:
        recorder.record(state.step, self._loop.phases[state.phase].name, means)


class LineFile:
  """A file of JSON objects with a `step` and a `phase`, one on a line, which a resumed run continues."""

  def __init__(self, path: str | pathlib.Path, field: str):
    """Neither opens nor makes the file.

    Args:
      path: of the file.
      field: what each object has besides `step` and `phase`, a text.
    """
    self._path = pathlib.Path(path)
    self._field = field

  def begin(self, step: int) -> None:
    """Drops lines after the checkpoint of a step, from which the run resumes: they will be written again."""
    lines = _raw_lines(self._path)
    found = _read(lines, self._field)
    # The last line may be half written.
    if len(found) < len(lines) - 1:
      progress.say(f"line {len(found) + 1} of {self._path} cannot be read; it and the {len(lines) - len(found) - 1} lines after it are left out")
    kept = [line for line in found if line["step"] <= step]
    files.write_text(self._path, "".join(json.dumps(line) + "\n" for line in kept))

  def append(self, line: dict[str, Any]) -> None:
    with files.writing(self._path), open(self._path, "a", encoding="utf-8") as file:
      file.write(json.dumps(files.finite(line)) + "\n")


class Journal(keras.callbacks.Callback):
  """Writes `metrics.jsonl`: one object per line with `step`, `phase`, `kind` and the metrics of training or of an evaluation."""

  def __init__(self, loop: loop_lib.Loop, path: str | pathlib.Path):
    super().__init__()
    self._loop = loop
    self._file = LineFile(path, "kind")

  def on_train_begin(self, logs=None):
    self._file.begin(self._loop.run_state.step)

  def on_epoch_end(self, epoch, logs=None):
    metrics = {name: value for name, value in (logs or {}).items() if "/" not in name}
    self._append("evaluation", self._loop.run_state.step, self._loop.phases[self._loop.run_state.phase].name, metrics)

  def record(self, step: int, phase: str, metrics: dict[str, float]) -> None:
    self._append("training", step, phase, metrics)

  def _append(self, kind, step, phase, metrics):
    self._file.append({"step": step, "phase": phase, "kind": kind, **metrics})


def read_journal(path: str | pathlib.Path, most: int | None = None, keep: Collection[int] = ()) -> list[dict[str, Any]]:
  """Reads the objects of a `metrics.jsonl`, up to the first line that cannot be read, as after a kill. An absent file gives an empty list.

  Args:
    path: of the file.
    most: lines to read of training and of evaluations each, evenly spaced ones; None for all.
    keep: steps whose evaluations are read in any case, beside the last one.
  """
  lines = _raw_lines(path)
  if most is not None:
    places = {True: [], False: []}  # Of training, and of evaluations.
    for i, line in enumerate(lines):
      places[b'"kind": "training"' in line].append(i)
    evaluations = places[False]
    asked = [i for i in evaluations if _step_of(lines[i]) in keep]
    kept = {*_spaced(places[True], most), *_spaced(evaluations, most), *evaluations[-1:], *asked}
    lines = [lines[i] for i in sorted(kept)]
  return _read(lines, "kind")


def _spaced(places, most):
  return places[:: max(1, -(-len(places) // most))]


def _step_of(line):
  """The step at the beginning of a line, without reading the rest; None if there is none."""
  found = re.match(rb'{"step": (\d+),', line)
  return int(found[1]) if found else None


def read_warnings(path: str | pathlib.Path) -> list[dict[str, Any]]:
  """As `read_journal`, of a `warnings.jsonl`."""
  return _read(_raw_lines(path), "text")


def _raw_lines(path):
  if not pathlib.Path(path).exists():
    return []
  with files.open_regular(path) as file:
    return file.read().splitlines()


def _read(lines, field):
  """The objects of lines with a field, up to one that is not as `LineFile` has written it."""
  found = []
  for line in lines:
    try:
      read = schema.parse_json(line)
    except ValueError:
      break
    if not (isinstance(read, dict) and type(read.get("step")) is int and isinstance(read.get("phase"), str) and isinstance(read.get(field), str)):
      break
    found.append(read)
  return found


# TensorBoard's groups, in the order of its pages, and the evaluations that belong there besides those to read first. A group has all metrics whose
# names begin so. The averages of training, such as generator/loss, have their update for a group.
_OVERVIEW = ("curve_sum", "grammatical", "category_accuracy", "duplicates", "copied", "collapse", "heldout_at_chance")
_GROUPS = {
  "2_quality": ("nll_", "unk_", "lm_nll", "forward_kl", "reverse_kl", "js", "frechet", "reconstruction_"),
  "3_diversity": ("reverse_lm_nll", "entropy", "distinct_", "mean_length"),
  "4_adversary": ("heldout_",),
}


def board_tag(name: str, headline: Collection[str]) -> str:
  """The name of an evaluation's metric in TensorBoard: its group and its own.

  Args:
    name: of the metric.
    headline: metrics to read first, see `Evaluator.headline`; at most five, so that the first page has a dozen at most.
  """
  if name in headline or name in _OVERVIEW:
    return f"1_overview/{name}"
  return f"{next((group for group, beginnings in _GROUPS.items() if name.startswith(beginnings)), '5_other')}/{name}"


class Summaries(keras.callbacks.Callback):
  """Writes TensorBoard summaries: training metrics, evaluations, sample sentences, hyperparameters, and optionally a profile."""

  def __init__(
    self,
    loop: loop_lib.Loop,
    folder: str | pathlib.Path,
    sentences: Callable[[], list[str]],
    hyperparameters: dict[str, int | float | str],
    profile_rounds: int = 0,
    warnings: Callable[[], list[str]] = list,
    headline: Mapping[str, str] = types.MappingProxyType({}),
  ):
    """Creates the callback.

    Args:
      loop: the training loop.
      folder: folder of the event files.
      sentences: returns sample sentences.
      hyperparameters: flat dictionary for the HParams plugin.
      profile_rounds: rounds to profile, after the first ten.
      warnings: returns the warnings of the last evaluation.
      headline: labels to metrics to read first, see `Evaluator.headline`; these are the metrics of the HParams plugin.
    """
    super().__init__()
    self._loop = loop
    self._headline = headline
    self._folder = str(folder)
    self._sentences = sentences
    self._hyperparameters = hyperparameters
    self._warnings = warnings
    self._profile = range(10, 10 + profile_rounds)
    self._writer = None
    self._rounds = 0

  def on_train_begin(self, logs=None):
    # Imported here: importing TensorBoard takes a second, and users of the library may not need it.
    from tensorboard.plugins.hparams import api as hparams

    with files.writing(self._folder):
      self._writer = tf.summary.create_file_writer(self._folder)
    with self._writing(self._loop.run_state.step):
      metrics = [hparams.Metric(board_tag(name, self._headline.values()), display_name=label) for label, name in self._headline.items()]
      hparams.hparams_config([hparams.HParam(name) for name in self._hyperparameters], metrics)
      hparams.hparams(self._hyperparameters)

  def on_train_batch_begin(self, batch, logs=None):
    if self._profile and self._rounds == self._profile.start:
      tf.profiler.experimental.start(self._folder)

  def on_train_batch_end(self, batch, logs=None):
    self._rounds += 1
    if self._profile and self._rounds == self._profile.stop:
      with files.writing(self._folder):
        tf.profiler.experimental.stop()

  def on_epoch_end(self, epoch, logs=None):
    metrics = {board_tag(name, self._headline.values()): value for name, value in (logs or {}).items() if "/" not in name}
    samples = "\n\n".join(self._sentences())
    with self._writing(self._loop.run_state.step):
      self._scalars(metrics)
      tf.summary.text("samples", samples)
      if self._warnings():
        tf.summary.text("warnings", "\n\n".join(self._warnings()))
      self._writer.flush()

  def record(self, step: int, phase: str, metrics: dict[str, float]) -> None:
    with self._writing(step):
      self._scalars(metrics)

  def on_train_end(self, logs=None):
    with files.writing(self._folder):
      if self._profile and self._profile.start < self._rounds < self._profile.stop:
        tf.profiler.experimental.stop()
      self._writer.close()

  @contextlib.contextmanager
  def _writing(self, step):
    with files.writing(self._folder), self._writer.as_default(step=loop_lib.constant(step, tf.int64)):
      yield

  @staticmethod
  def _scalars(metrics):
    for name, value in metrics.items():
      tf.summary.scalar(name, loop_lib.constant(value, tf.float32))


class Sentences(keras.callbacks.Callback):
  """Writes the sample sentences of each evaluation to a file."""

  def __init__(self, loop: loop_lib.Loop, folder: str | pathlib.Path, sentences: Callable[[], list[str]]):
    """Creates the callback.

    Args:
      loop: the training loop.
      folder: folder of the files.
      sentences: returns sample sentences.
    """
    super().__init__()
    self._loop = loop
    self._folder = pathlib.Path(folder)
    self._sentences = sentences

  def on_epoch_end(self, epoch, logs=None):
    path = self._folder / samples_file(self._loop.run_state.step)
    with files.writing(path.parent):
      path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, "".join(sentence + "\n" for sentence in self._sentences()))


def samples_file(step: int) -> str:
  """Name of the file with the sample sentences of an evaluation."""
  return f"step_{step:09d}.txt"


class Warnings(keras.callbacks.Callback):
  """Prints warnings at each evaluation, and writes them to `warnings.jsonl`: one object per line with `step`, `phase` and `text`.

  Attributes:
    texts: the sentences of the last evaluation.
  """

  def __init__(self, loop: loop_lib.Loop, path: str | pathlib.Path, symptoms: Callable[[], list[str]] = list):
    """Creates the callback.

    Args:
      loop: the training loop.
      path: of the file.
      symptoms: returns the signs of collapse in the last evaluation.
    """
    super().__init__()
    self._loop = loop
    self._file = LineFile(path, "text")
    self._symptoms = symptoms
    self.texts = []

  def on_train_begin(self, logs=None):
    self._file.begin(self._loop.run_state.step)

  def on_epoch_end(self, epoch, logs=None):
    logs, state = logs or {}, self._loop.run_state
    phase = self._loop.phases[state.phase].name
    self.texts = [f"the generator may have collapsed: {symptom}" for symptom in self._symptoms()]
    self.texts += [*_nothing_to_learn(phase, logs), *_near_divergence(logs), *self._loop.algorithm.warnings(logs)]
    for text in self.texts:
      self._file.append({"step": state.step, "phase": phase, "text": text})
      progress.say(f"  warning: {text}")


def _nothing_to_learn(phase, logs):
  if phase == "adversarial" and logs.get("heldout_at_chance"):
    auc = logs["heldout_auc"]
    yield f"the discriminator is no better than chance on held-out text (AUC {auc:.2f}), so the generator has nothing to learn from it"


def _near_divergence(logs):
  for name, value in logs.items():
    if "/" in name and abs(value) > _HUGE:
      yield f"{name} is {value:.1e}, and training diverges at infinity: a lower learning rate or --clip_norm may help"


class _Patience(keras.callbacks.Callback):
  """Early stopping of a phase by a metric.

  The phase ends after `patience` evaluations without a better value. At its end, early or not, what the phase trains is restored from the evaluation
  with the best one. Those variables are in `Loop.kept`, and so in every checkpoint of the phase.
  """

  phase: ClassVar[str]
  metric: ClassVar[str]
  # Name of the best value in the run's state.
  best: ClassVar[str]

  def __init__(self, loop: loop_lib.Loop, patience: int):
    super().__init__()
    self._loop = loop
    self._patience = patience

  def trains(self, name: str) -> bool:
    """Whether the phase trains a variable, by its name in checkpoints."""
    raise NotImplementedError

  def improves(self, value: float, best: float) -> bool:
    """Whether a value of the metric is better than the best one so far."""
    raise NotImplementedError

  def went_back(self, best: float, logs: dict[str, float]) -> str:
    """Called when the variables have been restored; returns a sentence on it."""
    raise NotImplementedError

  def on_epoch_end(self, epoch, logs=None):
    loop, state = self._loop, self._loop.run_state
    phase = loop.phases[state.phase]
    if phase.name != self.phase:
      return
    variables = {name: v for name, v in loop.algorithm.variables().items() if self.trains(name)}
    if self.improves(logs[self.metric], getattr(state, self.best)):
      setattr(state, self.best, logs[self.metric])
      state.waited = 0
      loop.kept = {name: np.array(variable.numpy()) for name, variable in variables.items()}
    else:
      state.waited += 1
    if state.waited < self._patience and state.round < phase.steps and not self.model.stop_training:
      return
    if state.waited and loop.kept:
      for name, variable in variables.items():
        variable.assign(loop.kept[name])
      progress.say(self.went_back(getattr(state, self.best), logs))
    loop.kept = {}
    setattr(state, self.best, getattr(loop_lib.RunState(), self.best))
    state.waited, self.model.stop_training = 0, True


class MlePatience(_Patience):
  """Early stopping of the maximum-likelihood phase by the negative log-likelihood of held-out text.

  The metrics of the evaluation at the phase's end become those of the restored weights for the callbacks after this one and for the choice of the
  best checkpoint.
  """

  phase = "mle"
  best = "heldout_nll"
  metric = "nll_validation"

  def trains(self, name: str) -> bool:
    # All but the discriminator: an average of the weights is a module, and a generator may have several optimizers.
    return not name.startswith("discriminator")

  def improves(self, value: float, best: float) -> bool:
    return value < best

  def went_back(self, best: float, logs: dict[str, float]) -> str:
    state = self._loop.run_state
    logs.update(self._loop.evaluate())
    waited = f"{state.waited} evaluation{'s' * (state.waited > 1)} before its end at step {state.step}"
    state.returned = f"the phase {self.phase} went back to its lowest held-out NLL, {best:.4f} nats per token, {waited}"
    return state.returned


class DiscriminatorPatience(_Patience):
  """Early stopping of the discriminator's own phase by the metric `heldout_gain` of `evaluation.probe.HeldOut`.

  The held-out loss would stop earlier, because it depends on a constant in the scores, which has no effect on rewards and guides.
  """

  phase = "discriminator"
  best = "heldout_gain"
  metric = "heldout_gain"

  def trains(self, name: str) -> bool:
    return name.startswith(("discriminator/", "discriminator_optimizer/"))

  def improves(self, value: float, best: float) -> bool:
    return value > best

  def went_back(self, best: float, logs: dict[str, float]) -> str:
    del logs
    return f"the discriminator goes back to its largest held-out gain, {best:.4f} nats, {self._loop.run_state.waited} evaluations before"


class StopAtChance(keras.callbacks.Callback):
  """Ends the adversarial phase after `evaluations` consecutive evaluations with the discriminator at chance on held-out text.

  The scores of such a discriminator are noise, and a generator trained on them gets worse. `evaluation.probe.HeldOut` gives the metric.
  """

  def __init__(self, loop: loop_lib.Loop, evaluations: int):
    super().__init__()
    self._loop = loop
    self._evaluations = evaluations

  def on_epoch_end(self, epoch, logs=None):
    state = self._loop.run_state
    if self._loop.phases[state.phase].name != "adversarial":
      return
    state.at_chance = state.at_chance + 1 if logs["heldout_at_chance"] else 0
    if state.at_chance >= self._evaluations:
      self.model.stop_training = True
      progress.say(
        f"stopped at step {state.step}: the discriminator was at chance on held-out text in {state.at_chance} evaluations in a row, "
        "so that there was nothing to learn from it"
      )
