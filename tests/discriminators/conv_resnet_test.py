"""Tests of tf_textgan.discriminators.conv_resnet."""

import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.discriminators import conv_resnet
from tf_textgan.generators import conv_resnet as generators
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=5, start_token=0)
TOKENS = tf.constant(np.random.default_rng(0).integers(0, 7, [9, 5]), tf.int32)


def _same_convolution(x, layer):
  """Convolution of width 5 of `[T, C]`, zero-padded to the same length."""
  kernel, bias = (w.numpy() for w in layer.weights)
  padded = np.pad(x, [[2, 2], [0, 0]])
  return np.stack([np.tensordot(padded[t : t + 5], kernel, 2) + bias for t in range(len(x))])


def test_scores_match_a_slow_twin():
  discriminator = conv_resnet.Discriminator(SPEC, conv_resnet.Config(channels=6, blocks=2))
  discriminator.embedding_bias.assign(np.linspace(-0.3, 0.3, 6))
  expected = []
  for row in discriminator.embedding.numpy()[TOKENS.numpy()] + discriminator.embedding_bias.numpy():
    for block in discriminator.blocks:
      row = row + 0.3 * _same_convolution(np.maximum(_same_convolution(np.maximum(row, 0), block.first), 0), block.second)
    kernel, bias = (w.numpy() for w in discriminator.score.weights)
    expected.append((row.ravel() @ kernel + bias)[0])
  scores = discriminator(TOKENS).numpy()
  assert scores.std() > 1e-2
  np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_it_has_no_dropout():
  discriminator = conv_resnet.Discriminator(SPEC, conv_resnet.Config(channels=6, blocks=1))
  np.testing.assert_array_equal(discriminator(TOKENS, seed=noise.seed(1)), discriminator(TOKENS))
  assert discriminator.regularization().numpy() == 0.0


def test_all_convolutions_have_the_codes_he_initialization():
  """Uniform with variance 4 / (fan in + fan out), also for the one of width 1; the linear layer has Glorot's, half of that."""
  spec = sequences.Spec(vocab_size=300, length=10, start_token=0)
  critic, generator = conv_resnet.Discriminator(spec, conv_resnet.Config(100, 1)), generators.Generator(spec, generators.Config(20, 100, 1))
  for weights, variance in (
    (critic.embedding, 4 / 400), (critic.blocks[0].first.kernel, 4 / 1000), (critic.score.kernel, 2 / 1001),
    (generator.logits.kernel, 4 / 400), (generator.blocks[0].second.kernel, 4 / 1000), (generator.project.kernel, 2 / 1020),
  ):  # fmt: skip
    weights = weights.numpy()
    np.testing.assert_allclose(weights.var(), variance, rtol=0.1)
    assert np.abs(weights).max() <= (3 * variance) ** 0.5
