"""Tests of tf_textgan.algorithms.ddo."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import ddo
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
BITS = sequences.Spec(vocab_size=2, length=2, start_token=0)
REAL = np.array([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]], np.int32)
SEED = noise.seed(1)
START = tf.constant(0.0)


def _algorithm(spec=FIXED, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.7))
  return ddo.Algorithm(ddo.Config(**{"clip_norm": 0.0, **changes}), {"generator": generator})


def _apart(algorithm):
  """Moves the generator away from its frozen copy, in the midst of a round."""
  algorithm.optimizers["generator_optimizer"].iterations.assign(1)
  for i, variable in enumerate(algorithm.generator.trainable_variables):
    variable.assign_add(0.3 * np.random.default_rng(i).normal(size=variable.shape))
  return algorithm


def _log_prob(network, tokens):
  return tf.reduce_sum(network.log_probs(tf.constant(tokens), tf.zeros([len(tokens), 0])), axis=1)


@pytest.mark.parametrize("changes", [{}, {"alpha": 4.0}, {"alpha": 0.5, "beta": 0.3}, {"pairwise": True}], ids=str)
def test_the_loss_matches_a_slow_twin(changes):
  algorithm = _apart(_algorithm(TEXT, **changes))
  reference, config = algorithm.modules["reference"], algorithm.config
  fake = reference.sample(3, noise.fold(SEED, "fake")).tokens.numpy()
  real_ratio, fake_ratio = ((_log_prob(algorithm.generator, x) - _log_prob(reference, x)).numpy().astype(np.float64) for x in (REAL, fake))
  b = config.beta / np.sqrt((4 + 2 + 3) / 3)
  sigmoid = lambda x: 1.0 / (1.0 + np.exp(-x))  # noqa: E731
  if config.pairwise:
    expected = np.mean(-np.log(sigmoid(b * (real_ratio - fake_ratio))))
  else:
    alpha = config.alpha
    expected = np.mean(-np.log(sigmoid(b * real_ratio)) - alpha * np.log(sigmoid(-b * fake_ratio))) / max(alpha, 1.0)
  metrics = algorithm.generator_step(sequences.Batch(tf.constant(REAL)), SEED, START)
  np.testing.assert_allclose(metrics["loss"], expected, rtol=1e-4)
  np.testing.assert_allclose([metrics["real_ratio"], metrics["fake_ratio"]], [real_ratio.mean(), fake_ratio.mean()], rtol=1e-3)
  np.testing.assert_allclose(metrics["accuracy"], np.mean(real_ratio > fake_ratio))


def test_the_copy_is_renewed_after_every_round_and_frozen_within():
  algorithm = _algorithm(round_steps=3)
  weights = lambda network: [w.copy() for w in network.get_weights()]  # noqa: E731
  for i in range(7):
    before, reference = weights(algorithm.generator), weights(algorithm.modules["reference"])
    metrics = algorithm.generator_step(sequences.Batch(tf.constant(REAL)), noise.fold(SEED, i), START)
    expected = before if i % 3 == 0 else reference
    for one, two in zip(expected, algorithm.modules["reference"].get_weights()):
      np.testing.assert_allclose(one, two, atol=1e-6)
    # At the beginning of a round the two are equal.
    assert (abs(float(metrics["real_ratio"])) < 1e-4) == (i % 3 == 0)


def test_the_factor_keeps_the_spread_of_the_logit_when_sentences_grow():
  """Tokens are independent and alike: the ratio's deviation over the samples grows with the square root of the length, the logit's does not."""
  spread = {}
  for length in (4, 64):
    spec = sequences.Spec(vocab_size=7, length=length, start_token=0)
    algorithm = _algorithm(spec)
    for network in (algorithm.generator, algorithm.modules["reference"]):
      network.output_kernel.assign(tf.zeros_like(network.output_kernel))  # The state has no effect.
    algorithm.generator.output_bias.assign_add([0.2, 0, 0, 0, 0, 0, -0.2])
    tokens = algorithm.modules["reference"].sample(4000, SEED).tokens.numpy()
    ratio = (_log_prob(algorithm.generator, tokens) - _log_prob(algorithm.modules["reference"], tokens)).numpy()
    spread[length] = ratio.std(), ratio.std() * algorithm.config.beta / np.sqrt(length)
  assert spread[64][0] == pytest.approx(4.0 * spread[4][0], rel=0.1)
  assert spread[64][1] == pytest.approx(spread[4][1], rel=0.1)


def _best(reference, real, factor):
  """The probabilities of four sequences with the least expected loss, by descent on their logits."""
  logits, optimizer = tf.Variable(np.log(reference)), keras.optimizers.Adam(0.02)
  for _ in range(1000):
    with tf.GradientTape() as tape:
      score = factor * (tf.nn.log_softmax(logits) - np.log(reference))
      loss = tf.reduce_sum(real * tf.nn.softplus(-score) + reference * tf.nn.softplus(score))
    optimizer.apply([tape.gradient(loss, logits)], [logits])
  return tf.nn.softmax(logits).numpy()


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_it_finds_the_best_generator_which_is_the_text_at_a_factor_of_one(factor):
  """On two bits, with every probability known."""
  every = np.array(list(itertools.product(range(2), repeat=2)), np.int32)
  counts = np.array([8, 4, 2, 2])
  algorithm = _algorithm(BITS, beta=factor * np.sqrt(2.0), round_steps=10_000, generator_learning_rate=0.02)
  reference = np.exp(_log_prob(algorithm.generator, every).numpy())
  step = tf.function(algorithm.generator_step)
  for i in range(400):
    step(sequences.Batch(tf.constant(np.repeat(every, 16 * counts, axis=0))), noise.fold(SEED, i), START)
  best = _best(reference, (counts / 16).astype(np.float32), factor)
  np.testing.assert_allclose(np.exp(_log_prob(algorithm.generator, every).numpy()), best, atol=0.06)
  # From the copy to the text and, below 1, beyond.
  along = np.dot(best - reference, counts / 16 - reference) / np.sum((counts / 16 - reference) ** 2)
  assert (along > 1.02) == (factor < 1) and (along < 0.98) == (factor > 1)


@pytest.mark.parametrize("pairwise", [False, True])
def test_it_moves_from_samples_to_real_text(pairwise):
  algorithm = _algorithm(TEXT, pairwise=pairwise, generator_learning_rate=0.01, round_steps=10)
  before = _log_prob(algorithm.generator, REAL).numpy().mean()
  step = tf.function(algorithm.generator_step)
  for i in range(40):
    metrics = step(sequences.Batch(tf.constant(np.repeat(REAL, 8, axis=0))), noise.fold(SEED, i), START)
  assert _log_prob(algorithm.generator, REAL).numpy().mean() > before + 1.0
  assert metrics["real_ratio"] > metrics["fake_ratio"]


@pytest.mark.parametrize("changes", [{"beta": 0.0}, {"alpha": -1.0}, {"round_steps": 0}], ids=str)
def test_impossible_settings_are_refused(changes):
  with pytest.raises(errors.UserError, match=next(iter(changes))):
    ddo.Config(**changes)
