"""Tests of tf_textgan.runs.unique."""

import itertools

from tf_textgan.runs import unique


def test_texts_are_new_once_and_never_of_the_training_text():
  seen = unique.Seen(f"line {i}" for i in range(1000))
  assert not any(seen.is_new(f"line {i}") for i in range(1000)) and seen.copied == 1000
  assert [seen.is_new(text) for text in ("a", "b", "a", "", "", "line 1", "line 1000")] == [True, True, False, True, False, False, True]
  assert (seen.repeated, seen.copied) == (2, 1001)
  assert unique.Seen([]).is_new("line 1")


def test_it_goes_on_until_there_are_enough():
  asked = []

  def draw(count, call):
    asked.append((count, call))
    return [f"{call} {i // 2}" for i in range(count)]  # Every second is a repetition.

  found = list(unique.collect(draw, str, 200, 10_000, unique.Seen(["0 3", "1 5"])))
  assert len(found) == len(set(found)) == 200 and not {"0 3", "1 5"} & set(found)
  # Less is asked for as less is missing, but never one by one.
  assert asked == [(200, 0), (101, 1), (64, 2), (64, 3)][: len(asked)] and len(asked) >= 3


def test_it_ends_after_so_many_tries_and_when_nothing_is_drawn():
  seen, calls = unique.Seen([]), []

  def draw(count, call):
    calls.append(count)
    return ["a"] * count

  assert list(unique.collect(draw, str, 3, 1000, seen)) == ["a"]
  assert sum(calls) == 1000 and seen.repeated == 999
  assert list(unique.collect(lambda count, call: [], str, 3, 1000, seen)) == []


def test_results_are_given_while_others_are_drawn():
  """A million are asked for; the first are there after one draw, which is bounded."""
  drawn = []

  def draw(count, call):
    drawn.append(count)
    return [f"{call} {i}" for i in range(count)]

  assert len(list(itertools.islice(unique.collect(draw, str, 10**6, 10**7, unique.Seen([])), 100))) == 100
  assert len(drawn) == 1 and drawn[0] < 10_000
