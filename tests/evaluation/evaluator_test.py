"""Tests of tf_textgan.evaluation.evaluator, against slow NumPy code and hand-computed values."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.conformance import tiny
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data.datasets import caption_grammar
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.data.tokenizers import char
from tf_textgan.data.tokenizers import integer
from tf_textgan.data.tokenizers import word
from tf_textgan.encoders import hashed
from tf_textgan.evaluation import evaluator as evaluator_lib
from tf_textgan.metrics import characters
from tf_textgan.metrics import frechet
from tf_textgan.sampling import noise
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


class _Uniform(corpus_lib.Truth):
  """Uniform over all sequences of a length."""

  full_support = True

  def __init__(self, spec):
    self._spec = spec

  def log_prob(self, tokens):
    return np.full(len(tokens), -self._spec.length * math.log(self._spec.vocab_size))

  def sample(self, num, seed):
    return np.random.default_rng(seed).integers(0, self._spec.vocab_size, [num, self._spec.length]).astype(np.int32)


LETTERS = word.Tokenizer((*tokenizers.SPECIAL_TOKENS, *"abcde"))


def _corpus(spec, truth=None, **tokens):
  batches = {split: tokens.get(split, tiny.batch(spec, 12, seed)) for seed, split in enumerate(corpus_lib.SPLITS)}
  return corpus_lib.Corpus("toy", spec, integer.Tokenizer(spec.vocab_size) if spec.end_token is None else LETTERS, batches, truth)


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
      if spec is TEXT and token == tokenizers.UNK:
        continue
      total += log_prob[token]
      count += 1
      if token == spec.end_token:
        break
  assert numbers["nll_test"] == pytest.approx(-total / count, rel=1e-5)
  unknown = np.count_nonzero(tokens == tokenizers.UNK)
  assert count == (12 * 6 if spec is FIXED else np.count_nonzero(tokens) - unknown)
  assert numbers.get("unk_test") == (None if spec is FIXED else unknown / (np.count_nonzero(tokens) - 12))


def test_the_likelihood_per_character_is_that_of_the_decoded_text():
  generator = tiny.algorithm("mle", TEXT, seed=4).generator
  rows = np.array([[4, 5, 2, 0, 0, 0], [4, 5, 6, 7, 4, 2]], np.int32)
  evaluator = evaluator_lib.Evaluator(generator, _corpus(TEXT, test=rows, train=rows), seed=0)
  numbers = evaluator.explicit(*evaluator.sample(4), "test")
  characters = sum(len(text) + 1 for text in LETTERS.decode(rows))
  assert characters == 4 + 10
  found = numbers["nll_per_character_test"]
  assert found.value == pytest.approx(-evaluator.log_probs(rows).whole.sum() / characters) == pytest.approx(numbers["nll_test"].value * 9 / 14)
  unknown = np.array([[4, 3, 2, 0, 0, 0], [4, 5, 6, 7, 4, 2]], np.int32)
  for corpus in (_corpus(TEXT, test=unknown, train=rows), _corpus(FIXED)):
    evaluator = evaluator_lib.Evaluator(tiny.algorithm("mle", corpus.spec).generator, corpus, seed=0)
    assert "nll_per_character_test" not in evaluator.explicit(*evaluator.sample(4), "test")


def test_the_likelihood_takes_no_praise_for_the_unknown_token():
  """A model that writes nothing but <unk> and the end is no better the more words are unknown."""
  generator = tiny.algorithm("mle", TEXT).generator
  for weight in generator.trainable_variables:
    weight.assign(tf.zeros_like(weight))
  generator.output_bias.assign(10.0 * tf.one_hot(tokenizers.UNK, 9))
  rows = np.array([[4, 5, 2, 0, 0, 0], [4, 5, 2, 0, 0, 0]], np.int32)
  mixed = np.array([[4, 3, 5, 2, 0, 0], [3, 3, 3, 4, 5, 2]], np.int32)
  scores = {}
  for name, tokens in (("known", rows), ("mixed", mixed)):
    evaluator = evaluator_lib.Evaluator(generator, _corpus(TEXT, test=tokens, train=rows), seed=0)
    scores[name] = evaluator.explicit(*evaluator.sample(4), "test")
  # The state is that of a model without weights, so each known token costs the same.
  assert scores["known"]["nll_test"].value == pytest.approx(10.0 + math.log(1 + 6 * math.exp(-10.0)), rel=1e-6)
  assert scores["mixed"]["nll_test"].value == pytest.approx(scores["known"]["nll_test"].value, rel=1e-6)
  assert scores["mixed"]["unk_test"].value == 4 / 8 and "unk_test" not in scores["known"]
  log_probs = evaluator.log_probs(mixed)
  assert np.all(log_probs.whole < log_probs.known)


def test_log_probs_are_in_the_order_of_the_tokens():
  corpus = _corpus(TEXT)
  generator = tiny.algorithm("mle", TEXT).generator
  evaluator = evaluator_lib.Evaluator(generator, corpus, seed=0)
  tokens = tiny.batch(TEXT, 600, seed=3)  # More than two batches of 256.
  log_probs = evaluator.log_probs(tokens).whole
  assert log_probs.shape == (600,) and log_probs.dtype == np.float64
  np.testing.assert_allclose(log_probs[[0, 255, 256, 599]], evaluator.log_probs(tokens[[0, 255, 256, 599]]).whole, rtol=1e-5)


def test_the_entropy_is_of_the_sampling_distribution():
  """Log V for equal logits; close to 0 if one token dominates, or with top-1 sampling."""
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
  assert numbers["curve_sum"] == numbers["lm_nll"] + numbers["reverse_lm_nll"]


def test_a_bound_is_called_one_and_not_compared_with_the_entropy():
  corpus = _corpus(TEXT)
  exact, bound = (evaluator_lib.Evaluator(tiny.algorithm(name, TEXT).generator, corpus, seed=0) for name in ("mle", "gsgan"))
  assert (exact.likelihood, bound.likelihood) == ("exact", "bound")
  assert list(exact.headline()) == ["held-out NLL", "quality", "diversity"]
  assert list(bound.headline()) == ["held-out NLL, bound", "quality", "diversity"]
  # One token for ever: low entropy, which is a symptom if it is the generator's own.
  for evaluator in (exact, bound):
    generator = evaluator._generator
    generator.output_bias.assign(30.0 * tf.one_hot(5, TEXT.vocab_size))
    evaluator(20)
    assert any("entropy" in symptom for symptom in evaluator.symptoms) == (evaluator is exact)


def test_reconstruction_is_measured_for_generators_that_encode(monkeypatch):
  monkeypatch.setattr(evaluator_lib, "_RECONSTRUCTED", 5)
  names = {"reconstruction_nll", "reconstruction_accuracy", "reconstruction_exact"}
  encoding = evaluator_lib.Evaluator(tiny.network("generator", "autoencoder", None, TEXT), _corpus(TEXT), seed=0)
  assert encoding.encodes and names <= set(encoding(20))
  assert encoding.reconstruction("validation")["reconstruction_exact"].n == 5
  plain = evaluator_lib.Evaluator(tiny.network("generator", "lstm", None, TEXT), _corpus(TEXT), seed=0)
  assert not plain.encodes and not names & set(plain(20)) and plain.reconstruction("validation") == {}


def test_characters_are_compared_where_they_are_the_tokens():
  corpus = _corpus(TEXT)
  tokens = corpus.tokens["train"]
  assert evaluator_lib.characters_js(tokens, corpus, "test") == {}
  letters = dataclasses.replace(corpus, tokenizer=char.Tokenizer((*tokenizers.SPECIAL_TOKENS, *"abcde")))
  found = evaluator_lib.characters_js(tokens, letters, "test")
  decoded = [letters.tokenizer.decode(letters.tokens[split]) for split in ("train", "test")]
  assert found == characters.js(*decoded) and found["char_js_1"].value > 0
  evaluator = evaluator_lib.Evaluator(tiny.algorithm("wgan_gp", TEXT).generator, letters, seed=0)
  assert {"char_js_1", "char_js_2", "char_js_3", "char_js_4"} <= set(evaluator(20))


def test_scores_by_hand():
  rows = [[4, 5, 2, 0, 0, 0], [4, 5, 2, 0, 0, 0], [3, 5, 5, 5, 5, 2], [6, 2, 0, 0, 0, 0]]
  tokens = np.array(rows, np.int32)
  train = np.array([[4, 5, 2, 0, 0, 0], [7, 2, 0, 0, 0, 0]], np.int32)
  words = word.Tokenizer((*tokenizers.SPECIAL_TOKENS, *"abcd")).words
  sample = words(tokens)
  numbers = evaluator_lib.score_sentences(sample, sample, words(train))
  # Sentences 45 45 35555 6: ten tokens of four kinds; bigrams 45 45 35 55 55 55.
  assert numbers["distinct_1"] == 4 / 10
  assert numbers["distinct_2"] == 3 / 6
  assert numbers["duplicates"] == 0.25
  assert numbers["copied"] == 0.5
  assert numbers["js_2"] == pytest.approx(0.0, abs=1e-12)
  assert numbers["mean_length"] == 10 / 4


def test_scores_under_the_truth_by_hand():
  under_truth = np.array([-3.0, -math.inf, -5.0, -4.0]) * math.log(8)
  numbers = evaluator_lib.oracle(under_truth, np.array([3, 6, 5, 4]))
  # The second is impossible; the others have log 8 for each of their tokens.
  assert numbers["grammatical"].value == 0.75 and numbers["grammatical"].n == 4
  assert numbers["nll_oracle"].value == pytest.approx(math.log(8)) and numbers["nll_oracle"].n == 3


def test_the_average_is_over_tokens_not_over_sequences():
  numbers = evaluator_lib.oracle([-6.0, -1.0], [5, 2])
  assert (numbers["nll_oracle"].value, numbers["grammatical"].value) == (1.0, 1.0)


def test_impossible_sequences_are_left_out_and_counted():
  numbers = evaluator_lib.oracle([-6.0, -np.inf, -2.0, -np.inf], [3, 100, 1, 7])
  assert (numbers["nll_oracle"].value, numbers["grammatical"].value) == (2.0, 0.5)


def test_without_possible_sequences_the_mean_is_nan():
  numbers = evaluator_lib.oracle([-np.inf, -np.inf], [3, 4])
  assert math.isnan(numbers["nll_oracle"].value) and numbers["grammatical"].value == 0.0


def test_float32_sums_do_not_lose_digits():
  numbers = evaluator_lib.oracle(np.full(10**5, -0.1, np.float32), np.ones(10**5, int))
  assert numbers["nll_oracle"].value == np.float32(0.1).astype(np.float64)


@pytest.mark.parametrize("temperature", [None, 0.5])
def test_divergences_are_of_the_sampling_distribution(temperature):
  """A uniform truth and a random generator; enumerates all sequences of three tokens."""
  spec = sequences.Spec(vocab_size=5, length=3, start_token=0)
  truth = _Uniform(spec)
  real = truth.sample(20000, 0)
  corpus = corpus_lib.Corpus("toy", spec, integer.Tokenizer(5), {split: real for split in corpus_lib.SPLITS}, truth)
  generator = tiny.algorithm("mle", spec).generator
  for weight in generator.trainable_variables:
    weight.assign(np.random.default_rng(1).normal(0, 0.7, weight.shape))
  evaluator = evaluator_lib.Evaluator(generator, corpus, seed=0)
  picker = None if temperature is None else pickers.Categorical(temperature)
  numbers = evaluator.explicit(*evaluator.sample(20000, picker), "test", picker)
  everything = np.array(list(itertools.product(range(5), repeat=3)), np.int32)
  logits = generator(tf.constant(everything), tf.zeros([125, 0])).numpy().astype(np.float64)
  log_probs = np.take_along_axis(_log_softmax(logits / (temperature or 1.0)), everything[:, :, None], axis=2).sum(axis=(1, 2))
  probs, log_truth = np.exp(log_probs), -3 * math.log(5)
  assert probs.sum() == pytest.approx(1.0)
  exact = {"reverse_kl": probs @ (log_probs - log_truth), "forward_kl": np.mean(log_truth - log_probs), "entropy": -(probs @ log_probs) / 3}
  exact |= {"nll_test": -np.mean(log_probs) / 3, "nll_oracle": math.log(5), "nll_oracle_test": math.log(5)}
  for name, value in exact.items():
    assert abs(numbers[name].value - value) <= 2 * numbers[name].ci + 1e-5, name


def test_the_likelihood_of_impossible_real_text_is_left_out():
  evaluator = evaluator_lib.Evaluator(tiny.algorithm("mle", TEXT).generator, _corpus(TEXT, _Truth()), seed=0)
  numbers = evaluator(20, picker=pickers.Categorical(1.0, 0, 0.9))
  assert not {"nll_validation", "forward_kl", "js"} & set(numbers) and "entropy" in numbers


def test_a_collapse_is_noticed():
  generator = tiny.algorithm("mle", FIXED).generator
  generator.output_bias.assign(20.0 * tf.one_hot(4, 9))
  evaluator = evaluator_lib.Evaluator(generator, _corpus(FIXED), seed=0)
  assert evaluator(30)["collapse"] == len(evaluator.symptoms) == 2  # Entropy and unique share.
  generator.output_bias.assign(tf.zeros([9]))
  assert evaluator(30)["collapse"] == 0 and evaluator.symptoms == []


def test_the_discriminator_is_scored_on_held_out_text():
  algorithm = tiny.algorithm("seqgan", TEXT)
  numbers = evaluator_lib.Evaluator(algorithm.generator, _corpus(TEXT), 0, algorithm.discriminator)(20)
  assert 0 <= numbers["heldout_accuracy"] <= 1 and 0 <= numbers["heldout_auc"] <= 1


@pytest.mark.parametrize("picker", [None, pickers.Categorical(0.7), pickers.Categorical(1.0, 4), pickers.Categorical(0.0)])
def test_samples_have_no_unknown_token_unless_it_is_allowed(picker):
  algorithm = tiny.algorithm("seqgan", TEXT)
  generator = algorithm.generator
  generator.output_bias.assign(2.0 * tf.one_hot(tokenizers.UNK, 9))
  tokens, log_probs = evaluator_lib.Evaluator(generator, _corpus(TEXT), 0).sample(200, picker)
  assert not np.any(tokens == tokenizers.UNK)
  allowed, others = evaluator_lib.Evaluator(generator, _corpus(TEXT), 0, allow_unk=True).sample(200, picker)
  seed = noise.fold(noise.fold(noise.seed(0), "evaluation"), "samples" if picker is None else f"samples {picker}")
  own = generator.write(tf.constant(200), seed, picker)
  np.testing.assert_array_equal(allowed, own.tokens)
  assert np.any(allowed == tokenizers.UNK)
  if picker is None:  # Under the distribution that was drawn from: p(x) / (1 - p(<unk>)) at each position.
    logits = generator(tf.constant(tokens), tf.zeros([200, 0])).numpy().astype(np.float64)
    logits[:, :, tokenizers.UNK] = -np.inf
    expected = np.take_along_axis(_log_softmax(logits), tokens[:, :, None], axis=2)[:, :, 0]
    np.testing.assert_allclose(log_probs, np.where(tokens != 0, expected, 0.0).sum(axis=1), rtol=1e-4)


def test_held_out_scores_of_the_discriminator_are_of_all_that_the_generator_learns(monkeypatch):
  """They may end a phase: training must not depend on what is left out of its samples."""
  algorithm = tiny.algorithm("seqgan", TEXT)
  evaluator = evaluator_lib.Evaluator(algorithm.generator, _corpus(TEXT), 0, algorithm.discriminator)
  seen = []
  monkeypatch.setattr(evaluator, "_held_out", lambda real, fake: seen.append(fake) or {})
  evaluator(100)
  allowed = evaluator_lib.Evaluator(algorithm.generator, _corpus(TEXT), 0, allow_unk=True)
  np.testing.assert_array_equal(seen[0], allowed.sample(100)[0])
  assert np.any(seen[0] == tokenizers.UNK)


def _labelled_corpus():
  batches = {split: tiny.labelled_batch(12, seed) for seed, split in enumerate(corpus_lib.SPLITS)}
  tokens, categories = ({split: batch[part] for split, batch in batches.items()} for part in (0, 1))
  tokens = {split: np.where(rows == tokenizers.UNK, 4, rows) for split, rows in tokens.items()}
  return corpus_lib.Corpus("toy", tiny.LABELLED_SPEC, LETTERS, tokens, categories=categories)


def test_real_text_is_scored_in_its_own_category():
  corpus = _labelled_corpus()
  generator = tiny.algorithm("mle", tiny.LABELLED_SPEC).generator
  for weight in generator.trainable_variables:
    weight.assign(np.random.default_rng(1).normal(0, 0.8, weight.shape))
  numbers = evaluator_lib.Evaluator(generator, corpus, seed=0)(40, "test")
  tokens, categories = corpus.tokens["test"], corpus.categories["test"]
  by_category = np.stack([generator.log_probs(tf.constant(tokens), tf.zeros([12, 0]), tf.fill([12], c)).numpy().sum(axis=1) for c in range(3)])
  unknown = evaluator_lib.unknown(tokens, corpus)
  assert not unknown.any()
  log_probs, sizes = by_category[categories, np.arange(12)], evaluator_lib.lengths(tokens, corpus.spec)
  assert numbers["nll_test"] == pytest.approx(-log_probs.sum() / sizes.sum(), rel=1e-5)
  for c, name in enumerate("abc"):
    assert numbers[f"nll_test_{name}"] == pytest.approx(-log_probs[categories == c].sum() / sizes[categories == c].sum(), rel=1e-5)


def test_categories_follow_the_training_split_and_their_accuracy_is_measured():
  """In category c, samples and real text hold only token 4 + c."""
  rows = np.repeat(np.array([[4, 2], [5, 2], [6, 2]], np.int32), [10, 30, 60], axis=0)
  tokens = np.pad(rows, [[0, 0], [0, 4]])
  labels = np.repeat(np.arange(3, dtype=np.int32), [10, 30, 60])
  wrong = np.roll(labels, 10)  # 20 of the 100 labels differ.
  corpus = corpus_lib.Corpus(
    "toy", tiny.LABELLED_SPEC, LETTERS, dict.fromkeys(corpus_lib.SPLITS, tokens), categories={"train": labels, "validation": labels, "test": wrong}
  )
  generator = tiny.algorithm("mle", tiny.LABELLED_SPEC).generator
  evaluator = evaluator_lib.Evaluator(generator, corpus, seed=0)
  categories = evaluator.sample_categories(2000)
  np.testing.assert_allclose(np.bincount(categories) / 2000, [0.1, 0.3, 0.6], atol=0.05)
  perfect = [(LETTERS.tokens[4 + c],) for c in evaluator.sample_categories(50)]
  assert {name: estimate.value for name, estimate in evaluator.category_accuracy(perfect, "test").items()} == {
    "category_accuracy": 1.0, "category_accuracy_real": pytest.approx(np.mean(labels == wrong)),
  }  # fmt: skip
  same = evaluator.category_accuracy([(LETTERS.tokens[6],)] * 50, "validation")
  assert same["category_accuracy"].value == np.mean(evaluator.sample_categories(50) == 2)
  assert evaluator.category_accuracy(perfect, "validation")["category_accuracy_real"].value == 1.0
  # The samples are conditioned on these categories: here the category decides the token.
  for weight in generator.trainable_variables:
    weight.assign(tf.zeros_like(weight))
  kernel = np.zeros(generator.lstms[0].weights[0].shape)
  kernel[-3:] = np.kron([1, 0, 1, 1], 20.0 * np.eye(3, kernel.shape[1] // 4))
  generator.lstms[0].weights[0].assign(kernel)
  output = np.zeros(generator.output_kernel.shape)
  output[:3, 4:7] = 60 * np.eye(3)
  generator.output_kernel.assign(output)
  numbers = evaluator(50)
  assert numbers["category_accuracy"] == 1.0


def test_without_categories_there_are_no_numbers_of_categories():
  corpus = _labelled_corpus()
  numbers = evaluator_lib.Evaluator(tiny.algorithm("seqgan", TEXT).generator, corpus, seed=0)(20)
  assert "nll_validation" in numbers and not [name for name in numbers if "category" in name or name.startswith("nll_validation_")]


def test_lengths():
  tokens = np.array([[4, 5, 2, 0], [4, 4, 4, 4], [2, 0, 0, 0]], np.int32)
  spec = sequences.Spec(vocab_size=9, length=4, start_token=1, end_token=2)
  assert evaluator_lib.lengths(tokens, spec).tolist() == [3, 4, 1]
  fixed = sequences.Spec(vocab_size=9, length=4, start_token=0)  # Here 0 and 2 are ordinary tokens.
  assert evaluator_lib.lengths(tokens, fixed).tolist() == [4, 4, 4]


def test_sentences_of_the_grammar_are_possible_and_broken_ones_are_not(tmp_path):
  config = caption_grammar.Config(num_train=20, num_validation=5, num_test=40)
  corpus = caption_grammar.load(config, str(tmp_path))
  tokens = np.array(corpus.tokens["test"])
  words = evaluator_lib.lengths(tokens, corpus.spec)
  assert evaluator_lib.oracle(corpus.truth.log_prob(tokens), words)["grammatical"].value == 1.0
  # Ten lose their last word; five have no end.
  for row, length in zip(tokens[:10], words):
    row[length - 2 : length] = tokenizers.EOS, tokenizers.PAD
  tokens[10:15] = tokens[10:15, :1]
  broken = evaluator_lib.oracle(corpus.truth.log_prob(tokens), evaluator_lib.lengths(tokens, corpus.spec))
  assert broken["grammatical"].value <= 35 / 40


def test_the_frechet_distance_is_measured_if_requested():
  generator = tiny.algorithm("mle", TEXT).generator
  corpus = _corpus(TEXT)
  evaluator = evaluator_lib.Evaluator(generator, corpus, 0, frechet_distance=True)
  numbers, (tokens, _) = evaluator(8), evaluator.sample(8)
  encoder = hashed.Encoder()
  # On equal numbers of samples and real sentences.
  ours, theirs = (encoder(corpus.tokenizer.decode(rows[:8])) for rows in (tokens, corpus.tokens["validation"]))
  np.testing.assert_allclose(numbers["frechet"], frechet.distance(ours, theirs), rtol=1e-6)
  assert numbers["frechet"] > 0
