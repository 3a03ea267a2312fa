"""Tests of tf_textgan.data.tokenizers.nltk."""

import collections
import pathlib

import pytest

from tf_textgan.data.tokenizers import nltk

DATA = pathlib.Path(__file__).parents[4] / "shared/data"


@pytest.mark.parametrize("sentence, words", [
    ("a dog's ball.", "a dog 's ball ."),
    ("they can't say \"no\", can they?", "they ca n't say `` no '' , can they ?"),
    ("the airplane. above clouds", "the airplane . above clouds"),
    ("a u.s. air force plane", "a u.s. air force plane"),
    ("dr. smith sits.", "dr. smith sits ."),
    ("well...", "well ..."),
    ("they ca n't say `` no '' , can they ?", "they ca n't say `` no '' , can they ?"),
    ('"in the u.s." he said', "`` in the u.s. '' he said"),
    ("`` in the u.s. '' he said", "`` in the u.s. '' he said"),
    ("''", "''"),
    ("dogs, e.g. \x85\x1f", "dogs , e.g ."),
    ("\x1f\"so\"", "`` so ''"),
])
def test_nltk(sentence, words):
  assert nltk.Tokenizer.split(sentence) == words.split()


@pytest.mark.skipif(not DATA.exists(), reason="the folder shared/data beside the repository is absent")
def test_nltk_on_image_coco():
  counts, longest = collections.Counter(), 0
  for line in (DATA / "image_coco_train.txt").read_text(encoding="utf-8").splitlines():
    words = nltk.Tokenizer.split(line.lower())
    counts.update(words)
    longest = max(longest, len(words))
  assert longest == 37
  assert abs(len(counts) - 4660) <= 10
