"""The page of a run, `report.html`, made of numbers and texts: what was run, what came of it, and how it went."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import html
from typing import Any

from tf_textgan.evaluation import charts
from tf_textgan.evaluation import curves
from tf_textgan.evaluation import markup
from tf_textgan.evaluation import nearest
from tf_textgan.evaluation import page

# Points of a line of training metrics.
_MOST_POINTS = 150
_SIMILAR = 0.999
# Numbers of the adversary on held-out text, with a title and the value at chance.
_ADVERSARY = {
  "heldout_auc": ("held-out AUC, .5 is chance", 0.5),
  "heldout_accuracy": ("held-out accuracy, .5 is chance", 0.5),
  "heldout_gain": ("held-out gain, nats per sequence, 0 is chance", 0.0),
}

# Titles of the other evaluations.
_TITLES = {
  "entropy": "entropy of the samples, nats per token",
  "nll_per_character_validation": "held-out NLL, nats per character",
  "nll_oracle": "NLL-oracle of the samples, nats per token",
  "grammatical": "grammatical: fraction of the samples",
  "forward_kl": "forward KL, truth to generator, nats",
  "reverse_kl": "reverse KL, generator to truth, nats",
  "js": "Jensen-Shannon divergence to the truth, nats",
  **{f"distinct_{n}": f"distinct_{n}: different {n}-grams among all" for n in range(1, 5)},
  "duplicates": "duplicates: fraction of repeated samples",
  "copied": "copied: fraction found in the training text",
  "js_2": "js_2: divergence of bigrams from real text's",
  **{f"char_js_{n}": f"char_js_{n}: divergence of {n}-grams of characters, bits" for n in range(1, 5)},
  "mean_length": "mean length of the samples, words",
  "curve_sum": "curve_sum: quality + diversity, lower is better",
  "collapse": "collapse: number of symptoms",
  "heldout_loss": "discriminator's held-out loss; 1.39 is chance",
  "heldout_at_chance": "discriminator at chance on held-out text (1)",
  "category_accuracy": "category_accuracy: samples of the right category",
  "reconstruction_nll": "held-out text given its own code, nats per token",
  "reconstruction_accuracy": "tokens reconstructed, teacher forcing: fraction",
  "reconstruction_exact": "held-out sequences reconstructed whole: fraction",
  "frechet": "Frechet distance to real text, lower is better",
}

_STYLE = (
  charts.STYLE
  + """
