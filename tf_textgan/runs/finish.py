"""The end of a run: scores the best checkpoint on the test split, exports, and prints the results."""

import pathlib
import sys

from tf_textgan import errors
from tf_textgan import files
from tf_textgan.algorithms import base as algorithm_base
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.generators import guided
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import export
from tf_textgan.runs import report as report_lib
from tf_textgan.runs import summary
from tf_textgan.training import checkpoints as checkpoints_lib
from tf_textgan.training import loop
from tf_textgan.training import monitors


def check(experiment: experiment_lib.Experiment, corpus: corpus_lib.Corpus, algorithm: algorithm_base.Algorithm) -> None:
  """Raises a `UserError` before training if a run of this experiment on this corpus cannot be exported, or guided if that is asked for."""
  if experiment.choices.export:
    export.check(corpus.tokenizer, algorithm.generator.spec)
  if experiment.choices.guided_curve:
    _guide(algorithm)


def _guide(algorithm):
  return guided.Generator(algorithm.generator, algorithm, guided.Config().make())


def finish(
  folder: pathlib.Path,
  experiment: experiment_lib.Experiment,
  corpus: corpus_lib.Corpus,
  algorithm: algorithm_base.Algorithm,
  evaluator: evaluator_lib.Evaluator,
  checkpoints: checkpoints_lib.Checkpoints,
  report: report_lib.Report,
) -> None:
  """Finishes a trained run: writes `results.json`, `export/` and the last `report.html`, and prints the results.

  Args:
    folder: the run's folder.
    experiment, corpus: of the run.
    algorithm: the trained algorithm, to which the best checkpoint is restored.
    evaluator: scores the algorithm's generator.
    checkpoints: the run's checkpoints.
    report: the run's page.
  """
  state = checkpoints.restore(algorithm.variables(), "best", read_state=loop.RunState.from_json)
  if state is None:
    raise errors.UserError(f"{folder} has lost its best checkpoint, best.npz; the same command goes on if a kept checkpoint is copied to its place")
  results = evaluator(len(corpus.tokens["test"]), "test")
  about = {
    "algorithm": experiment.choices.algorithm, "checkpoint": "best", "step": state.step, "phase": state.last_phase,
    "likelihood": evaluator.likelihood,
  }  # fmt: skip
  files.write_json(folder / "results.json", about | results)
  lines = [line for line in monitors.read_journal(folder / "metrics.jsonl") if line["kind"] == "evaluation"]
  print(summary.text(summary.table(lines, state.step, results, evaluator)), file=sys.stderr)
  print(f"checkpoint best, {state.describe(algorithm.phases(experiment.schedule))}", file=sys.stderr)
  if state.returned:
    print(state.returned, file=sys.stderr)
  if experiment.choices.verbose:
    print("  ".join(f"{name} {value:.3f}" for name, value in results.items()), file=sys.stderr)
  guide = _guide(algorithm) if algorithm.scores_log_ratios and not corpus.sources else None
  if experiment.choices.export:
    version = experiment.choices.export_version
    target = export.save(folder / "export", algorithm.generator, algorithm.discriminator, corpus.tokenizer, guide, version, about)
    print(f"SavedModel: {target}", file=sys.stderr)
  report.finish(results, state.step, guide if experiment.choices.guided_curve else None)
