"""Tests of tf_textgan.algorithms.steps.relaxed."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms.steps import relaxed
from tf_textgan.generators import lstm
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


@pytest.mark.parametrize("shape", [(6,), (6, 3)], ids=["scores", "views"])
@pytest.mark.parametrize("name", relaxed.GAMES)
def test_the_losses_of_each_game(name, shape):
  random = np.random.default_rng(0)
  r, f = (2.0 * random.normal(size=shape) for _ in range(2))
  softplus = lambda x: np.log1p(np.exp(x))  # noqa: E731
  expected = {
    "relativistic": (softplus(f - r), softplus(r - f)),
    "standard": (softplus(-r) + softplus(f), softplus(-f)),
    "hinge": (np.maximum(1 - r, 0) + np.maximum(1 + f, 0), -f),
    "least_squares": ((r - 1) ** 2 + f**2, (f - 1) ** 2),
    "wasserstein": (f - r, -f),
  }[name]
  for loss, value in zip(relaxed.GAMES[name], expected, strict=True):
    np.testing.assert_allclose(loss(tf.constant(r), tf.constant(f)), value, rtol=1e-6)


def test_points_are_read_in_the_context_of_their_sample_and_padding_has_no_gradient():
  spec = dataclasses.replace(TEXT, categories=("a", "b"))
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, latent_size=3, init_stddev=0.7))
  sample = lambda: generator.sample(30, SEED, pickers.GumbelSoftmax(0.5), context=tf.range(30) % 2)  # noqa: E731
  samples, weights = sample(), tf.random.stateless_normal([30, 4, 7], SEED)
  points = lambda: relaxed.points_of_tokens(generator, samples, tf.constant(2.0))  # noqa: E731
  for a, b in zip(_gradient(generator, points, weights), _gradient(generator, lambda: sample().points, weights), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
  padding = tf.cast(samples.tokens == 0, tf.float32)[:, :, None]
  assert np.any(padding)
  for gradient in _gradient(generator, points, weights * padding):
    np.testing.assert_array_equal(gradient, np.zeros_like(gradient))
