"""Tests of tf_textgan.evaluation.plots."""

import io

import matplotlib.figure
import matplotlib.image
import numpy as np
import pytest

from tf_textgan.evaluation import plots


def series(name, kind, index, x, y, error=0.01):
  errors = np.full(len(x), error)
  return plots.Series(name, kind, index, [f"T {i}" for i in range(len(x))], np.array(x), errors, np.array(y), errors)


def drawn_by(monkeypatch, panels, format="png"):
  """Returns the figure and the bytes."""
  drawn = []
  save = matplotlib.figure.Figure.savefig
  monkeypatch.setattr(matplotlib.figure.Figure, "savefig", lambda figure, *args, **kwargs: drawn.append(figure) or save(figure, *args, **kwargs))
  return plots.quality_diversity(panels, format), drawn[0]


@pytest.mark.filterwarnings("error")
def test_quality_rises_and_diversity_goes_right_whatever_the_metric(monkeypatch):
  sweeps = [series("mle", "baseline", 0, [0.2, 0.3, 0.5], [0.2, 0.3, 0.4]), series("_gan $x$", "curve", 1, [0.3, 0.6], [0.2, 0.3])]
  real = plots.Series("real", "real", 2, [""], np.array([0.25]), np.array([np.nan]), np.array([0.9]), np.array([np.nan]))
  picture, figure = drawn_by(monkeypatch, [plots.Panel("a", "Self-BLEU", True, "BLEU", False, [*sweeps, real])])
  assert matplotlib.image.imread(io.BytesIO(picture)).std() > 0.01
  (axes,) = figure.axes
  assert axes.get_xlim()[0] > axes.get_xlim()[1] and axes.get_ylim()[0] < axes.get_ylim()[1]
  assert axes.get_xlabel() == "Self-BLEU (axis reversed), more diverse →" and axes.get_ylabel() == "BLEU, better →"
  # The distant star is inside the axes, with its guides.
  low, high = axes.get_ylim()
  assert low < 0.9 < high
  assert sum(line.get_linestyle() == "--" for line in axes.lines) == 2
  assert [text.get_text() for text in figure.legends[0].get_texts()] == ["mle (baseline)", r"_gan \$x\$", "real"]
  # Only the ends are labelled, and labels do not overlap.
  assert [text.get_text() for text in axes.texts] == ["T 0", "T 2", "T 0", "T 1"]
  boxes = [text.get_window_extent() for text in axes.texts]
  assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


@pytest.mark.filterwarnings("error")
def test_an_outlier_is_labelled_at_the_edge(monkeypatch):
  sweep = series("mle", "baseline", 0, [7.5, 7.6, 7.8, 8.1, 31.0], [9.5, 9.0, 8.5, 8.0, 7.0])
  _, figure = drawn_by(monkeypatch, [plots.Panel("a", "NLL", True, "oracle", True, [sweep])])
  (axes,) = figure.axes
  assert 8.1 < axes.get_xlim()[0] < 10
  assert [text.get_text() for text in axes.texts] == ["T 0", "T 4 at (31, 7)"]


@pytest.mark.filterwarnings("error")
def test_labels_of_points_beyond_one_corner_cover_neither_each_other_nor_a_line(monkeypatch):
  # Lines along the diagonal leave room beside them, not at the corner.
  sweeps = [series(f"gan {i}", "curve", i, [1.0, 2.0, 3.0, 4.0 + 0.1 * i, 30.0 + i], [4.0, 3.0, 2.0, 1.0, -30.0]) for i in range(4)]
  _, figure = drawn_by(monkeypatch, [plots.Panel("a", "x", True, "y", True, sweeps)])
  (axes,) = figure.axes
  boxes = [text.get_window_extent() for text in axes.texts if " at (" in text.get_text()]
  assert len(boxes) == 4 and all(axes.bbox.contains(*box.min) and axes.bbox.contains(*box.max) for box in boxes)
  assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
  along = np.linspace(0, 1, 5000)[:, None]
  for sweep in sweeps:
    corners = axes.transData.transform(np.stack([sweep.x, sweep.y], axis=1))
    assert not any(box.count_contains(a + along * (b - a)) for box in boxes for a, b in zip(corners, corners[1:]))


@pytest.mark.filterwarnings("error")
def test_panels_with_missing_systems_can_be_drawn_and_figures_are_reproducible():
  nan = np.array([np.nan])
  real = plots.Series("real", "real", 0, [""], nan, nan, np.array([5.7]), nan)
  file = series("file", "curve", 1, [8.0], [9.0], error=np.nan)
  panels = [plots.Panel("a", "x", True, "y", True, [real, file])] * 3
  picture = plots.quality_diversity(panels, "svg")
  assert picture.startswith(b"<?xml") and picture == plots.quality_diversity(panels, "svg")
