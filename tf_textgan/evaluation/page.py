"""The result of a sweep as files for people: a web page, a figure, tables, and TensorBoard summaries."""

import base64
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import csv
import html
import math
import os
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf

from tf_textgan import files
from tf_textgan.evaluation import curves
from tf_textgan.evaluation import markup
from tf_textgan.evaluation import plots
from tf_textgan.metrics import estimates

# Suffix of the event files, which distinguishes them from a training's when an older page is replaced.
_SUFFIX = ".curves"
_MARKS = {
  "above": "\N{BLACK UP-POINTING TRIANGLE}",
  "below": "\N{BLACK DOWN-POINTING TRIANGLE}",
  "on": "=",
  "across": "\N{MULTIPLICATION SIGN}",
  "no overlap": "\N{EN DASH}",
}
VERDICTS = {
  "above": "above the curve",
  "below": "below the curve",
  "on": "on the curve (a tie)",
  "across": "across the curve",
  "no overlap": "no overlap",
}
_ARROWS = {True: "\N{UPWARDS ARROW}", False: "\N{DOWNWARDS ARROW}"}
_MINUS = "\N{MINUS SIGN}"
# No line break between a number and its interval.
_PLUS_MINUS = "\N{NO-BREAK SPACE}\N{PLUS-MINUS SIGN}\N{NO-BREAK SPACE}"
_TITLE = "Quality and diversity of generated text"

_STYLE = """
.method { background: var(--card); border-radius: .5rem; padding: .8rem 1rem; margin: .7rem 0; }
.method p { margin: 0; }
.method ul { margin: .4rem 0 0; padding: 0; list-style: none; }
.method li { padding: .2rem 0 .2rem 1.5rem; text-indent: -1.5rem; }
.mark { display: inline-block; width: 1.5rem; text-indent: 0; }
.above { color: var(--good); font-weight: 600; }
.below { color: var(--bad); font-weight: 600; }
.on, .across, .none { font-weight: 600; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 1rem; }
figure { margin: 0; background: #fff; border: 1px solid var(--line); border-radius: .5rem; padding: .4rem; }
img { display: block; width: 100%; height: auto; }
th:first-child, td:first-child { position: sticky; left: 0; background: var(--card); text-align: left; max-width: min(14rem, 30vw); overflow: hidden;
  text-overflow: ellipsis; }
th:nth-child(2), td:nth-child(2) { text-align: left; }
small { display: block; font-size: .75rem; font-weight: normal; }
dt { font-weight: 600; margin-top: .6rem; }
dd { margin: 0; }
"""


def write(
  folder: str | os.PathLike, systems: Sequence[curves.Curve], comparisons: Sequence[curves.Comparison], notes: Mapping[str, str], split: str
) -> None:
  """Writes `index.html`, `curves.png`, `points.csv`, `results.json`, and `summaries/` for TensorBoard.

  All files are made before the first is moved into place, so a failure, such as a full disk (`files.NotWritten`), keeps the previous ones.

  Args:
    folder: made if absent; files of an earlier call are replaced, other files are kept.
    systems: curves with unique names.
    comparisons: in the planes of `curves.planes`; their baseline is drawn as the baseline.
    notes: texts to show, by heading; "command" is the command that made the page.
    split: split of the real sentences.
  """
  folder = pathlib.Path(folder)
  with files.writing(folder):
    folder.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
    try:
      planes = curves.planes(systems, split)
      panels = [_panel(plane, systems, comparisons) for plane in planes]
      if panels:
        (temporary / "curves.png").write_bytes(plots.quality_diversity(panels, "png"))
      results = {"split": split, "notes": notes, "planes": planes, "curves": [_as_json(system) for system in systems], "comparisons": comparisons}
      files.write_json(temporary / "results.json", results)
      _write_csv(temporary / "points.csv", curves.table(systems))
      (temporary / "index.html").write_text(_page(systems, comparisons, notes, planes, panels, split), encoding="utf-8")
      _write_summaries(temporary, systems)
      for old in (folder / "summaries").rglob(f"*{_SUFFIX}"):
        old.unlink()
      if not panels:
        (folder / "curves.png").unlink(missing_ok=True)
      for path in sorted(path for path in temporary.rglob("*") if path.is_file()):
        target = folder / path.relative_to(temporary)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    finally:
      shutil.rmtree(temporary)


def _as_json(system):
  points = []
  for point in system.points:
    numbers = {name: dict(zip(("value", "n", "ci"), x)) if isinstance(x, estimates.Estimate) else x for name, x in point.numbers.items()}
    points.append({"setting": point.setting, "numbers": numbers})
  return {"name": system.name, "kind": system.kind, "points": points}


