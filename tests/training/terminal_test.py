"""Tests of tf_textgan.training.terminal."""

import io
import sys
import types

from tf_textgan import progress
from tf_textgan.algorithms import base
from tf_textgan.training import loop as loop_lib
from tf_textgan.training import terminal

_COLUMNS = {"held-out NLL": "nll_validation", "quality": "lm_nll", "diversity": "reverse_lm_nll", "AUC": "heldout_auc"}


class _Terminal(io.StringIO):
  def isatty(self):
    return True


def _fake_loop(step=0, round_number=0, phase=0, best=True):
  """The state of a run, for callbacks to read."""
  phases = [base.Phase("mle", 6, ()), base.Phase("adversarial", 4, ())]
  state = loop_lib.RunState(phase=phase, round=round_number, step=step)
  return types.SimpleNamespace(run_state=state, phases=phases, is_best=lambda logs: best)


def _train(loop, rounds):
  """Shows the rounds `(phase, round)` on a bar."""
  bar = terminal.ProgressBar(loop)
  for phase, number in rounds:
    loop.run_state.phase, loop.run_state.round = phase, number - 1
    bar.on_epoch_begin(0)
    loop.run_state.round = number
    bar.on_train_batch_end(0, {"mle/nll": 2.3456, "mle/gradient_norm": 1.0})
  bar.on_train_end()


def test_each_phase_has_a_bar_with_rate_and_time_left(monkeypatch):
  stream = _Terminal()
  monkeypatch.setattr(sys, "stderr", stream)
  monkeypatch.setattr(progress, "_interval", lambda on_a_terminal: 0.0)
  _train(_fake_loop(step=2, round_number=2), [(0, 3), (0, 4), (0, 5), (0, 6), (1, 1), (1, 2), (1, 3)])
  states = stream.getvalue().replace("\r", "\n").splitlines()
  assert "2/6" in states[1]  # A resumed phase begins at its round.
  mle, adversarial = ([line for line in states if line.startswith(name)] for name in ("mle", "adversarial"))
  assert "4/6 [" in mle[2] and "<" in mle[2] and "mle/nll=2.35" in mle[2]  # Time gone, then time left.
  assert mle[-1].startswith("mle: 100%") and "6/6 [" in mle[-1] and "step/s" in mle[-1]
  assert "0/4" in adversarial[0] and "3/4 [" in adversarial[-1]
  assert "gradient_norm" not in stream.getvalue()


def test_a_log_file_has_few_lines_without_control_characters(monkeypatch):
  log = io.StringIO()
  monkeypatch.setattr(sys, "stderr", log)
  _train(_fake_loop(), [(0, number) for number in range(1, 7)] + [(1, number) for number in range(1, 5)])
  lines = log.getvalue().splitlines()
  assert len(lines) <= 6 and all(line.isprintable() and line.strip() for line in lines)
  assert lines[-1].startswith("adversarial: 100% 4/4 [")


def test_evaluations_are_aligned_rows_with_a_sentence(capsys):
  loop = _fake_loop(step=6)
  rows = terminal.Evaluations(loop, lambda: ["a man", "a dog"], _COLUMNS)
  rows.on_epoch_end(0, {"mle/nll": 3.0, "nll_validation": 2.25, "lm_nll": 3.5, "reverse_lm_nll": 12.125, "heldout_auc": 0.75, "js_2": 1.0})
  loop.run_state.phase, loop.run_state.step, loop.is_best = 1, 10, lambda logs: False
  rows.on_epoch_end(1, {"nll_validation": 2.5, "lm_nll": 3.0, "reverse_lm_nll": 4.0})
  captured = capsys.readouterr()
  assert captured.err.splitlines() == [
    "validation split, nats per token, lower is better: quality is lm_nll, diversity is reverse_lm_nll; AUC .5 is chance",
    "phase           step  held-out NLL   quality  diversity       AUC",
    "mle                6         2.250     3.500     12.125     0.750  best",
    "  a man",
    "adversarial       10         2.500     3.000      4.000         -",
    "  a man",
  ]
  assert not captured.out


def test_verbose_rows_have_every_metric_and_more_sentences(capsys):
  rows = terminal.Evaluations(_fake_loop(step=6), lambda: ["a", "", "c", "d"], {"quality": "lm_nll"}, verbose=True)
  rows.on_epoch_end(0, {"mle/nll": 3.0, "lm_nll": 3.5, "js_2": 0.125})
  assert capsys.readouterr().err.splitlines()[3:] == ["  mle/nll 3  lm_nll 3.5  js_2 0.125", "  a", "  (empty)", "  c"]


def test_a_sentence_cannot_control_the_terminal():
  assert terminal.printable("a\x1b[2Jb\tc\x7f é\N{NO-BREAK SPACE}語") == "a\ufffd[2Jb\ufffdc\ufffd é\N{NO-BREAK SPACE}語"
