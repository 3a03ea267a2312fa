"""Tests of tf_textgan.evaluation.neural_lm, on a source of known entropy and by law."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan.evaluation import neural_lm

# Of each of four words and, in the last row, of the start: the probabilities of the next word and, in the last column, of the end. Words come in
# alphabetical order, so that all sentences are short and have one shape.
SOURCE = np.array([
  [0.0, 0.6, 0.2, 0.1, 0.1],
  [0.0, 0.0, 0.7, 0.2, 0.1],
  [0.0, 0.0, 0.0, 0.5, 0.5],
  [0.0, 0.0, 0.0, 0.0, 1.0],
  [0.6, 0.2, 0.1, 0.1, 0.0],
])
WORDS = ("a", "b", "c", "d")
CONFIG = neural_lm.Config(lm_size=12, lm_sentences=600, lm_epochs=8, lm_batch_size=32, lm_learning_rate=2e-2, lm_dropout=0.0)


def draw(seed, num):
  generator = np.random.default_rng(seed)
  sentences = []
  for _ in range(num):
    sentence, state = [], 4
    while (state := int(generator.choice(5, p=SOURCE[state]))) < 4:
      sentence.append(WORDS[state])
    sentences.append(sentence)
  return sentences


def entropy_rate():
  """Computes the source's nats per token, ends counted: the entropy of each row, weighted by its expected visits; the start once."""
  entropies = -np.sum(SOURCE * np.log(SOURCE, where=SOURCE > 0, out=np.zeros_like(SOURCE)), axis=1)
  visits = np.linalg.solve(np.eye(4) - SOURCE[:4, :4].T, SOURCE[4, :4])
  visits = np.append(visits, 1.0)
  return float(visits @ entropies / visits.sum())


def true_nll(sentences):
  """Computes nats per token of sentences under the source."""
  paths = [[4, *map(WORDS.index, sentence), 4] for sentence in sentences]
  return float(-np.mean([math.log(SOURCE[step]) for path in paths for step in itertools.pairwise(path)]))


TRAINING, REFERENCES, SAMPLES = draw(0, 1000), draw(1, 400), draw(2, 600)


@pytest.fixture(scope="module")
def scorer():
  return neural_lm.Scorer(REFERENCES, TRAINING, CONFIG, seed=0)


@pytest.fixture(scope="module")
def honest(scorer):
  """Scores samples of the source itself."""
  return scorer(SAMPLES)


@pytest.mark.slow
def test_the_scores_of_the_source_are_its_entropy(honest):
  assert sorted(honest) == ["lstm_lm_nll", "reverse_lstm_lm_nll"]
  forward, reverse = honest["lstm_lm_nll"], honest["reverse_lstm_lm_nll"]
  assert (forward.n, reverse.n) == (600, 400)
  # Relative to the scored sentences' own entropy; the rest is due to small training sets, smaller for the reverse model.
  assert -0.01 < forward.value - true_nll(SAMPLES) < 0.03
  assert -0.01 < reverse.value - true_nll(REFERENCES) < 0.05
  assert true_nll(SAMPLES) == pytest.approx(entropy_rate(), abs=1.5 * forward.ci)
  assert true_nll(REFERENCES) == pytest.approx(entropy_rate(), abs=1.5 * reverse.ci)


def test_a_collapsed_sample_is_good_forward_and_bad_in_reverse(scorer, honest):
  collapsed = scorer([["a", "b", "c", "d"]] * 600)
  assert collapsed["lstm_lm_nll"].value < honest["lstm_lm_nll"].value - 0.1
  assert collapsed["reverse_lstm_lm_nll"].value > honest["reverse_lstm_lm_nll"].value + 1.0


def test_all_samples_are_scored_and_the_first_trained_on(scorer, honest):
  generator = np.random.default_rng(3)
  noise = [[WORDS[i] for i in generator.integers(4, size=len(sentence))] for sentence in SAMPLES]
  more = scorer([*SAMPLES, *noise])
  assert more["reverse_lstm_lm_nll"] == honest["reverse_lstm_lm_nll"]
  assert more["lstm_lm_nll"].n == 1200
  assert more["lstm_lm_nll"].value > honest["lstm_lm_nll"].value + 0.5