def _panel(plane, systems, comparisons):
  """Makes the panel of a plane."""
  baselines = {comparison.baseline for comparison in comparisons}
  shown = []
  for i, system in enumerate(systems):
    if system.kind == "real":
      # Drawn even if one of the two numbers is missing.
      axes = plane.diversity, plane.quality
      absent = estimates.Estimate(math.nan, 0)
      found = curves.Track(
        [""] * len(system.points), *([curves.coordinate(point, axis.metric) or absent for point in system.points] for axis in axes)
      )
    else:
      found = curves.track(system, plane)
    labels, x, x_error, y, y_error = found.settings, found.diversity, found.diversity_ci, found.quality, found.quality_ci
    if np.isfinite(x).any() or np.isfinite(y).any():
      kind = "real" if system.kind == "real" else "baseline" if system.name in baselines else "curve"
      shown.append(plots.Series(system.name, kind, i, labels, x, x_error, y, y_error))
  axes = plane.diversity, plane.quality
  return plots.Panel(plane.title, *(value for axis in axes for value in (axis.label, not axis.higher)), shown)


def _write_csv(path, rows):
  names = dict.fromkeys(name for row in rows for name in row)
  with path.open("w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _write_summaries(folder, systems):
  """Writes one TensorBoard run per system, so that TensorBoard overlays them; the step is the index of the point."""
  for i, system in enumerate(systems):
    # Names may be paths.
    name = f"{i:02d}-" + "".join(c if c.isalnum() or c in "-_" else "_" for c in system.name)
    with contextlib.closing(_writer(folder / "summaries" / name)) as writer, writer.as_default():
      for step, point in enumerate(system.points):
        for metric in point.numbers:
          if (number := curves.coordinate(point, metric)) is not None:
            tf.summary.scalar(metric, number.value, step)
  picture = folder / "curves.png"
  if picture.exists():
    with files.open_regular(picture) as file:
      pixels = tf.io.decode_png(file.read())
    with contextlib.closing(_writer(folder / "summaries")) as writer, writer.as_default():
      tf.summary.image("quality_diversity", pixels[None], 0)


def _writer(folder):
  return tf.summary.create_file_writer(str(folder), filename_suffix=_SUFFIX)


def _page(systems, comparisons, notes, planes, panels, split):
  """Makes the HTML."""
  e = html.escape
  methods = dict.fromkeys(comparison.curve for comparison in comparisons)
  summary = "".join(_method(name, [c for c in comparisons if c.curve == name], {plane.key: plane for plane in planes}, systems) for name in methods)
  pictures = "".join(f"<figure>{_picture(panel)}</figure>" for panel in panels)
  about = {name: text for name, text in notes.items() if name != "command"}
  parts = [
    f"<h1>{_TITLE}</h1>",
    summary or "<p>No system is compared with a baseline.</p>",
    "<h2>Curves</h2>",
    f'<div class="pictures">{pictures}</div>' if pictures else "<p>No system has both metrics of a figure.</p>",
    "<h2>All points</h2>",
    markup.scrolling("All points", _table(systems, planes)),
    "<h2>How to read this</h2>",
    f"<dl>{_definitions(planes, split)}</dl>",
  ]
  if about:
    parts += ["<h2>About these numbers</h2>", "<dl>", *(f"<dt>{e(str(name))}</dt><dd>{e(str(text))}</dd>" for name, text in about.items()), "</dl>"]
  if notes.get("command"):
    parts += ["<h2>Made by</h2>", f"<pre><code>{e(str(notes['command']))}</code></pre>"]
  return markup.document(_TITLE, _STYLE, parts)


def _method(name, comparisons, planes, systems):
  """Describes the comparisons of one system in sentences."""
  verdicts = [comparison.verdict for comparison in comparisons]
  counts = ", ".join(f"{text} in {verdicts.count(verdict)}" for verdict, text in VERDICTS.items() if verdict in verdicts)
  baselines = ", ".join(dict.fromkeys(comparison.baseline for comparison in comparisons))
  items = []
  for comparison in comparisons:
    plane = planes[comparison.plane]
    verdict = comparison.verdict
    style = "none" if verdict == "no overlap" else verdict
    badge = f'<span class="mark {style}" aria-hidden="true">{_MARKS[verdict]}</span><span class="{style}">{VERDICTS[verdict]}</span>'
    items.append(f"<li>{badge}: {html.escape(sentence(comparison, plane, systems))}</li>")
  total = f"{len(verdicts)} figure{'s' if len(verdicts) > 1 else ''}"
  head = f"<p><strong>{html.escape(name)}</strong> against {html.escape(baselines)}: {counts} of {total}.</p>"
  return f'<div class="method">{head}<ul>{"".join(items)}</ul></div>'


def sentence(comparison: curves.Comparison, plane: curves.Plane, systems: Sequence[curves.Curve]) -> str:
  """A comparison in words: the difference in quality at equal diversity."""
  quality, diversity = plane.quality.label, plane.diversity.label
  if comparison.verdict == "no overlap":
    own, other = (_ranges(name, plane, systems) for name in (comparison.curve, comparison.baseline))
    return f"{quality} is {own[0]} at a {diversity} of {own[1]}; {comparison.baseline} has {other[0]} at {other[1]}."
  mean = _difference(comparison)
  if comparison.low == comparison.high:
    text = f"{quality} at equal {diversity} ({comparison.low:.4g}): {mean}."
  else:
    text = f"{quality} at equal {diversity}, on average from {comparison.low:.4g} to {comparison.high:.4g}: {mean}."
  return text if comparison.complete else f"{text} Some points, of the system or the baseline, have no interval and count as exact."


def _ranges(name, plane, systems):
  """Describes the ranges of quality and of diversity of a system."""
  found = [curves.track(system, plane) for system in systems if system.name == name]
  texts = []
  for values in (np.concatenate([getattr(track, part) for track in found]) for part in ("quality", "diversity")):
    ends = dict.fromkeys([f"{values.min():.4g}", f"{values.max():.4g}"]) if len(values) else ["(none)"]
    texts.append(" to ".join(ends))
  return texts


def _difference(comparison):
  """Describes the mean difference and its interval."""
  bounds = comparison.lower, comparison.upper
  width = min(abs(bound - comparison.difference) for bound in bounds)
  size, low, high = (_rounded(value, width) for value in (comparison.difference, *bounds))
  text = {"above": "better by", "below": "worse by", "on": "a tie,", "across": "better at one diversity and worse at another,"}[comparison.verdict]
  if comparison.verdict == "below":
    size = size.removeprefix(_MINUS)
  if all(map(math.isfinite, bounds)):
    return f"{text} {size} (interval {low} to {high})" if width else f"{text} {size}"
  return f"{text} {size} (interval {f'from {low}' if math.isfinite(bounds[0]) else f'up to {high}'})"


def _rounded(value, width):
  """Formats a number to two digits of the width of its interval; four digits without one."""
  return _with_interval(value, width).partition(_PLUS_MINUS)[0]


def _with_interval(value, ci):
  """Formats a value with its interval: two digits of the interval, and the value to as many places; four digits without an interval."""
  if ci is None or not math.isfinite(ci) or ci <= 0 or not math.isfinite(value):
    text = f"{value:.4g}"
  else:
    places = min(10, max(0, 1 - math.floor(math.log10(ci))))
    text = f"{value:.{places}f}{_PLUS_MINUS}{ci:.{places}f}"
  return text.replace("-", _MINUS) if "e" not in text else text


def _picture(panel):
  source = base64.b64encode(plots.quality_diversity([panel], "svg")).decode()
  description = f"{panel.title}: {panel.y_label} over {panel.x_label} of {', '.join(series.name for series in panel.series)}"
  return f'<img src="data:image/svg+xml;base64,{source}" alt="{html.escape(description)}">'


def _table(systems, planes):
  axes = {axis.metric: axis for plane in planes for axis in (plane.quality, plane.diversity)}
  metrics = list(dict.fromkeys(metric for system in systems for point in system.points for metric in point.numbers))
  # Metrics of the figures first.
  metrics.sort(key=lambda metric: list(axes).index(metric) if metric in axes else len(axes))
  head = "".join(f"<th>{html.escape(metric)}{' ' + _ARROWS[axes[metric].higher] if metric in axes else ''}</th>" for metric in metrics)
  rows = []
  for system in systems:
    for point in system.points:
      cells = "".join(f"<td>{_cell(point.numbers.get(metric))}</td>" for metric in metrics)
      name = html.escape(system.name)
      rows.append(f'<tr><td title="{name}">{name}</td><td>{html.escape(point.setting)}</td>{cells}</tr>')
  return f"<table><thead><tr><th>system</th><th>setting</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cell(number):
  if isinstance(number, estimates.Estimate):
    return f"{_with_interval(number.value, number.ci)}<small>n {number.n:,}</small>"
  if isinstance(number, (int, float, np.number)):
    return _with_interval(number, None)
  return "" if number is None else html.escape(str(number))


def _definitions(planes, split):
  axes = {}
  for plane in planes:
    axes[plane.quality.metric] = (plane.quality, "better")
    axes[plane.diversity.metric] = (plane.diversity, "more diverse")
  texts = {f"{axis.label} ({axis.metric})": f"{axis.meaning}; {'higher' if axis.higher else 'lower'} is {word}." for axis, word in axes.values()}
  texts |= {
    "Figures": "Up is better and right is more diverse; lower-is-better axes are reversed. A line joins the settings of one system. A hollow mark at"
    " the edge is a point beyond it, labelled with its coordinates. The baseline is black. The star and the dashed lines are real sentences, scored"
    f" against the {split} sentences as if they were samples.",
    "Intervals": "± and error bars are 95 % bootstrap intervals (jackknife intervals for the Frechet distance). They cover the choice of sentences,"
    " not the variation between training runs. n is the number of scored sentences. A number without ± has no interval.",
    "Above, on, below": "The quality a system reaches at a diversity is its best quality at that diversity or more, with straight lines between its"
    " Pareto-optimal settings. The mean difference is taken over the range of diversity that both the system and the baseline reach; a single point"
    " is compared at its own diversity. A straight line between two settings is only a lower bound of a system's true curve, so the mean is estimated"
    " at the settings of each of the two, which bounds it from both sides. Across: above at one diversity and below at another.",
    "Tie": "A difference whose 95 % interval contains 0. The interval covers the choice of sentences, by redrawing the points from their intervals,"
    " and what the straight lines leave open. The system is then on the curve: these samples do not distinguish the two.",
  }
  return "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(text)}</dd>" for name, text in texts.items())
