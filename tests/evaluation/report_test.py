"""Tests of tf_textgan.evaluation.report."""

import dataclasses
import html.parser
import re

import pytest

from tf_textgan.evaluation import charts
from tf_textgan.evaluation import curves
from tf_textgan.evaluation import nearest
from tf_textgan.evaluation import report
from tf_textgan.metrics import estimates

HOSTILE = '</section><script>alert("1")</script> & <img src=x>'
PLANE = curves.filled("validation")[2]


def _evaluation(step, phase, quality, diversity, **others):
  return {"step": step, "phase": phase, "kind": "evaluation", "lm_nll": quality, "reverse_lm_nll": diversity, "js_2": 0.5, **others}


def _sweep(name, quality):
  number = lambda value: estimates.Estimate(value, 100, 0.01)  # noqa: E731
  numbers = [{"lm_nll": number(quality - t), "reverse_lm_nll": number(3.0 + t)} for t in (0.0, 0.2, 0.4)]
  return curves.Curve(name, "run", [curves.Point(f"T {1 - i / 10:g}", each) for i, each in enumerate(numbers)])


EVALUATIONS = [
  _evaluation(50, "mle", 4.0, 4.0, heldout_auc=0.5, forward_kl=None),
  _evaluation(100, "mle", 3.0, 3.25, heldout_auc=0.5, forward_kl=1.0),
  _evaluation(110, "adversarial", 2.5, 3.125, heldout_auc=0.75, forward_kl=2.0),
]
CONTENT = report.Content(
  title="seqgan on captions",
  state="Finished at step 110.",
  settings={"seed": 7, HOSTILE: HOSTILE},
  commands={"Sentences:": f"python generate.py --workdir '{HOSTILE}'"},
  table=[["", "best"], ["quality", "2.500"]],
  headings=1,
  headline={"quality": "lm_nll", "diversity": "reverse_lm_nll", "AUC": "heldout_auc"},
  evaluations=EVALUATIONS,
  training=[{"step": step, "phase": "mle", "kind": "training", "mle/nll": 1.0 / step, "mle/constant": 1.0} for step in range(1, 101)],
  phases=[charts.Phase("mle", 0, 100), charts.Phase("adversarial", 100, 110)],
  best_step=110,
  baseline=None,
  ends=(),
  plane=PLANE,
  samples=[report.Samples("Best checkpoint, step 110", ["a man", HOSTILE], [nearest.Neighbour("a man", 1.0), nearest.Neighbour(HOSTILE, 0.25)])],
  indexed=30,
  warnings=[{"step": step, "phase": "mle", "text": f"{step}% of the samples are copies {HOSTILE}"} for step in (50, 100)],
)


class _Reader(html.parser.HTMLParser):
  """Checks the nesting of the tags of a page and collects them, and the text."""

  def __init__(self, text):
    super().__init__()
    self.open, self.tags, self.attributes, self.text = [], [], [], ""
    self.feed(text)
    assert not self.open

  def handle_starttag(self, tag, attrs):
    self.tags.append(tag)
    self.attributes += attrs
    if tag != "meta":
      self.open.append(tag)

  def handle_startendtag(self, tag, attrs):
    self.tags.append(tag)

  def handle_endtag(self, tag):
    assert self.open.pop() == tag

  def handle_data(self, data):
    self.text += data


def _charts(page):
  return re.findall(r'aria-label="([^"]*)"><text', page)


def test_text_of_the_run_stays_text():
  page = _Reader(report.make(CONTENT))
  assert not {"script", "img", "link", "iframe"} & set(page.tags)
  assert page.text.count(HOSTILE) == 6


def test_the_page_needs_no_other_file():
  page = report.make(CONTENT)
  assert not re.search(r"https?:|url\((?!#)|@import", page)
  assert not [value for name, value in _Reader(page).attributes if name in ("src", "href", "srcset")]
  assert "prefers-color-scheme: dark" in page


def test_plots_that_do_not_change_are_left_out():
  assert _charts(report.make(CONTENT)) == [
    "Quality over diversity", "held-out AUC, .5 is chance", "quality (lm_nll), lower is better", "diversity (reverse_lm_nll), lower is better",
    "forward KL, truth to generator, nats", "mle/nll",
  ]  # fmt: skip


def test_samples_have_their_nearest_training_sentences():
  text = _Reader(report.make(CONTENT)).text
  assert "a man" + "a copy of a training sentence" in text and f"0.25 {HOSTILE}" in text
  assert "nearest of 30 different training sentences" in text


def test_warnings_that_differ_in_their_numbers_are_one():
  text = _Reader(report.make(CONTENT)).text
  assert "100% of the samples are copies" in text and "(step 100, and once before)" in text and "50% of" not in text
  assert "Warnings" not in _Reader(report.make(dataclasses.replace(CONTENT, warnings=[]))).text


@pytest.mark.parametrize(("better", "verdict"), [(0.3, "above the curve"), (0.0, "on the curve (a tie)"), (-0.3, "below the curve")])
def test_the_curve_is_judged_against_the_baselines(better, verdict):
  content = dataclasses.replace(CONTENT, baseline=_sweep("before adversarial", 3.0), ends=[_sweep("best checkpoint", 3.0 - better)])
  page = report.make(content)
  assert f"over temperatures: {verdict}." in _Reader(page).text
  assert {">T 1<", ">T 0.8<", ">before adversarial<", ">best checkpoint<", ">evaluations<"} <= set(re.findall(r">[^<>]+<", page))
  waits = "The curve of the best checkpoint follows when training ends."
  assert waits in report.make(dataclasses.replace(content, ends=())) and waits not in report.make(dataclasses.replace(content, baseline=None))


def test_a_run_without_numbers_has_a_page():
  empty = dataclasses.replace(CONTENT, evaluations=[], training=[], phases=[], samples=[], table=[], warnings=[])
  assert _charts(report.make(empty)) == []


def test_long_lines_are_thinned_to_means():
  thinned = report._thinned([(i, float(i)) for i in range(1, 451)])
  assert thinned[:2] == [(3, 2.0), (6, 5.0)] and len(thinned) == 150
  assert report._thinned([(1, 2.0)]) == [(1, 2.0)] and report._thinned([]) == []