.lead { color: var(--soft); margin: 0 0 1rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
figure { margin: 0; border: 1px solid var(--line); border-radius: .5rem; padding: .5rem; min-width: 0; }
.plane { max-width: 38rem; }
.samples { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 1rem; }
.samples section { background: var(--card); border-radius: .5rem; padding: .8rem 1rem; min-width: 0; }
.samples h3 { font-size: 1rem; margin: 0 0 .4rem; }
.samples ol { margin: 0; padding-left: 1.3rem; }
.samples li { margin-bottom: .7rem; }
.samples small { display: block; }
.copy { color: var(--bad); font-weight: 600; }
.warnings { border-left: 4px solid var(--bad); background: var(--card); padding: .6rem 1rem; margin: 0 0 1rem; }
.warnings ul { margin: .3rem 0 0; padding-left: 1.2rem; }
.scroll { width: fit-content; max-width: 100%; }
th { font-weight: 600; white-space: normal; min-width: 5.5rem; }
td:first-child, th:first-child { text-align: left; white-space: normal; min-width: 9rem; }
.settings td { text-align: left; white-space: normal; }
pre { margin: .5rem 0; }
details { margin-top: 1rem; }
summary { cursor: pointer; font-weight: 600; margin-bottom: .8rem; }
"""
)


@dataclasses.dataclass(frozen=True)
class Samples:
  """Sample sentences of a checkpoint, and the training sentence nearest to each."""

  title: str
  sentences: Sequence[str]
  neighbours: Sequence[nearest.Neighbour]


@dataclasses.dataclass(frozen=True)
class Content:
  """What the page shows.

  Attributes:
    title: the run.
    state: how far it is.
    settings: name to value.
    commands: purpose to command.
    table: the numbers to read first: rows of equal length, of which the first `headings` are headings.
    headings: number of rows.
    headline: labels to metrics, see `Evaluator.headline`.
    evaluations, training: lines of `metrics.jsonl`.
    phases: those that have begun.
    best_step: step of the best checkpoint.
    baseline: curve over temperatures of the generator before its adversarial phase; None if there is none or it is not known yet.
    ends: curves to compare with it, of the best checkpoint; empty until they are known.
    plane: the plane of these curves and of the evaluations.
    samples: of some checkpoints.
    indexed: different training sentences among which the neighbours were looked for.
    warnings: lines of `warnings.jsonl`.
  """

  title: str
  state: str
  settings: Mapping[str, Any]
  commands: Mapping[str, str]
  table: Sequence[Sequence[str]]
  headings: int
  headline: Mapping[str, str]
  evaluations: Sequence[Mapping[str, Any]]
  training: Sequence[Mapping[str, Any]]
  phases: Sequence[charts.Phase]
  best_step: int
  baseline: curves.Curve | None
  ends: Sequence[curves.Curve]
  plane: curves.Plane
  samples: Sequence[Samples]
  indexed: int
  warnings: Sequence[Mapping[str, Any]]

  @functools.cached_property
  def verdicts(self) -> list[str]:
    """What the curves of the best checkpoint say against the baseline's, a sentence each, or what is to be expected of them."""
    if self.baseline is None:
      return ["Up is better, and right is more diverse. Single points say little: a lower temperature moves a generator up and to the left."]
    found = []
    for curve in self.ends:
      comparison = curves.compare(curve, self.baseline, self.plane)
      said = f"{page.VERDICTS[comparison.verdict]}. {page.sentence(comparison, self.plane, [curve, self.baseline])}"
      found.append(f"{curve.name.capitalize()}, against the generator before its adversarial phase, over temperatures: {said}")
    return found or ["Above the curve is better. The curve of the best checkpoint follows when training ends."]


def make(content: Content) -> str:
  """The page as HTML, which needs no other file."""
  parts = [
    f"<h1>{html.escape(content.title)}</h1>",
    f'<p class="lead">{html.escape(content.state)}</p>',
    *_warnings(content.warnings),
    markup.scrolling("Numbers to read first", _table(content)),
    *_section("Quality and diversity", _quality_diversity(content)),
    *_section("Samples", _samples(content)),
    *_section("What the discriminator knows of held-out text", _adversary(content)),
    *_section("Over the training", _over_training(content)),
    *_section("How to use this run", _commands(content)),
  ]
  return markup.document(content.title, _STYLE, parts)


def _section(title, parts):
  """A heading and what it is of; nothing if that is empty."""
  if parts := list(parts):
    return [f"<h2>{html.escape(title)}</h2>", *parts]
  return []


def _warnings(lines):
  """The warnings, those of one kind together: those that differ in their numbers alone."""
  kinds = {}
  for line in lines:
    kinds.setdefault("".join(c for c in line["text"] if not c.isdigit()), []).append(line)
  items = []
  for same in kinds.values():
    before = {1: "", 2: ", and once before"}.get(len(same), f", and {len(same) - 1} times before")
    steps = f"step {same[-1]['step']}{before}"
    items.append(f'<li>{html.escape(same[-1]["text"])} <span class="soft">({steps})</span></li>')
  if items:
    yield f'<div class="warnings" role="note"><strong>Warnings</strong><ul>{"".join(items)}</ul></div>'


def _table(content):
  rows = []
  for i, row in enumerate(content.table):
    tag = "th" if i < content.headings else "td"
    rows.append("<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>")
  return f"<table>{''.join(rows)}</table>"


def _quality_diversity(content):
  x, y = content.plane.diversity, content.plane.quality
  points = [(line[x.metric], line[y.metric], line) for line in content.evaluations if None not in (line.get(x.metric), line.get(y.metric))]
  if not points:
    return
  trails, inside = [], []
  for sweep in filter(None, (content.baseline, *content.ends)):
    track = curves.track(sweep, content.plane)
    found = list(zip(track.diversity, track.quality))
    inside += found
    trails.append(charts.Trail(sweep.name, found, track.settings, shown=sorted({0, len(found) - 1})))
  steps = charts.Trail(
    "evaluations", [point[:2] for point in points], [f"step {line['step']}" for *_, line in points], sorted({0, len(points) - 1})
  )
  late = [point for point in points if point[2]["phase"] == "adversarial"] or points[len(points) // 2 :]
  inside += [point[:2] for point in late]
  best = next((point[:2] for point in reversed(points) if point[2]["step"] == content.best_step), None)
  labels = (f"{axis.label} ({axis.metric})" for axis in (x, y))
  yield from (f"<p>{html.escape(text)}</p>" for text in content.verdicts)
  yield f'<figure class="plane">{charts.plane("Quality over diversity", *labels, [*trails, steps], inside, best)}</figure>'
  yield (
    f'<p class="soft">{html.escape(y.label)}: {html.escape(y.meaning)}. {html.escape(x.label)}: {html.escape(x.meaning)}. '
    "The ring is the best checkpoint.</p>"
  )


def _samples(content):
  if not content.samples:
    return
  most = " (no more are indexed)" if content.indexed >= nearest.MOST else ""
  yield (
    f'<p class="soft">The same noise in every column. Below each sentence the nearest of {content.indexed:,} different training sentences{most}, by '
    "common words and word pairs: 1 is a copy, 0 has nothing in common.</p>"
  )
  yield f'<div class="samples">{"".join(map(_of_checkpoint, content.samples))}</div>'


def _of_checkpoint(samples):
  items = "".join(f"<li>{html.escape(text) or '(empty)'}{_neighbour(near)}</li>" for text, near in zip(samples.sentences, samples.neighbours))
  return f"<section><h3>{html.escape(samples.title)}</h3><ol>{items}</ol></section>"


def _neighbour(near):
  if near.similarity >= _SIMILAR:
    return '<small class="copy">a copy of a training sentence</small>'
  return f"<small>{near.similarity:.2f} {html.escape(near.text) if near.similarity else ''}</small>"


def _adversary(content):
  figures = [
    _figure(content, title, {name: _points(content.evaluations, name)}, chance) for name, (title, chance) in _ADVERSARY.items()
  ]
  if any(figures):
    yield (
      '<p class="soft">Scores of the discriminator on held-out sentences and fresh samples. The AUC is the share of pairs, one real and one '
      "generated, that it orders rightly. At chance it has nothing to teach.</p>"
    )
    yield _grid(figures)


def _over_training(content):
  first = [metric for label, metric in content.headline.items() if label != "AUC"]
  titles = _TITLES | {metric: f"{label} ({metric}), lower is better" for label, metric in content.headline.items()}
  named = {name: None for line in content.evaluations for name in line if name not in ("step", "phase", "kind", *_ADVERSARY)}
  draw = lambda names: [_figure(content, titles.get(name, name), {name: _points(content.evaluations, name)}) for name in names]  # noqa: E731
  yield from _grids({"": draw(first), "All other evaluations": draw(name for name in named if name not in first)})
  updates = dict.fromkeys(name for line in content.training for name in line if "/" in name)
  figures = [_figure(content, name, {name: _thinned(_points(content.training, name))}, ring=False) for name in updates]
  yield from _grids({"Metrics of the training batches": figures})


def _grids(groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
  """Figures in groups, of which those with a name are folded."""
  for name, figures in groups.items():
    if any(figures):
      yield f"<details><summary>{html.escape(name)}</summary>{_grid(figures)}</details>" if name else _grid(figures)


def _grid(figures):
  return f'<div class="charts">{"".join(figures)}</div>'


def _points(lines, name):
  return [(line["step"], line[name]) for line in lines if line.get(name) is not None]


def _thinned(points):
  """Means of neighbouring points, so that a line has at most `_MOST_POINTS`."""
  size = -(-len(points) // _MOST_POINTS)
  groups = [points[i : i + size] for i in range(0, len(points), size or 1)]
  return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]


def _figure(content, title, lines, chance=None, ring=True):
  """A chart over the steps; empty if its lines do not change."""
  if not any(charts.changes(points) for points in lines.values()):
    return ""
  return f"<figure>{charts.over_steps(title, lines, content.phases, content.best_step if ring else None, chance)}</figure>"


def _commands(content):
  for purpose, command in content.commands.items():
    yield f"<p>{html.escape(purpose)}</p><pre><code>{html.escape(command)}</code></pre>"
  rows = "".join(f"<tr><td>{html.escape(name)}</td><td>{html.escape(str(value))}</td></tr>" for name, value in content.settings.items())
  yield "<p>Settings; <code>config.json</code> has all, <code>metrics.jsonl</code> all numbers.</p>"
  yield markup.scrolling("Settings", f'<table class="settings">{rows}</table>')
