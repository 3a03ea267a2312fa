"""Tests of tf_textgan.evaluation.nearest."""

import pytest

from tf_textgan.evaluation import nearest

TRAINING = ["a man rides a horse", "a dog eats grass", "two dogs sleep", "a dog eats grass"]


def test_the_sentence_with_the_most_words_in_common_is_nearest():
  index = nearest.Index(TRAINING)
  found = index(["the dog eats grass", "two dogs sleep", "zebra", "a man rides"])
  assert [each.text for each in found] == [TRAINING[1], TRAINING[2], TRAINING[0], TRAINING[0]]
  assert [each.similarity for each in found[1:3]] == [pytest.approx(1.0), 0.0]
  assert 0.3 < found[0].similarity < 1.0 and 0.3 < found[3].similarity < 1.0
  assert index.size == 3 and index([]) == []


def test_rare_words_count_more():
  index = nearest.Index(["x a b", "x a c", "x a d", "x rare y"])
  assert index(["a rare"])[0].text == "x rare y"


def test_text_without_spaces_is_compared_by_characters():
  assert nearest.Index(["我喜欢猫", "他们走了"])(["我喜欢狗"])[0].text == "我喜欢猫"


def test_empty_sentences_have_no_neighbour():
  assert nearest.Index(["", ""])(["a"]) == [nearest.Neighbour("", 0.0)]


def test_the_index_is_bounded(monkeypatch):
  monkeypatch.setattr(nearest, "MOST", 2)
  assert nearest.Index(TRAINING)(["two dogs sleep"])[0].similarity == 0.0
