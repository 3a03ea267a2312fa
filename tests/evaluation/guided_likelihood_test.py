"""Tests of tf_textgan.evaluation.guided_likelihood."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import sequences
from tf_textgan.algorithms import seqgan
from tf_textgan.conformance import tiny
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.data.tokenizers import integer
from tf_textgan.data.tokenizers import word
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.evaluation import guided_likelihood
from tf_textgan.evaluation import sweep
from tf_textgan.evaluation import texts
from tf_textgan.generators import guided
from tf_textgan.generators import lstm
from tf_textgan.sampling import guidance
from tf_textgan.sampling import pickers

SPEC = sequences.Spec(vocab_size=4, length=3, start_token=0)
EVERY = np.array(list(itertools.product(range(4), repeat=3)), np.int32)
CORPUS = corpus_lib.Corpus(
  "toy", SPEC, integer.Tokenizer(4), {split: tiny.batch(SPEC, 100, seed) for seed, split in enumerate(corpus_lib.SPLITS)}
)


@pytest.fixture(scope="module")
def judge():
  networks = {"generator": lstm.Generator(SPEC, lstm.Config(4, 5, 0, 0.8)), "discriminator": judges.LikesToken(SPEC, 2)}
  algorithm = seqgan.Algorithm(seqgan.Config(), networks)
  algorithm.discriminator.scale.assign(3.0)
  return algorithm


@pytest.mark.parametrize("temperature", [None, 0.7])
def test_the_bounds_enclose_the_exact_likelihood(judge, temperature):
  picker = None if temperature is None else pickers.Categorical(temperature)
  evaluator = evaluator_lib.Evaluator(judge.generator, CORPUS, seed=0)
  numbers = guided_likelihood.Likelihood(evaluator, judge.log_ratio, CORPUS, 3000, "test")(picker)
  log_probs = tf.reduce_sum(judge.generator.log_probs(EVERY, tf.zeros([64, 0]), temperature=temperature), axis=1).numpy()
  energies = log_probs + judge.log_ratio(tf.constant(EVERY)).numpy()
  nll = np.log(np.sum(np.exp(energies))) - energies
  exact = np.mean(nll[CORPUS.tokens["test"] @ [16, 4, 1]]) / 3
  lower, upper = numbers["nll_test_lower"], numbers["nll_test"]
  # The interval mostly reflects the choice of real sequences, which is fixed here; only the proposals are random.
  assert lower.value < upper.value < lower.value + 0.005
  assert abs(lower.value - exact) < 0.02 and lower.ci > 0.0


def test_the_guide_and_the_run_leave_out_the_same_tokens():
  """With a guide that scores all sentences alike, both bounds are the run's own likelihood, also of text with unknown words."""
  spec = tiny.SPECS["text"]
  letters = word.Tokenizer((*tokenizers.SPECIAL_TOKENS, *"abcde"))
  corpus = corpus_lib.Corpus("toy", spec, letters, {split: tiny.batch(spec, 30, seed) for seed, split in enumerate(corpus_lib.SPLITS)})
  evaluator = evaluator_lib.Evaluator(tiny.algorithm("mle", spec).generator, corpus, seed=0)
  own = evaluator.explicit(*evaluator.sample(20), "test")
  bounds = guided_likelihood.Likelihood(evaluator, lambda tokens: tf.fill([tf.shape(tokens)[0]], 2.0), corpus, 20, "test")()
  assert bounds["nll_test"].value == pytest.approx(own["nll_test"].value) == bounds["nll_test_lower"].value
  assert bounds["unk_test"] == own["unk_test"] and own["unk_test"].value > 0


def test_no_bounds_without_a_likelihood(judge):
  evaluator = evaluator_lib.Evaluator(judge.generator, CORPUS, seed=0)
  likelihood = guided_likelihood.Likelihood(evaluator, judge.log_ratio, CORPUS, 50, "test")
  assert likelihood(pickers.Categorical(1.0, 2)) == {} == likelihood(pickers.Categorical(1.0, 0, 0.9))


def test_a_guided_system_among_the_scores(judge):
  system = guided.Generator(judge.generator, judge, guidance.Resampling(8))
  evaluator = evaluator_lib.Evaluator(system, CORPUS, seed=0)
  sentences = [CORPUS.tokenizer.words(CORPUS.tokens[split]) for split in ("test", "train")]
  likelihood = guided_likelihood.Likelihood(evaluator_lib.Evaluator(judge.generator, CORPUS, seed=0), judge.log_ratio, CORPUS, 60, "test")
  score = sweep.RunScorer(evaluator, CORPUS, texts.Scorer(*sentences, texts.Config(encoder="")), 60, "test", 0, likelihood)
  numbers = score(pickers.Categorical(0.9))
  assert numbers["proposals"].value == 8.0 and numbers["accepted"].value == 1.0
  assert numbers["nll_test"].value > numbers["nll_test_lower"].value
  # Its log-probabilities are of the proposals, not of the sampling distribution.
  assert "entropy" not in numbers
  assert numbers["bleu_2"].n == 60
