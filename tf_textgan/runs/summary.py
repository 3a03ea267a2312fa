"""The few numbers of a run to read first, as a table with a column for each checkpoint and split."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from tf_textgan.evaluation import evaluator as evaluator_lib

# Rows that are headings.
HEADINGS = 3
# Fractions of the samples.
_SHARES = {"grammatical": "grammatical samples", "duplicates": "repeated samples", "copied": "samples copied from the training text"}


def table(
  lines: Sequence[Mapping[str, Any]], best_step: int, results: Mapping[str, float] | None, evaluator: evaluator_lib.Evaluator
) -> list[list[str]]:
  """The rows of the table, of equal length.

  Args:
    lines: the evaluations in `metrics.jsonl`.
    best_step: step of the best checkpoint.
    results: scores of the best checkpoint on the test split; None before there are any.
    evaluator: of the run.
  """
  columns = [("best checkpoint", line, "validation") for line in lines if line["step"] == best_step][-1:]
  before = before_adversarial(lines)
  if before is not None and before["step"] != best_step:
    columns.insert(0, ("before adversarial", before, "validation"))
  if results is not None:
    columns.append(("best checkpoint", {"step": best_step, **results}, "test"))
  rows = [["", *(name for name, _, _ in columns)], ["", *(f"step {line['step']}" for _, line, _ in columns)]]
  rows.append(["nats per token; lower is better", *(split for _, _, split in columns)])
  for label, metric in evaluator.headline().items():
    cells = (_cell(line.get(evaluator.headline(split)[label])) for _, line, split in columns)
    rows.append([_row_name(label, metric), *cells])
  shares = {metric: label for metric, label in _SHARES.items() if any(metric in line for _, line, _ in columns)}
  return rows + [[label, *(_cell(line.get(metric)) for _, line, _ in columns)] for metric, label in shares.items()]


def before_adversarial(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
  """The last evaluation before the adversarial phase; None if there is none, or no such phase yet."""
  before = [line for line in lines if line["phase"] != "adversarial"]
  return before[-1] if before and len(before) < len(lines) else None


def text(rows: Sequence[Sequence[str]]) -> str:
  """The rows as aligned lines."""
  widths = [max(map(len, column)) for column in zip(*rows)]
  return "\n".join(f"{row[0]:<{widths[0]}}" + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:])) for row in rows)


def _row_name(label, metric):
  if label.startswith("held-out NLL"):
    return label
  return "discriminator's held-out AUC; .5 is chance" if label == "AUC" else f"{label} ({metric})"


def _cell(value):
  return "-" if value is None else f"{value:.3f}"
