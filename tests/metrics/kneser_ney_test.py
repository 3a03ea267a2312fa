"""Tests of tf_textgan.metrics.kneser_ney: by hand, by law and against a slow implementation."""

import collections
import math
import pathlib

import numpy as np
import pytest

from tf_textgan.metrics import estimates
from tf_textgan.metrics import kneser_ney

DATA = pathlib.Path(__file__).parents[3] / "shared/data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the folder shared/data beside the repository is absent")

FALLBACK = (0.5, 1.0, 1.5)


def coco(name, num):
  with (DATA / f"image_coco_{name}.txt").open(encoding="utf-8") as lines:
    return [next(lines).lower().split() for _ in range(num)]


def random_sentences(seed, num, types=12):
  """Makes sentences of 0 to 9 tokens; lower ids are more frequent."""
  generator = np.random.default_rng(seed)
  return [tuple(np.minimum(generator.geometric(0.25, generator.integers(10)) - 1, types - 1).tolist()) for _ in range(num)]


class Twin:
  """A slow implementation of the model, token by token, from the formulas."""

  def __init__(self, sentences, order, vocabulary):
    self.order, self.tokenizer = order, set(vocabulary)
    occurrences, lefts = collections.Counter(), collections.defaultdict(set)
    for sentence in sentences:
      padded = self.padded(sentence)
      for last in range(len(padded)):
        for first in range(max(0, last - order + 1), last + 1):
          gram = padded[first : last + 1]
          occurrences[gram] += 1
          if first:
            lefts[gram].add(padded[first - 1])
    self.followers = collections.defaultdict(dict)
    for gram, number in occurrences.items():
      if gram != ("<s>",):
        plain = len(gram) == order or gram[0] == "<s>"
        self.followers[gram[:-1]][gram[-1]] = number if plain else len(lefts[gram])
    self.discounts = [self.estimate(size) for size in range(order)]

  def padded(self, sentence):
    return ("<s>", *(word if word in self.tokenizer else "<unk>" for word in sentence), "</s>")

  def estimate(self, context_size):
    counts = [c for context, followers in self.followers.items() if len(context) == context_size for c in followers.values()]
    n = [counts.count(j) for j in range(5)]
    if not n[1]:
      return FALLBACK
    y = n[1] / (n[1] + 2 * n[2])
    discounts = {0: 0.0}
    for j in range(1, 4):
      if n[j + 1] == 0:
        discounts[j] = discounts[j - 1] + 1
      elif n[j] == 0 or (j + 1) * y * n[j + 1] / n[j] >= j:
        discounts[j] = y
      else:
        discounts[j] = j - (j + 1) * y * n[j + 1] / n[j]
    return discounts[1], discounts[2], discounts[3]

  def probability(self, word, context):
    lower = self.probability(word, context[1:]) if context else 1 / (len(self.tokenizer) + 2)
    followers = self.followers.get(context)
    if followers is None:
      return lower
    discount = lambda count: self.discounts[len(context)][min(count, 3) - 1] if count else 0.0  # noqa: E731
    count = followers.get(word, 0)
    return (count - discount(count) + lower * sum(map(discount, followers.values()))) / sum(followers.values())

  def log_prob(self, sentence):
    padded = self.padded(sentence)
    return sum(math.log(self.probability(padded[i], padded[max(0, i - self.order + 1) : i])) for i in range(1, len(padded)))


def test_unigrams_by_hand():
  model = kneser_ney.Model(["abcddggeeeffff"], order=1)
  # Once: a, b, c and the end; twice: d, g; three times: e; four times: f. Y = 4 / (4 + 2 * 2) = 1/2, so
  # D1 = 1 - 2/2 * 2/4 = 0.5, D2 = 2 - 3/2 * 1/2 = 1.25, D3 = 3 - 4/2 * 1/1 = 1.
  np.testing.assert_allclose(model.discounts, [[0.5, 1.25, 1.0]], rtol=1e-15)
  # 15 occurrences, of which 4 * 0.5 + 2 * 1.25 + 2 * 1 = 6.5 are taken and shared by 7 letters, the end and the unknown.
  share = 6.5 / 9
  expected = np.array([0.5 + share, 0.75 + share, 2 + share, 3 + share, share, 0.5 + share]) / 15
  np.testing.assert_allclose(np.exp(model.token_log_probs(["adef?"])), expected, rtol=1e-14)


