"""Tests of tf_textgan.evaluation.charts."""

import re
import xml.etree.ElementTree

import pytest

from tf_textgan.evaluation import charts

PHASES = [charts.Phase("mle", 0, 1000), charts.Phase("adversarial", 1000, 1020)]


def _parsed(svg):
  return xml.etree.ElementTree.fromstring(svg)


def _texts(svg):
  return [element.text for element in _parsed(svg).iter("text")]


def _circles(svg, kind):
  return [(float(e.get("cx")), float(e.get("cy"))) for e in _parsed(svg).iter("circle") if e.get("class") == kind and e.find("title") is not None]


def test_every_phase_has_the_same_width_however_short_it_is():
  points = [(500, 3.0), (1000, 2.0), (1010, 1.0), (1020, 2.0)]
  svg = charts.over_steps("NLL", {"NLL": points}, PHASES, mark=1010)
  (first, y_3), (_, y_2), (third, y_1), (last, y_2_again) = _circles(svg, "f0")
  assert third - first == pytest.approx(2 * (first - 46), abs=0.2) and last - third == pytest.approx(first - 46, abs=0.2)
  assert y_1 > y_2 == y_2_again > y_3  # A lower number is lower down.
  assert _circles(svg, "ring") == [(third, y_1)]
  assert {"NLL", "mle", "adversarial", "step 0", "1000", "1020", "1", "3"} <= set(_texts(svg))


def test_the_value_at_chance_is_in_the_chart():
  svg = charts.over_steps("AUC", {"AUC": [(10, 0.9), (1000, 0.8)]}, PHASES[:1], chance=0.5)
  (line,) = [element for element in _parsed(svg).iter("line") if element.get("class") == "chance"]
  assert 46 < float(line.get("y1")) < 199 and line.get("y1") == line.get("y2")


def test_names_are_text_and_long_ones_are_cut():
  svg = charts.over_steps("<b>&", {"a<": [(1, 1.0)], "b": [(1, 2.0)]}, [charts.Phase(name * 40, 0, 1) for name in "xyz"])
  assert {"<b>&", "a<"} <= set(_texts(svg)) and not any(text and len(text) > 20 for text in _texts(svg))


@pytest.mark.parametrize("value", [0.0, -5.0, 1e-12, 1e12])
def test_a_single_number_can_be_drawn(value):
  assert len(_circles(charts.over_steps("x", {"x": [(3, value)]}, PHASES), "f0")) == 1
  assert len(_circles(charts.plane("x", "d", "q", [charts.Trail("a", [(value, value)], ["T 1"])], [(value, value)], None), "f0")) == 1


def test_in_the_plane_right_and_up_are_better():
  trail = charts.Trail("a", [(3.0, 2.0), (4.0, 1.0)], ["diverse", "good"], shown=(0, 1))
  svg = charts.plane("Quality", "diversity", "quality", [trail], trail.points, (4.0, 1.0))
  (x, y), (x_good, y_good) = _circles(svg, "f0")
  assert x > x_good and y > y_good
  assert _circles(svg, "ring") == [(x_good, y_good)]
  assert {"diverse", "good", "a", "diversity, more diverse →", "quality, better ↑"} <= set(_texts(svg))


def test_points_beyond_the_axes_have_neither_dot_nor_label():
  trail = charts.Trail("a", [(3.0, 2.0), (900.0, 1.0)], ["near", "far"], shown=(0, 1))
  svg = charts.plane("Quality", "d", "q", [trail], [(3.0, 2.0), (3.5, 2.5)], None)
  assert len(_circles(svg, "f0")) == 1 and "near" in _texts(svg) and "far" not in _texts(svg)


def test_labels_do_not_cover_each_other():
  trails = [charts.Trail(str(i), [(1.0 + i / 1000, 1.0), (2.0, 2.0)], [f"label {i}", ""], shown=(0,)) for i in range(4)]
  svg = charts.plane("Quality", "d", "q", trails, [(1.0, 1.0), (2.0, 2.0)], None)
  boxes = [(float(e.get("x")), float(e.get("y"))) for e in _parsed(svg).iter("text") if re.match("label", e.text or "")]
  assert len(boxes) == 4
  for i, (x, y) in enumerate(boxes):
    assert all(abs(x - other_x) >= 7 * 6 or abs(y - other_y) >= 13 for other_x, other_y in boxes[:i])


def test_what_does_not_change():
  assert charts.changes([(1, 1.0), (2, 1.5)]) and not charts.changes([(1, 1.0), (2, 1.0)]) and not charts.changes([])


@pytest.mark.parametrize(("low", "high"), [(2.3, 2.78), (2.99, 3.26), (-3.0, 1e6), (0.5, 0.5), (0.1, 0.3)])
def test_ticks_are_a_few_round_numbers(low, high):
  around, within = charts._ticks(low, high), charts._ticks(low, high, within=True)
  assert around[0] <= low <= high <= around[-1] and 2 <= len(around) <= 7
  assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in within) and (low == high or 3 <= len(within) <= 6)
