"""Tests of tf_textgan.algorithms.scratchgan."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import scratchgan
from tf_textgan.discriminators import token_lstm
from tf_textgan.generators import lstm
from tf_textgan.generators import tied_lstm
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=4, length=3, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
REAL = tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]])
SEED = noise.seed(1)
NOW = tf.constant(0.0)


class _LikesToken(judges.LikesToken):
  """Scores tokens rather than sequences: 3 for the token it likes, -1 for any other."""

  per_prefix = True

  def token_scores(self, inputs, seed=None):
    del seed
    return (4.0 * tf.cast(inputs == self.token, tf.float32) - 1.0) * self.spec.mask(inputs)


def _algorithm(spec=FIXED, judge=None, generator=None, **changes):
  generator = generator or lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.7))
  return scratchgan.Algorithm(scratchgan.Config(**changes), {"generator": generator, "discriminator": judge or _LikesToken(spec, 3)})


def _returns(tokens, discount):
  """NumPy twin for `_LikesToken(FIXED, 3)`."""
  rewards = 2.0 / (1.0 + np.exp(-(4.0 * (tokens == 3) - 1.0))) - 1.0
  length = tokens.shape[1]
  return np.stack([sum(discount ** (s - t) * rewards[:, s] for s in range(t, length)) for t in range(length)], axis=1)


def test_the_gradient_matches_an_enumeration():
  algorithm = _algorithm(discount=0.6, baseline_decay=0.25)
  every = np.array(list(itertools.product(range(4), repeat=3)), np.int32)
  returns = _returns(every, 0.6)
  with tf.GradientTape() as tape:
    log_probs = algorithm.generator.log_probs(tf.constant(every), tf.zeros([64, 0]))
    p = np.exp(np.sum(log_probs.numpy(), axis=1))
    baseline = 0.75 * np.mean(p @ returns)
    loss = -tf.reduce_sum(p[:, None] * (returns - baseline) * log_probs)
  expected = tf.linalg.global_norm([tf.convert_to_tensor(g) for g in tape.gradient(loss, algorithm.generator.trainable_variables)])
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([40_000, 3], tf.int32)), SEED, NOW)
  np.testing.assert_allclose(metrics["gradient_norm"], expected, rtol=0.03)
  np.testing.assert_allclose(metrics["baseline"], baseline, atol=0.01)


def test_the_baseline_is_an_average_over_steps_and_is_kept():
  algorithm = _algorithm(generator_learning_rate=0.0, baseline_decay=0.5)
  variable = algorithm.variables()["baseline/0/average"]
  expected = 0.0
  for i in range(3):
    seed = noise.fold(SEED, i)
    metrics = algorithm.generator_step(sequences.Batch(tf.zeros([20, 3], tf.int32)), seed, NOW)
    expected = 0.5 * expected + 0.5 * np.mean(_returns(algorithm.generator.sample(20, seed).tokens.numpy(), 0.23))
    np.testing.assert_allclose(metrics["baseline"], expected, rtol=1e-4)
    np.testing.assert_allclose(variable, expected, rtol=1e-4)
  assert not any(v is variable for v in algorithm.generator.trainable_variables)


def test_padding_has_no_reward_and_no_part_in_the_means():
  algorithm = _algorithm(TEXT, discount=0.5, baseline_decay=0.0)
  tokens = algorithm.generator.sample(50, SEED).tokens.numpy()
  assert (tokens == 0).any()
  mask = tokens != 0
  rewards = (2.0 / (1.0 + np.exp(-(4.0 * (tokens == 3) - 1.0))) - 1.0) * mask
  returns = np.stack([sum(0.5 ** (s - t) * rewards[:, s] for s in range(t, 4)) for t in range(4)], axis=1)
  log_probs = algorithm.generator.log_probs(tf.constant(tokens), tf.zeros([50, 0])).numpy()
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([50, 4], tf.int32)), SEED, NOW)
  baseline = np.sum(returns * mask) / mask.sum()
  np.testing.assert_allclose(metrics["baseline"], baseline, rtol=1e-4)
  np.testing.assert_allclose(metrics["reward"], rewards.sum() / mask.sum(), rtol=1e-4)
  np.testing.assert_allclose(metrics["loss"], -np.sum((returns - baseline) * log_probs * mask) / 50, rtol=1e-4)


def test_the_discriminators_loss_is_the_mean_cross_entropy_of_the_tokens():
  generator = tied_lstm.Generator(TEXT, tied_lstm.Config(embedding_size=3, hidden_size=4))
  discriminator = token_lstm.Discriminator(TEXT, token_lstm.Config(embedding_size=3, hidden_size=4, dropout=0.0, l2=0.01))
  discriminator.score_bias.assign([0.3])
  algorithm = _algorithm(TEXT, discriminator, generator)
  fake = generator.sample(3, noise.fold(SEED, "fake")).tokens
  losses, right = [], []
  for tokens, label in ((REAL, 1), (fake, 0)):
    scores = discriminator.token_scores(tokens).numpy()[tokens.numpy() != 0]
    p = 1 / (1 + np.exp(-scores))
    losses += list(-np.log(p if label else 1 - p))
    right += list((scores > 0) == label)
  metrics = algorithm.discriminator_step(sequences.Batch(REAL), SEED, NOW)
  np.testing.assert_allclose(metrics["loss"], np.mean(losses), rtol=1e-5)
  np.testing.assert_allclose(metrics["accuracy"], np.mean(right), rtol=1e-5)


def test_a_token_that_is_liked_becomes_probable():
  algorithm = _algorithm(generator_learning_rate=0.03)
  share = lambda: np.mean(algorithm.generator.sample(500, noise.seed(9)).tokens == 3)  # noqa: E731
  before = share()
  step = tf.function(algorithm.generator_step)
  for i in range(40):
    step(sequences.Batch(tf.zeros([32, 3], tf.int32)), noise.fold(SEED, i), NOW)
  assert before < 0.5 and share() > 0.85


def test_training_leaves_the_pretrained_embeddings_alone():
  generator = tied_lstm.Generator(TEXT, tied_lstm.Config(embedding_size=3, pretrained_size=2, hidden_size=4))
  discriminator = token_lstm.Discriminator(TEXT, token_lstm.Config(embedding_size=3, pretrained_size=2, hidden_size=4))
  vectors = np.random.default_rng(0).normal(size=[7, 2]).astype(np.float32)
  for network in (generator, discriminator):
    network.pretrained.assign(vectors)
  algorithm = _algorithm(TEXT, discriminator, generator)
  before = generator.get_weights()
  algorithm.discriminator_step(sequences.Batch(REAL), SEED, NOW)
  algorithm.generator_step(sequences.Batch(REAL), SEED, NOW)
  assert any(np.any(a != b) for a, b in zip(before, generator.get_weights()))
  for network in (generator, discriminator):
    np.testing.assert_array_equal(network.pretrained, vectors)
  assert sum("given_embedding" in name for name in algorithm.variables()) == 2


def test_a_discriminator_of_whole_sequences_is_refused():
  with pytest.raises(errors.UserError, match="is trained on every prefix, as token_lstm is"):
    _algorithm(judge=judges.LikesToken(FIXED, 3))


@pytest.mark.parametrize("changes", [{"discount": 1.5}, {"baseline_decay": 1.0}, {"discriminator_steps_per_round": 0}])
def test_impossible_settings_are_refused(changes):
  with pytest.raises(errors.UserError, match=next(iter(changes))):
    scratchgan.Config(**changes)
