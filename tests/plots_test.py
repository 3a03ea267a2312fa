"""Tests of tf_textgan.plots."""

import matplotlib.figure
import matplotlib.image

from tf_textgan import plots

LINES = [
  {"step": 10, "phase": "mle", "kind": "evaluation", "entropy": 3.0, "nll_oracle": None},
  {"step": 20, "phase": "mle", "kind": "evaluation", "entropy": 2.5, "nll_oracle": 4.0},
  {"step": 30, "phase": "adversarial", "kind": "evaluation", "entropy": 2.0, "nll_oracle": 3.5},
]


def test_curves_show_every_metric_over_the_steps_by_phase(tmp_path, monkeypatch):
  drawn = []
  save = matplotlib.figure.Figure.savefig
  monkeypatch.setattr(matplotlib.figure.Figure, "savefig", lambda figure, *args, **kwargs: drawn.append(figure) or save(figure, *args, **kwargs))
  plots.curves(LINES, tmp_path / "curves.png")
  assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]
  image = matplotlib.image.imread(tmp_path / "curves.png")
  assert image.std() > 0.01  # Not blank.
  axes = {axes.get_title(): axes for axes in drawn[0].axes}
  assert set(axes) == {"entropy", "nll_oracle"}
  lines = [(line.get_xdata().tolist(), line.get_ydata().tolist()) for line in axes["nll_oracle"].lines]
  # All of it, then each phase's points; what was not a number is left out.
  assert lines == [([20, 30], [4.0, 3.5]), ([20], [4.0]), ([30], [3.5])]


def test_metrics_that_never_were_numbers_leave_an_empty_panel(tmp_path):
  plots.curves([{"step": 1, "phase": "mle", "kind": "evaluation", "nll_oracle": None, "entropy": 1.0}], tmp_path / "curves.png")
  assert (tmp_path / "curves.png").exists()


def test_no_evaluation_no_picture(tmp_path):
  plots.curves([], tmp_path / "curves.png")
  assert list(tmp_path.iterdir()) == []
