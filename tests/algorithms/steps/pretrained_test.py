"""Tests of tf_textgan.algorithms.steps.pretrained."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import likelihood
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

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


def test_pretraining_is_the_likelihood_step():
  ours, theirs = _algorithm(clip_norm=0.5), _algorithm().generator
  real, seed = sequences.Batch(tf.constant([[3, 4, 5, 2], [6, 2, 0, 0]])), noise.seed(1)
  metrics = ours.mle_step(real, seed, tf.constant(0.5))
  expected = likelihood.step(theirs, base.adam(theirs, 1e-2), real, seed, 0.5)
  assert metrics.keys() == expected.keys() and all(metrics[name] == expected[name] for name in metrics)
  for a, b in zip(ours.generator.get_weights(), theirs.get_weights()):
    np.testing.assert_array_equal(a, b)
