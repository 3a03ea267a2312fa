"""Tests of tf_textgan.discriminators.cnn_highway."""

import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.discriminators import cnn_highway
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=5, start_token=0)
CONFIG = cnn_highway.Config(embedding_size=4, widths=(1, 2, 3, 6), filters=(3, 4, 5, 6), dropout=0.5, output_l2=0.05)
TOKENS = tf.constant(np.random.default_rng(0).integers(0, 7, [9, 5]), tf.int32)


def _twin(discriminator, tokens):
  """Slow numpy twin without dropout: `[B]`."""
  scores = []
  for row in discriminator.embedding.numpy()[tokens]:
    features = []
    for layer in discriminator.convolutions:
      kernel, bias = (w.numpy() for w in layer.weights)
      width = len(kernel)
      responses = [np.tensordot(row[t : t + width], kernel, 2) + bias for t in range(len(row) - width + 1)]
      features.append(np.max(np.maximum(responses, 0.0), axis=0))
    x = np.concatenate(features)
    (gate, gate_bias), (highway, highway_bias), (out, out_bias) = (
      [w.numpy() for w in layer.weights] for layer in (discriminator.gate, discriminator.highway, discriminator.score)
    )
    g = 1 / (1 + np.exp(-(x @ gate + gate_bias)))
    x = g * np.maximum(x @ highway + highway_bias, 0.0) + (1 - g) * x
    scores.append((x @ out + out_bias)[0])
  return np.array(scores)


def test_scores_are_those_of_a_slow_twin():
  discriminator = cnn_highway.Discriminator(SPEC, CONFIG)
  scores = discriminator(TOKENS).numpy()
  assert scores.shape == (9,) and scores.std() > 1e-3
  np.testing.assert_allclose(scores, _twin(discriminator, TOKENS.numpy()), atol=1e-5)


def test_widths_beyond_the_sequence_are_left_out():
  discriminator = cnn_highway.Discriminator(SPEC, CONFIG)
  assert [layer.kernel_size for layer in discriminator.convolutions] == [(1,), (2,), (3,)]
  assert discriminator.score.kernel.shape == (3 + 4 + 5, 1)
  short = cnn_highway.Discriminator(sequences.Spec(7, 1, 0), CONFIG)
  assert [layer.kernel_size for layer in short.convolutions] == [(1,)]


def test_the_penalty_is_the_squared_norm_of_the_output_layer():
  discriminator = cnn_highway.Discriminator(SPEC, CONFIG)
  np.testing.assert_allclose(discriminator.regularization(), 0.05 * np.sum(discriminator.score.kernel.numpy() ** 2), rtol=1e-5)


def test_dropout_leaves_features_out_with_a_seed_only():
  discriminator = cnn_highway.Discriminator(SPEC, CONFIG)
  kept = cnn_highway.Discriminator(SPEC, cnn_highway.Config(4, (1, 2, 3, 6), (3, 4, 5, 6), dropout=0.0))
  seed = noise.seed(1)
  assert np.any(discriminator(TOKENS, seed) != discriminator(TOKENS))
  np.testing.assert_array_equal(kept(TOKENS, seed), kept(TOKENS))
  # Scaled so that the expected score is the score without.
  scores = np.mean(np.reshape(discriminator(tf.repeat(TOKENS, 400, axis=0), seed), [9, 400]), axis=1)
  np.testing.assert_allclose(scores, discriminator(TOKENS), atol=0.05)
