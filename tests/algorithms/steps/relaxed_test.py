"""Tests of tf_textgan.algorithms.steps.relaxed."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms.steps import relaxed
from tf_textgan.generators import relational_memory
from tf_textgan.losses import adversarial
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
SEED = noise.seed(1)


def _gradient(generator, points, weights):
  """The gradient of a weighted sum of the points to the generator's weights."""
  with tf.GradientTape() as tape:
    value = tf.reduce_sum(points() * weights)
  return [tf.convert_to_tensor(g) for g in tape.gradient(value, generator.trainable_variables)]


@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
def test_the_gradient_of_hard_feedback_matches_the_sampling_loop(spec):
  generator = relational_memory.Generator(spec, relational_memory.Config(embedding_size=4, heads=2, head_size=3, latent_size=3))
  weights = tf.random.stateless_normal([30, 4, 7], SEED)
  inverse_temperature = tf.constant(2.0)
  sample = lambda: generator.sample(30, SEED, pickers.GumbelSoftmax(1.0 / inverse_temperature))  # noqa: E731
  samples = sample()
  expected = _gradient(generator, lambda: sample().points, weights)
  actual = _gradient(generator, lambda: relaxed.points_of_tokens(generator, samples, inverse_temperature), weights)
  np.testing.assert_array_equal(relaxed.points_of_tokens(generator, samples, inverse_temperature), samples.points)
  for a, b in zip(actual, expected, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
  if spec is TEXT:
    assert np.any(samples.tokens == 0)


@pytest.mark.parametrize(
  ("schedule", "values"),
  [
    # Rounds 0, 2500 and 5000 of the code's 5000, from 1 to 100.
    ("exponential", [1.0, 10.0, 100.0]),
    ("linear", [1.0, 1.0 + 99 * 2500 / 4999, 1.0 + 99 * 5000 / 4999]),
    ("logarithmic", [1.0, 1.0 + 99 * 7.824446 / 8.517193, 1.0 + 99 * 8.517393 / 8.517193]),
    ("sigmoid", [1.0 + 99 / (1 + np.exp(10)), 50.5, 1.0 + 99 / (1 + np.exp(-10))]),
    ("quadratic", [1.0, 1.0 + 99 * (2500 / 4999) ** 2, 1.0 + 99 * (5000 / 4999) ** 2]),
    ("square_root", [1.0, 1.0 + 99 * (2500 / 4999) ** 0.5, 1.0 + 99 * (5000 / 4999) ** 0.5]),
    ("constant", [100.0, 100.0, 100.0]),
  ],
)
def test_the_inverse_temperature_grows_as_published(schedule, values):
  found = [relaxed.inverse_temperature(tf.constant(n), 5000, 100.0, schedule).numpy() for n in (0.0, 2500.0, 5000.0)]
  np.testing.assert_allclose(found, values, rtol=1e-4)
  # Past its rounds it stays.
  np.testing.assert_array_equal(relaxed.inverse_temperature(tf.constant(9000.0), 5000, 100.0, schedule), found[-1])


def test_only_the_relativistic_game_shows_the_generator_real_scores():
  fake, one, other = tf.constant([0.5, -1.0]), tf.constant([3.0, 4.0]), tf.constant([-3.0, 1.0])
  for name, (_, generator_loss) in relaxed.GAMES.items():
    assert np.array_equal(generator_loss(one, fake), generator_loss(other, fake)) == (name != "relativistic")
  np.testing.assert_array_equal(relaxed.GAMES["hinge"][1](one, fake), adversarial.wasserstein_generator(fake))
