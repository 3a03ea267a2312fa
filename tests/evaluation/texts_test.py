"""Tests of tf_textgan.evaluation.texts."""

import numpy as np
import pytest

from tf_textgan import progress
from tf_textgan.evaluation import neural_lm
from tf_textgan.evaluation import texts
from tf_textgan.metrics import bleu
from tf_textgan.metrics import frechet
from tf_textgan.metrics import kneser_ney
from tf_textgan.metrics import mauve
from tf_textgan.metrics import statistics

WORDS = "a the man dog bird sees likes and small old".split()


def _sentences(num, seed):
  random = np.random.default_rng(seed)
  return [tuple(WORDS[i] for i in random.choice(len(WORDS), random.integers(3, 9), p=np.arange(10, 0, -1) / 55)) for _ in range(num)]


REFERENCES, TRAINING, SAMPLE = _sentences(60, 0), _sentences(80, 1), _sentences(40, 2)


def test_the_scores_are_those_of_the_metrics_modules():
  numbers = texts.Scorer(REFERENCES, TRAINING)(SAMPLE)
  expected = bleu.scores(SAMPLE, REFERENCES) | statistics.statistics(SAMPLE, REFERENCES, TRAINING)
  expected |= kneser_ney.Scorer(REFERENCES, TRAINING)(SAMPLE)
  assert {name: numbers[name] for name in expected} == expected
  assert set(numbers) - set(expected) == {"frechet", "mauve"}


def test_embeddings_are_compared_in_equal_numbers():
  scorer = texts.Scorer(REFERENCES)
  assert scorer(SAMPLE)["frechet"].n == scorer(SAMPLE)["mauve"].n == 40
  assert scorer(_sentences(90, 3))["frechet"].n == 60


def test_mauve_is_of_5000_sentences_at_most(monkeypatch):
  assert mauve.LARGEST == 5000
  monkeypatch.setattr(mauve, "LARGEST", 25)
  numbers = texts.Scorer(REFERENCES)(SAMPLE)
  assert numbers["mauve"].n == 25 and numbers["frechet"].n == 40


def test_an_interrupted_scoring_has_the_numbers_so_far(monkeypatch):

  def interrupt(*args):
    raise KeyboardInterrupt

  whole = texts.Scorer(REFERENCES, TRAINING)(SAMPLE)
  monkeypatch.setattr(frechet, "estimate", interrupt)
  with pytest.raises(progress.Stopped) as stopped:
    texts.Scorer(REFERENCES, TRAINING)(SAMPLE)
  assert stopped.value.missing == ["Frechet distance"]
  assert stopped.value.found == {name: number for name, number in whole.items() if name != "frechet"}


def test_real_text_is_nearer_than_its_copies():
  scorer = texts.Scorer(REFERENCES)
  real, collapsed = scorer(_sentences(60, 4)), scorer(SAMPLE[:1] * 60)
  assert real["frechet"].value < collapsed["frechet"].value
  assert real["mauve"].value > collapsed["mauve"].value
  assert real["reverse_lm_nll"].value < collapsed["reverse_lm_nll"].value


def test_metrics_that_are_not_requested_are_left_out():
  numbers = texts.Scorer(REFERENCES, config=texts.Config(encoder=""))(SAMPLE)
  assert not {"frechet", "mauve", "copied", "lstm_lm_nll"} & set(numbers)


@pytest.mark.parametrize("seed", [0, 5])
def test_ids_and_words_score_alike(seed):

  def score(as_sentence):
    return texts.Scorer([*map(as_sentence, REFERENCES)], config=texts.Config(encoder=""), seed=seed)([*map(as_sentence, SAMPLE)])

  assert score(tuple) == score(lambda sentence: tuple(WORDS.index(word) for word in sentence))


def test_the_real_row_is_not_scored_by_a_model_trained_on_it():
  scorer = texts.Scorer(REFERENCES, TRAINING, texts.Config(encoder=""))
  row, leaking = scorer.real(TRAINING[:40]), scorer(TRAINING[:40])
  assert row["lm_nll"].n == 60 and row["lm_nll"].value > leaking["lm_nll"].value
  assert row["reverse_lm_nll"] == leaking["reverse_lm_nll"] and row["bleu_5"] == leaking["bleu_5"]
  assert not {"copied", "longest_copied"} & set(row)


@pytest.mark.parametrize("sample", [[*SAMPLE, *[()] * 10], [()] * 50], ids=["some", "all"])
def test_empty_sentences_count_and_break_no_metric(sample):
  numbers = texts.Scorer(REFERENCES, TRAINING, texts.Config(), neural_lm.Config(lm_size=4, lm_epochs=1, lm_sentences=50))(sample)
  lengths = [len(sentence) for sentence in sample]
  assert numbers["mean_length"].value == np.mean(lengths) and numbers["duplicates"].value == pytest.approx(1 - len(set(sample)) / 50)
  for name in ("bleu_2", "self_bleu_5", "mean_length", "copied", "lm_nll", "lstm_lm_nll", "frechet", "mauve"):
    assert numbers[name].n == 50 and np.isfinite(numbers[name].value), name
