"""Pictures of a run."""

import pathlib

import matplotlib.backends.backend_agg
import matplotlib.figure


def curves(evaluations, path):
  """Draws every metric of a run's evaluations over its steps, with the phases marked.

  Args:
    evaluations: dictionaries with `step`, `phase` and numbers, as in `metrics.jsonl`.
    path: of the PNG.
  """
  names = [name for name in (evaluations[-1] if evaluations else {}) if name not in ("step", "phase", "kind")]
  if not names:
    return
  columns = min(4, len(names))
  rows = -(-len(names) // columns)
  figure = matplotlib.figure.Figure(figsize=(3.2 * columns, 2.4 * rows), layout="constrained")
  matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
  phases = list(dict.fromkeys(line["phase"] for line in evaluations))
  for i, name in enumerate(names):
    axes = figure.add_subplot(rows, columns, i + 1)
    points = [(line["step"], line[name]) for line in evaluations if line.get(name) is not None]
    axes.plot(*zip(*points), color="black", linewidth=1, alpha=0.4) if points else None
    for j, phase in enumerate(phases):
      own = [(line["step"], line[name]) for line in evaluations if line["phase"] == phase and line.get(name) is not None]
      if own:
        axes.plot(*zip(*own), "o", color=f"C{j}", markersize=4, label=phase)
    axes.set_title(name, fontsize=10)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    if i // columns == rows - 1:
      axes.set_xlabel("step", fontsize=8)
  handles, labels = figure.axes[0].get_legend_handles_labels()
  figure.legend(handles, labels, loc="outside lower center", ncols=len(phases), fontsize=9)
  temporary = pathlib.Path(path).with_suffix(".partial")
  figure.savefig(temporary, format="png", dpi=120)
  temporary.replace(path)
