"""Writes `report.html`, the page of a run, at each evaluation and at the end.

All that it shows is in the run's folder, in the checkpoints or in the corpus, so the page of a resumed run is that of an uninterrupted one.
"""

from collections.abc import Mapping
import functools
import pathlib
import shlex
import sys

import keras

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import progress
from tf_textgan import registry
from tf_textgan import schema
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.evaluation import charts
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.evaluation import nearest
from tf_textgan.evaluation import report
from tf_textgan.evaluation import short_sweep
from tf_textgan.generators import guided
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import summary
from tf_textgan.training import loop as loop_lib
from tf_textgan.training import monitors

# The sweep before the adversarial phase.
BASELINE = "baseline.json"
_BASELINE_NAME = "before adversarial"
_BEST_NAME = "best checkpoint"
_GUIDED_NAME = "guided"
# Lines of training metrics, and evaluations, to draw, so that a page takes the same time and memory in long runs.
_MOST_LINES = 1000


class Report(keras.callbacks.Callback):
  """The page of a run. An error in writing it is printed and does not stop the training."""

  def __init__(
    self,
    loop: loop_lib.Loop,
    folder: pathlib.Path,
    experiment: experiment_lib.Experiment,
    corpus: corpus_lib.Corpus,
    evaluator: evaluator_lib.Evaluator,
  ):
    super().__init__()
    self._loop = loop
    self._folder = folder
    self._experiment = experiment
    self._corpus = corpus
    self._evaluator = evaluator

  def on_train_begin(self, logs=None):
    if not self._adversarial() or not self._loop.run_state.round:
      (self._folder / BASELINE).unlink(missing_ok=True)

  def on_epoch_begin(self, epoch, logs=None):
    """Sweeps the generator from which the adversarial phase starts."""
    state = self._loop.run_state
    if self._adversarial() and not state.round and self._has_baseline():
      found = short_sweep.to_json(self._sweep(_BASELINE_NAME, self._evaluator))
      _do(lambda: files.write_json(self._folder / BASELINE, found, indent=None))

  def on_epoch_end(self, epoch, logs=None):
    state = self._loop.run_state
    phase = self._loop.phases[state.phase]
    said = f"Training: step {state.step} of {self._loop.rounds}, round {state.round} of {phase.steps} of the phase {phase.name}."
    best_step = state.step if self._loop.is_best(logs or {}) else state.best_step
    _do(lambda: files.write_text(self._folder / "report.html", report.make(self._content(said, best_step))))

  def finish(self, results: Mapping[str, float], best_step: int, guide: guided.Generator | None) -> None:
    """Writes the last page, and prints what its curves say.

    Args:
      results: scores on the test split of the best checkpoint, which the evaluator's generator has.
      best_step: step of that checkpoint.
      guide: that generator guided, for a curve of its own; None for none.
    """
    state = self._loop.run_state
    said = [f"Finished at step {state.step}.", *(f"{end[0].upper()}{end[1:]}." for end in self._loop.early_ends())]
    ends = [self._sweep(_BEST_NAME, self._evaluator)]
    if guide is not None:
      evaluator = evaluator_lib.Evaluator(guide, self._corpus, self._experiment.loop.seed)
      ends.append(self._sweep(_GUIDED_NAME, evaluator))

    def write():
      content = self._content(" ".join(said), best_step, results, ends)
      files.write_text(self._folder / "report.html", report.make(content))
      if content.baseline is not None:
        print("\n".join(content.verdicts), file=sys.stderr)
      print(f"the run's page: {self._folder / 'report.html'}", file=sys.stderr)

    _do(write)

  def _adversarial(self):
    return self._loop.phases[self._loop.run_state.phase].name == "adversarial"

  def _has_baseline(self):
    """Whether anything but a discriminator was trained before the adversarial phase."""
    before = self._loop.phases[: self._loop.run_state.phase]
    return bool(self._experiment.choices.pretrained) or any(phase.steps for phase in before if phase.name != "discriminator")

  def _sweep(self, name, evaluator):
    return short_sweep.run(name, evaluator, self._experiment.loop.evaluation_samples, self._evaluator.sweepable)

  def _baseline(self):
    path = self._folder / BASELINE
    if not path.exists():
      return None
    try:
      return short_sweep.from_json(schema.read_json(path))
    except (ValueError, errors.UserError) as e:
      raise errors.UserError(f"{path} is not the curve that train.py has written: {e}") from e

  def _content(self, state, best_step, results=None, ends=()):
    # The table has the best checkpoint and the last one before the adversarial phase.
    before = sum(rounds for phase, rounds in self._loop.run_state.rounds.items() if phase != "adversarial")
    journal = monitors.read_journal(self._folder / "metrics.jsonl", _MOST_LINES, {before, best_step})
    evaluations = [line for line in journal if line["kind"] == "evaluation"]
    choices = self._experiment.choices
    return report.Content(
      title=f"{choices.algorithm} on {choices.dataset}",
      state=state,
      settings=self._settings(),
      commands=self._commands(),
      table=summary.table(evaluations, best_step, results, self._evaluator),
      headings=summary.HEADINGS,
      headline=self._evaluator.headline(),
      evaluations=evaluations,
      training=[line for line in journal if line["kind"] == "training"],
      phases=self._phases(),
      best_step=best_step,
      baseline=self._baseline(),
      ends=ends,
      plane=self._evaluator.plane(),
      samples=self._samples([line["step"] for line in evaluations], best_step),
      indexed=self._index.size,
      warnings=monitors.read_warnings(self._folder / "warnings.jsonl"),
    )

  def _phases(self):
    phases, start = [], 0
    for phase in self._loop.phases:
      if made := self._loop.run_state.rounds.get(phase.name):
        phases.append(charts.Phase(phase.name, start, start + made))
        start += made
    return phases

  def _samples(self, steps, best_step):
    """Those of the first, the middle and the best checkpoint."""
    until = [step for step in steps if step <= best_step] or steps
    chosen = {until[0]: "First evaluation", until[(len(until) - 1) // 2]: "Half-way to the best", until[-1]: "Best checkpoint"}
    found = []
    for step, title in chosen.items():
      sentences = _sentences(self._folder / "samples" / monitors.samples_file(step))
      found.append(report.Samples(f"{title}, step {step}", sentences, self._index(sentences)))
    return found

  @functools.cached_property
  def _index(self):
    return nearest.Index(self._corpus.tokenizer.decode(self._corpus.tokens["train"][: nearest.MOST]))

  def _settings(self):
    algorithm, spec = self._loop.algorithm, self._corpus.spec
    phases = ", ".join(f"{phase.name} {phase.steps}" for phase in self._loop.phases)
    return {
      "algorithm": self._experiment.choices.algorithm,
      "generator": _named(algorithm.generator),
      "discriminator": _named(algorithm.discriminator),
      "rounds of the phases": phases,
      "batch size": self._experiment.loop.batch_size,
      "seed": self._experiment.loop.seed,
      "corpus": f"{self._corpus.name}: {len(self._corpus.tokens['train']):,} training sequences of up to {spec.length} tokens",
      "vocabulary": f"{spec.vocab_size:,} tokens",
    }

  def _commands(self):
    workdir = shlex.quote(str(self._experiment.choices.workdir))
    commands = {"Sentences of the best checkpoint:": f"python generate.py --workdir {workdir} --num 10"}
    if self._loop.algorithm.discriminator is not None and self._loop.algorithm.scores_log_ratios:
      commands["The discriminator chooses each of them among 16:"] = f"python generate.py --workdir {workdir} --num 10 --guide resampling"
    commands["A page to play with, on this machine:"] = f"python demo.py --workdir {workdir}"
    commands["Scores with intervals on the test split:"] = f"python evaluate.py --workdir {workdir}"
    return commands


def _sentences(path):
  """The lines of a file of samples, none if there is no file; raises a `UserError` if it is no text."""
  try:
    return files.read_text(path).split("\n")[:-1]
  except FileNotFoundError:
    return []
  except UnicodeDecodeError as e:
    raise errors.UserError(f"{path} is not UTF-8 text") from e


def _named(network):
  return "none" if network is None else registry.name_of(network)


def _do(action):
  """Does an action; if a file cannot be written or read, that is printed."""
  try:
    action()
  except (errors.UserError, OSError) as e:
    progress.say(f"{e}; the run goes on without it")
