"""What anneals does so in the adversarial phase only: for every algorithm that has a temperature or the like."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.conformance import tiny
from tf_textgan.sampling import noise
from tf_textgan.training import checkpoints
from tf_textgan.training import loop as loop_lib

SPEC = tiny.SPECS["text"]
SEED = noise.seed(1)
SCHEDULE = base.Schedule(mle_steps=2, discriminator_steps=4, adversarial_steps=5)

# Algorithm: its settings, the generator's metric that anneals, and its values at the start and the end of the adversarial phase.
ANNEALED = {
  "gsgan": ({"max_temperature": 4.0, "min_temperature": 0.25}, "temperature", 4.0, 0.25),
  "relgan": ({"max_inverse_temperature": 16.0, "schedule_steps": 0}, "inverse_temperature", 1.0, 16.0),
  "catgan": ({"max_inverse_temperature": 16.0, "schedule_steps": 0}, "inverse_temperature", 1.0, 16.0),
  "gad": ({"demonstration_share": 0.4}, "demonstration_share", 0.4, 0.0),
  "maligan": ({"mixed": True}, "given", float(SPEC.length), 0.0),
}
# Of those whose discriminator learns from relaxed samples: the settings with which they are always as relaxed as at the start.
CONSTANT = {
  "gsgan": {"max_temperature": 4.0, "min_temperature": 4.0},
  "relgan": {"max_inverse_temperature": 1.0, "schedule_steps": 0},
  "catgan": {"max_inverse_temperature": 1.0, "schedule_steps": 0},
}


def _loop(algorithm, schedule, folder):
  config = loop_lib.Config(batch_size=4, evaluations=1, best_metric="size")
  data, kept = sequences.Batch(tiny.batch(SPEC, 20)), checkpoints.Checkpoints(folder)
  return loop_lib.Loop(algorithm, schedule, data, lambda step: {"size": 0.0}, kept, config)


@pytest.mark.parametrize("name", tiny.ALGORITHMS)
def test_only_the_adversarial_phase_is_annealed(name):
  phases = tiny.algorithm(name, SPEC).phases(SCHEDULE)
  assert [phase.annealed for phase in phases] == [phase.name == "adversarial" for phase in phases]


@pytest.mark.parametrize("name", ANNEALED)
def test_the_annealed_value_runs_from_its_start_to_its_end(name):
  settings, metric, start, end = ANNEALED[name]
  *_, adversarial = tiny.algorithm(name, SPEC, **settings).phases(SCHEDULE)
  generator = adversarial.updates[0]
  values = [generator.train_step(sequences.Batch(tf.constant(tiny.batch(SPEC, 4))), SEED, tf.constant(x))[metric] for x in (0.0, 0.5, 1.0)]
  np.testing.assert_allclose([values[0], values[2]], [start, end], rtol=1e-5)
  assert min(start, end) < values[1] < max(start, end)


@pytest.mark.parametrize("name", ANNEALED)
def test_only_rounds_of_the_adversarial_phase_have_a_fraction_of_it_behind_them(name, tmp_path):
  algorithm, fractions = tiny.algorithm(name, SPEC, **ANNEALED[name][0]), {}

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


def _discriminator_after_its_own_phase(name, settings, folder, annealed=False):
  loop = _loop(tiny.algorithm(name, SPEC, **settings), SCHEDULE, folder)
  # The number of adversarial rounds is that of the whole schedule.
  loop.phases = [loop.phases[1]._replace(annealed=annealed)]
  loop.run()
  return loop.algorithm.discriminator.get_weights()


@pytest.mark.parametrize("name", ["gsgan", "relgan", pytest.param("catgan", marks=pytest.mark.slow)])
def test_in_its_own_phase_a_discriminator_learns_from_samples_as_relaxed_as_at_the_start(name, tmp_path):
  settings = ANNEALED[name][0]
  constant = _discriminator_after_its_own_phase(name, CONSTANT[name], tmp_path / "constant")
  for a, b in zip(_discriminator_after_its_own_phase(name, settings, tmp_path / "held"), constant, strict=True):
    np.testing.assert_array_equal(a, b)
  # It would learn other weights if that phase annealed.
  annealed = _discriminator_after_its_own_phase(name, settings, tmp_path / "annealed", annealed=True)
  assert any(np.any(a != b) for a, b in zip(annealed, constant, strict=True))
