"""Tests of tf_textgan.discriminators.cnn_highway."""

import numpy as np
import pytest
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
      features.append(np.max([np.zeros_like(bias), *responses], axis=0))
    x = np.concatenate(features)
    (gate, gate_bias), (highway, highway_bias), (out, out_bias) = (
      [w.numpy() for w in layer.weights] for layer in (discriminator.gate, discriminator.highway, discriminator.score)
    )
    g = 1 / (1 + np.exp(-(x @ gate + gate_bias)))
    x = g * np.maximum(x @ highway + highway_bias, 0.0) + (1 - g) * x
    scores.append((x @ out + out_bias)[0])
  return np.array(scores)


def test_scores_match_a_slow_twin():
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
  discriminator.score.bias.assign([2.0])
  np.testing.assert_allclose(discriminator.regularization(), 0.05 * (np.sum(discriminator.score.kernel.numpy() ** 2) + 4.0), rtol=1e-5)


def _published(seed, rows=16):
  """A NumPy twin of the published network at its start, of random tokens: its gates `[B, F]` and the difference of its two logits `[B]`."""
  random = np.random.default_rng(seed)

  def normal(*shape):
    x = random.standard_normal(shape, np.float32)
    while np.any(beyond := np.abs(x) > 2.0):
      x[beyond] = random.standard_normal(beyond.sum(), np.float32)
    return np.float32(0.1) * x

  config, maxima = cnn_highway.Config(), []
  embedded = random.uniform(-1, 1, [rows, 20, 64]).astype(np.float32)
  for width, filters in zip(config.widths, config.filters):
    windows = np.lib.stride_tricks.sliding_window_view(embedded, width, axis=1).reshape(rows, 21 - width, -1)
    maxima.append(np.maximum(windows @ normal(64 * width, filters) + 0.1, 0.0).max(axis=1))
  x = np.concatenate(maxima, axis=1)
  size = x.shape[1]
  # Glorot's bound for a square matrix, and for a vector as TensorFlow 1 has it.
  highway, gate = (x @ random.uniform(-1, 1, [size, size]) * (3 / size) ** 0.5 + random.uniform(-1, 1, size) * (3 / size) ** 0.5 for _ in range(2))
  gates = 1.0 / (1.0 + np.exp(-gate))
  logits = (gates * np.maximum(highway, 0.0) + (1.0 - gates) * x) @ normal(size, 2)
  return gates, logits[:, 1] - logits[:, 0]


def test_it_starts_where_the_published_network_starts():
  spec = sequences.Spec(vocab_size=500, length=20, start_token=0)
  tokens = tf.constant(np.random.default_rng(1).integers(0, 500, [16, 20]), tf.int32)
  ours, published = [], []
  for seed in range(2):
    discriminator = cnn_highway.Discriminator(spec, cnn_highway.Config(), seed)
    gates = discriminator.gate(discriminator.prefix_features(tokens, highway=False)[:, -1]).numpy()
    for found, network in ((ours, (gates, discriminator(tokens).numpy())), (published, _published(seed))):
      found.append([np.mean(np.abs(network[0] - 0.5) > 0.48), np.std(network[1])])
  # Saturated gates, 2.7 %, and the deviation of the logits, 2.3 nats.
  (ours_saturated, ours_deviation), (saturated, deviation) = np.mean(ours, axis=0), np.mean(published, axis=0)
  assert 0.02 < saturated < 0.035 and 1.9 < deviation < 2.7
  assert abs(ours_saturated - saturated) < 0.01 and abs(ours_deviation - deviation) < 0.7


def test_dropout_needs_a_seed():
  discriminator = cnn_highway.Discriminator(SPEC, CONFIG)
  kept = cnn_highway.Discriminator(SPEC, cnn_highway.Config(4, (1, 2, 3, 6), (3, 4, 5, 6), dropout=0.0))
  seed = noise.seed(1)
  assert np.any(discriminator(TOKENS, seed=seed) != discriminator(TOKENS))
  np.testing.assert_array_equal(kept(TOKENS, seed=seed), kept(TOKENS))
  # Scaled so that the expected score is the score without dropout.
  scores = np.mean(np.reshape(discriminator(tf.repeat(TOKENS, 400, axis=0), seed=seed), [9, 400]), axis=1)
  np.testing.assert_allclose(scores, discriminator(TOKENS), atol=0.05)


def test_features_of_prefixes_have_the_scores_of_the_slow_twin():
  discriminator = cnn_highway.Discriminator(SPEC, CONFIG)
  features = discriminator.prefix_features(TOKENS).numpy()
  assert features.shape == (9, 6, 3 + 4 + 5) and discriminator.feature_size == 12
  for t in range(6):
    scores = discriminator.score(features[:, t]).numpy()[:, 0]
    np.testing.assert_allclose(scores, _twin(discriminator, TOKENS.numpy()[:, :t]), atol=1e-5)
  np.testing.assert_allclose(discriminator.prefix_features(tf.one_hot(TOKENS, 7)), features, atol=1e-5)


def test_features_before_the_highway_are_the_largest_responses():
  discriminator = cnn_highway.Discriminator(SPEC, CONFIG)
  largest = discriminator.prefix_features(TOKENS, highway=False)
  np.testing.assert_array_equal(largest[:, 0], np.zeros([9, 12]))
  np.testing.assert_array_equal(largest[:, 1:], tf.concat(discriminator.prefix_cache(TOKENS), axis=-1))
  assert (np.diff(largest, axis=1) >= 0).all() and np.any(largest != discriminator.prefix_features(TOKENS))


@pytest.mark.parametrize("points", [False, True])
@pytest.mark.parametrize("highway", [False, True])
def test_reading_token_by_token_gives_the_features_of_the_prefixes(points, highway):
  discriminator = cnn_highway.Discriminator(SPEC, CONFIG)
  prefix, features = discriminator.unread(9), []
  # The start token is not part of the sequence: here a token that would change the features.
  for tokens in (tf.fill([9], 3), *tf.unstack(TOKENS, axis=1)):
    prefix = discriminator.extend(prefix, tf.one_hot(tokens, 7) if points else tokens)
    features.append(discriminator.features_of(prefix, highway))
  np.testing.assert_allclose(tf.stack(features, axis=1), discriminator.prefix_features(TOKENS, highway), atol=1e-5)
