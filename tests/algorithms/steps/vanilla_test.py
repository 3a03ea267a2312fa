"""Tests of tf_textgan.algorithms.steps.vanilla."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import cnn_highway
from tf_textgan.discriminators import recurrent
from tf_textgan.discriminators import token_lstm
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
SEED = noise.seed(1)
REAL = tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]])
FAKE = tf.constant([[4, 2, 0, 0], [3, 3, 6, 5], [2, 0, 0, 0]])


class _SeesContext(judges.LikesToken):
  """Keeps the inputs and the contexts that it is given."""

  def call(self, inputs, *, context=None, seed=None):
    self.seen = inputs, context
    return super().call(inputs, context=context, seed=seed)


def _generator(spec, stddev=0.1):
  return lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=stddev))


def test_the_loss_is_computed_from_the_scores():
  generator, discriminator = _generator(TEXT, 1.0), recurrent.Discriminator(TEXT, recurrent.Config(4, 5, dropout=0.0))
  fake = generator.sample(3, noise.fold(SEED, "fake")).tokens
  real_scores, fake_scores = (discriminator(tokens).numpy().astype(np.float64) for tokens in (REAL, fake))
  metrics = vanilla.step(generator, discriminator, base.adam(discriminator, 1e-3), sequences.Batch(REAL), SEED)
  np.testing.assert_allclose(metrics["loss"], np.mean(np.log1p(np.exp(-real_scores)) + np.log1p(np.exp(fake_scores))), rtol=1e-5)
  np.testing.assert_allclose(metrics["accuracy"], 0.5 * np.mean(real_scores > 0) + 0.5 * np.mean(fake_scores < 0))


def test_samples_and_scores_are_conditioned_on_the_real_contexts():
  spec, context = dataclasses.replace(TEXT, categories=("a", "b")), tf.constant([1, 0, 1])
  generator, discriminator = _generator(spec, 1.0), _SeesContext(spec, 5)
  fake, other = (generator.sample(3, noise.fold(SEED, "fake"), context=c).tokens for c in (context, 1 - context))
  vanilla.step(generator, discriminator, base.adam(discriminator, 1e-3), sequences.Batch(REAL, context), SEED)
  tokens, contexts = discriminator.seen
  np.testing.assert_array_equal(tokens[0::2], REAL)
  np.testing.assert_array_equal(tokens[1::2], fake)
  np.testing.assert_array_equal(contexts, [1, 1, 0, 0, 1, 1])
  assert np.any(fake != other)


def test_a_real_row_and_a_generated_one_take_turns():
  tokens, context = vanilla.paired(sequences.Batch(REAL, tf.constant([1, 0, 2])), REAL + 1)
  np.testing.assert_array_equal(tokens[0::2], REAL)
  np.testing.assert_array_equal(tokens[1::2], REAL + 1)
  np.testing.assert_array_equal(context, [1, 1, 0, 0, 2, 2])
  assert vanilla.paired(sequences.Batch(REAL), REAL)[1] is None


def test_it_learns_to_classify():
  generator, discriminator = _generator(FIXED), recurrent.Discriminator(FIXED, recurrent.Config(8, 8))
  optimizer = base.adam(discriminator, 0.01)
  step = tf.function(lambda real, seed: vanilla.step(generator, discriminator, optimizer, sequences.Batch(real), seed), autograph=False)
  for i in range(60):
    metrics = step(tf.fill([32, 4], 5), noise.fold(SEED, i))
  assert metrics["accuracy"] > 0.95 and metrics["loss"] < 0.5


def test_where_prefixes_are_scored_every_token_counts_as_much():
  discriminator = token_lstm.Discriminator(TEXT, token_lstm.Config(embedding_size=3, hidden_size=4, dropout=0.0))
  discriminator.score_bias.assign([0.3])
  real, fake = (discriminator.token_scores(tokens).numpy().astype(np.float64)[tokens.numpy() != 0] for tokens in (REAL, FAKE))
  cross_entropy, accuracy = vanilla.scores(discriminator, sequences.Batch(REAL), FAKE, SEED)
  assert (len(real), len(fake)) == (9, 7)
  np.testing.assert_allclose(cross_entropy, np.mean(np.log1p(np.exp(np.concatenate([-real, fake])))), rtol=1e-5)
  np.testing.assert_allclose(accuracy, np.mean(np.concatenate([real > 0, fake < 0])))


def test_the_dropout_follows_the_seed():
  discriminator = recurrent.Discriminator(TEXT, recurrent.Config(4, 5, dropout=0.5))
  first, again, other = (vanilla.scores(discriminator, sequences.Batch(REAL), FAKE, noise.seed(i))[0] for i in (1, 1, 2))
  assert first == again != other


def test_the_penalty_of_the_weights_is_minimised_but_not_in_the_loss():
  losses, norms = [], []
  for weight in (0.0, 10.0):
    discriminator = cnn_highway.Discriminator(TEXT, cnn_highway.Config(4, (1, 2), (3, 3), dropout=0.0, output_l2=weight))
    metrics = vanilla.train(discriminator, base.adam(discriminator, 1e-3), sequences.Batch(REAL), FAKE, SEED)
    losses.append(metrics["loss"])
    norms.append(metrics["gradient_norm"])
  assert losses[0] == losses[1] and norms[1] > 2.0 * norms[0]


def test_a_step_changes_the_output_layer_as_the_published_softmax_over_two_outputs():
  """Mean cross-entropy plus 0.2 / 2 times the squared norm of two outputs, whose difference is the one output here."""
  discriminator = cnn_highway.Discriminator(TEXT, cnn_highway.Config(4, (1, 2), (3, 3), dropout=0.0))
  discriminator.score.bias.assign([0.4])
  kernel, bias = (tf.Variable(np.concatenate([-0.5 * x, 0.5 * x], axis=-1)) for x in discriminator.score.get_weights())
  features = tf.concat([discriminator.features(REAL), discriminator.features(FAKE)], axis=0)
  with tf.GradientTape() as tape:
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits([1, 1, 1, 0, 0, 0], features @ kernel + bias)
    loss = tf.reduce_mean(cross_entropy) + 0.2 * (tf.nn.l2_loss(kernel) + tf.nn.l2_loss(bias))
  changes = [gradient[..., 1] - gradient[..., 0] for gradient in tape.gradient(loss, [kernel, bias])]
  before = discriminator.score.get_weights()
  optimizer = keras.optimizers.SGD(0.5)
  optimizer.build(discriminator.trainable_variables)
  vanilla.train(discriminator, optimizer, sequences.Batch(REAL), FAKE, SEED)
  for start, end, change in zip(before, discriminator.score.get_weights(), changes):
    np.testing.assert_allclose(end[..., 0] - start[..., 0], -0.5 * change, rtol=1e-4, atol=1e-6)
