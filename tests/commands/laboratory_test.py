"""Tests of tf_textgan.commands.laboratory."""

import json

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan.commands import laboratory
from tf_textgan.sampling import estimators

OPTIONS = laboratory.Options(draws=64, control_steps=20)
PROBLEM = laboratory.small_problem("two picks", 3, 2, 64)


def test_the_exact_gradient_equals_finite_differences():
  policy, cost = PROBLEM.policy, PROBLEM.cost
  tokens = np.array([[i, j] for i in range(3) for j in range(3)], np.int32)
  costs = cost(tokens).numpy().astype(np.float64)

  def expected(table):
    logits = [table[0, 0], *table[1]]
    p, *after = (np.exp(x) / np.exp(x).sum() for x in logits)
    return sum(p[i] * after[i][j] * costs[3 * i + j] for i in range(3) for j in range(3))

  table = policy.table.numpy().astype(np.float64)
  gradient = laboratory.exact_gradient(policy, cost).reshape(table.shape)
  for place in np.ndindex(*table.shape):
    step = np.zeros_like(table)
    step[place] = 1e-5
    assert abs((expected(table + step) - expected(table - step)) / 2e-5 - gradient[place]) < 1e-5


def test_an_argmax_has_no_gradient_and_leave_one_out_no_bias():
  exact = laboratory.exact_gradient(PROBLEM.policy, PROBLEM.cost)
  nothing, _ = laboratory.measure(PROBLEM, "argmax", np.nan, exact, OPTIONS)
  assert (nothing.bias, nothing.deviation) == (1.0, 0.0)
  fair, blocks = laboratory.measure(PROBLEM, "leave_one_out", np.nan, exact, OPTIONS)
  assert fair.bias < 4.0 * fair.bias_error and fair.deviation > 0.1 and fair.cpu_ms > 0
  assert blocks.shape[1] == len(exact)


def test_the_bias_is_corrected_for_noise():
  random = np.random.default_rng(0)
  exact = random.normal(size=50)
  exact /= np.linalg.norm(exact)
  offset = 0.3 * exact[::-1] - 0.3 * (exact[::-1] @ exact) * exact
  blocks = exact + offset + 0.05 * random.normal(size=[8, 50])
  bias, error = laboratory.bias_of(blocks, exact)
  assert abs(bias - np.linalg.norm(offset)) < 4.0 * error < 0.4
  # With a noisy target too.
  target = exact + 0.05 * random.normal(size=[8, 50])
  bias, error = laboratory.bias_of(blocks, target)
  assert abs(bias - np.linalg.norm(offset)) < 4.0 * error < 0.6


def test_the_command_writes_numbers_and_figures(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(laboratory, "_TEMPERATURES", (1.0,))
  # One estimator per family, because each is compiled for each problem.
  for family in ("RELAXED", "SCORE_FUNCTION", "CONTROLLED"):
    monkeypatch.setattr(estimators, family, getattr(estimators, family)[-1:])
  laboratory.main(laboratory.Options(output=str(tmp_path / "found"), draws=16, generator_draws=0, control_steps=1))
  rows = json.loads((tmp_path / "found" / "laboratory.json").read_text())
  names = [row["estimator"] for row in rows if row["problem"] == "one pick of 8"]
  assert names == ["argmax", *estimators.RELAXED, *estimators.SCORE_FUNCTION, *estimators.CONTROLLED]
  for name in ("picking.png", "piecewise.png"):
    assert (tmp_path / "found" / name).read_bytes().startswith(b"\x89PNG")
  assert "leave_one_out" in capsys.readouterr().out


def test_the_cost_of_the_argmax_is_flat_except_at_jumps():
  moving, lines = laboratory.piecewise()
  steps = np.abs(np.diff(lines["argmax"]))
  assert len(moving) == 401 and np.count_nonzero(steps) == 1 and steps.max() > 0.1
  assert np.abs(np.diff(lines["expected cost of a draw"])).max() < 0.02


@pytest.mark.parametrize("draws", [0, 15])
def test_too_few_draws_are_refused(draws):
  with pytest.raises(errors.UserError, match="draws"):
    laboratory.Options(draws=draws)
