"""Tests of tf_textgan.discriminators.infilling. The conformance tests have what holds of every discriminator that scores blanks."""

import numpy as np
import tensorflow as tf

from tf_textgan.conformance import tiny
from tf_textgan.discriminators import infilling
from tf_textgan.sampling import noise

SPEC = tiny.SPECS["text"]


def _discriminator(**changes):
  sizes = {"embedding_size": 3, "hidden_size": 4, "layers": 2, "dropout": 0.0, **changes}
  discriminator = infilling.Discriminator(SPEC, infilling.Config(**sizes))
  random = np.random.default_rng(0)
  for weight in discriminator.trainable_variables:
    weight.assign(random.normal(0.0, 0.8, weight.shape))
  return discriminator


def test_scores_and_features_are_those_of_the_decoder():
  discriminator, tokens = _discriminator(), tf.constant(tiny.batch(SPEC, 5))
  present = tf.constant(np.random.default_rng(1).integers(0, 2, [5, SPEC.length]).astype(bool))
  layer = discriminator.seq2seq
  embedded = tf.gather(layer.table(), tokens)
  state = layer.encode(embedded, present)
  first = layer.attend(state.cells[-1][0][:, None], state.memory)[:, 0]
  scores, before = discriminator.read(tokens, present)
  for t in range(SPEC.length):
    np.testing.assert_allclose(before[:, t], first, atol=1e-5)
    first, state = layer.step(embedded[:, t], state)
    expected = first.numpy() @ discriminator.score.kernel.numpy() + discriminator.score.bias.numpy()
    np.testing.assert_allclose(scores[:, t], expected[:, 0], atol=1e-5)


def test_without_a_mask_a_text_is_all_blank_and_its_score_is_the_mean_of_its_tokens():
  discriminator, tokens = _discriminator(), tf.constant(tiny.batch(SPEC, 5))
  scores, mask = discriminator.read(tokens, tf.zeros_like(tokens, tf.bool)).scores.numpy(), SPEC.mask(tokens).numpy()
  np.testing.assert_allclose(discriminator.token_scores(tokens), scores * mask, atol=1e-6)
  np.testing.assert_allclose(discriminator(tokens), (scores * mask).sum(axis=1) / mask.sum(axis=1), atol=1e-5)


def test_dropout_is_a_function_of_the_seed():
  discriminator, tokens = _discriminator(dropout=0.5), tf.constant(tiny.batch(SPEC, 5))
  first, again, other = (discriminator(tokens, seed=noise.seed(i)).numpy() for i in (1, 1, 2))
  assert np.array_equal(first, again) and np.abs(first - other).max() > 1e-3
