"""Tests of tf_textgan.discriminators.cnn_categories."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.discriminators import cnn_categories
from tf_textgan.discriminators import cnn_highway

PLAIN = sequences.Spec(vocab_size=7, length=5, start_token=0)
SPEC = sequences.Spec(vocab_size=7, length=5, start_token=0, categories=("a", "b", "c"))
SIZES = {"embedding_size": 4, "widths": (1, 2, 3), "filters": (3, 4, 5)}
TOKENS = tf.constant(np.random.default_rng(0).integers(0, 7, [9, 5]), tf.int32)


@pytest.fixture
def discriminator():
  network = cnn_categories.Discriminator(SPEC, cnn_categories.Config(**SIZES))
  random = np.random.default_rng(1)
  network.score.kernel.assign(random.normal(size=network.score.kernel.shape))
  network.score.bias.assign(random.normal(size=4))
  return network


def test_each_class_is_scored_as_by_a_network_with_one_output(discriminator):
  one = cnn_highway.Discriminator(PLAIN, cnn_highway.Config(**SIZES))
  *shared, kernel, bias = discriminator.get_weights()
  logits = discriminator.class_logits(TOKENS).numpy()
  assert logits.shape == (9, 4) and logits.dtype == np.float32
  for i in range(4):
    one.set_weights([*shared, kernel[:, i : i + 1], bias[i : i + 1]])
    np.testing.assert_allclose(logits[:, i], one(TOKENS), rtol=1e-5, atol=1e-5)


def test_the_score_is_the_log_odds_of_all_categories_against_generated_text(discriminator):
  logits = discriminator.class_logits(TOKENS).numpy().astype(np.float64)
  probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
  np.testing.assert_allclose(discriminator(TOKENS), np.log(probs[:, :3].sum(axis=1) / probs[:, 3]), atol=1e-5)
  assert cnn_categories.real_score(tf.constant([[0.0, np.log(3.0), np.log(2.0)]])).numpy() == pytest.approx([np.log(4.0 / 2.0)])


def test_completions_have_the_same_classes_and_scores(discriminator):
  rows, t = tf.constant([0, 0, 4, 8]), tf.constant(2)
  rest = tf.constant(np.random.default_rng(2).integers(0, 7, [4, 2]), tf.int32)
  completed = tf.concat([tf.gather(TOKENS, rows)[:, :3], rest], axis=1)
  cache = discriminator.prefix_cache(TOKENS)
  np.testing.assert_allclose(discriminator.completions_class_logits(cache, completed, rows, t), discriminator.class_logits(completed), atol=1e-5)
  np.testing.assert_allclose(discriminator.score_completions(cache, completed, rows, t), discriminator(completed), atol=1e-5)


def test_without_categories_the_classes_are_real_and_generated():
  network = cnn_categories.Discriminator(PLAIN, cnn_categories.Config(**SIZES))
  logits = network.class_logits(TOKENS).numpy()
  assert logits.shape == (9, 2)
  np.testing.assert_allclose(network(TOKENS), logits[:, 0] - logits[:, 1], atol=1e-5)
