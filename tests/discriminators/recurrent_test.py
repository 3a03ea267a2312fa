"""Tests of tf_textgan.discriminators.recurrent."""

import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.discriminators import recurrent
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=5, start_token=0)
CONFIG = recurrent.Config(embedding_size=4, hidden_size=6, dropout=0.5)
TOKENS = tf.constant(np.random.default_rng(0).integers(0, 7, [9, 5]), tf.int32)


def test_scores_match_a_slow_twin():
  discriminator = recurrent.Discriminator(SPEC, CONFIG)
  kernel, recurrent_kernel, bias = (w.numpy() for w in discriminator.lstm.weights)
  sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
  h, c, outputs = np.zeros([9, 6]), np.zeros([9, 6]), []
  embedded = discriminator.embedding.numpy()[TOKENS.numpy()]
  for t in range(5):
    i, f, g, o = np.split(embedded[:, t] @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    outputs.append(h)
  out, out_bias = (w.numpy() for w in discriminator.score.weights)
  scores = discriminator(TOKENS).numpy()
  assert scores.std() > 1e-2
  np.testing.assert_allclose(scores, (np.mean(outputs, axis=0) @ out + out_bias)[:, 0], atol=1e-5)


def test_dropout_needs_a_seed():
  discriminator = recurrent.Discriminator(SPEC, CONFIG)
  seed = noise.seed(1)
  assert np.any(discriminator(TOKENS, seed=seed) != discriminator(TOKENS))
  scores = np.mean(np.reshape(discriminator(tf.repeat(TOKENS, 400, axis=0), seed=seed), [9, 400]), axis=1)
  np.testing.assert_allclose(scores, discriminator(TOKENS), atol=0.05)


def test_a_prefix_is_scored_as_a_whole_sequence():
  spec = sequences.Spec(vocab_size=7, length=5, start_token=0)
  discriminator = recurrent.Discriminator(spec, recurrent.Config(4, 6, dropout=0.0))
  random = np.random.default_rng(0)
  tokens = random.integers(0, 7, [3, 5]).astype(np.int32)
  points = random.dirichlet(np.ones(7), [3, 5]).astype(np.float32)
  scores = discriminator.prefixes(tf.constant(tokens), tf.constant(points)).numpy()
  for t in range(5):
    # A shorter sequence: tokens up to t as one-hot rows, then the point.
    rows = np.concatenate([np.eye(7, dtype=np.float32)[tokens[:, :t]], points[:, t : t + 1]], axis=1)
    np.testing.assert_allclose(scores[:, t], discriminator(tf.constant(rows)), atol=1e-5)
