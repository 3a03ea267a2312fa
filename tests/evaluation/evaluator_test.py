"""Tests of tf_textgan.evaluation.evaluator, against slow NumPy twins and by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.conformance import tiny
from tf_textgan import sequences
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data import vocabulary as vocabularies
from tf_textgan.data.datasets import caption_grammar
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.sampling import pickers

TEXT = tiny.SPECS["text"]
FIXED = tiny.SPECS["fixed"]


class _Truth(corpus_lib.Truth):
  """Uniform over the tokens; a sequence that begins with 3 is impossible."""

  def log_prob(self, tokens):
    counts = np.count_nonzero(tokens, axis=1)
    return np.where(tokens[:, 0] == 3, -np.inf, -counts * math.log(8))

  def sample(self, num, seed):
    raise NotImplementedError


def _corpus(spec, truth=None, **tokens):
  batches = {split: tokens.get(split, tiny.batch(spec, 12, seed)) for seed, split in enumerate(corpus_lib.SPLITS)}
  vocabulary = vocabularies.Vocabulary((*vocabularies.SPECIAL_TOKENS, *"abcde"))
  return corpus_lib.Corpus("toy", spec, vocabulary, batches, truth)


def _log_softmax(x):
  x = x - x.max(axis=-1, keepdims=True)
  return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


@pytest.mark.parametrize("spec", [TEXT, FIXED], ids=["text", "fixed"])
def test_the_likelihood_is_masked_and_per_token(spec):
  corpus = _corpus(spec)
  generator = tiny.algorithm("mle", spec, seed=4).generator
  for weight in generator.trainable_variables:
    weight.assign(np.random.default_rng(1).normal(0, 0.8, weight.shape))
  numbers = evaluator_lib.Evaluator(generator, corpus, seed=0)(num=40, split="test")
  tokens = corpus.tokens["test"]
  logits = generator(tf.constant(tokens), tf.zeros([12, 0])).numpy().astype(np.float64)
  total, count = 0.0, 0
  for row, log_probs in zip(tokens, _log_softmax(logits)):
    for token, log_prob in zip(row, log_probs):
      total += log_prob[token]
      count += 1
      if token == spec.end_token:
        break
  assert numbers["nll_test"] == pytest.approx(-total / count, rel=1e-5)
  assert count == (12 * 6 if spec is FIXED else np.count_nonzero(tokens))


def test_log_probs_come_in_the_order_of_the_tokens_whatever_the_batches():
  corpus = _corpus(TEXT)
  generator = tiny.algorithm("mle", TEXT).generator
  evaluator = evaluator_lib.Evaluator(generator, corpus, seed=0)
  tokens = tiny.batch(TEXT, 600, seed=3)  # More than two batches of 256.
  log_probs = evaluator.log_probs(tokens)
  assert log_probs.shape == (600,) and log_probs.dtype == np.float64
  np.testing.assert_allclose(log_probs[[0, 255, 256, 599]], evaluator.log_probs(tokens[[0, 255, 256, 599]]), rtol=1e-5)


def test_the_entropy_is_that_of_what_was_drawn_from():
  """Log V where all tokens are alike; close to 0 where one is far ahead, or under a picker that takes the first."""
  generator = tiny.algorithm("mle", FIXED).generator
  generator.output_kernel.assign(tf.zeros_like(generator.output_kernel))
  generator.output_bias.assign(tf.zeros_like(generator.output_bias))
  evaluator = evaluator_lib.Evaluator(generator, _corpus(FIXED), seed=0)
  assert evaluator(30)["entropy"] == pytest.approx(math.log(9), rel=1e-5)
  generator.output_bias.assign(tf.one_hot(4, 9))
  cold = evaluator(30, picker=pickers.Categorical(0.0))
  assert cold["entropy"] == pytest.approx(0.0, abs=1e-6)
  assert cold["duplicates"] == pytest.approx(29 / 30)
  assert evaluator(30)["entropy"] == pytest.approx(math.log(8 + math.e) - math.e / (8 + math.e), rel=0.1)


def test_the_same_seed_gives_the_same_numbers():
  generator, corpus = tiny.algorithm("gsgan", TEXT).generator, _corpus(TEXT)
  first, again, other = (evaluator_lib.Evaluator(generator, corpus, seed)(50) for seed in (1, 1, 2))
  assert first == again != other


def test_a_one_shot_generator_has_no_likelihood():
  evaluator = evaluator_lib.Evaluator(tiny.algorithm("wgan_gp", TEXT).generator, _corpus(TEXT, _Truth()), seed=0)
  assert not evaluator.has_likelihood
  numbers = evaluator(20)
  assert not {"nll_validation", "entropy"} & set(numbers)
  assert {"nll_oracle", "grammatical", "distinct_1", "js_2"} <= set(numbers)


def test_scores_by_hand():
  rows = [[4, 5, 2, 0, 0, 0], [4, 5, 2, 0, 0, 0], [3, 5, 5, 5, 5, 2], [6, 2, 0, 0, 0, 0]]
  tokens = np.array(rows, np.int32)
  train = np.array([[4, 5, 2, 0, 0, 0], [7, 2, 0, 0, 0, 0]], np.int32)
  numbers = evaluator_lib.score_tokens(tokens, _corpus(TEXT, _Truth(), train=train, test=tokens), "test")
  # Sentences 45 45 35555 6: ten tokens of four kinds; bigrams 45 45 35 55 55 55.
  assert numbers["distinct_1"] == 4 / 10
  assert numbers["distinct_2"] == 3 / 6
  assert numbers["duplicates"] == 0.25
  assert numbers["copied"] == 0.5
  assert numbers["js_2"] == pytest.approx(0.0, abs=1e-12)
  assert numbers["mean_length"] == 10 / 4
  # The third is impossible; the others have 3 + 3 + 2 tokens with their ends, log 8 each.
  assert numbers["grammatical"] == 0.75
  assert numbers["nll_oracle"] == pytest.approx(math.log(8))


def test_without_a_truth_nothing_is_said_of_it():
  assert not {"nll_oracle", "grammatical"} & set(evaluator_lib.score_tokens(tiny.batch(TEXT, 5), _corpus(TEXT), "test"))


def test_sentences_and_lengths():
  tokens = np.array([[4, 5, 2, 0], [4, 4, 4, 4], [2, 0, 0, 0]], np.int32)
  spec = sequences.Spec(vocab_size=9, length=4, start_token=1, end_token=2)
  assert evaluator_lib.lengths(tokens, spec).tolist() == [3, 4, 1]
  assert evaluator_lib.as_sentences(tokens, spec) == [(4, 5), (4, 4, 4, 4), ()]
  fixed = sequences.Spec(vocab_size=9, length=4, start_token=0)  # There 0 and 2 are ordinary tokens.
  assert evaluator_lib.lengths(tokens, fixed).tolist() == [4, 4, 4]
  assert evaluator_lib.as_sentences(tokens, fixed) == [(4, 5, 2, 0), (4, 4, 4, 4), (2, 0, 0, 0)]


def test_the_grammars_sentences_are_possible_and_broken_ones_not(tmp_path):
  config = caption_grammar.Config(num_train=20, num_validation=5, num_test=40)
  corpus = caption_grammar.load(config, str(tmp_path))
  tokens = np.array(corpus.tokens["test"])
  numbers = evaluator_lib.score_tokens(tokens, corpus, "test")
  assert numbers["grammatical"] == 1.0
  words = evaluator_lib.lengths(tokens, corpus.spec)
  assert numbers["nll_oracle"] == pytest.approx(-corpus.truth.log_prob(tokens).sum() / words.sum())
  # Ten lose their last word; five have no end.
  for row, length in zip(tokens[:10], words):
    row[length - 2 : length] = vocabularies.EOS, vocabularies.PAD
  tokens[10:15] = tokens[10:15, :1]
  broken = evaluator_lib.score_tokens(tokens, corpus, "test")
  assert broken["grammatical"] == pytest.approx(np.isfinite(corpus.truth.log_prob(tokens)).mean())
  assert broken["grammatical"] <= 35 / 40
