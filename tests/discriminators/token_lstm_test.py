"""Tests of tf_textgan.discriminators.token_lstm."""

import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.discriminators import token_lstm
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
TOKENS = tf.constant([[3, 4, 5, 6, 2], [6, 2, 0, 0, 0], [3, 4, 2, 0, 0]])
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]], np.float32)


def _discriminator(**changes):
  config = token_lstm.Config(**{"embedding_size": 3, "pretrained_size": 2, "hidden_size": 4, "l2": 0.1, **changes})
  discriminator = token_lstm.Discriminator(SPEC, config, seed=1)
  random = np.random.default_rng(0)
  discriminator.pretrained.assign(random.normal(size=[7, 2]))
  discriminator.projection_bias.assign(random.normal(size=[4]))
  return discriminator


def test_scores_match_a_slow_twin():
  discriminator = _discriminator()
  table = np.concatenate([discriminator.pretrained.numpy(), discriminator.embedding.learned.numpy()], axis=1)
  lstm = discriminator.lstm
  sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
  h, c, scores = np.zeros([3, 4]), np.zeros([3, 4]), []
  for t in range(5):
    waves = [np.cos(np.pi * (t / period + shift)) for period, shift in zip(np.geomspace(2, 5, 8), np.linspace(0, 2, 8))]
    features = np.concatenate([table[TOKENS[:, t].numpy()], np.tile(waves, [3, 1])], axis=1)
    x = features @ discriminator.projection_kernel.numpy() + discriminator.projection_bias.numpy()
    z = x @ lstm.input_kernel.numpy() + h @ lstm.recurrent_kernel.numpy()
    z = (z - z.mean(axis=1, keepdims=True)) / np.sqrt(z.var(axis=1, keepdims=True) + 1e-5) * lstm.scale.numpy() + lstm.bias.numpy()
    i, g, f, o = np.split(z, 4, axis=1)
    c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    scores.append((h @ discriminator.score_kernel.numpy() + discriminator.score_bias.numpy())[:, 0])
  scores = np.stack(scores, axis=1) * MASK
  assert scores.std() > 1e-2
  np.testing.assert_allclose(discriminator.token_scores(TOKENS), scores, atol=1e-5)
  np.testing.assert_allclose(discriminator(TOKENS), scores.sum(axis=1) / MASK.sum(axis=1), atol=1e-5)


def test_a_tokens_score_depends_on_the_tokens_before_it():
  discriminator = _discriminator()
  first, second = (discriminator.token_scores(TOKENS).numpy()[i] for i in (0, 2))
  np.testing.assert_allclose(first[:2], second[:2], atol=1e-6)
  assert abs(first[2] - second[2]) > 1e-4


def test_points_are_scored_and_masked_as_ids():
  discriminator = _discriminator()
  np.testing.assert_allclose(discriminator.token_scores(tf.one_hot(TOKENS, 7)), discriminator.token_scores(TOKENS), atol=1e-5)


def test_dropout_is_of_the_embedding_table():
  discriminator = _discriminator(dropout=0.5)
  tokens, seed = tf.repeat(TOKENS, 2, axis=0), noise.seed(3)
  scores = discriminator.token_scores(tokens, seed=seed).numpy()
  assert np.abs(scores - discriminator.token_scores(tokens)).max() > 1e-3
  # Equal rows have equal scores.
  np.testing.assert_allclose(scores[::2], scores[1::2], atol=1e-6)
  # With the kept entries scaled, the network without dropout gives the same scores.
  keep = tf.random.stateless_uniform([7, 5], seed).numpy() >= 0.5
  assert 5 < keep.sum() < 30
  for part, kept in ((discriminator.pretrained, keep[:, :2]), (discriminator.embedding.learned, keep[:, 2:])):
    part.assign(part.numpy() * kept * 2.0)
  np.testing.assert_allclose(scores, discriminator.token_scores(tokens), atol=1e-6)


def test_all_trained_weights_are_penalised():
  discriminator = _discriminator()
  expected = 0.1 * 0.5 * sum(np.sum(np.square(v.numpy())) for v in discriminator.trainable_variables)
  np.testing.assert_allclose(discriminator.regularization(), expected, rtol=1e-5)
  assert not any(v is discriminator.pretrained for v in discriminator.trainable_variables)
  assert _discriminator(l2=0.0).regularization() == 0.0


def test_positions_differ():
  rows = token_lstm.positions(20)
  assert rows.shape == (20, 8) and np.abs(rows).max() <= 1.0
  assert min(np.abs(a - b).max() for i, a in enumerate(rows) for b in rows[:i]) > 0.1
  assert np.isfinite(token_lstm.positions(1)).all()
