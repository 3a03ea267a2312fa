"""Tests of tf_textgan.evaluation.page."""

import csv
import html.parser
import json
import math
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.evaluation import curves
from tf_textgan.evaluation import page
from tf_textgan.evaluation import plots
from tf_textgan.metrics import estimates

HOSTILE = '../a <script>alert("1")</script> & b'


def point(setting, self_bleu, bleu, **others):
  return curves.Point(setting, {"self_bleu_5": estimates.Estimate(self_bleu, 2000, 0.01), "bleu_5": estimates.Estimate(bleu, 2000, 0.01)} | others)


SYSTEMS = [
  curves.Curve("mle", "run", [point("T 1", 0.2, 0.2), point("T 0.8", 0.4, 0.3, mauve=np.float32(0.5)), point("T 0.5", 0.6, 0.4)]),
  curves.Curve(HOSTILE, "run", [point("T 1", 0.25, 0.125), point("T <0.5>", 0.55, 0.275, mauve=math.nan)]),
  curves.Curve("tie.txt", "file", [point("", 0.4, 0.301)]),
  curves.Curve("far.txt", "file", [point("", 0.9, 0.3)]),
  curves.Curve("real", "real", [point("", 0.2, 0.3)]),
]
PLANE = curves.PLANES[1]
COMPARISONS = [curves.compare(system, SYSTEMS[0], PLANE) for system in SYSTEMS[1:]]
NOTES = {"command": "evaluate --x '<y>'", "Corpus": "captions & news"}


class Reader(html.parser.HTMLParser):
  """Collects open tags, all tags, attributes and text of a page."""

  def __init__(self, text):
    super().__init__()
    self.open, self.tags, self.attributes, self.text = [], [], [], ""
    self.feed(text)

  def handle_starttag(self, tag, attrs):
    self.tags.append(tag)
    self.attributes += attrs
    if tag not in ("meta", "img"):
      self.open.append(tag)

  def handle_endtag(self, tag):
    assert self.open.pop() == tag

  def handle_data(self, data):
    self.text += data


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp("page") / "new" / "sweep"
  page.write(folder, SYSTEMS, COMPARISONS, NOTES, "test")
  return folder


def test_all_files_are_there_and_no_other(folder):
  assert sorted(path.name for path in folder.iterdir()) == ["curves.png", "index.html", "points.csv", "results.json", "summaries"]


def test_the_page_is_one_valid_file_with_all_verdicts(folder):
  text = (folder / "index.html").read_text(encoding="utf-8")
  reader = Reader(text)
  assert reader.open == []
  assert not {"script", "link", "iframe", "b"} & set(reader.tags) and "http" not in text
  sources = [value for name, value in reader.attributes if name in ("src", "href")]
  assert len(sources) == 1 and sources[0].startswith("data:image/svg+xml;base64,")
  said = reader.text.replace("\N{NO-BREAK SPACE}", " ")
  # The baseline is 0.1 + x / 2. The hostile one is x / 2: worse by 0.1 everywhere.
  assert f"{HOSTILE} against mle: below the curve in 1 of 1 figure." in said
  assert "below the curve: BLEU-5 at equal Self-BLEU-5, on average from 0.25 to 0.55: worse by 0.10" in said
  assert "on the curve (a tie): BLEU-5 at equal Self-BLEU-5 (0.4): a tie, 0.0" in said
  assert "no overlap: BLEU-5 is 0.3 at a Self-BLEU-5 of 0.9; mle has 0.2 to 0.4 at 0.2 to 0.6." in said
  assert "above the curve: BLEU-5 at equal Self-BLEU-5 (0.2): better by 0.10" in said
  # The table and the notes.
  assert "0.275 ± 0.010n 2,000" in said and "T <0.5>" in said
  assert "bleu_5 ↑" in said and "self_bleu_5 ↓" in said
  assert "BLEU-5 of each sample against all other samples, a measure of repetition; lower is more diverse." in said
  assert "95 % bootstrap intervals" in said and "A difference whose 95 % interval contains 0" in said
  assert NOTES["command"] in said and NOTES["Corpus"] in said


