"""Tests of tokenizers.py."""

import collections
import pathlib

import pytest

from tf_textgan.data import tokenizers

DATA = pathlib.Path(__file__).parents[3] / "shared/data"


def test_space():
  assert tokenizers.named("space")(" a  b,\tc\u00a0d ") == ["a", "b,", "c", "d"]


@pytest.mark.parametrize("sentence, words", [
    ("a dog's ball.", "a dog 's ball ."),
    ("they can't say \"no\", can they?", "they ca n't say `` no '' , can they ?"),
    ("the airplane. above clouds", "the airplane . above clouds"),
    ("a u.s. air force plane", "a u.s. air force plane"),
    ("dr. smith sits.", "dr. smith sits ."),
    ("well...", "well ..."),
])
def test_nltk(sentence, words):
  assert tokenizers.named("nltk")(sentence) == words.split()


@pytest.mark.skipif(not DATA.exists(), reason="the folder shared/data beside the repository is absent")
def test_nltk_on_image_coco():
  counts, longest = collections.Counter(), 0
  for line in (DATA / "image_coco_train.txt").read_text(encoding="utf-8").splitlines():
    words = tokenizers.nltk_words(line.lower())
    counts.update(words)
    longest = max(longest, len(words))
  assert longest == 37
  assert abs(len(counts) - 4660) <= 10
