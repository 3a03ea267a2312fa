"""Tests of tf_textgan.metrics.bleu: against NLTK and by hand."""

import math
import pathlib

from nltk.translate import bleu_score
import numpy as np
import pytest

from tf_textgan.data.tokenizers import nltk as nltk_tokenizer
from tf_textgan.metrics import bleu

DATA = pathlib.Path(__file__).parents[3] / "shared/data"

ORDERS = (1, 2, 3, 4, 5)


def nltk_bleu(hypothesis, references, orders=ORDERS):
  weights = [(1.0 / order,) * order for order in orders]
  return bleu_score.sentence_bleu(references, hypothesis, weights, bleu_score.SmoothingFunction().method1)


def others(sentences, i):
  return sentences[:i] + sentences[i + 1 :]


def draw(generator, num, vocabulary, longest, shortest=0):
  return [generator.integers(vocabulary, size=length).tolist() for length in generator.integers(shortest, longest + 1, size=num)]


# Few tokens: many clipped counts, copies and ties of length. Many tokens: no matches of higher orders. One sentence in ten is empty.
@pytest.mark.parametrize("vocabulary", [1, 2, 5, 200])
@pytest.mark.parametrize("num_references", [1, 2, 3, 30])
def test_bleu_equals_nltk(vocabulary, num_references):
  generator = np.random.default_rng([vocabulary, num_references])
  hypotheses = draw(generator, 60, vocabulary, 9)
  references = draw(generator, num_references, vocabulary, 9)
  scores = bleu.bleu(hypotheses, references, ORDERS)
  assert scores.dtype == np.float64
  np.testing.assert_allclose(scores, [nltk_bleu(h, references) for h in hypotheses], rtol=0, atol=1e-12)


@pytest.mark.parametrize("vocabulary", [1, 2, 5, 200])
@pytest.mark.parametrize("num", [2, 3, 8, 50])
def test_self_bleu_equals_nltk_without_the_scored_sentence(vocabulary, num):
  sentences = draw(np.random.default_rng([vocabulary, num]), num, vocabulary, 9)
  expected = [nltk_bleu(sentences[i], others(sentences, i)) for i in range(num)]
  np.testing.assert_allclose(bleu.self_bleu(sentences, ORDERS), expected, rtol=0, atol=1e-12)
  np.testing.assert_allclose(bleu.self_bleu(sentences, ORDERS, num=2), expected[:2], rtol=0, atol=1e-12)


def test_long_sentences_of_many_words():
  generator = np.random.default_rng(0)
  # Zipf's law: many repeated and many rare words.
  sentences = [(generator.zipf(1.5, size=length) % 5000).tolist() for length in generator.integers(10, 60, size=200)]
  hypotheses, references = sentences[:8], sentences[8:]
  expected = [nltk_bleu(h, references, bleu.ORDERS) for h in hypotheses]
  np.testing.assert_allclose(bleu.bleu(hypotheses, references), expected, rtol=0, atol=1e-12)
  expected = [nltk_bleu(sentences[i], others(sentences, i), bleu.ORDERS) for i in range(8)]
  np.testing.assert_allclose(bleu.self_bleu(sentences, num=8), expected, rtol=0, atol=1e-12)


def test_bleu_by_hand():
  # Unigrams: "the" is clipped at 2 of 3, "cat" 1 of 1; bigrams: "the cat" of "the the", "the the", "the cat"; length 4 against 6.
  score = bleu.bleu(["the the the cat".split()], ["the cat on the red mat".split()], orders=(2,))
  np.testing.assert_allclose(score, [[math.exp(1 - 6 / 4) * math.sqrt(3 / 4 * 1 / 3)]])


def test_counts_are_clipped_by_one_reference_and_not_by_their_sum():
  np.testing.assert_allclose(bleu.bleu(["aaaa"], ["aabb", "aabb", "abbb"], orders=(1,)), [[2 / 4]])


def test_of_two_equally_close_lengths_the_shorter_counts():
  assert bleu.bleu(["ab"], ["a", "abc"], orders=(1,)) == 1.0
  np.testing.assert_allclose(bleu.bleu(["ab"], ["abc", "abcd"], orders=(1,)), [[math.exp(1 - 3 / 2)]])


def test_its_own_length_does_not_save_a_sentence_from_the_brevity_penalty():
  # Without "ab" the closest length is 4; with a second sentence of two tokens it is 2.
  np.testing.assert_allclose(bleu.self_bleu(["ab", "abcd"], (1,), num=1), [[math.exp(1 - 4 / 2)]])
  np.testing.assert_allclose(bleu.self_bleu(["ab", "abcd", "cd"], (1,), num=1), [[1.0]])


def test_a_duplicate_is_a_reference():
  np.testing.assert_allclose(bleu.self_bleu(["abcdef", "abcdef", "uvwxyz"]), [[1.0] * 4, [1.0] * 4, [0.0] * 4])


def test_an_order_without_n_grams_counts_as_a_tenth():
  np.testing.assert_allclose(bleu.bleu(["ab"], ["ab"], orders=(2, 3, 4)), [[1.0, 0.1 ** (1 / 3), 0.1 ** (2 / 4)]])


def test_unknown_tokens_and_empty_sentences_score_0():
  assert not bleu.bleu(["xyz", ""], ["abc", "", "abcd"]).any()
  assert not bleu.self_bleu(["", ""]).any()
  assert bleu.bleu([], ["abc"]).shape == (0, 4)