def test_bigrams_by_hand():
  model = kneser_ney.Model([*"abcd", *"eeff", *"ggg", *"hhhh"], order=2)
  # Each letter w, m times a sentence by itself, gives m times both <s> w and w </s>. Bigrams: n1 = 8, n2 = 4, n3 = n4 = 2, so Y = 1/2 and
  # D1 = 1 - 2/2 * 4/8 = 0.5, D2 = 2 - 3/2 * 2/4 = 1.25, D3 = 3 - 4/2 * 2/2 = 1.
  # Unigrams: every letter has one token to its left, the end has 8, so there are no n2 to n4: D1 = 1, D2 = 2, D3 = 3.
  np.testing.assert_allclose(model.discounts, [[1.0, 2.0, 3.0], [0.5, 1.25, 1.0]], rtol=1e-15)
  # Of 16, 8 * 1 + 3 = 11 are taken and shared by 10 outcomes.
  letter, end, unknown = 1.1 / 16, (5 + 1.1) / 16, 1.1 / 16
  assert 8 * letter + end + unknown == pytest.approx(1.0, abs=1e-15)
  # After the start, 4 * 0.5 + 2 * 1.25 + 2 * 1 = 6.5 of 15 are taken.
  probabilities = lambda sentence: np.exp(model.token_log_probs([sentence]))  # noqa: E731
  np.testing.assert_allclose(probabilities("h"), [(3 + 6.5 * letter) / 15, (3 + 1.0 * end) / 4], rtol=1e-14)
  np.testing.assert_allclose(probabilities("e"), [(0.75 + 6.5 * letter) / 15, (0.75 + 1.25 * end) / 2], rtol=1e-14)
  # ab was never seen, a was: half of its one count is taken.
  np.testing.assert_allclose(probabilities("ab"), [(0.5 + 6.5 * letter) / 15, 0.5 * letter, 0.5 + 0.5 * end], rtol=1e-14)
  # Nothing was seen after the unknown.
  np.testing.assert_allclose(probabilities("?"), [6.5 * unknown / 15, end], rtol=1e-14)
  np.testing.assert_allclose(probabilities(""), [6.5 * end / 15], rtol=1e-14)


def test_trigrams_by_hand():
  model = kneser_ney.Model(["ab", "ab", "cb"], order=3)
  # No order has a count of 3, so D2 = D1 + 1 and D3 = D2 + 1; D1 = Y is 3 / (3 + 2), 3 / (3 + 2 * 2) and 2 / (2 + 2 * 2).
  np.testing.assert_allclose(model.discounts, [[y, y + 1, y + 2] for y in (3 / 5, 3 / 7, 1 / 3)], rtol=1e-15)
  # Tokens to the left: of a and c the start, of b two, of the end b. Of 5, 3 * 0.6 + 1.6 = 3.4 are shared by a, b, c, the end and the unknown.
  a, b, end = (0.4 + 0.68) / 5, (0.4 + 0.68) / 5, (0.4 + 0.68) / 5
  # Bigrams: <s> a and <s> c occur 2 and 1 times; ab and cb follow one token, the start; b </s> follows two, a and c.
  start_a, start_b, start_c = (4 + 13 * a) / 21, 13 * b / 21, (4 + 13 * a) / 21
  ab, bb, b_end = (4 + 3 * b) / 7, 5 * b / 7, (2 + 5 * end) / 7
  # Trigrams occur: <s> ab 2, ab </s> 2, <s> cb 1, cb </s> 1.
  expected = [
    start_a * (1 + 2 * ab) / 3 * (1 + 2 * b_end) / 3,
    start_c * (2 + ab) / 3 * (2 + b_end) / 3,
    # Neither <s> b nor bb is known as a context.
    start_b * bb * b_end,
  ]
  np.testing.assert_allclose(model.log_probs(["ab", "cb", "bb"]), np.log(expected), rtol=1e-14)


@pytest.mark.parametrize("order", range(1, 6))
def test_log_probs_equal_a_slow_implementation_on_random_text(order):
  training, test = random_sentences(1, 1000), random_sentences(2, 100, types=15)
  # Types 10 and 11 are unknown in training, those from 10 to 14 in the test; 99 never occurs.
  vocabulary = [*range(10), 99]
  model, twin = kneser_ney.Model(training, order, vocabulary), Twin(training, order, vocabulary)
  np.testing.assert_allclose(model.discounts, twin.discounts, rtol=1e-12)
  # The formulas apply to all orders but unigrams, none of which has few left neighbours.
  assert [tuple(discounts) == FALLBACK for discounts in model.discounts] == [True] + [False] * (order - 1)
  np.testing.assert_allclose(model.log_probs(test), [twin.log_prob(sentence) for sentence in test], rtol=1e-10)


def test_one_count_of_counts_does_not_move_the_score():
  # Few of 4,000 bigrams are seen twice; one or two in some samples, and none in others, are seen four times.
  texts = [np.random.default_rng(seed).integers(150, size=[1, 4000]).tolist() for seed in range(9)]
  models = [kneser_ney.Model(text, 2, range(150)) for text in texts[1:]]
  none = [model.discounts[1, 2] == model.discounts[1, 1] + 1 for model in models]
  assert 0 < sum(none) < len(none)
  scores = [-np.mean(model.token_log_probs(texts[0])) for model in models]
  assert np.ptp(scores) < 0.03


