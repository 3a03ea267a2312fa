"""Tests of tf_textgan.generators.conv_resnet."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.generators import conv_resnet
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

TEXT = sequences.Spec(vocab_size=6, length=8, start_token=1, end_token=2, forbidden_tokens=(0, 1))
FIXED = sequences.Spec(vocab_size=6, length=8, start_token=0)
CONFIG = conv_resnet.Config(latent_size=4, channels=8, blocks=2)
SEED = noise.seed(1)


def test_logits_of_every_position_at_once():
  generator = conv_resnet.Generator(FIXED, CONFIG)
  assert generator(generator.prior(3, SEED)).shape == [3, 8, 6]


@pytest.mark.parametrize("picker", [None, pickers.Categorical(), pickers.GumbelSoftmax()])
def test_text_is_cut_at_the_first_end_or_padding(picker):
  samples = conv_resnet.Generator(TEXT, CONFIG).sample(200, SEED, picker)
  fixed = conv_resnet.Generator(FIXED, CONFIG)
  assert samples.tokens.shape == [200, 8] and samples.log_probs.shape == [200, 8]
  tokens, log_probs = samples.tokens.numpy(), samples.log_probs.numpy()
  lengths = []
  for row, log_probs_of_row in zip(tokens, log_probs):
    ends = np.flatnonzero((row == 2) | (row == 0))
    end = ends[0] if len(ends) else 8
    assert (row[end + 1 :] == 0).all() and (log_probs_of_row[end + 1 :] == 0).all()
    assert (log_probs_of_row[: end + 1] < 0).all()
    lengths.append(end)
  assert 0 < np.mean(lengths) < 8
  # Without an end token nothing is cut.
  assert (fixed.sample(200, SEED, picker).log_probs.numpy() < 0).all()


def test_forbidden_tokens_except_padding_are_never_generated():
  generator = conv_resnet.Generator(TEXT, CONFIG)
  probs = tf.nn.softmax(generator(generator.prior(50, SEED))).numpy()
  assert (probs[:, :, 1] == 0).all()
  assert (probs[:, :, 0] > 0).all()
  assert set(np.unique(generator.sample(500, SEED, pickers.Categorical()).tokens)) == {0, 2, 3, 4, 5}


def test_by_default_it_generates_the_most_probable_tokens():
  generator = conv_resnet.Generator(FIXED, CONFIG)
  logits = generator(generator.draw_inputs(20, SEED)[0])
  samples = generator.sample(20, SEED)
  np.testing.assert_array_equal(samples.tokens, tf.argmax(logits, axis=-1))
  np.testing.assert_allclose(samples.log_probs, tf.reduce_max(tf.nn.log_softmax(logits), axis=-1), atol=1e-5)
  assert samples.points is None
  assert np.any(samples.tokens != generator.sample(20, SEED, pickers.Categorical()).tokens)


def test_points_are_the_distributions_of_all_positions():
  generator = conv_resnet.Generator(TEXT, CONFIG)
  samples = generator.sample(20, SEED, pickers.SoftArgmax())
  np.testing.assert_allclose(samples.points, tf.nn.softmax(generator(samples.latent)), atol=1e-6)


def test_it_has_no_likelihood():
  assert conv_resnet.Generator.likelihood is None


def test_write_gives_text_and_log_probs():
  tokens, log_probs, *_ = conv_resnet.Generator(TEXT, CONFIG).write(5, SEED)
  assert tokens.shape == [5, 8] and log_probs.shape == [5]