def test_words_ids_and_arrays_give_equal_scores():
  ids = np.random.default_rng(0).integers(5, size=(20, 7), dtype=np.int32)
  words = [[f"w{token}" for token in sentence] for sentence in ids]
  np.testing.assert_array_equal(bleu.bleu(ids[:9], ids[9:]), bleu.bleu(words[:9], words[9:]))
  np.testing.assert_array_equal(bleu.self_bleu(ids), bleu.self_bleu(words))


def test_orders_are_columns():
  np.testing.assert_array_equal(bleu.bleu(["abcde"], ["abcef"], (5, 2)), bleu.bleu(["abcde"], ["abcef"])[:, [3, 0]])


def test_mistakes_are_refused():
  with pytest.raises(ValueError, match="at least one reference"):
    bleu.bleu(["abc"], [])
  with pytest.raises(ValueError, match="at least two sentences, not 1"):
    bleu.self_bleu(["abc"])
  with pytest.raises(ValueError, match="1 or more, not 0"):
    bleu.bleu(["abc"], ["abc"], orders=(0, 2))
  with pytest.raises(ValueError, match="one of full, texygen, texygen_fast, relgan, textgan_pytorch, not 'seqgan'"):
    bleu.scores(["abc"], ["abc"], "seqgan")
  with pytest.raises(ValueError, match="at least 201 sentences, but got 200"):
    # A sample of 200 has no references left after the scored sentences.
    bleu.scores(["abc"] * 200, ["abc"], "textgan_pytorch")


@pytest.mark.parametrize("protocol", bleu.PROTOCOLS)
def test_the_fewest_sentences_are_scored(protocol):
  assert all(np.isfinite(number.value) for number in bleu.scores(["abcde"] * bleu.fewest(protocol), ["abcde"], protocol).values())


@pytest.fixture(scope="module")
def samples():
  generator = np.random.default_rng(0)
  return draw(generator, 700, 8, 9, shortest=5), draw(generator, 600, 8, 9, shortest=5)


def expected_scores(h, r):
  """Returns the BLEU and Self-BLEU scores of each protocol."""
  full = bleu.bleu(h, r), bleu.self_bleu(h)
  return {
    "full": full,
    "texygen": full,
    "texygen_fast": (bleu.bleu(h, r[:500]), bleu.self_bleu(h[:500])),
    "relgan": (bleu.bleu(h[:100], r), np.ones([200, 4])),
    "textgan_pytorch": (bleu.bleu(h[:200], r), bleu.bleu(h[:200], h[200:])[:, :3]),
  }


@pytest.mark.parametrize("protocol", bleu.PROTOCOLS)
def test_protocols(samples, protocol):
  scores = bleu.scores(*samples, protocol)
  against_references, against_sample = expected_scores(*samples)[protocol]
  names = [f"bleu_{order}" for order in (2, 3, 4, 5)] + [f"self_bleu_{order}" for order in (2, 3, 4, 5)[: against_sample.shape[1]]]
  assert list(scores) == names
  for name, column in zip(names, [*against_references.T, *against_sample.T]):
    assert scores[name].n == len(column)
    np.testing.assert_allclose(scores[name].value, column.mean(), rtol=1e-12)
    if name.startswith("bleu") or not bleu.PROTOCOLS[protocol].leave_one_out:
      # The half-width of a 95 % interval is about 1.96 standard errors.
      np.testing.assert_allclose(scores[name].ci, 1.96 * column.std() / len(column) ** 0.5, rtol=0.15, atol=1e-12)


def test_the_interval_of_self_bleu_covers_the_choice_of_sentences():
  generator = np.random.default_rng(1)
  scored = [bleu.scores(draw(generator, 100, 30, 12, shortest=5), ["abc"])["self_bleu_3"] for _ in range(40)]
  spread = 1.96 * np.std([estimate.value for estimate in scored], ddof=1)
  assert 0.8 < np.mean([estimate.ci for estimate in scored]) / spread < 1.8


def test_full_is_the_default(samples):
  assert bleu.scores(*samples) == bleu.scores(*samples, "full")


@pytest.mark.skipif(not DATA.exists(), reason="the folder shared/data beside the repository is absent")
def test_image_coco():
  train, test = (
    [nltk_tokenizer.Tokenizer.split(line.lower()) for line in (DATA / f"image_coco_{split}.txt").read_text(encoding="utf-8").splitlines()]
    for split in ("train", "test")
  )
  scores, self_scores = bleu.bleu(train, test), bleu.self_bleu(train)
  np.testing.assert_allclose(scores.mean(axis=0), [0.7404, 0.5203, 0.3371, 0.2180], rtol=0, atol=1e-3)
  np.testing.assert_allclose(self_scores.mean(axis=0), [0.8925, 0.7474, 0.5737, 0.4158], rtol=0, atol=1e-3)
  np.testing.assert_allclose(bleu.bleu(train, test[:500], (5,)).mean(), 0.1030, rtol=0, atol=1e-3)
  i = 5000
  np.testing.assert_allclose(scores[i], nltk_bleu(train[i], test, bleu.ORDERS), rtol=0, atol=1e-12)
  np.testing.assert_allclose(self_scores[i], nltk_bleu(train[i], others(train, i), bleu.ORDERS), rtol=0, atol=1e-12)