@needs_data
@pytest.mark.parametrize("order", range(1, 6))
def test_log_probs_equal_a_slow_implementation_on_real_text(order):
  training, test = coco("train", 400), coco("test", 100)
  vocabulary = {word for sentence in training for word in sentence}
  model, twin = kneser_ney.Model(training, order), Twin(training, order, vocabulary)
  np.testing.assert_allclose(model.discounts, twin.discounts, rtol=1e-12)
  np.testing.assert_allclose(model.log_probs(test), [twin.log_prob(sentence) for sentence in test], rtol=1e-10)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("num", [1, 20, 400])
def test_probabilities_sum_to_one_after_any_context(order, num):
  training = random_sentences(3, num)
  vocabulary = range(14)  # 12 and 13 are never seen
  model = kneser_ney.Model(training, order, vocabulary)
  seen = [sentence[:size] for sentence in training[:20] for size in range(len(sentence) + 1)]
  unseen = [sentence[:size] for sentence in random_sentences(4, 20) for size in range(len(sentence) + 1)]
  for context in [*seen, *unseen, (13,), ("?",), (0, "?"), (12, 0, 0, 0, 1), ("?",) * 7]:
    nexts = [(*context, word) for word in (*vocabulary, "?")]
    log_probs = model.token_log_probs(nexts).reshape(len(nexts), -1)[:, len(context)]
    end = model.token_log_probs([context])[-1]
    assert np.isfinite(log_probs).all() and np.isfinite(end)
    assert math.fsum(np.exp(log_probs)) + math.exp(end) == pytest.approx(1.0, abs=1e-12)


def test_all_unknown_tokens_are_one_type():
  model = kneser_ney.Model([(1, 2, 3), (1, 2, 4), (1, 2, 2)], 3, [1, 2])
  assert len(set(model.log_probs([(1, 2, 3), (1, 2, 4), (1, 2, "x"), (1, 2, None)]).tolist())) == 1
  # In training too.
  training, test = random_sentences(7, 300), random_sentences(8, 30)
  renamed = [[min(token, 9) for token in sentence] for sentence in training]
  of_three, of_one = (kneser_ney.Model(text, 3, range(9)) for text in (training, renamed))
  np.testing.assert_array_equal(of_three.log_probs(test), of_one.log_probs(test))


def test_the_marks_are_not_words():
  words = [("<s>", "</s>", "<unk>"), ("<s>", "<unk>")]
  renamed = [tuple({"<s>": "a", "</s>": "b", "<unk>": "c"}[word] for word in sentence) for sentence in words]
  np.testing.assert_array_equal(kneser_ney.Model(words).log_probs(words), kneser_ney.Model(renamed).log_probs(renamed))


def test_the_order_of_sentences_and_vocabulary_does_not_matter():
  training, test = random_sentences(5, 100), random_sentences(6, 30)
  one = kneser_ney.Model(training, 4, range(12)).log_probs(test)
  other = kneser_ney.Model(training[::-1], 4, [*range(11, -1, -1), *range(12)]).log_probs(test)
  np.testing.assert_allclose(one, other, rtol=1e-13)


def test_the_score_of_a_sentence_does_not_depend_on_the_others():
  model, test = kneser_ney.Model(random_sentences(7, 100)), random_sentences(8, 30)
  np.testing.assert_allclose(model.log_probs(test), [model.log_probs([sentence])[0] for sentence in test], rtol=1e-14)


def test_sentences_may_be_arrays_of_ids():
  sentences = np.random.default_rng(9).integers(5, size=(20, 6))
  np.testing.assert_array_equal(kneser_ney.Model(sentences).log_probs(sentences), kneser_ney.Model(sentences.tolist()).log_probs(sentences.tolist()))


def test_log_probs_are_the_sums_over_tokens():
  model, test = kneser_ney.Model(random_sentences(10, 50)), [(), (1, 2), (), (3,)]
  tokens = model.token_log_probs(test)
  assert tokens.shape == (1 + 3 + 1 + 2,) and tokens.dtype == np.float64
  np.testing.assert_allclose(model.log_probs(test), [tokens[0], tokens[1:4].sum(), tokens[4], tokens[5:].sum()], rtol=1e-14)
  assert model.log_probs([]).shape == (0,)


def test_nothing_but_empty_sentences():
  # One bigram, <s> </s>, of 3 occurrences, of which 1.5 are taken; one unigram, which is all shared by the end and the unknown.
  end = 1 / 2
  np.testing.assert_allclose(kneser_ney.Model([(), (), ()]).log_probs([()]), [math.log((1.5 + 1.5 * end) / 3)], rtol=1e-14)


