"""Tests of tf_textgan.algorithms.steps.pretrained."""

import dataclasses

import pytest

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import lstm

SPEC = sequences.Spec(vocab_size=7, length=4, start_token=0)


@dataclasses.dataclass(frozen=True)
class _Config(pretrained.Config):
  discriminator_steps_per_round: int = 3


class _Algorithm(pretrained.Algorithm):
  def generator_step(self, real, seed, phase_fraction):
    raise NotImplementedError

  def discriminator_step(self, real, seed, phase_fraction):
    raise NotImplementedError


def _algorithm(**changes):
  networks = {"generator": lstm.Generator(SPEC, lstm.Config(4, 5)), "discriminator": recurrent.Discriminator(SPEC, recurrent.Config(4, 5))}
  return _Algorithm(_Config(**changes), networks)


def test_the_schedule_is_pretraining_then_rounds():
  phases = _algorithm().phases(base.Schedule(2, 4, 6))
  assert [(p.name, p.steps, [(u.name, u.repeats) for u in p.updates]) for p in phases] == [
    ("mle", 2, [("mle", 1)]),
    ("discriminator", 4, [("discriminator", 1)]),
    ("adversarial", 6, [("generator", 1), ("discriminator", 3)]),
  ]


def test_each_optimizer_has_its_learning_rate_and_its_network():
  algorithm = _algorithm(mle_learning_rate=0.5, generator_learning_rate=0.25, discriminator_learning_rate=0.125)
  rates = {name: float(optimizer.learning_rate) for name, optimizer in algorithm.optimizers.items()}
  assert rates == {"mle_optimizer": 0.5, "generator_optimizer": 0.25, "discriminator_optimizer": 0.125}
  for name, network in [("mle", "generator"), ("generator", "generator"), ("discriminator", "discriminator")]:
    slots = {key.split("/", 1)[1] for key in algorithm.variables() if key.startswith(f"{name}_optimizer/")}
    assert len(slots) >= 2 * len(algorithm.networks[network].trainable_variables)


@pytest.mark.parametrize("name", ["mle_learning_rate", "generator_learning_rate", "discriminator_learning_rate", "clip_norm"])
def test_a_negative_setting_is_refused(name):
  with pytest.raises(errors.UserError, match=name):
    _Config(**{name: -1.0})
