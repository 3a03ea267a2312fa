"""Tests of tf_textgan.evaluation.short_sweep."""

import json

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan import files
from tf_textgan.conformance import tiny
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data.tokenizers import integer
from tf_textgan.evaluation import curves
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.evaluation import short_sweep
from tf_textgan.generators import conv_resnet
from tf_textgan.generators import lstm

SPEC = tiny.SPECS["text"]


def _evaluator(module):
  tokens = {split: tiny.batch(SPEC, 30) for split in corpus_lib.SPLITS}
  corpus = corpus_lib.Corpus("tiny", SPEC, integer.Tokenizer(SPEC.vocab_size), tokens)
  return evaluator_lib.Evaluator(module.Generator(SPEC, tiny.shrink(module.Config())), corpus, 0)


def test_a_curve_has_a_point_with_intervals_at_each_temperature():
  evaluator = _evaluator(lstm)
  curve = short_sweep.run("a", evaluator, 40, True)
  assert [point.setting for point in curve.points] == ["T 0.6", "T 0.7", "T 0.8", "T 0.9", "T 1"]
  track = curves.track(curve, evaluator.plane())
  assert (track.quality_ci > 0).all() and (track.diversity_ci > 0).all()
  # As the evaluations in training measure them.
  again = evaluator.quality_diversity(40)
  assert {name: again[name].value for name in again} == pytest.approx({name: evaluator(40)[name] for name in ("lm_nll", "reverse_lm_nll")})


def test_a_generator_without_temperature_has_one_point():
  assert [point.setting for point in short_sweep.run("a", _evaluator(conv_resnet), 20, False).points] == ["own"]


def test_a_curve_from_a_file_compares_as_before():
  evaluator = _evaluator(lstm)
  first = short_sweep.run("a", evaluator, 40, True)
  read = short_sweep.from_json(json.loads(files.as_json(short_sweep.to_json(first))))
  plane, second = evaluator.plane(), first._replace(name="b")
  assert curves.compare(second, read, plane)._replace(baseline="") == curves.compare(second, first, plane)._replace(baseline="")
  items = read.points[0].numbers["reverse_lm_nll"].shared
  np.testing.assert_array_equal(items.values, first.points[0].numbers["reverse_lm_nll"].shared.values)


@pytest.mark.parametrize("damage, says", [
  ([], "expected an object"),
  ({"name": "a"}, "points is missing"),
  ({"name": "a", "points": [{"setting": "T 1", "numbers": {"lm_nll": 3}}]}, r"points\[0\] is "),
])
def test_what_is_no_curve_is_refused(damage, says):
  with pytest.raises(errors.UserError, match=says):
    short_sweep.from_json(damage)