def test_duplicates_make_a_sentence_more_probable():
  once, often = ((kneser_ney.Model([*"abc", "abc", *["cab"] * num], 3, "abc").log_probs(["cab"])[0]) for num in (1, 10))
  assert often > once + 0.5


@pytest.mark.parametrize(("sentences", "order"), [([], 5), (["a"], 0)])
def test_nothing_to_count_is_refused(sentences, order):
  with pytest.raises(ValueError, match=f"at least one sentence to train on, not order {order} and {len(sentences)} sentences"):
    kneser_ney.Model(sentences, order)


def test_scores():
  training, references, samples = random_sentences(11, 60), random_sentences(12, 40), random_sentences(13, 50, types=20)
  scores = kneser_ney.Scorer(references, training, order=3)(samples)
  vocabulary = {word for sentence in training + references for word in sentence}
  for name, model, sentences in [("lm_nll", training, samples), ("reverse_lm_nll", samples, references)]:
    twin = Twin(model, 3, vocabulary)
    log_probs = [twin.log_prob(sentence) for sentence in sentences]
    assert scores[name].value == pytest.approx(-sum(log_probs) / sum(len(sentence) + 1 for sentence in sentences), rel=1e-10)
    assert scores[name].n == len(sentences) and 0 < scores[name].ci < 1
  assert kneser_ney.Scorer(references, order=3)(samples) == kneser_ney.Scorer(references, references, order=3)(samples)
  assert kneser_ney.Scorer(references, training)(samples)["lm_nll"] != scores["lm_nll"]


def test_words_of_samples_only_do_not_change_the_vocabulary():
  references = random_sentences(14, 30)
  strange = [(*sentence, f"strange {i}") for i, sentence in enumerate(random_sentences(15, 30))]
  alike = [(*sentence[:-1], "strange") for sentence in strange]
  assert kneser_ney.Scorer(references)(strange) == kneser_ney.Scorer(references)(alike)


@needs_data
def test_real_text_is_more_probable_than_shuffled_words_and_repetition_has_a_high_reverse_score():
  training, references, real = coco("train", 1000), coco("test", 300), coco("train", 2000)[1000:1300]
  generator = np.random.default_rng(16)
  systems = {"real": real, "shuffled": [generator.permutation(sentence).tolist() for sentence in real], "one sentence": [training[0]] * 300}
  scores = {name: kneser_ney.Scorer(references, training)(samples) for name, samples in systems.items()}
  nll, reverse = ({name: values[score].value for name, values in scores.items()} for score in ("lm_nll", "reverse_lm_nll"))
  assert nll["one sentence"] < nll["real"] < nll["shuffled"] - 1
  assert reverse["real"] < reverse["shuffled"] - 0.3 and reverse["real"] < reverse["one sentence"] - 1
  # The reverse score falls as the sample grows.
  assert kneser_ney.Scorer(references, training)(real[:20])["reverse_lm_nll"].value > reverse["real"] + 0.3


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_jackknife_equals_models_trained_without_each_group(order, monkeypatch):
  training, test = random_sentences(11, 203), random_sentences(12, 40, types=15)
  whole = kneser_ney.Model(training, order, range(10))
  monkeypatch.setattr(estimates, "_GROUPS", 5)
  values = whole.jackknife(test)
  bounds = [0, 41, 82, 123, 163, 203]
  expected = []
  for first, last in zip(bounds[:-1], bounds[1:]):
    discounts = iter(whole.discounts)
    monkeypatch.setattr(kneser_ney, "_estimate_discounts", lambda counts, discounts=discounts: next(discounts))
    model = kneser_ney.Model(training[:first] + training[last:], order, range(10))
    expected.append(-model.token_log_probs(test).mean())
  np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_the_interval_of_the_reverse_score_covers_the_choice_of_samples():
  references = random_sentences(13, 400, types=30)
  scorer = kneser_ney.Scorer(references, random_sentences(14, 400, types=30), order=3)
  scored = [scorer(random_sentences(seed, 200, types=30))["reverse_lm_nll"] for seed in range(100, 140)]
  true_deviation = np.std([estimate.value for estimate in scored], ddof=1)
  claimed = np.sqrt(np.mean([(estimate.own_ci / 1.96) ** 2 for estimate in scored]))
  assert 0.7 < claimed / true_deviation < 1.3
  pairs = [estimates.tie(one, other) for one, other in zip(scored[::2], scored[1::2])]
  assert sum(pairs) >= 17  # Of 20 pairs of the same system.


def test_values_are_the_scores_without_intervals():
  scorer = kneser_ney.Scorer(random_sentences(15, 50), order=3)
  sample = random_sentences(16, 60)
  assert scorer.values(sample) == pytest.approx({name: estimate.value for name, estimate in scorer(sample).items()}, rel=1e-12)
