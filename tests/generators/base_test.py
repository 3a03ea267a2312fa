"""Tests of tf_textgan.generators.base: generation in chunks, and in categories."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.generators import base
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

SPEC = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
GENERATOR = lstm.Generator(SPEC, lstm.Config(embedding_size=4, hidden_size=6, latent_size=3, init_stddev=1.0))


@pytest.mark.parametrize("num", [1, 8, 20])
@pytest.mark.parametrize("compiled", [False, True])
def test_write_returns_all_rows(num, compiled, monkeypatch):
  monkeypatch.setattr(base, "_CHUNK", 8)
  write = tf.function(GENERATOR.write) if compiled else GENERATOR.write
  tokens, log_probs, *_ = write(tf.constant(num), noise.seed(1))
  assert tokens.shape == [num, 5] and log_probs.shape == [num]
  again = GENERATOR.write(num, noise.seed(1)).tokens
  np.testing.assert_array_equal(tokens, again)
  # The first chunk does not depend on the number of chunks.
  np.testing.assert_array_equal(tokens[:8], GENERATOR.write(8, noise.seed(1))[0][:num])


def test_chunks_differ_and_so_do_seeds(monkeypatch):
  monkeypatch.setattr(base, "_CHUNK", 8)
  tokens = GENERATOR.write(16, noise.seed(1))[0].numpy()
  assert np.any(tokens[:8] != tokens[8:])
  assert np.any(tokens != GENERATOR.write(16, noise.seed(2))[0].numpy())


def test_write_sums_the_log_probs_of_its_samples(monkeypatch):
  monkeypatch.setattr(base, "_CHUNK", 8)
  log_probs = GENERATOR.write(16, noise.seed(1)).log_probs
  first = GENERATOR.sample(8, noise.fold(noise.seed(1), 0))
  np.testing.assert_allclose(log_probs[:8], tf.reduce_sum(first.log_probs, axis=1), atol=1e-6)


def test_write_with_a_picker():
  tokens = GENERATOR.write(4, noise.seed(1), pickers.Categorical(temperature=0.0)).tokens
  np.testing.assert_array_equal(tokens, GENERATOR.sample(4, noise.fold(noise.seed(1), 0), pickers.Argmax()).tokens)


def test_samples_keep_their_latent():
  """Greedy samples are the most probable tokens under teacher forcing with the samples' own z."""
  samples = GENERATOR.sample(30, noise.seed(3), pickers.Argmax())
  logits = GENERATOR(samples.tokens, samples.latent)
  generated = samples.tokens.numpy() != 0
  np.testing.assert_array_equal(tf.argmax(logits, axis=-1).numpy()[generated], samples.tokens.numpy()[generated])
  latent = GENERATOR.prior(2000, noise.seed(4)).numpy()
  assert latent.shape == (2000, 3)
  assert np.abs(latent.mean(axis=0)).max() < 0.1 and np.abs(latent.std(axis=0) - 1).max() < 0.1


def _conditional(latent_size=2):
  spec = dataclasses.replace(SPEC, categories=("a", "b", "c"))
  return lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=6, latent_size=latent_size, init_stddev=1.0))


def test_the_inputs_of_a_sample_are_z_and_a_context():
  generator = _conditional()
  z, context = generator.draw_inputs(3000, noise.seed(4))
  assert z.shape == [3000, 2] and context.shape == [3000] and context.dtype == tf.int32
  # Equal shares, to five standard errors.
  assert np.abs(np.bincount(context, minlength=3) / 3000 - 1 / 3).max() < 5 * np.sqrt(2 / 9 / 3000)
  same_z, given = generator.draw_inputs(3000, noise.seed(4), tf.range(3000) % 3)
  np.testing.assert_array_equal(same_z, z)
  np.testing.assert_array_equal(given, np.arange(3000) % 3)


def test_the_likelihood_is_exact_without_a_latent():
  assert (GENERATOR.likelihood, _conditional(latent_size=0).likelihood) == ("bound", "exact")


@pytest.mark.parametrize("compiled", [False, True])
def test_write_in_a_category(compiled, monkeypatch):
  monkeypatch.setattr(base, "_CHUNK", 8)
  generator = _conditional()
  write = tf.function(generator.write) if compiled else generator.write
  num, seed = tf.constant(20), noise.seed(1)
  mixed = write(num, seed)
  np.testing.assert_array_equal(mixed[0], write(num, seed, None, generator.draw_context(20, seed))[0])
  first = write(num, seed, None, tf.constant(1))
  np.testing.assert_array_equal(first[0], write(num, seed, None, tf.ones([20], tf.int32))[0])
  assert np.any(first[0] != write(num, seed, None, tf.constant(2))[0])
  # The second chunk's rows have their own categories.
  categories = tf.constant([0] * 8 + [1, 2] * 6)
  chunk = generator.sample(8, noise.fold(seed, 1), context=categories[8:16])
  tokens, log_probs, context, *_ = write(num, seed, None, categories)
  np.testing.assert_array_equal(context, categories)
  np.testing.assert_array_equal(tokens[8:16], chunk.tokens)
  np.testing.assert_allclose(log_probs[8:16], tf.reduce_sum(chunk.log_probs, axis=1), atol=1e-5)


def test_an_unknown_category_is_refused():
  assert GENERATOR.draw_context(3, noise.seed(1)) is None
  with pytest.raises(ValueError, match="knows no categories"):
    GENERATOR.sample(3, noise.seed(1), context=0)
