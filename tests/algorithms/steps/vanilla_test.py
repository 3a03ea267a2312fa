"""Tests of tf_textgan.algorithms.steps.vanilla."""

import dataclasses

import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
SEED = noise.seed(1)
REAL = tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]])


def _generator(spec, stddev=0.1):
  return lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=stddev))


def test_the_loss_is_computed_from_the_scores():
  generator, discriminator = _generator(TEXT, 1.0), recurrent.Discriminator(TEXT, recurrent.Config(4, 5, dropout=0.0))
  fake = generator.sample(3, noise.fold(SEED, "fake")).tokens
  real_scores, fake_scores = (discriminator(tokens).numpy().astype(np.float64) for tokens in (REAL, fake))
  metrics = vanilla.step(generator, discriminator, base.adam(discriminator, 1e-3), sequences.Batch(REAL), SEED)
  np.testing.assert_allclose(metrics["loss"], np.mean(np.log1p(np.exp(-real_scores)) + np.log1p(np.exp(fake_scores))), rtol=1e-5)
  np.testing.assert_allclose(metrics["accuracy"], 0.5 * np.mean(real_scores > 0) + 0.5 * np.mean(fake_scores < 0))


def test_samples_and_scores_are_conditioned_on_the_real_contexts():
  spec, context = dataclasses.replace(TEXT, categories=("a", "b")), tf.constant([1, 0, 1])
  generator, discriminator = _generator(spec, 1.0), recurrent.Discriminator(spec, recurrent.Config(4, 5, dropout=0.0))
  fake = generator.sample(3, noise.fold(SEED, "fake"), context=context).tokens
  scores = [discriminator(tokens, context=context).numpy().astype(np.float64) for tokens in (REAL, fake)]
  metrics = vanilla.step(generator, discriminator, base.adam(discriminator, 1e-3), sequences.Batch(REAL, context), SEED)
  np.testing.assert_allclose(metrics["loss"], np.mean(np.log1p(np.exp(-scores[0])) + np.log1p(np.exp(scores[1]))), rtol=1e-5)


def test_a_real_row_and_a_generated_one_take_turns():
  tokens, context = vanilla.paired(sequences.Batch(REAL, tf.constant([1, 0, 2])), REAL + 1)
  np.testing.assert_array_equal(tokens[0::2], REAL)
  np.testing.assert_array_equal(tokens[1::2], REAL + 1)
  np.testing.assert_array_equal(context, [1, 1, 0, 0, 2, 2])
  assert vanilla.paired(sequences.Batch(REAL), REAL)[1] is None


def test_it_learns_to_classify():
  generator, discriminator = _generator(FIXED), recurrent.Discriminator(FIXED, recurrent.Config(8, 8))
  optimizer = base.adam(discriminator, 0.01)
  step = tf.function(lambda real, seed: vanilla.step(generator, discriminator, optimizer, sequences.Batch(real), seed), autograph=False)
  for i in range(60):
    metrics = step(tf.fill([32, 4], 5), noise.fold(SEED, i))
  assert metrics["accuracy"] > 0.95 and metrics["loss"] < 0.5
