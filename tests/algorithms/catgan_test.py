"""Tests of tf_textgan.algorithms.catgan."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import catgan
from tf_textgan.algorithms import relgan
from tf_textgan.discriminators import multi_representation
from tf_textgan.generators import lstm
from tf_textgan.generators import relational_memory
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
LABELLED = dataclasses.replace(FIXED, categories=("a", "b", "c"))
SEED = noise.seed(1)
# No sequence is of the third category.
REAL = sequences.Batch(tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0], [4, 3, 3, 2], [1, 1, 6, 6]]), tf.constant([0, 1, 0, 1, 1]))
ROUNDS = 10
HALF_WAY = tf.constant(0.5)


def _algorithm(spec=LABELLED, **changes):
  generator = relational_memory.Generator(spec, relational_memory.Config(embedding_size=4, heads=2, head_size=3, latent_size=2))
  config = multi_representation.Config(embedding_size=5, widths=(2,), filters=(6,), feature_size=3, dropout=0.0)
  discriminator = multi_representation.Discriminator(spec, config, seed=2)
  return catgan.Algorithm(catgan.Config(**{"schedule_steps": 0} | changes), {"generator": generator, "discriminator": discriminator})


def _softplus(x):
  return np.log1p(np.exp(x))


def _means(scores):
  """The mean score of each row's category in `REAL`."""
  groups = REAL.context.numpy()
  return np.array([scores[groups == group].mean() for group in groups])


def _scores(algorithm, inputs):
  """The scores of each view."""
  return algorithm.discriminator.scores(inputs).numpy().astype(np.float64)


def test_the_discriminator_compares_with_the_other_sides_mean_in_the_category():
  algorithm = _algorithm()
  beta = algorithm._inverse_temperatures(HALF_WAY, ROUNDS)[0]
  np.testing.assert_allclose(beta, 10.0, rtol=1e-5)
  fake = algorithm._sample(5, noise.fold(SEED, "fake"), beta, REAL.context)
  r, f = (_scores(algorithm, x).mean(axis=1) for x in (REAL.tokens, fake.points))
  metrics = algorithm.discriminator_step(REAL, SEED, HALF_WAY, rounds=ROUNDS)
  np.testing.assert_allclose(metrics["loss"], np.mean(_softplus(_means(f) - r) + _softplus(f - _means(r))), rtol=1e-5)
  np.testing.assert_allclose(metrics["accuracy"], np.mean(0.5 * (r > _means(f)) + 0.5 * (f < _means(r))))
  # Means over the whole batch differ.
  assert abs(metrics["loss"] - np.mean(_softplus(f.mean() - r) + _softplus(f - r.mean()))) > 1e-6


@pytest.mark.parametrize("loss", ["relativistic_average", "relativistic", "standard", "hinge", "least_squares"])
def test_the_generators_losses_and_the_childs_fitness(loss):
  algorithm = _algorithm(losses=(loss,), temperature_step=0, evaluation_batches=3)
  beta = tf.constant(10.0)
  fake = algorithm._sample(5, SEED, beta, REAL.context).points
  r, f = (_scores(algorithm, x) for x in (REAL.tokens, fake))
  expected = {
    "relativistic_average": _softplus(_means(r.mean(axis=1)) - f.mean(axis=1)) + _softplus(r.mean(axis=1) - _means(f.mean(axis=1))),
    "relativistic": _softplus(r - f), "standard": _softplus(-f), "hinge": -f, "least_squares": (f - 1) ** 2,
  }[loss]  # fmt: skip
  metrics = algorithm.generator_step(REAL, SEED, HALF_WAY, rounds=ROUNDS)
  np.testing.assert_allclose(metrics["loss"], expected.mean(), rtol=1e-4)
  assert metrics[f"chose_{loss}"] == 1.0
  # The fitness of the generator after the step: three samples in the category of each real sequence.
  samples = algorithm._sample(15, noise.fold(SEED, "evaluation"), beta, tf.repeat(REAL.context, 3))
  f = _scores(algorithm, samples.points).mean(axis=1)
  np.testing.assert_allclose(metrics["quality"], np.mean(1 / (1 + np.exp(np.repeat(_means(r.mean(axis=1)), 3) - f))), rtol=1e-5)
  np.testing.assert_allclose(metrics["entropy"], -np.mean(samples.log_probs), rtol=1e-5)


def _state(algorithm):
  """The generator's weights and its optimizer's slots."""
  return [variable.numpy() for variable in _variables(algorithm)]


def _variables(algorithm):
  return [*algorithm.generator.trainable_variables, *algorithm.optimizers["generator_optimizer"].variables]


