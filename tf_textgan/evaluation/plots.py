"""Figures of several systems, and of gradient estimators."""

from collections.abc import Mapping
from collections.abc import Sequence
import io
from typing import Any
from typing import NamedTuple

import matplotlib
import matplotlib.backends.backend_agg
import matplotlib.figure
import matplotlib.transforms
import numpy as np

# Okabe and Ito's colours, distinct for the colour-blind, without black (the baseline) and yellow (real sentences).
_COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_MARKERS = "os^DvPX"
_LINES = ("-", "--", ":")
# Outliers are moved to the edge if this makes the axis shorter by at least this factor.
_FAR = 2.5
# Pixels. A label farther than _AWAY from its point gets a line to it; lines are sampled at steps of _STROKE.
_AWAY = 30
_STROKE = 4
# Relative deviations below this are rounding errors.
_NO_DEVIATION = 1e-4


class Series(NamedTuple):
  """The K points of one system in one panel.

  Attributes:
    name: for the legend.
    kind: "baseline", "curve", or "real", a single point.
    index: index among all systems, which selects colour and marker in every panel.
    labels: K strings, may be empty.
    x, y: float `[K]`; one of them may be NaN for a real point.
    x_error, y_error: float `[K]`, half widths of the intervals; NaN without an interval.
  """

  name: str
  kind: str
  index: int
  labels: list[str]
  x: np.ndarray
  x_error: np.ndarray
  y: np.ndarray
  y_error: np.ndarray


class Panel(NamedTuple):
  """Series in one plane, drawn so that right is more diverse and up is better; lower-is-better axes are reversed.

  Attributes:
    title: of the panel.
    x_label, y_label: names of the metrics.
    x_reversed, y_reversed: whether lower numbers are more diverse, or better.
    series: the systems.
  """

  title: str
  x_label: str
  x_reversed: bool
  y_label: str
  y_reversed: bool
  series: list[Series]


