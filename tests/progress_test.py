"""Tests of tf_textgan.progress."""

import gc
import io
import sys
import time

import pytest
import tqdm

from tf_textgan import progress


def _interrupt():
  raise KeyboardInterrupt


def test_the_results_of_all_steps_are_united_in_order():
  seen = []
  steps = [("a", lambda: seen.append("a") or {"x": 1}), ("b", lambda: seen.append("b") or {"y": 2})]
  assert progress.run(steps) == {"x": 1, "y": 2}
  assert seen == ["a", "b"]
  assert progress.run([]) == {}


def test_an_interrupt_keeps_what_was_found_and_names_what_is_missing():
  steps = [("a", lambda: {"x": 1}), ("b", _interrupt), ("c", lambda: {"z": 3})]
  with pytest.raises(progress.Stopped) as stopped:
    progress.run(steps)
  assert (stopped.value.found, stopped.value.missing) == ({"x": 1}, ["b", "c"])
  assert isinstance(stopped.value, KeyboardInterrupt)


def test_another_error_stays_what_it_is():
  with pytest.raises(ZeroDivisionError):
    progress.run([("a", lambda: {"x": 1 / 0})])


def test_a_slow_step_is_named_while_it_runs(monkeypatch, capsys):
  monkeypatch.setattr(progress, "_PATIENCE", 0.05)
  monkeypatch.setattr(progress, "_interval", lambda on_a_terminal: 0.01)

  def wait():
    said, end = "", time.monotonic() + 10
    while "slow: 1 of 3 done" not in said and time.monotonic() < end:
      time.sleep(0.01)
      said += capsys.readouterr().err
    return {"said": said}

  assert "slow: 1 of 3 done [00:0" in progress.run([("quick", dict), ("slow", wait), ("last", dict)])["said"]


def test_quick_work_says_nothing(capsys):
  progress.run([("quick", dict)])
  assert list(progress.reading(["a", "b"], "words")) == ["a", "b"]
  assert capsys.readouterr().err == ""


def test_a_long_pass_over_text_has_a_bar_with_its_name(monkeypatch, capsys):
  monkeypatch.setattr(progress, "_PATIENCE", 0.0)
  monkeypatch.setattr(progress, "_interval", lambda on_a_terminal: 0.0)
  assert list(progress.reading(["a"] * 3, "encoding")) == ["a"] * 3
  err = capsys.readouterr().err
  assert "encoding: 100%" in err and "3.00/3.00" in err and "\r" not in err
  # Text of unknown length is counted.
  assert list(progress.reading(iter("ab"), "reading")) == ["a", "b"]
  assert "reading: 2.00 sentences" in capsys.readouterr().err


class _Terminal(io.StringIO):
  def isatty(self):
    return True


def _nested_bars():
  """As TFDS leaves them after an error: open, for the garbage collector to close."""
  inner = tqdm.tqdm(range(10), desc="splits", mininterval=0), tqdm.tqdm(range(10), desc="shards", mininterval=0, leave=False)
  inner[1].update(3)
  print("a note")
  return inner


@pytest.mark.parametrize("stream", [_Terminal(), io.StringIO()], ids=["terminal", "log"])
def test_the_bars_of_others_end_with_their_block(stream, monkeypatch):
  monkeypatch.setattr(sys, "stderr", stream)
  with pytest.raises(ZeroDivisionError):
    with progress.bars_of_others("preparing"):
      bars = _nested_bars()
      raise ZeroDivisionError
  print("the error", file=sys.stderr)
  for each in bars:
    each.close()
  del bars, each
  gc.collect()
  assert stream.getvalue().endswith("the error\n")
  assert ("shards:  30%" in stream.getvalue()) == stream.isatty()
  assert stream.isatty() or stream.getvalue() == "a note\nthe error\n"


def test_a_bar_of_ours_replaces_those_of_others_in_a_log(monkeypatch, capsys):
  monkeypatch.setattr(progress, "_PATIENCE", 0.0)
  monkeypatch.setattr(progress, "_interval", lambda on_a_terminal: 0.01)
  with progress.bars_of_others("preparing captions"):
    time.sleep(0.2)
  err = capsys.readouterr().err
  assert "preparing captions: 0 of 1 done [00:00]\n" in err and err.isascii() and "\r" not in err
