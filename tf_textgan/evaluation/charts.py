"""Charts as SVG for a page of HTML, whose style sheet colours them: `STYLE`. Positions are in pixels of the view box, which the page scales."""

from collections.abc import Mapping
from collections.abc import Sequence
import html
import itertools
import math
from typing import NamedTuple

# Light and dark colours of the series, distinct for the colour-blind.
STYLE = """
:root { --c0: #00578a; --c1: #b34700; --c2: #007a55; --c3: #a0457f; --band: #f0f0ee; }
@media (prefers-color-scheme: dark) { :root { --c0: #6fc0f0; --c1: #ff9a5c; --c2: #4fd0a5; --c3: #e59ac8; --band: #262626; } }
svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
svg text.title { font-size: 13px; font-weight: 600; fill: var(--text); }
svg text.strong { font-weight: 600; fill: var(--text); }
svg .band { fill: var(--band); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .chance { stroke: var(--soft); stroke-dasharray: 4 3; }
svg .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
svg .ring { fill: none; stroke: var(--text); stroke-width: 1.6; }
""" + "".join(f"svg .s{i} {{ stroke: var(--c{i}); }} svg .f{i}, svg text.t{i} {{ fill: var(--c{i}); }}\n" for i in range(4))

# Pixels of a character, about.
_CHARACTER = 6.2
_HEIGHT = 13


class Phase(NamedTuple):
  """A phase of a training: its name, the step before its first, and its last one so far."""

  name: str
  start: int
  end: int


class Trail(NamedTuple):
  """Points in a plane, joined in their order.

  Attributes:
    name: for the legend.
    points: x and y.
    labels: a text for each point, for the pointer; those that also stand beside the point are in `shown`.
    shown: indices of points.
  """

  name: str
  points: Sequence[tuple[float, float]]
  labels: Sequence[str]
  shown: Sequence[int] = ()


class _Scale(NamedTuple):
  """A linear map of numbers to pixels."""

  low: float
  high: float
  first: float
  last: float

  def __call__(self, value: float) -> float:
    return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)


def over_steps(
  title: str,
  lines: Mapping[str, Sequence[tuple[int, float]]],
  phases: Sequence[Phase],
  mark: int | None = None,
  chance: float | None = None,
) -> str:
  """Draws numbers over the steps of a training. Every phase is a band of the same width, however many steps it has.

  Args:
    title: stands above the chart.
    lines: name to points, a step and a finite number each, in order; at least one point. Several lines are named in a legend.
    phases: in order.
    mark: step to mark by a ring, such as the best checkpoint's; None for none.
    chance: number to draw as a dashed line; None for none.
  """
  width, height, left, right, top, bottom = 380, 220, 46, 10, 46, 22
  values = [y for points in lines.values() for _, y in points] + ([] if chance is None else [chance])
  ticks = _ticks(min(values), max(values))
  y = _Scale(min(values + ticks[:1]), max(values + ticks[-1:]), height - bottom, top)
  span = (width - left - right) / len(phases)
  scales = [_Scale(phase.start, phase.end, left + i * span, left + (i + 1) * span) for i, phase in enumerate(phases)]
  parts = [*_bands(phases, scales, top, height - bottom), *_grid(ticks, y, left, width - right), *_steps(phases, scales, height - bottom + 15)]
  if chance is not None:
    parts.append(f'<line class="chance" x1="{left}" x2="{width - right}" y1="{y(chance):.1f}" y2="{y(chance):.1f}"/>')
  for i, (name, points) in enumerate(lines.items()):
    placed = [(*_place(step, phases, scales), y(value)) for step, value in points]
    parts += _line([each[1:] for each in placed], i)
    if len(points) <= 40:
      parts += [_dot(x, y, i, f"{name}, step {step}: {_number(value)}") for (_, x, y), (step, value) in zip(placed, points)]
    parts += [_ring(x, y, f"best checkpoint, step {mark}") for (_, x, y), (step, _) in zip(placed, points) if step == mark]
  if len(lines) > 1:
    parts += _legend(list(lines), left, 29)
  return _svg(width, height, title, parts)


def plane(
  title: str,
  x_label: str,
  y_label: str,
  trails: Sequence[Trail],
  inside: Sequence[tuple[float, float]],
  mark: tuple[float, float] | None,
) -> str:
  """Draws points whose coordinates are both better if lower: right is the lower x, up the lower y.

  Args:
    title: stands above the chart.
    x_label, y_label: of the axes.
    trails: of finite numbers, at most four.
    inside: points that the axes have to include; others beyond them are cut off.
    mark: point to mark by a ring; None for none.
  """
  width, height, left, right, top, bottom = 440, 400, 44, 14, 66, 44
  (x_low, x_high), (y_low, y_high) = (_with_margin(column) for column in zip(*inside))
  x, y = _Scale(x_high, x_low, left, width - right), _Scale(y_high, y_low, height - bottom, top)
  parts = ['<clipPath id="plane"><rect ' + _box(left, top, width - left - right, height - top - bottom) + "/></clipPath>"]
  parts += _grid(_ticks(y_low, y_high, within=True), y, left, width - right)
  for tick in _ticks(x_low, x_high, within=True):
    parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top}" y2="{height - bottom}"/>')
    parts.append(_text(x(tick), height - bottom + 15, _number(tick), anchor="middle"))
  parts.append(_text(width - right, height - 8, f"{x_label}, more diverse \N{RIGHTWARDS ARROW}", anchor="end"))
  parts.append(_text(left - 40, top - 10, f"{y_label}, better \N{UPWARDS ARROW}"))
  visible = lambda px, py: left - 1 <= px <= width - right + 1 and top - 1 <= py <= height - bottom + 1  # noqa: E731
  placed = [[(x(a), y(b)) for a, b in trail.points] for trail in trails]
  drawn, taken = [spot for points in placed for spot in _along(points)], []
  area = left, top, width - right, height - bottom
  for i, (trail, points) in enumerate(zip(trails, placed)):
    parts += ['<g clip-path="url(#plane)">', *_line(points, i), "</g>"]
    parts += [_dot(*point, i, f"{trail.name}, {label}") for point, label in zip(points, trail.labels) if visible(*point)]
    for k in trail.shown:
      if visible(*points[k]) and (spot := _free(points[k], trail.labels[k], drawn, taken, area)):
        taken.append(spot)
        parts.append(_text(spot[0], spot[3] - 3, trail.labels[k], style=f"t{i}"))
  if mark is not None and visible(x(mark[0]), y(mark[1])):
    parts.append(_ring(x(mark[0]), y(mark[1]), "best checkpoint"))
  parts += _legend([trail.name for trail in trails], left - 40, 36)
  return _svg(width, height, title, parts)


