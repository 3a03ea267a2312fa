"""Tests of tf_textgan.discriminators.causal_transformer."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import scratchgan
from tf_textgan.algorithms import seqgan
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import causal_transformer
from tf_textgan.generators import transformer as transformer_generator
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
TOKENS = tf.constant([[3, 4, 5, 6, 2], [6, 2, 0, 0, 0], [3, 4, 2, 0, 0], [2, 0, 0, 0, 0]])
MASK = TOKENS.numpy() > 0
SIZES = {"embedding_size": 8, "layers": 2, "heads": 2, "feedforward_size": 8, "dropout": 0.0}
SEED = noise.seed(1)


def _discriminator(**changes):
  return causal_transformer.Discriminator(SPEC, causal_transformer.Config(**{**SIZES, **changes}), seed=3)


def test_a_prefix_is_scored_as_a_whole_sequence():
  discriminator = _discriminator()
  scores = discriminator.token_scores(TOKENS).numpy()
  assert (scores[~MASK] == 0).all() and np.std(scores[MASK]) > 1e-3
  for row, t in zip(*np.nonzero(MASK)):
    prefix = np.where(np.arange(5) <= t, TOKENS.numpy()[row], 0)[None]
    np.testing.assert_allclose(discriminator(tf.constant(prefix)), scores[row, t], atol=1e-5)
  np.testing.assert_allclose(discriminator.token_scores(tf.one_hot(TOKENS, 7)), scores, atol=1e-5)


def test_per_prefix_trains_on_every_prefix():
  discriminator = _discriminator(per_prefix=True)
  fake = tf.constant([[3, 3, 3, 2, 0], [5, 2, 0, 0, 0], [4, 2, 0, 0, 0], [6, 6, 6, 6, 2]])
  signed = np.concatenate([discriminator.token_scores(TOKENS).numpy()[MASK], -discriminator.token_scores(fake).numpy()[fake.numpy() > 0]])
  loss, _ = vanilla.scores(discriminator, sequences.Batch(TOKENS), fake, SEED)
  np.testing.assert_allclose(loss, np.mean(np.logaddexp(0, -signed)), rtol=1e-5)


@pytest.mark.parametrize("module", [seqgan, scratchgan], ids=["seqgan", "scratchgan"])
def test_algorithms_train_it_from_the_generators_weights(module):
  generator = transformer_generator.Generator(SPEC, transformer_generator.Config(**SIZES), seed=5)
  discriminator = _discriminator(per_prefix=True, from_generator=True)
  algorithm = module.Algorithm(module.Config(), {"generator": generator, "discriminator": discriminator})
  algorithm.begin("discriminator")
  np.testing.assert_array_equal(discriminator.blocks[1].up, generator.blocks[1].up)
  for step in (algorithm.discriminator_step, algorithm.generator_step):
    assert all(np.isfinite(value) for value in step(sequences.Batch(TOKENS), SEED, tf.constant(0.5)).values())