def test_the_page_says_that_points_without_intervals_count_as_exact(tmp_path):
  bare = curves.Curve("bare", "file", [curves.Point("", {"self_bleu_5": 0.4, "bleu_5": 0.5})])
  page.write(tmp_path, [SYSTEMS[0], bare], [curves.compare(bare, SYSTEMS[0], PLANE)], {}, "test")
  assert "count as exact" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_results_hold_all_and_no_nan(folder):
  results = json.loads((folder / "results.json").read_text(), parse_constant=lambda text: pytest.fail(text))
  assert results["split"] == "test" and results["notes"] == NOTES
  assert [plane["key"] for plane in results["planes"]] == ["bleu"]
  number = {"value": 0.2, "n": 2000, "ci": 0.01}
  assert results["curves"][0]["points"][0] == {"setting": "T 1", "numbers": {"self_bleu_5": number, "bleu_5": number}}
  assert [curve["points"][-1]["numbers"].get("mauve") for curve in results["curves"][:2]] == [None, None]
  assert results["curves"][0]["points"][1]["numbers"]["mauve"] == 0.5
  assert [comparison["verdict"] for comparison in results["comparisons"]] == ["below", "on", "no overlap", "above"]


def test_csv_has_a_row_for_each_point(folder):
  with (folder / "points.csv").open(newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == 8
  header = "system setting self_bleu_5 self_bleu_5_n self_bleu_5_ci bleu_5 bleu_5_n bleu_5_ci mauve"
  assert list(rows[0]) == header.split()
  assert list(rows[1].values()) == ["mle", "T 0.8", "0.4", "2000", "0.01", "0.3", "2000", "0.01", "0.5"]
  assert rows[3]["system"] == HOSTILE and rows[3]["mauve"] == ""


def test_tensorboard_gets_each_number_and_the_figure(folder):
  found = {}
  for path in sorted((folder / "summaries").rglob("*.curves")):
    for event in tf.compat.v1.train.summary_iterator(str(path)):
      for value in event.summary.value:
        found[path.parent.name, value.tag, event.step] = tf.make_ndarray(value.tensor)
  assert found["00-mle", "bleu_5", 2] == np.float32(0.4) and found["00-mle", "mauve", 1] == 0.5
  assert ("01-___a__script_alert__1____script____b", "bleu_5", 1) in found
  assert not any(step == 1 and tag == "mauve" and run.startswith("01") for run, tag, step in found)
  picture = found["summaries", "quality_diversity", 0][2]
  np.testing.assert_array_equal(tf.io.decode_png(picture), tf.io.decode_png((folder / "curves.png").read_bytes()))


def test_page_is_replaced_whole_or_not_at_all(folder, tmp_path, monkeypatch):
  # The folder belongs to a run, with its own summaries.
  own = tmp_path / "summaries" / "events.out.tfevents.1"
  own.parent.mkdir()
  own.write_text("own")
  del folder
  page.write(tmp_path, SYSTEMS, COMPARISONS, NOTES, "test")
  before = _contents(tmp_path)
  with monkeypatch.context() as patch:
    patch.setattr(page, "_write_summaries", lambda *_: (_ for _ in ()).throw(OSError("the disk is full")))
    with pytest.raises(errors.UserError, match=f"cannot write {tmp_path}: the disk is full"):
      page.write(tmp_path, SYSTEMS[:1], [], {}, "test")
  assert _contents(tmp_path) == before
  # Without anything to draw, the old figure is removed; other files are kept.
  page.write(tmp_path, [curves.Curve("a", "file", [curves.Point("", {"bleu_5": 0.1})])], [], {}, "test")
  after = _contents(tmp_path)
  assert sorted(pathlib.PurePath(name).parts[0] for name in after) == ["index.html", "points.csv", "results.json", "summaries", "summaries"]
  assert after["summaries/events.out.tfevents.1"] == b"own"
  assert b"No system is compared" in after["index.html"]


def test_real_sentences_with_one_number_of_a_plane_still_give_their_line(tmp_path, monkeypatch):
  panels = []
  monkeypatch.setattr(plots, "quality_diversity", lambda drawn, format: panels.extend(drawn) or _PIXEL)
  mle = curves.Curve("mle", "run", [curves.Point("T 1", {"nll_oracle": 9.0, "nll_validation": 7.5})])
  real = curves.Curve("real", "real", [curves.Point("", {"nll_oracle": 5.7})])
  page.write(tmp_path, [mle, real], [], {}, "validation")
  assert [(series.name, series.kind, series.index) for series in panels[0].series] == [("mle", "curve", 0), ("real", "real", 1)]
  assert panels[0].x_label == "NLL-validation" and panels[0].x_reversed
  assert math.isnan(panels[0].series[1].x[0]) and panels[0].series[1].y[0] == 5.7


_PIXEL = tf.io.encode_png(tf.zeros([1, 1, 3], tf.uint8)).numpy()


def _contents(folder):
  return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
