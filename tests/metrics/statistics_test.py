"""Tests of tf_textgan.metrics.statistics, against the functions that it gathers and on real text."""

import math
import pathlib
import time

import numpy as np
import pytest

from tf_textgan.metrics import diversity
from tf_textgan.metrics import statistics

DATA = pathlib.Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
SENTENCES = [tuple(s.split()) for s in ("a b c d e", "a b x", "a b x", "f", "a b c d e a")]
REFERENCES = [tuple(s.split()) for s in ("a b c d e", "b x")]
TRAINING = [tuple(s.split()) for s in ("a b x", "c d e a", "y")]


def test_each_number_equals_its_function():
  numbers = statistics.statistics(SENTENCES, REFERENCES, TRAINING)
  expected = diversity.summary(SENTENCES)
  expected |= {f"ngram_entropy_{order}": diversity.ngram_entropy(SENTENCES, order) for order in range(1, 5)}
  expected |= {f"ms_jaccard_{order}": score for order, score in diversity.ms_jaccard(SENTENCES, REFERENCES, 5).items()}
  expected["js_2"] = diversity.js_divergence(SENTENCES, REFERENCES, 2)
  # 5, 3, 3, 1 and 6 tokens.
  expected |= {"mean_length": 3.6, "length_std": math.sqrt(3.04), "length_p5": 1.0, "length_p50": 3.0, "length_p95": 6.0}
  # The longest runs are c d e, a b x twice, none, c d e a.
  expected |= {"copied": 2 / 5, "longest_copied": 13 / 5, "longest_copied_max": 4.0}
  assert {name: estimate.value for name, estimate in numbers.items()} == pytest.approx(expected)
  assert {estimate.n for estimate in numbers.values()} == {5}
  assert {name for name, estimate in numbers.items() if estimate.ci is None} == {"longest_copied_max"}


def test_without_references_there_are_no_comparisons():
  numbers = statistics.statistics(SENTENCES, None)
  whole = statistics.statistics(SENTENCES, REFERENCES)
  assert numbers == {name: estimate for name, estimate in whole.items() if not name.startswith(("js", "ms_jaccard"))}


def test_the_intervals_cover_the_choice_of_sentences():
  # 12 samples of 400 sentences with words of a Zipf distribution.
  rng = np.random.default_rng(0)
  sample = lambda: [tuple(np.minimum(rng.zipf(1.6, rng.integers(1, 9)), 400).tolist()) for _ in range(400)]  # noqa: E731
  references = sample()
  scored = [statistics.statistics(sample(), references) for _ in range(40)]
  for name in ("distinct_1", "distinct_2", "ngram_entropy_2", "js_2", "ms_jaccard_3", "length_std"):
    spread = 1.96 * np.std([numbers[name].value for numbers in scored], ddof=1)
    assert 0.7 < np.mean([numbers[name].ci for numbers in scored]) / spread < 1.7, name


def test_without_a_training_set_there_are_no_numbers_of_copies():
  numbers = statistics.statistics(SENTENCES, REFERENCES)
  assert "js_2" in numbers and not [name for name in numbers if "copied" in name]


def test_the_interval_of_duplicates_is_right_for_few_and_too_wide_for_many():
  ratios = []
  for kinds in (20_000, 300):
    samples = [np.random.default_rng(seed).integers(kinds, size=(500, 1)).tolist() for seed in range(200)]
    spread = 1.96 * np.std([diversity.duplicate_share(sample) for sample in samples])
    ratios.append(statistics.statistics(samples[0], REFERENCES)["duplicates"].ci / spread)
  assert 0.7 < ratios[0] < 1.7 < ratios[1]


def test_there_must_be_sentences():
  with pytest.raises(ValueError, match="got 0 and 2"):
    statistics.statistics([], REFERENCES)
  with pytest.raises(ValueError, match="got 5 and 0"):
    statistics.statistics(SENTENCES, [])


@pytest.mark.skipif(not DATA.exists(), reason="the folder shared/data beside the repository is absent")
def test_news():
  names = ("emnlp_news_valid.txt", "emnlp_news_test.txt", "emnlp_news_train_12k.txt")
  valid, test, train = ([tuple(line.split()) for line in (DATA / name).read_text(encoding="utf-8").splitlines()] for name in names)
  start = time.process_time()
  real = statistics.statistics(valid, test, train)
  # It takes about 2 seconds; the slack is for slow machines.
  assert time.process_time() - start < 15
  copies = statistics.statistics(train[:500] * 2, test[:1000], train)
  assert real["copied"].value < 0.01 and copies["copied"].value == 1.0 and copies["duplicates"].value >= 0.5
  assert real["longest_copied"].value < 6 and copies["longest_copied"].value == copies["mean_length"].value
  few = statistics.statistics(valid[:1000], test[:1000])
  for order in range(2, 6):
    assert copies[f"ms_jaccard_{order}"].value < few[f"ms_jaccard_{order}"].value < real[f"ms_jaccard_{order}"].value
  assert all(math.isfinite(estimate.value) for estimate in real.values())
