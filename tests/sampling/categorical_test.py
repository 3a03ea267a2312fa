"""Tests of tf_textgan.sampling.categorical."""

import numpy as np
import pytest
import tensorflow as tf

from tests import frequencies
from tf_textgan.sampling import categorical
from tf_textgan.sampling import noise

SIZES = [1, 2, 7, 50, 101, 5000]
LARGEST_UNIFORM = np.float32(1.0 - 2.0**-23)


def _logits(vocab_size, rows=1, scale=1.5):
  return np.random.default_rng(vocab_size).normal(0.0, scale, [rows, vocab_size]).astype(np.float32)


def _softmax(logits):
  weights = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
  return weights / weights.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("vocab_size", SIZES)
def test_frequencies_are_the_softmax(vocab_size):
  logits = _logits(vocab_size)
  rows, seeds = (2000, 10) if vocab_size > 1000 else (40000, 1)
  tokens = np.concatenate([categorical.draw(tf.repeat(logits, rows, axis=0), noise.seed(s)).tokens for s in range(seeds)])
  # Rare tokens are pooled by position in their block, then by block.
  for group in (np.arange(vocab_size) % 50, np.arange(vocab_size) * 50 // vocab_size):
    frequencies.assert_drawn_from(group[tokens], np.bincount(group, weights=_softmax(logits)[0]))


@pytest.mark.parametrize("vocab_size", SIZES)
def test_invert_cdf_equals_searchsorted(vocab_size):
  random = np.random.default_rng(1)
  weights = random.exponential(size=[300, vocab_size]).astype(np.float32)
  uniforms = random.uniform(size=300).astype(np.float32)
  ends = np.cumsum(weights.astype(np.float64), axis=-1)
  targets = uniforms * ends[:, -1]
  expected = np.array([np.searchsorted(e, u, side="right") for e, u in zip(ends, targets)])
  # Within float32 rounding of a boundary, either side is right.
  clear = np.abs(ends - targets[:, None]).min(axis=-1) > 1e-6 * ends[:, -1]
  assert clear.mean() > 0.9
  found = categorical.invert_cdf(tf.constant(weights), tf.constant(uniforms)).numpy()
  np.testing.assert_array_equal(found[clear], expected[clear])
  assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize("vocab_size", SIZES)
def test_the_ends_of_the_unit_interval_give_the_first_and_last_token(vocab_size):
  weights = tf.ones([2, vocab_size])
  np.testing.assert_array_equal(categorical.invert_cdf(weights, tf.constant([0.0, LARGEST_UNIFORM])), [0, vocab_size - 1])


@pytest.mark.parametrize("vocab_size", [7, 50, 101, 5000])
def test_tokens_of_weight_zero_are_never_drawn(vocab_size):
  random = np.random.default_rng(2)
  weights = np.zeros([500, vocab_size], np.float32)
  for row in weights:
    allowed = random.choice(vocab_size, random.integers(1, 6), replace=False)
    row[allowed] = random.exponential(size=len(allowed))
  uniforms = np.concatenate([np.zeros(100), np.full(100, LARGEST_UNIFORM), random.uniform(size=300)]).astype(np.float32)
  for function in (categorical.invert_cdf, tf.function(categorical.invert_cdf, jit_compile=True)):
    tokens = function(tf.constant(weights), tf.constant(uniforms)).numpy()
    assert (np.take_along_axis(weights, tokens[:, None], axis=1) > 0).all()
  first, last = (weights > 0).argmax(axis=1), vocab_size - 1 - (weights > 0)[:, ::-1].argmax(axis=1)
  np.testing.assert_array_equal(tokens[:100], first[:100])
  np.testing.assert_array_equal(tokens[100:200], last[100:200])


def test_a_logit_of_minus_infinity_is_never_drawn():
  logits = np.zeros([1000, 4], np.float32)
  logits[:, [0, 2]] = -np.inf
  draw = categorical.draw(tf.constant(logits), noise.seed(3))
  assert set(draw.tokens.numpy()) == {1, 3}
  np.testing.assert_allclose(draw.log_probs, np.log(0.5), atol=1e-6)


@pytest.mark.parametrize("vocab_size", SIZES)
def test_log_probs_belong_to_the_tokens(vocab_size):
  logits = tf.constant(_logits(vocab_size, rows=64, scale=3.0))
  draw = categorical.draw(logits, noise.seed(4))
  expected = tf.gather(tf.nn.log_softmax(logits), draw.tokens, batch_dims=1)
  np.testing.assert_allclose(draw.log_probs, expected, atol=1e-5)


def test_same_seed_same_tokens():
  logits = tf.constant(_logits(50, rows=200))
  np.testing.assert_array_equal(categorical.draw(logits, noise.seed(5)).tokens, categorical.draw(logits, noise.seed(5)).tokens)
  assert np.any(categorical.draw(logits, noise.seed(5)).tokens != categorical.draw(logits, noise.seed(6)).tokens)


def test_logits_are_a_matrix():
  with pytest.raises(ValueError):
    categorical.draw(tf.zeros([2, 3, 4]), noise.seed(0))
