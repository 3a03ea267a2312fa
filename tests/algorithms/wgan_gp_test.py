"""Tests of tf_textgan.algorithms.wgan_gp."""

import numpy as np
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import wgan_gp
from tf_textgan.discriminators import conv_resnet as conv_resnet_critic
from tf_textgan.generators import conv_resnet
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=4, start_token=0)
SEED = noise.seed(1)
START = tf.constant(0.0)
REAL = tf.constant(np.random.default_rng(0).integers(3, 6, [32, 4]), tf.int32)


def _algorithm(judge=None, **changes):
  generator = conv_resnet.Generator(SPEC, conv_resnet.Config(latent_size=4, channels=8, blocks=1))
  critic = judge or conv_resnet_critic.Discriminator(SPEC, conv_resnet_critic.Config(channels=8, blocks=1))
  return wgan_gp.Algorithm(wgan_gp.Config(**changes), {"generator": generator, "discriminator": critic})


def test_the_critics_metrics_match_a_linear_critic():
  """The critic f(x) = 8 (mean of x over time at token 5 - 1/2) has a known gradient: 8 / 4 in four coordinates."""
  algorithm = _algorithm(judges.LikesToken(SPEC, 5), penalty_weight=3.0)
  generator = algorithm.generator
  fake = tf.nn.softmax(generator(generator.draw_inputs(32, noise.fold(SEED, "fake"))[0])).numpy()
  distance = 8 * (np.mean(REAL.numpy() == 5) - fake[:, :, 5].mean())
  penalty = (np.sqrt(4 * (8 / 4) ** 2) - 1) ** 2
  metrics = algorithm.discriminator_step(sequences.Batch(REAL), SEED, START)
  np.testing.assert_allclose(metrics["distance"], distance, rtol=1e-4)
  np.testing.assert_allclose(metrics["penalty"], penalty, rtol=1e-4)
  np.testing.assert_allclose(metrics["loss"], 3.0 * penalty - distance, rtol=1e-4)


def test_the_generators_metrics():
  algorithm = _algorithm(judges.LikesToken(SPEC, 5))
  generator = algorithm.generator
  points = tf.nn.softmax(generator(generator.draw_inputs(32, SEED)[0])).numpy().astype(np.float64)
  metrics = algorithm.generator_step(sequences.Batch(REAL), SEED, START)
  np.testing.assert_allclose(metrics["loss"], -8 * (points[:, :, 5].mean() - 0.5), rtol=1e-4)
  np.testing.assert_allclose(metrics["entropy"], -np.mean(np.sum(points * np.log(points), axis=-1)), rtol=1e-4)


def test_a_token_that_is_liked_becomes_probable():
  algorithm = _algorithm(judges.LikesToken(SPEC, 5), learning_rate=0.01)
  share = lambda: np.mean(algorithm.generator.sample(300, noise.seed(9)).tokens == 5)  # noqa: E731
  before = share()
  step = tf.function(algorithm.generator_step)
  for i in range(40):
    step(sequences.Batch(REAL), noise.fold(SEED, i), START)
  assert before < 0.4 and share() > 0.95


def test_a_critic_trained_alone_finds_the_distance():
  algorithm = _algorithm(learning_rate=3e-3)
  step = tf.function(algorithm.discriminator_step)
  metrics = [step(sequences.Batch(REAL), noise.fold(SEED, i), START) for i in range(150)]
  distances = [m["distance"].numpy() for m in metrics]
  assert abs(distances[0]) < 0.3
  # A softmax row and a one-hot row are at most sqrt(2) apart, four pairs at most sqrt(8): the bound of a 1-Lipschitz critic.
  assert 0.8 < np.mean(distances[-20:]) < 1.3 * np.sqrt(8)
  assert np.mean([m["penalty"].numpy() for m in metrics[-20:]]) < 0.1


def test_the_critics_steps_come_before_the_generators():
  (phase,) = _algorithm(discriminator_steps_per_round=4).phases(base.Schedule(2, 3, 6))
  assert (phase.name, phase.steps) == ("adversarial", 6)
  assert [(update.name, update.repeats) for update in phase.updates] == [("discriminator", 4), ("generator", 1)]
