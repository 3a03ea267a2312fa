"""Tests of tf_textgan.algorithms.gsgan."""

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import gsgan
from tf_textgan.commands import flags
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import lstm
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
SEED = noise.seed(1)


def _algorithm(judge=None, **changes):
  generator = lstm.Generator(FIXED, lstm.Config(embedding_size=4, hidden_size=5, latent_size=3))
  return gsgan.Algorithm(gsgan.Config(**changes), {"generator": generator, "discriminator": judge or judges.LikesToken(FIXED, 5)})


@pytest.mark.parametrize("objective", ["saturating", "non_saturating"])
@pytest.mark.parametrize("estimator", ["gumbel_softmax", "straight_through"])
def test_a_token_that_is_liked_becomes_probable(objective, estimator):
  algorithm = _algorithm(objective=objective, estimator=estimator, generator_learning_rate=0.03)
  share = lambda: np.mean(algorithm.generator.sample(500, noise.seed(9)).tokens == 5)  # noqa: E731
  before = share()
  step = tf.function(algorithm.generator_step)
  losses = [step(sequences.Batch(tf.zeros([32, 4], tf.int32)), noise.fold(SEED, i), tf.constant(i / 40))["loss"].numpy() for i in range(40)]
  assert before < 0.25 and share() > 0.9
  assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.5


@pytest.mark.parametrize("objective", ["saturating", "non_saturating"])
@pytest.mark.parametrize("estimator", ["gumbel_softmax", "straight_through"])
def test_the_loss_is_computed_from_the_relaxed_samples_scores(objective, estimator):
  algorithm = _algorithm(objective=objective, estimator=estimator)
  picker = {"gumbel_softmax": pickers.GumbelSoftmax, "straight_through": pickers.StraightThrough}[estimator]
  samples = algorithm.generator.sample(16, SEED, picker(1.0), soft_feedback=True)
  scores = 8.0 * (samples.points.numpy()[:, :, 5].mean(axis=1) - 0.5)
  expected = {"saturating": -np.log1p(np.exp(scores)), "non_saturating": np.log1p(np.exp(-scores))}[objective]
  # Half-way between 2 and 0.5 is 1, geometrically.
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([16, 4], tf.int32)), SEED, tf.constant(0.5))
  np.testing.assert_allclose(metrics["loss"], expected.mean(), rtol=1e-4)
  np.testing.assert_allclose(metrics["entropy"], -np.mean(samples.log_probs), rtol=1e-4)
  if estimator == "straight_through":
    assert set(np.unique(samples.points)) == {0.0, 1.0}


def test_the_temperature_falls_geometrically():
  algorithm = _algorithm(max_temperature=4.0, min_temperature=0.25)
  step = lambda progress: algorithm.generator_step(sequences.Batch(tf.zeros([2, 4], tf.int32)), SEED, tf.constant(progress))["temperature"]  # noqa: E731
  np.testing.assert_allclose([step(p) for p in (0.0, 0.25, 0.5, 1.0)], [4.0, 2.0, 1.0, 0.25], rtol=1e-5)


def test_the_discriminators_loss_is_computed_from_its_scores():
  algorithm = _algorithm(recurrent.Discriminator(FIXED, recurrent.Config(4, 5, dropout=0.0)))
  real = tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]])
  fake = algorithm.generator.sample(3, noise.fold(SEED, "fake"), pickers.GumbelSoftmax(2.0), soft_feedback=True).points
  real_scores, fake_scores = (algorithm.discriminator(x).numpy().astype(np.float64) for x in (real, fake))
  metrics = algorithm.discriminator_step(sequences.Batch(real), SEED, tf.constant(0.0))
  np.testing.assert_allclose(metrics["loss"], np.mean(np.log1p(np.exp(-real_scores)) + np.log1p(np.exp(fake_scores))), rtol=1e-4)


def test_the_latent_is_moved_too():
  algorithm = _algorithm()
  before = algorithm.generator.latent_kernel.numpy()
  algorithm.generator_step(sequences.Batch(tf.zeros([16, 4], tf.int32)), SEED, tf.constant(0.0))
  assert np.abs(algorithm.generator.latent_kernel.numpy() - before).max() > 1e-5


def test_an_unbiased_estimator_makes_a_liked_token_probable():
  algorithm = _algorithm(estimator="leave_one_out", generator_learning_rate=0.03)
  share = lambda: np.mean(algorithm.generator.sample(500, noise.seed(9)).tokens == 5)  # noqa: E731
  before = share()
  step = tf.function(algorithm.generator_step)
  for i in range(60):
    step(sequences.Batch(tf.zeros([64, 4], tf.int32)), noise.fold(SEED, i), tf.constant(0.0))
  assert before < 0.25 and share() > 0.8


def test_a_control_variate_is_trained_and_kept():
  algorithm = _algorithm(recurrent.Discriminator(FIXED, recurrent.Config(4, 5)), estimator="relax")
  assert {"control", "control_optimizer"} <= {name.split("/")[0] for name in algorithm.variables()}
  control = algorithm.modules["control"]
  before = control.get_weights()
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([16, 4], tf.int32)), SEED, tf.constant(0.0))
  assert metrics["square"] > 0
  assert all(np.any(old != new) for old, new in zip(before[:2], control.get_weights()[:2]))


def test_the_control_variates_network_follows_the_seed():
  def weights(seed):
    generator = lstm.Generator(FIXED, lstm.Config(embedding_size=4, hidden_size=5))
    networks = {"generator": generator, "discriminator": recurrent.Discriminator(FIXED, recurrent.Config(4, 5))}
    network = gsgan.Algorithm(gsgan.Config(estimator="relax"), networks, seed).modules["control"].network
    return np.concatenate([np.ravel(network.embedding), np.ravel(network.score.kernel)])

  first, again, other = (weights(seed) for seed in (3, 3, 4))
  np.testing.assert_array_equal(first, again)
  # No number of it is the same by chance.
  assert np.all(first != other)


def test_the_control_variates_network_follows_the_runs_seed_and_differs_from_the_discriminator():
  def networks(seed):
    algorithm = experiment_lib.build(flags.parse(["train.py", "--algorithm=gsgan", "--estimator=relax", f"--seed={seed}"], ""), FIXED)
    return [np.ravel(network.embedding) for network in (algorithm.modules["control"].network, algorithm.discriminator)]

  (control, discriminator), (again, _), (other, _) = (networks(seed) for seed in (3, 3, 4))
  np.testing.assert_array_equal(control, again)
  assert np.all(control != other) and np.all(control != discriminator)


def test_a_control_variate_needs_scores_of_prefixes():
  with pytest.raises(errors.UserError, match="--estimator rebar needs a discriminator that scores prefixes"):
    _algorithm(estimator="rebar")
