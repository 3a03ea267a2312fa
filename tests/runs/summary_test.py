"""Tests of tf_textgan.runs.summary."""

import types

from tf_textgan.runs import summary

LINES = [
  {"step": 6, "phase": "mle", "nll_validation": 2.0, "lm_nll": 3.0, "heldout_auc": None, "duplicates": 0.0, "copied": 0.25},
  {"step": 8, "phase": "adversarial", "nll_validation": 2.5, "lm_nll": 2.0, "heldout_auc": 0.75, "duplicates": 0.5, "copied": 0.25},
  {"step": 9, "phase": "adversarial", "nll_validation": 3.5, "lm_nll": 2.5, "heldout_auc": 0.8, "duplicates": 0.5, "copied": 0.25},
]
RESULTS = {"nll_test": 2.625, "lm_nll": 2.125, "heldout_auc": 0.5, "duplicates": 0.125, "copied": 0.25, "js_2": 9.0}


def _headline(split="validation"):
  return {"held-out NLL": f"nll_{split}", "quality": "lm_nll", "AUC": "heldout_auc"}


def _table(best_step):
  rows = summary.text(summary.table(LINES, best_step, RESULTS, types.SimpleNamespace(headline=_headline))).splitlines()
  assert len(set(map(len, rows))) == 1
  return rows


def test_every_column_of_the_closing_table_names_its_checkpoint_and_split():
  rows = _table(8)
  start = len("discriminator's held-out AUC; .5 is chance")
  assert rows[0].strip().split("  ") == ["before adversarial", "best checkpoint", "best checkpoint"]
  assert [row[start:].split() for row in rows[1:]] == [
    ["step", "6", "step", "8", "step", "8"],
    ["validation", "validation", "test"],
    ["2.000", "2.500", "2.625"],
    ["3.000", "2.000", "2.125"],
    ["-", "0.750", "0.500"],
    ["0.000", "0.500", "0.125"],
    ["0.250", "0.250", "0.250"],
  ]
  assert [row[:start].rstrip() for row in rows[3:5]] == ["held-out NLL", "quality (lm_nll)"]


def test_the_best_checkpoint_may_be_the_one_before_the_adversarial_phase():
  assert _table(6)[1].split() == ["step", "6", "step", "6"]


def test_before_the_end_there_is_no_test_column():
  rows = summary.table(LINES[:1], 6, None, types.SimpleNamespace(headline=_headline))
  assert [row[1:] for row in rows[:4]] == [["best checkpoint"], ["step 6"], ["validation"], ["2.000"]]
  assert summary.before_adversarial(LINES[:1]) is None and summary.before_adversarial(LINES[1:]) is None
