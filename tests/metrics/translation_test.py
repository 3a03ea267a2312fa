"""Tests of tf_textgan.metrics.translation."""

import collections
import math

import numpy as np
import pytest

from tf_textgan.metrics import translation

WORDS = "the a dog cat man sees likes red old on".split()


def _texts(seed, num=40):
  random = np.random.default_rng(seed)
  return [" ".join(random.choice(WORDS, random.integers(5, 9))) for _ in range(num)]


def _bleu(hypotheses, references):
  """Papineni's, from the counts of the whole corpus."""
  found, total = np.zeros(4), np.zeros(4)
  for ours, theirs in zip((text.split() for text in hypotheses), (text.split() for text in references)):
    for n in range(4):
      mine, other = (collections.Counter(tuple(words[i : i + n + 1]) for i in range(len(words) - n)) for words in (ours, theirs))
      found[n] += sum((mine & other).values())
      total[n] += sum(mine.values())
  sizes = [sum(len(text.split()) for text in texts) for texts in (hypotheses, references)]
  return 100 * math.exp(min(0.0, 1 - sizes[1] / sizes[0]) + np.log(found / total).mean())


def test_bleu_is_the_papers_and_its_interval_that_of_resampled_pairs():
  references = _texts(0)
  hypotheses = [text if i % 2 else other for i, (text, other) in enumerate(zip(references, _texts(1)))]
  numbers = translation.scores(hypotheses, references)
  assert numbers["sacrebleu"].value == pytest.approx(_bleu(hypotheses, references), abs=1e-4)
  assert numbers["exact"].value == 0.5 and numbers["sacrebleu"].n == 40
  random, resampled = np.random.default_rng(0), []
  for _ in range(300):
    chosen = random.integers(0, 40, 40)
    resampled.append(_bleu([hypotheses[i] for i in chosen], [references[i] for i in chosen]))
  low, high = np.percentile(resampled, [2.5, 97.5])
  assert numbers["sacrebleu"].ci == pytest.approx((high - low) / 2, rel=0.2)
  assert 0 < numbers["chrf"].ci < numbers["chrf"].value < 100


def test_the_reference_itself_has_all_and_other_letters_none():
  texts = _texts(2)
  assert {name: (number.value, number.ci) for name, number in translation.scores(texts, texts).items() if name != "exact"} == {
    "sacrebleu": (pytest.approx(100.0), pytest.approx(0.0, abs=1e-4)), "chrf": (pytest.approx(100.0), pytest.approx(0.0, abs=1e-4)),
  }  # fmt: skip
  numbers = translation.scores(["z"] * 40, texts)
  assert [(numbers[name].value, numbers[name].ci) for name in ("sacrebleu", "chrf")] == [(0.0, 0.0), (0.0, 0.0)] and numbers["exact"].value == 0.0
