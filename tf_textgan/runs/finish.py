"""The end of a run: scores the best checkpoint on the test split, exports, and prints the results."""

from collections.abc import Mapping
from collections.abc import Sequence
import pathlib
import sys
from typing import Any

from tf_textgan import errors
from tf_textgan import files
from tf_textgan.algorithms import base as algorithm_base
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.evaluation import plots
from tf_textgan.generators import guided
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import export
from tf_textgan.training import checkpoints as checkpoints_lib
from tf_textgan.training import monitors

# Fractions in the closing table.
_SHARES = {"duplicates": "repeated samples", "copied": "samples copied from the training text"}


def check(experiment: experiment_lib.Experiment, corpus: corpus_lib.Corpus) -> None:
  """Raises a `UserError` before training if a run of this experiment on this corpus cannot be exported."""
  if experiment.choices.export:
    export.check(corpus.tokenizer)


def finish(
  folder: pathlib.Path,
  experiment: experiment_lib.Experiment,
  corpus: corpus_lib.Corpus,
  algorithm: algorithm_base.Algorithm,
  evaluator: evaluator_lib.Evaluator,
  checkpoints: checkpoints_lib.Checkpoints,
  best_step: int,
) -> None:
  """Finishes a trained run: writes `results.json`, `curves.png` and `export/`, and prints the results.

  Args:
    folder: the run's folder.
    experiment, corpus: of the run.
    algorithm: the trained algorithm, to which the best checkpoint is restored.
    evaluator: scores the algorithm's generator.
    checkpoints: the run's checkpoints.
    best_step: step of the best one.
  """
  if checkpoints.restore(algorithm.variables(), "best") is None:
    raise errors.UserError(f"{folder} has lost its best checkpoint, best.npz; the same command goes on if a kept checkpoint is copied to its place")
  results = evaluator(len(corpus.tokens["test"]), "test")
  files.write_json(folder / "results.json", results)
  lines = [line for line in monitors.read_journal(folder / "metrics.jsonl") if line["kind"] == "evaluation"]
  plots.curves(lines, folder / "curves.png")
  print(closing_table(lines, best_step, results, evaluator), file=sys.stderr)
  if experiment.choices.verbose:
    print("  ".join(f"{name} {value:.3f}" for name, value in results.items()), file=sys.stderr)
  if experiment.choices.export:
    guide = guided.Generator(algorithm.generator, algorithm, guided.Config().make()) if algorithm.scores_log_ratios else None
    version = experiment.choices.export_version
    target = export.save(folder / "export", algorithm.generator, algorithm.discriminator, corpus.tokenizer, guide, version)
    print(f"SavedModel: {target}", file=sys.stderr)


def closing_table(lines: Sequence[Mapping[str, Any]], best_step: int, results: Mapping[str, float], evaluator: evaluator_lib.Evaluator) -> str:
  """The numbers to read first, a column for each checkpoint and split, with a heading that names them.

  Args:
    lines: the evaluations in `metrics.jsonl`.
    best_step: step of the best checkpoint.
    results: scores of the best checkpoint on the test split.
    evaluator: of the run.
  """
  columns = [("best checkpoint", line, "validation") for line in lines if line["step"] == best_step][-1:]
  before = [line for line in lines if line["phase"] != "adversarial"]
  if columns and len(before) < len(lines) and before and before[-1]["step"] != best_step:
    columns.insert(0, ("before adversarial", before[-1], "validation"))
  columns.append(("best checkpoint", {"step": best_step, **results}, "test"))
  rows = [[""] + [name for name, _, _ in columns], [""] + [f"step {line['step']}" for _, line, _ in columns]]
  rows.append(["nats per token; lower is better"] + [split for _, _, split in columns])
  for label in evaluator.headline():
    metrics = [evaluator.headline(split)[label] for _, _, split in columns]
    rows.append([_row_name(label, metrics[0]), *(_cell(line.get(metric)) for metric, (_, line, _) in zip(metrics, columns))])
  rows += [[f"{label} ({metric})", *(_cell(line.get(metric)) for _, line, _ in columns)] for metric, label in _SHARES.items()]
  widths = [max(map(len, column)) for column in zip(*rows)]
  return "\n".join(f"{row[0]:<{widths[0]}}" + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:])) for row in rows)


def _row_name(label, metric):
  return {"AUC": "discriminator's held-out AUC; .5 is chance", "held-out NLL": label}.get(label, f"{label} ({metric})")


def _cell(value):
  return "-" if value is None else f"{value:.3f}"
