"""Tests of tf_textgan.discriminators.transformer; tests/layers/transformer_test.py has the twin of its blocks."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import seqgan
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import transformer
from tf_textgan.generators import transformer as transformer_generator
from tf_textgan.layers import transformer as blocks
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
TOKENS = tf.constant([[3, 4, 5, 6, 2], [6, 2, 0, 0, 0], [3, 4, 2, 0, 0], [2, 0, 0, 0, 0]])
SIZES = {"embedding_size": 8, "layers": 2, "heads": 2, "feedforward_size": 8, "dropout": 0.0}
SEED = noise.seed(1)


def _discriminator(**changes):
  return transformer.Discriminator(SPEC, transformer.Config(**{**SIZES, **changes}), seed=3)


def _generator(spec=SPEC, **changes):
  return transformer_generator.Generator(spec, transformer_generator.Config(**{**SIZES, **changes}), seed=5)


def test_scores_are_those_of_each_sequence_alone_without_padding():
  discriminator, keep = _discriminator(), lambda x, purpose: x
  for row, score in zip(TOKENS.numpy(), discriminator(TOKENS).numpy()):
    tokens = [1, *row[row > 0]]
    x = tf.constant(discriminator.embedding.numpy()[tokens][None] * 8**0.5)
    for block in discriminator.blocks:
      x, _ = block.read(x, blocks.rotation(len(tokens), 4), tf.ones([len(tokens), len(tokens)], tf.bool), keep)
    features = blocks.norm(x, tf.convert_to_tensor(discriminator.output_scale)).numpy()[0, 1:].mean(axis=0)
    expected = features @ discriminator.score.kernel.numpy() + discriminator.score.bias.numpy()
    np.testing.assert_allclose(score, expected[0], atol=1e-5)


def test_every_token_sees_those_after_it():
  discriminator = _discriminator()
  outputs = [discriminator._outputs(tokens, tf.ones([1, 5, 1]), None)[:, 0] for tokens in (TOKENS[:1], tf.constant([[3, 4, 5, 6, 5]]))]
  assert np.abs(outputs[0] - outputs[1]).max() > 1e-3


def test_from_generator_it_begins_as_the_generators_transformer():
  generator, discriminator = _generator(), _discriminator(from_generator=True)
  algorithm = seqgan.Algorithm(seqgan.Config(discriminator_learning_rate=0.1), {"generator": generator, "discriminator": discriminator})
  assert np.any(discriminator.embedding != generator.embedding)
  algorithm.begin("discriminator")
  assert not _differences(discriminator, generator)
  # Its own attention sees what follows; with the generator's mask it has the generator's outputs.
  discriminator.__class__ = type("Causal", (transformer.Discriminator,), {"causal": True})
  shifted = tf.concat([TOKENS[:, :-1], tf.zeros([4, 1], tf.int32)], axis=1)
  outputs = generator.outputs(TOKENS, tf.zeros([4, 0]))[:, 1:]
  np.testing.assert_allclose(discriminator._outputs(shifted, tf.ones([4, 5, 1]), None)[:, :-1], outputs, atol=1e-5)
  discriminator.__class__ = transformer.Discriminator
  algorithm.discriminator_step(sequences.Batch(TOKENS), SEED, tf.constant(0.0))
  assert _differences(discriminator, generator)


def _differences(discriminator, generator):
  pairs = [(discriminator.embedding, generator.embedding), (discriminator.output_scale, generator.output_scale)]
  for ours, theirs in zip(discriminator.blocks, generator.blocks, strict=True):
    pairs += zip(ours.variables, theirs.variables, strict=True)
  return [ours.name for ours, theirs in pairs if np.any(ours != theirs)]


def test_it_averages_the_generators_categories():
  generator = _generator(dataclasses.replace(SPEC, categories=("a", "b")))
  discriminator = _discriminator(from_generator=True)
  discriminator.attach({"generator": generator})
  discriminator.begin()
  expected = generator.embedding.numpy() + generator.category_embedding.numpy().mean(axis=0)
  np.testing.assert_allclose(discriminator.embedding, expected, rtol=1e-6)


@pytest.mark.parametrize(
  ("generator", "message"),
  [
    (lambda: tiny.network("generator", "lstm", None, SPEC), "begins as its generator's transformer, which lstm has not"),
    (lambda: _generator(embedding_size=16), "the discriminator's embedding_size must be the generator's, 16, not 8$"),
    (lambda: _generator(layers=3), "the discriminator's layers must be the generator's, 3, not 2$"),
    (lambda: _generator(key_value_heads=2), "the discriminator's key_value_heads must be the generator's, 2, not 1$"),
  ],
)
def test_another_generator_is_refused(generator, message):
  _discriminator().attach({"generator": generator()})  # On weights of its own it takes any.
  with pytest.raises(errors.UserError, match=message):
    _discriminator(from_generator=True).attach({"generator": generator()})


def test_dropout_and_rematerialization():
  plain, again = (_discriminator(dropout=0.5, rematerialize=rematerialize) for rematerialize in (False, True))
  assert np.any(plain(TOKENS, seed=SEED) != plain(TOKENS))
  gradients = []
  for discriminator in (plain, again):
    with tf.GradientTape() as tape:
      scores = discriminator(TOKENS, seed=SEED)
    gradients.append([scores, *tape.gradient(scores, discriminator.trainable_variables)])
  for a, b in zip(*gradients, strict=True):
    np.testing.assert_allclose(tf.convert_to_tensor(a), tf.convert_to_tensor(b), atol=1e-5)


def test_impossible_sizes_are_refused():
  with pytest.raises(errors.UserError, match="embedding_size must be a multiple of twice the heads, 8, not 20$"):
    transformer.Config(embedding_size=20)