@pytest.mark.slow
def test_the_fittest_child_is_kept_with_its_slots():
  names = ("relativistic_average", "standard")
  settings = {"temperature_step": 0, "schedule_steps": ROUNDS, "generator_learning_rate": 0.03, "evaluation_batches": 2}
  generator = lstm.Generator(LABELLED, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=1.0))
  algorithm = catgan.Algorithm(catgan.Config(losses=names, **settings), {"generator": generator, "discriminator": _algorithm().discriminator})
  # A step before, so that the parent's slots are not zero.
  algorithm.generator_step(REAL, noise.seed(8), HALF_WAY, rounds=ROUNDS)
  parent = _state(algorithm)

  def step(progress=0.5, **changes):
    base.assign(_variables(algorithm), parent)
    algorithm.config = catgan.Config(**settings | changes)
    return algorithm.generator_step(REAL, SEED, tf.constant(progress), rounds=ROUNDS), _state(algorithm)

  # Each child by itself, at the inverse temperatures of two rounds later and earlier.
  children = [step(progress, losses=(name,)) + (name,) for name in names for progress in (0.5, 0.7, 0.3)]
  winners = []
  # The fitness is the quality alone, or the diversity alone.
  for weights in ({"quality_weight": 1.0, "diversity_weight": 0.0}, {"quality_weight": 0.0, "diversity_weight": 1.0}):
    fitness = [weights["quality_weight"] * child["quality"] + weights["diversity_weight"] * child["entropy"] for child, *_ in children]
    assert len({float(value) for value in fitness}) == 6
    winners.append(int(np.argmax(fitness)))
    expected, expected_state, name = children[winners[-1]]
    metrics, state = step(losses=names, temperature_step=2, **weights)
    for key in ("loss", "quality", "entropy", "inverse_temperature", "gradient_norm"):
      np.testing.assert_allclose(metrics[key], expected[key], rtol=1e-5, err_msg=key)
    assert [metrics[f"chose_{other}"].numpy() for other in names] == [float(other == name) for other in names]
    for a, b in zip(state, expected_state, strict=True):
      np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
  assert winners[0] != winners[1]


def test_with_one_child_and_no_categories_it_is_relgan():
  tokens = REAL.tokens
  ours = _algorithm(FIXED, losses=("relativistic",), temperature_step=0)
  theirs = relgan.Algorithm(relgan.Config(schedule_steps=0), _algorithm(FIXED).networks)
  for algorithm in (ours, theirs):
    algorithm.generator_step(sequences.Batch(tokens), SEED, HALF_WAY, rounds=ROUNDS)
  for a, b in zip(_state(ours), _state(theirs), strict=True):
    np.testing.assert_array_equal(a, b)


def test_a_token_that_is_liked_becomes_probable_in_the_categories_that_are_real():
  # With another generator, and a discriminator without views.
  generator = lstm.Generator(LABELLED, lstm.Config(embedding_size=4, hidden_size=5))
  config = catgan.Config(max_inverse_temperature=1.0, generator_learning_rate=0.03, evaluation_batches=1, temperature_step=0)
  algorithm = catgan.Algorithm(config, {"generator": generator, "discriminator": judges.LikesToken(LABELLED, 5)})
  share = lambda: np.mean(generator.sample(500, noise.seed(9), context=1).tokens == 5)  # noqa: E731
  before = share()
  step = tf.function(lambda seed: algorithm.generator_step(REAL, seed, tf.constant(0.0), rounds=1))
  for i in range(60):
    step(noise.fold(SEED, i))
  assert before < 0.3 and share() > 0.8


def test_the_phases_know_how_many_rounds_there_are():
  algorithm = _algorithm(losses=("standard",), temperature_step=0, evaluation_batches=1)
  *_, adversarial = algorithm.phases(base.Schedule(adversarial_steps=2500))
  assert [(update.name, update.repeats) for update in adversarial.updates] == [("generator", 1), ("discriminator", 3)]
  metrics = adversarial.updates[0].train_step(REAL, SEED, HALF_WAY)
  np.testing.assert_allclose(metrics["inverse_temperature"], 10.0, rtol=1e-5)


@pytest.mark.parametrize("losses", [(), ("wasserstein",), ("hinge", "hinge")])
def test_unknown_losses_are_refused(losses):
  with pytest.raises(errors.UserError, match="losses must be one or several different ones of relativistic_average, relativistic, standard"):
    catgan.Config(losses=losses)


def test_the_neighbouring_temperatures_stay_within_the_schedule():
  algorithm = _algorithm(temperature_step=3)
  np.testing.assert_allclose(algorithm._inverse_temperatures(tf.constant(0.2), ROUNDS), [100**0.2, 100**0.5, 100**0.2], rtol=1e-5)
  np.testing.assert_allclose(algorithm._inverse_temperatures(tf.constant(0.9), ROUNDS), [100**0.9, 100.0, 100**0.6], rtol=1e-5)


def test_children_differ_in_their_temperatures():
  def temperatures(n, rounds=2000, **changes):
    found = _algorithm(schedule_steps=5000, **changes)._inverse_temperatures(tf.constant(n / rounds), rounds)
    return [float(x) for x in found]

  # The code's schedule over 5,000 rounds: 6.3 after 2,000 of them.
  beta = lambda n: 100.0 ** (n / 5000)  # noqa: E731
  np.testing.assert_allclose(temperatures(2000), [beta(2000), beta(2001), beta(1999)], rtol=1e-4)
  np.testing.assert_allclose(temperatures(2), [beta(2), beta(3), beta(1)], rtol=1e-4)
  # No earlier temperature in the first two rounds: the third child equals the first and is never fitter.
  np.testing.assert_allclose(temperatures(1), [beta(1), beta(2), beta(1)], rtol=1e-4)
  np.testing.assert_allclose(temperatures(0), [1.0, beta(1), 1.0], rtol=1e-4)
  assert temperatures(3, max_inverse_temperature=1.0) == [1.0]
  assert len(temperatures(3, temperature_schedule="constant")) == 1
