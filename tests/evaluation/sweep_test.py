"""Tests of tf_textgan.evaluation.sweep."""

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan.conformance import tiny
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data.datasets import caption_grammar
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.data.tokenizers import word
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.evaluation import sweep
from tf_textgan.evaluation import texts

SPEC = tiny.SPECS["text"]
CORPUS = corpus_lib.Corpus(
  "toy",
  SPEC,
  word.Tokenizer((*tokenizers.SPECIAL_TOKENS, *"abcde")),
  {split: tiny.batch(SPEC, 30, seed) for seed, split in enumerate(corpus_lib.SPLITS)},
)


def _sentences(split, corpus=CORPUS):
  return corpus.tokenizer.words(corpus.tokens[split])


def _score(corpus=CORPUS, algorithm="mle", num=50):
  generator = tiny.algorithm(algorithm, corpus.spec).generator
  if algorithm == "mle":
    for weight in generator.trainable_variables:
      weight.assign(np.random.default_rng(1).normal(0, 1.0, weight.shape))
  scorer = texts.Scorer(_sentences("test", corpus), _sentences("train", corpus), texts.Config(encoder=""))
  return sweep.RunScorer(evaluator_lib.Evaluator(generator, corpus, seed=0), corpus, scorer, num, "test")


def test_one_point_for_each_setting():
  config = sweep.Config(temperatures=(0.2, 1.0), nuclei=(0.5,))
  steps = []
  by_temperature, by_nucleus = sweep.run("run", _score(), config, True, lambda: steps.append(1))
  assert (by_temperature.name, by_nucleus.name) == ("run", "run, nucleus")
  assert [point.setting for point in by_temperature.points + by_nucleus.points] == ["T 0.2", "T 1", "0.5"]
  assert len(steps) == sweep.num_settings(config, True) == 3
  cold, warm, nucleus = (point.numbers for point in by_temperature.points + by_nucleus.points)
  assert cold["entropy"].value < nucleus["entropy"].value < warm["entropy"].value
  assert cold["distinct_2"].value < warm["distinct_2"].value
  assert cold["nll_test"].value > warm["nll_test"].value and "nll_test" not in nucleus
  assert cold["bleu_5"].n == 50


def test_a_generator_without_temperature_has_its_own_point():
  (curve,) = sweep.run("run", _score(algorithm="wgan_gp"), sweep.Config(), False, lambda: None)
  assert [point.setting for point in curve.points] == ["own"]
  assert sweep.num_settings(sweep.Config(), False) == 1


def test_the_real_row_scores_training_sentences_without_copies():
  scorer = texts.Scorer(_sentences("test"), _sentences("train"), texts.Config(encoder=""))
  curve = sweep.real_row(CORPUS, scorer, 10, "test")
  (point,) = curve.points
  assert curve.kind == "real" and point.numbers["bleu_2"].n == 10
  assert not {"copied", "longest_copied", "longest_copied_max"} & set(point.numbers)


def test_the_mass_of_the_truth_that_samples_cover(tmp_path):
  corpus = caption_grammar.load(caption_grammar.Config(num_train=30, num_validation=5, num_test=30), str(tmp_path))
  numbers = _score(corpus, num=20)()
  # No sample of a random generator is grammatical; twenty sentences of the grammar cover almost nothing of it.
  assert numbers["mass_covered"].value == 0.0 < numbers["mass_covered_truth"].value < 0.5
  real = sweep.real_row(corpus, texts.Scorer(_sentences("test", corpus), config=texts.Config(encoder="")), 20, "test").points[0].numbers
  assert real["grammatical"].value == 1.0


@pytest.mark.parametrize(("temperatures", "nuclei"), [((0.0,), ()), ((float("inf"),), ()), ((1.0,), (1.0,)), ((), ())])
def test_settings_out_of_range(temperatures, nuclei):
  with pytest.raises(errors.UserError):
    sweep.Config(temperatures, nuclei)