def changes(points: Sequence[tuple[int, float]]) -> bool:
  """Whether a chart of the points would show anything: two different numbers."""
  return len({value for _, value in points}) > 1


def _svg(width, height, title, parts):
  head = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(title)}">'
  return "".join([head, _text(6, 15, title, style="title"), *parts, "</svg>"])


def _bands(phases, scales, top, bottom):
  for i, (phase, scale) in enumerate(zip(phases, scales)):
    span = scale.last - scale.first
    if i % 2 == 0:
      yield f'<rect class="band" {_box(scale.first, top, span, bottom - top)}/>'
    name = phase.name if len(phase.name) * _CHARACTER < span else phase.name[: max(1, int(span / _CHARACTER) - 1)] + "\N{HORIZONTAL ELLIPSIS}"
    yield _text(scale.first + span / 2, top - 4, name, anchor="middle")


def _steps(phases, scales, place):
  """The steps at which phases begin and end."""
  yield _text(scales[0].first, place, f"step {phases[0].start}")
  for i, (phase, scale) in enumerate(zip(phases, scales)):
    yield _text(scale.last, place, str(phase.end), anchor="end" if i == len(phases) - 1 else "middle")


def _grid(ticks, scale, left, right):
  for tick in ticks:
    place = scale(tick)
    yield f'<line class="grid" x1="{left}" x2="{right}" y1="{place:.1f}" y2="{place:.1f}"/>' + _text(left - 5, place + 4, _number(tick), anchor="end")


def _place(step, phases, scales):
  """The band and the pixel of a step."""
  i = next((i for i, phase in enumerate(phases) if step <= phase.end), len(phases) - 1)
  return i, scales[i](step)


def _line(points, i):
  path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
  yield f'<polyline class="line s{i}" points="{path}"/>'


def _dot(x, y, i, text):
  return f'<circle class="f{i}" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{html.escape(text)}</title></circle>'


def _ring(x, y, text):
  return f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="6.5"><title>{html.escape(text)}</title></circle>'


def _legend(names, left, place):
  """Names in a row, each behind a dot."""
  for i, name in enumerate(names):
    yield f'<circle class="f{i}" cx="{left + 4}" cy="{place - 4}" r="4"/>' + _text(left + 12, place, name)
    left += 26 + len(name) * _CHARACTER


def _text(x, y, text, anchor="start", style=""):
  kind = f' class="{style}"' if style else ""
  return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _box(x, y, width, height):
  return f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'


def _along(points):
  """Places along a line, five pixels apart."""
  yield from points
  for (x, y), (to_x, to_y) in itertools.pairwise(points):
    steps = min(int(math.hypot(to_x - x, to_y - y) / 5), 400)
    yield from ((x + (to_x - x) * k / steps, y + (to_y - y) * k / steps) for k in range(1, steps))


def _free(point, text, drawn, taken, area):
  """A box for a label near a point, left, top, right, bottom: over no other label and as few places of lines as may be; None if there is none."""
  width, (x, y) = len(text) * _CHARACTER, point
  found = []
  for away, (dx, dy) in itertools.product((8, 16, 26), ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))):
    left = x + dx * away - (width if dx < 0 else width / 2 if dx == 0 else 0)
    top = y + dy * away - (_HEIGHT if dy < 0 else _HEIGHT / 2 if dy == 0 else 0)
    box = left, top, left + width, top + _HEIGHT
    inside = area[0] + 6 <= left and area[1] <= top and box[2] <= area[2] and box[3] <= area[3]
    if inside and not any(left < b[2] and box[2] > b[0] and top < b[3] and box[3] > b[1] for b in taken):
      hidden = sum(left - 3 < px < box[2] + 3 and top - 3 < py < box[3] + 3 for px, py in drawn)
      found.append((hidden, away, box))
  return min(found, default=(0, 0, None), key=lambda each: each[:2])[2]


def _with_margin(values):
  low, high = min(values), max(values)
  margin = 0.12 * (high - low) or 0.05 * abs(low) or 1.0
  return low - margin, high + margin


def _ticks(low, high, within=False):
  """Three to six round numbers: of a range, or that enclose it."""
  span = (high - low) or abs(low) or 1.0
  unit = 10.0 ** math.floor(math.log10(span / 3))
  most = 5.5 if within else 4.5
  step = unit * next(factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= most)
  # A number of the grid itself is not moved to the next one by a rounding error.
  first, last = (math.ceil(low / step), math.floor(high / step)) if within else (math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9))
  return [round(k * step, 12) for k in range(first, max(last, first + (not within)) + 1)]


def _number(value):
  return f"{value:.4g}".replace("-", "\N{MINUS SIGN}")
