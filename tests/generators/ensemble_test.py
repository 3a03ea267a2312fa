"""Tests of tf_textgan.generators.ensemble."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests import frequencies
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.conformance import tiny
from tf_textgan.generators import conv_resnet
from tf_textgan.generators import ensemble
from tf_textgan.generators import lstm
from tf_textgan.generators import relational_memory
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

SEED = noise.seed(1)


def _members(spec, latent_sizes=(3, 0)):
  """Two networks of different classes and sizes."""
  first = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=1.0, latent_size=latent_sizes[0]), seed=1)
  return [first, relational_memory.Generator(spec, relational_memory.Config(head_size=4, latent_size=latent_sizes[1]), seed=2)]


def _softmax(logits):
  weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
  return weights / weights.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("spec", [*tiny.SPECS.values(), tiny.LABELLED_SPEC], ids=[*tiny.SPECS, "labelled"])
@pytest.mark.parametrize("temperature", [None, 0.5])
def test_log_probabilities_are_of_the_mean_distribution(spec, temperature):
  members = _members(spec)
  generator = ensemble.Generator(members)
  # More positions than are scored together.
  num = 50
  category = tf.range(num) % 3 if spec.categories else None
  samples = generator.sample(num, SEED, context=category)
  tokens, latent = samples.tokens.numpy(), samples.latent
  parts = (latent, latent[:, 3:])
  probs = np.mean([_softmax(member(samples.tokens, part, category).numpy().astype(float)) for member, part in zip(members, parts)], axis=0)
  assert latent.shape == [num, 3] and generator.latent_size == 3
  with np.errstate(divide="ignore"):
    powers = probs ** (1.0 / (temperature or 1.0))
    expected = np.log(np.take_along_axis(powers / powers.sum(axis=-1, keepdims=True), tokens[..., None], axis=2))[..., 0]
  expected = np.where(spec.mask(samples.tokens).numpy() > 0, expected, 0.0)
  np.testing.assert_allclose(generator.log_probs(samples.tokens, latent, category, temperature=temperature), expected, atol=1e-5)
  if temperature is None:
    # Step by step and teacher forcing agree.
    np.testing.assert_allclose(samples.log_probs, expected, atol=1e-5)
  if spec.end_token is not None:
    assert (tokens == sequences.PAD).any() and not np.isin(tokens[:, 0], spec.forbidden_tokens).any()


def test_it_samples_from_the_mean_of_probabilities():
  spec = sequences.Spec(vocab_size=3, length=2, start_token=0)
  generator = ensemble.Generator(_members(spec, (0, 0)))
  every = np.array(list(itertools.product(range(3), repeat=2)), np.int32)
  for temperature in (1.0, 0.5):
    probs = np.exp(tf.reduce_sum(generator.log_probs(tf.constant(every), tf.zeros([9, 0]), temperature=temperature), axis=1).numpy())
    np.testing.assert_allclose(probs.sum(), 1.0, rtol=1e-5)
    tokens, log_probs, *_ = tf.function(generator.write)(tf.constant(4000), SEED, pickers.Categorical(temperature))
    places = tokens.numpy() @ [3, 1]
    frequencies.assert_drawn_from(places, probs)
    np.testing.assert_allclose(np.exp(log_probs), probs[places], rtol=1e-4)


def test_generators_that_cannot_be_combined_are_refused():
  spec = tiny.SPECS["fixed"]
  first = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5))
  other = lstm.Generator(dataclasses.replace(spec, length=5), lstm.Config(embedding_size=4, hidden_size=5))
  one_shot = conv_resnet.Generator(spec, conv_resnet.Config(latent_size=4, channels=8, blocks=1))
  for members, message in (([first], "two or more runs"), ([first, one_shot], "token by token"), ([first, other], "differ in vocabulary, length")):
    with pytest.raises(errors.UserError, match=message):
      ensemble.Generator(members)