def test_too_few_samples_are_refused(scorer):
  with pytest.raises(errors.UserError, match="trained on 600 samples, but there are 599; sample more, or pass --lm_sentences 599"):
    scorer(SAMPLES[:599])


# Tests that need a model, but not a good one.
BRIEF = dataclasses.replace(CONFIG, lm_size=5, lm_epochs=2, lm_dropout=0.5)


@pytest.fixture(scope="module")
def brief():
  return neural_lm.fit(TRAINING[:300], WORDS, BRIEF, seed=4)


def test_the_same_seed_gives_the_same_model_of_words_and_of_arrays_of_ids(brief):
  ids = {word: 7 * i for i, word in enumerate(WORDS)}
  renamed = [np.array([ids[word] for word in sentence], np.int32) for sentence in TRAINING]
  model = neural_lm.fit(renamed[:300], ids.values(), BRIEF, seed=4)
  np.testing.assert_array_equal(neural_lm.log_probs(model, renamed), neural_lm.log_probs(brief, TRAINING))


def test_probabilities_sum_to_one_after_any_context(brief):
  for context in ([], ["a"], ["d", "d"], ["?", "a", "b", "c"]):
    nexts = [[*context, word] for word in (*WORDS, "?")]
    # Without the end: the probability of the context and the next word.
    ends = [math.exp(_end(brief, sentence)) for sentence in nexts]
    starts = np.exp(neural_lm.log_probs(brief, nexts)) / ends
    whole = np.exp(neural_lm.log_probs(brief, [context]))[0]
    before = whole / math.exp(_end(brief, context))
    assert starts.sum() + whole == pytest.approx(before, rel=1e-4)


def test_all_unknown_tokens_are_one_type(brief):
  one, two, known = neural_lm.log_probs(brief, [["a", "?"], ["a", "zebra"], ["a", "b"]])
  assert one == two < known
  assert np.isfinite(one)


def test_the_score_of_a_sentence_does_not_depend_on_the_others_or_the_order(brief):
  sentences = [[], ["a"] * 100, *REFERENCES[:70]]
  alone = [neural_lm.log_probs(brief, [sentence])[0] for sentence in sentences]
  together = neural_lm.log_probs(brief, sentences)
  assert together.dtype == np.float64
  np.testing.assert_allclose(together, alone, rtol=1e-5)
  np.testing.assert_allclose(neural_lm.log_probs(brief, sentences[::-1]), alone[::-1], rtol=1e-5)


def test_it_stops_early_and_keeps_the_best_epoch(monkeypatch):
  # The validation set becomes less likely almost from the start, as the model learns the source.
  validation = [["d", "c", "b", "a", "d"]] * 10
  held_out = []
  log_probs = neural_lm.Model.log_probs

  def watched(model, rows):
    result = log_probs(model, rows)
    held_out.append(-result.sum())
    return result

  monkeypatch.setattr(neural_lm.Model, "log_probs", watched)
  model = neural_lm.fit(TRAINING[:300], WORDS, dataclasses.replace(CONFIG, lm_size=5), seed=0, validation=validation)
  assert len(held_out) < 8 and len(held_out) == np.argmin(held_out) + 3
  monkeypatch.undo()
  assert -neural_lm.log_probs(model, validation).sum() == pytest.approx(min(held_out), rel=1e-6)
  assert min(held_out) < held_out[-1] - 1.0


def test_too_few_sentences_are_refused():
  with pytest.raises(errors.UserError, match="at least 10 sentences to train on, but got 9"):
    neural_lm.fit(TRAINING[:9], WORDS, CONFIG, seed=0)


@pytest.mark.parametrize("wrong", [{"lm_size": -1}, {"lm_sentences": 9}, {"lm_epochs": 0}, {"lm_learning_rate": 0.0}, {"lm_dropout": 1.0}])
def test_impossible_settings_are_refused(wrong):
  with pytest.raises(errors.UserError, match=next(iter(wrong))):
    neural_lm.Config(**wrong)


def _end(model, context):
  """Computes the log-probability of the end after a context from the network's logits."""
  tokens = np.array(model.encode([context]), np.int32)
  logits = model.network(tokens, np.zeros([1, 0], np.float32)).numpy()[0, -1].astype(np.float64)
  return logits[tokens[0, -1]] - np.logaddexp.reduce(logits)
