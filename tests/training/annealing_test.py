"""What anneals does so in the adversarial phase only: for every algorithm that has a temperature or the like."""

import dataclasses

import numpy as np
import pytest

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.conformance import tiny
from tf_textgan.training import checkpoints
from tf_textgan.training import loop as loop_lib

SPEC = tiny.SPECS["text"]
SCHEDULE = base.Schedule(mle_steps=2, discriminator_steps=4, adversarial_steps=5)

# Algorithm, settings, function of an algorithm and the annealed phase's fraction giving what anneals, and its values at the start and the end.
ANNEALED = {
  "gsgan": ({"max_temperature": 4.0, "min_temperature": 0.25}, lambda a, x: a._temperature(x), 4.0, 0.25),
  "relgan": ({"max_inverse_temperature": 16.0, "schedule_steps": 0}, lambda a, x: a._inverse_temperature(x, 5), 1.0, 16.0),
  "catgan": ({"max_inverse_temperature": 16.0, "schedule_steps": 0}, lambda a, x: a._inverse_temperatures(x, 5)[0], 1.0, 16.0),
  "gad": ({"demonstration_share": 0.4}, lambda a, x: a.config.demonstration_share * (1.0 - x), 0.4, 0.0),
  "maligan": ({"mixed": True}, lambda a, x: (1.0 - x) * SPEC.length, float(SPEC.length), 0.0),
}


def _loop(algorithm, schedule, folder):
  config = loop_lib.Config(batch_size=4, evaluations=1, best_metric="size")
  data, kept = sequences.Batch(tiny.batch(SPEC, 20)), checkpoints.Checkpoints(folder)
  return loop_lib.Loop(algorithm, schedule, data, lambda step: {"size": 0.0}, kept, config)


@pytest.mark.parametrize("name", tiny.ALGORITHMS)
def test_only_the_adversarial_phase_is_annealed(name):
  assert {phase.name for phase in tiny.algorithm(name, SPEC).phases(SCHEDULE) if phase.annealed} <= {"adversarial"}


@pytest.mark.parametrize("name", ANNEALED)
def test_a_temperature_waits_at_its_start_and_then_runs_to_its_end(name, tmp_path):
  settings, value, start, end = ANNEALED[name]
  algorithm = tiny.algorithm(name, SPEC, **settings)
  np.testing.assert_allclose([value(algorithm, 0.0), value(algorithm, 1.0)], [start, end], rtol=1e-5)
  fractions = {}

  def record(phase, update):
    """The update without its work: its fraction of the phase is its only metric."""

    def step(real, seed, phase_fraction):
      del real, seed
      return {"fraction": phase_fraction}

    return update._replace(name=f"{phase.name}_{update.name}", train_step=step)

  loop = _loop(algorithm, SCHEDULE, tmp_path)
  loop.phases = [phase._replace(updates=tuple(record(phase, update) for update in phase.updates)) for phase in loop.phases]
  run_rounds = loop._run_rounds

  def recorded(phase, *args):
    logs = run_rounds(phase, *args)
    for metric, fraction in logs.items():
      fractions.setdefault((phase.name, metric.split("/")[0]), []).append(fraction)
    return logs

  loop._run_rounds = recorded
  loop.run()
  for (phase, update), seen in fractions.items():
    if phase != "adversarial":
      assert seen == [0.0] * len(seen)
    elif update.endswith("generator"):
      np.testing.assert_allclose(seen, np.arange(5) / 5, atol=1e-6)
    else:  # Steps of the discriminator share a round's part of the phase.
      assert np.all(np.diff(seen) > 0) and seen[0] < 0.2 and 0.8 <= seen[-1] < 1.0
  assert {phase for phase, _ in fractions} == {"mle", "discriminator", "adversarial"}


def test_the_first_discriminator_steps_use_the_first_temperature(tmp_path):
  """In a run as it is: at the end of the discriminator's own phase samples are as relaxed as at its beginning."""
  algorithm = tiny.algorithm("gsgan", SPEC, max_temperature=4.0, min_temperature=0.25)
  schedule = dataclasses.replace(SCHEDULE, mle_steps=0, adversarial_steps=1)
  loop, logs = _loop(algorithm, schedule, tmp_path), []
  run_rounds = loop._run_rounds
  loop._run_rounds = lambda *args: logs.append(run_rounds(*args)) or logs[-1]
  loop.run()
  assert logs[-1]["generator/temperature"] == pytest.approx(4.0)
