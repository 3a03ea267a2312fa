"""Tests of tf_textgan.discriminators.language_model."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.discriminators import language_model

FIXED = sequences.Spec(vocab_size=7, length=5, start_token=3)
TEXT = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
TOKENS = {
  FIXED: np.random.default_rng(0).integers(0, 7, [6, 5]),
  TEXT: np.array([[3, 4, 2, 0, 0], [2, 0, 0, 0, 0], [5, 6, 3, 4, 2], [6, 6, 6, 6, 6]]),
}


def _twin(discriminator, tokens):
  """Slow numpy twin: `[B, T]`, padding included."""
  weights = (discriminator.embedding, *discriminator.lstms[0].trainable_variables, discriminator.output_kernel, discriminator.output_bias)
  embedding, kernel, recurrent, bias, output_kernel, output_bias = (w.numpy().astype(np.float64) for w in weights)
  sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
  result = np.zeros(tokens.shape)
  for b, row in enumerate(tokens):
    h = c = np.zeros(len(recurrent))
    for t, last in enumerate([discriminator.spec.start_token, *row[:-1]]):
      i, f, g, o = np.split(embedding[last] @ kernel + h @ recurrent + bias, 4)
      c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
      h = sigmoid(o) * np.tanh(c)
      logits = h @ output_kernel + output_bias
      result[b, t] = np.log(np.exp(logits).sum()) - logits[row[t]]
  return result


@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
def test_likelihoods_and_scores_match_a_slow_twin(spec):
  discriminator = language_model.Discriminator(spec, language_model.Config(4, 5, init_stddev=1.0))
  tokens = TOKENS[spec]
  mask = np.ones(tokens.shape) if spec is FIXED else (tokens != 0)
  expected = _twin(discriminator, tokens) * mask
  np.testing.assert_allclose(discriminator.token_nll(tf.constant(tokens, tf.int32)), expected, rtol=1e-4, atol=1e-5)
  scores = expected.sum(axis=1) / mask.sum(axis=1) - np.log(7)
  np.testing.assert_allclose(discriminator(tf.constant(tokens, tf.int32)), scores, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(discriminator(tf.one_hot(tokens, 7)), scores, rtol=1e-4, atol=1e-5)


def test_an_empty_sequence_has_a_score():
  discriminator = language_model.Discriminator(TEXT, language_model.Config(4, 5))
  assert np.isfinite(discriminator(tf.zeros([2, 5], tf.int32))).all()
  assert np.isfinite(discriminator(tf.one_hot(tf.zeros([2, 5], tf.int32), 7))).all()