def quality_diversity(panels: Sequence[Panel], format: str) -> bytes:
  """Draws quality over diversity: sweeps as lines with intervals, real sentences as a star.

  Args:
    panels: at least one.
    format: "png" or "svg".

  Returns:
    The image file.
  """
  columns = min(2, len(panels))
  rows = -(-len(panels) // columns)
  systems = {series.name: series for panel in panels for series in panel.series}
  names = {name: _short(name) + (" (baseline)" if series.kind == "baseline" else "") for name, series in systems.items()}
  legend_columns = max(1, min(len(names), int(72 * columns / (6 + max(map(len, names.values()))))))
  figure = matplotlib.figure.Figure(figsize=(5.4 * columns, 4.3 * rows + 0.22 * -(-len(names) // legend_columns)), layout="constrained")
  matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
  figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
  named = {}
  for i, panel in enumerate(panels):
    axes = figure.add_subplot(rows, columns, i + 1)
    named |= _draw(axes, panel)
  named = dict(sorted(named.items(), key=lambda item: systems[item[0]].index))
  shown = [_plain(names[name]) for name in named]
  figure.legend(list(named.values()), shown, loc="outside lower center", ncols=legend_columns, fontsize=9, frameon=False)
  # Labels are placed after the layout of the axes is known.
  figure.draw_without_rendering()
  for axes, panel in zip(figure.axes, panels):
    _label(axes, panel)
  picture = io.BytesIO()
  # Without random ids and date, equal figures are equal bytes.
  with matplotlib.rc_context({"svg.hashsalt": "tf_textgan"}):
    figure.savefig(picture, format=format, dpi=120, metadata={"Date": None} if format == "svg" else None)
  return picture.getvalue()


def estimators(rows: Sequence[Any]) -> bytes:
  """Draws bias and deviation of gradient estimators, one line over temperature per estimator, one panel per problem.

  Args:
    rows: `laboratory.Row`s.

  Returns:
    A PNG file.
  """
  problems = list(dict.fromkeys(row.problem for row in rows))
  names = list(dict.fromkeys(row.estimator for row in rows))
  figure = matplotlib.figure.Figure(figsize=(4.6 * len(problems), 4.9), layout="constrained")
  matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
  handles = {}
  for place, problem in enumerate(problems):
    axes = figure.add_subplot(1, len(problems), place + 1)
    own = [row for row in rows if row.problem == problem]
    # Values indistinguishable from zero are drawn at the edge of the logarithmic axes, with open markers for the bias.
    left = 0.6 * min([row.bias for row in own if row.bias > 2.0 * row.bias_error], default=0.01)
    low = 0.6 * min([row.deviation for row in own if row.deviation > _NO_DEVIATION], default=0.01)
    for j, name in enumerate(names):
      points = [row for row in own if row.estimator == name]
      seen = np.array([row.bias > 2.0 * row.bias_error for row in points], bool)
      x = np.where(seen, [row.bias for row in points], left)
      y = np.maximum([row.deviation for row in points], low)
      # Colours and markers repeat with different periods, so no two estimators share both.
      style = {"color": _COLOURS[j % len(_COLOURS)], "marker": _MARKERS[j % len(_MARKERS)], "markersize": 6}
      (handles[name],) = axes.plot(x, y, linewidth=1, linestyle=_LINES[j // len(_COLOURS)], **style)
      axes.plot(x[~seen], y[~seen], linestyle="", **style | {"markerfacecolor": "white", "markersize": 7})
      for i in {0, len(points) - 1}:
        if np.isfinite(points[i].temperature):
          axes.annotate(f"{points[i].temperature:g}", (x[i], y[i]), (4, 3), textcoords="offset points", fontsize=7, color=style["color"])
    axes.axvline(1.0, color="0.5", linewidth=1, linestyle=(0, (4, 3)))
    axes.set(xscale="log", yscale="log")
    axes.set_title(problem, fontsize=11)
    axes.set_xlabel("bias / norm of the gradient (open: not significant)", fontsize=9)
    axes.set_ylabel("standard deviation / norm of the gradient", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
  figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=min(5, len(handles)), fontsize=9, frameon=False)
  return _png(figure)


def piecewise(x: np.ndarray, lines: Mapping[str, np.ndarray]) -> bytes:
  """Draws costs over a logit, with jumps where the argmax changes.

  Args:
    x: float `[N]`.
    lines: float `[N]` by name; the first has jumps.

  Returns:
    A PNG file.
  """
  figure = matplotlib.figure.Figure(figsize=(6.4, 3.8), layout="constrained")
  matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
  axes = figure.add_subplot()
  for i, (name, y) in enumerate(lines.items()):
    if i:
      axes.plot(x, y, color=_COLOURS[i - 1], linestyle=_LINES[(i - 1) % len(_LINES)], label=name, linewidth=1.6)
      continue
    # No line across a jump.
    jumps = np.flatnonzero(np.abs(np.diff(y)) > 1e-9)
    axes.plot(np.insert(x, jumps + 1, np.nan), np.insert(y, jumps + 1, np.nan), color="black", linewidth=2.2, label=name)
  axes.set_xlabel("one logit of three", fontsize=9)
  axes.set_ylabel("cost", fontsize=9)
  axes.tick_params(labelsize=8)
  axes.grid(alpha=0.25)
  axes.legend(fontsize=8, frameon=False)
  return _png(figure)


def _png(figure):
  picture = io.BytesIO()
  figure.savefig(picture, format="png", dpi=120)
  return picture.getvalue()


def _draw(axes, panel):
  """Draws a panel without its labels; returns the handles for the legend by name."""
  axes.set_title(panel.title, fontsize=11)
  axes.set_xlabel(panel.x_label + (" (axis reversed)" if panel.x_reversed else "") + ", more diverse \N{RIGHTWARDS ARROW}", fontsize=9)
  axes.set_ylabel(panel.y_label + (" (axis reversed)" if panel.y_reversed else "") + ", better \N{RIGHTWARDS ARROW}", fontsize=9)
  axes.tick_params(labelsize=8)
  axes.grid(alpha=0.25)
  x_limits, y_limits = _limits(panel, "x"), _limits(panel, "y")
  axes.set_xlim(x_limits[::-1] if panel.x_reversed else x_limits)
  axes.set_ylim(y_limits[::-1] if panel.y_reversed else y_limits)
  named = {}
  for series in panel.series:
    if series.kind == "real":
      guide = {"color": "0.45", "linestyle": (0, (4, 3)), "linewidth": 1, "zorder": 1}
      for x, y in zip(series.x, series.y):
        axes.axvline(x, **guide) if np.isfinite(x) else None
        axes.axhline(y, **guide) if np.isfinite(y) else None
      star = {"color": "#F0E442", "markeredgecolor": "black", "markeredgewidth": 0.9, "markersize": 15, "zorder": 6}
      (named[series.name],) = axes.plot(series.x, series.y, "*", **star)
      continue
    baseline = series.kind == "baseline"
    colour = "black" if baseline else _COLOURS[series.index % len(_COLOURS)]
    marker = "o" if baseline else _MARKERS[series.index % len(_MARKERS)]
    line = "-" if baseline else _LINES[series.index // len(_COLOURS) % len(_LINES)]
    style = {"color": colour, "marker": marker, "markersize": 4.5, "zorder": 3 if baseline else 4}
    if baseline:
      axes.fill_between(series.x, series.y - series.y_error, series.y + series.y_error, color="0.5", alpha=0.25, linewidth=0, zorder=2)
    (named[series.name],) = axes.plot(series.x, series.y, linestyle=line if len(series.x) > 1 else "", linewidth=2.4 if baseline else 1.4, **style)
    axes.errorbar(
      series.x, series.y, np.nan_to_num(series.y_error), np.nan_to_num(series.x_error), fmt="none", ecolor=colour, elinewidth=1, capsize=2, alpha=0.7
    )
    shown_x, shown_y = np.clip(series.x, *x_limits), np.clip(series.y, *y_limits)
    far = (shown_x != series.x) | (shown_y != series.y)
    edge = {"linestyle": "", "markerfacecolor": "white", "clip_on": False, "in_layout": False, "markersize": 7, "zorder": 5}
    axes.plot(shown_x[far], shown_y[far], **style | edge)
  return named


def _limits(panel, name):
  """Returns the limits of an axis: they include all real points, and all others but the fewest outliers, at most a quarter, that would stretch it."""
  own = np.sort(np.concatenate([getattr(series, name) for series in panel.series if series.kind != "real"] or [np.zeros(0)]))
  ends = [(first, len(own) - dropped + first) for dropped in range(1, len(own) // 4 + 1) for first in range(dropped + 1)]
  for first, last in ends:
    if 0 < _FAR * np.ptp(own[first:last]) < np.ptp(own):
      own = own[first:last]
      break
  always = [value for series in panel.series if series.kind == "real" for value in getattr(series, name) if np.isfinite(value)]
  shown = np.array([*own, *always])
  margin = 0.09 * np.ptp(shown) or 0.05 * abs(shown[0]) or 1.0
  return shown.min() - margin, shown.max() + margin


def _label(axes, panel):
  """Writes the settings at the ends of each series, and the coordinates of points beyond the axes."""
  figure = axes.figure
  inside = axes.bbox
  drawn = np.concatenate([_drawn(axes, series) for series in panel.series]) - inside.min
  drawn = drawn[((drawn >= 0) & (drawn < inside.size)).all(axis=1)].astype(int)
  # Amount of ink to the left of and below each pixel.
  ink = np.zeros(inside.size.astype(int) + 2)
  np.add.at(ink, tuple(drawn.T + 1), 1)
  ink = ink.cumsum(axis=0).cumsum(axis=1)
  taken = []
  for series in panel.series:
    colour = "black" if series.kind == "baseline" else _COLOURS[series.index % len(_COLOURS)]
    for i, (label, x, y) in enumerate(zip(series.labels, series.x, series.y)):
      if series.kind == "real":
        continue
      shown = np.clip(x, *sorted(axes.get_xlim())), np.clip(y, *sorted(axes.get_ylim()))
      if shown != (x, y):
        label = f"{label} at ({x:.3g}, {y:.3g})".strip()
      elif not label or i not in (0, len(series.x) - 1):
        continue
      style = {"textcoords": "offset points", "fontsize": 8, "annotation_clip": False, "in_layout": False, "zorder": 7}
      text = axes.annotate(_plain(label), shown, (0, 0), color=colour, **style)
      place = axes.transData.transform(shown)
      size = text.get_window_extent(figure.canvas.get_renderer()).size
      low = _free_place(place, size, inside, ink, taken)
      taken.append((low, low + size))
      text.set_position((low - place) * 72 / figure.dpi)
      nearest = np.clip(place, low, low + size)
      if np.linalg.norm(nearest - place) > _AWAY:
        ends = np.transpose(axes.transData.inverted().transform([place, nearest]))
        axes.plot(*ends, color=colour, linewidth=0.6, alpha=0.7, clip_on=False, in_layout=False, zorder=2)


def _drawn(axes, series):
  """Samples pixels `[N, 2]` along the lines and intervals of a series."""
  middle = np.stack([series.x, series.y], axis=1)
  places = axes.transData.transform(middle)
  if series.kind == "real":
    (left, low), (right, high) = axes.bbox.get_points()
    strokes = [stroke for x, y in places for stroke in (((x, low), (x, high)), ((left, y), (right, y)))]
  else:
    widths = np.nan_to_num(np.stack([series.x_error, series.y_error], axis=1))
    bars = [axes.transData.transform(middle + sign * widths * axis) for axis in np.eye(2) for sign in (-1, 1)]
    strokes = [*zip(places, places[1:]), *zip(bars[0], bars[1]), *zip(bars[2], bars[3])]
  # Points beyond the axes are marked at their edge.
  pixels = [np.clip(places, *axes.bbox.get_points())]
  for start, end in np.asarray([stroke for stroke in strokes if np.isfinite(stroke).all()], float).reshape(-1, 2, 2):
    # Limited, because an outlier makes a long line that is mostly invisible.
    steps = min(int(np.linalg.norm(end - start) / _STROKE) + 1, 2000)
    pixels.append(start + np.linspace(0, 1, steps + 1)[:, None] * (end - start))
  return np.concatenate(pixels)


def _free_place(place, size, inside, ink, taken):
  """Finds the lower left corner, in pixels, for a label: over no other label, over few lines, and near its point, in that order."""
  sides = np.array([(1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0)])
  around = [place + sides * radius + (sides - 1) / 2 * size for radius in (10, 18, 28)]
  anywhere = np.stack(np.meshgrid(*(np.arange(low + 8, high, 16) for low, high in zip(inside.min, inside.max))), axis=-1)
  low = np.concatenate([*around, anywhere.reshape(-1, 2)])
  high = low + size
  # Indices into the cumulative ink.
  (left, bottom), (right, top) = (np.clip(corner - inside.min, 0, inside.size).astype(int).T for corner in (low - 2, high + 2))
  hidden = ink[right, top] - ink[left, top] - ink[right, bottom] + ink[left, bottom]
  outside = ((low < inside.min + 4) | (high > inside.max - 4)).any(axis=1)
  others = sum(((low < box_high) & (high > box_low)).all(axis=1) for box_low, box_high in taken)
  away = np.linalg.norm(np.clip(place, low, high) - place, axis=1)
  return low[np.argmin(1000 * others + 500 * outside + 10 * hidden + away)]


def _plain(text):
  """Escapes dollar signs, which would start a formula."""
  return text.replace("$", r"\$")


def _short(name):
  """Shortens a long name in the middle, because paths mostly differ at the end."""
  return name if len(name) <= 48 else f"{name[:15]}\N{HORIZONTAL ELLIPSIS}{name[-32:]}"
