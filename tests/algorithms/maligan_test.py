"""Tests of tf_textgan.algorithms.maligan."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import maligan
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
REAL = tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]])
SEED = noise.seed(1)


def _algorithm(spec=FIXED, judge=None, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.5))
  return maligan.Algorithm(maligan.Config(**changes), {"generator": generator, "discriminator": judge or judges.LikesToken(spec, 5)})


class _TrueRatio(discriminator_base.Discriminator):
  """The optimal discriminator: the log-ratio of a true generator's probability to the trained generator's."""

  def __init__(self, truth, generator):
    super().__init__(generator.spec)
    self._log_prob = lambda network, tokens: tf.reduce_sum(network.log_probs(tokens, tf.zeros([tf.shape(tokens)[0], 0])), axis=1)
    self._ratio = lambda tokens: self._log_prob(truth, tokens) - self._log_prob(generator, tokens)
    self.unused = self.add_weight((), name="unused")
    self.built = True

  def call(self, inputs, *, context=None, seed=None):
    del seed
    return self._ratio(inputs)


def test_with_the_true_ratio_the_mean_update_is_the_gradient_of_the_likelihood():
  spec = sequences.Spec(vocab_size=4, length=2, start_token=0)
  generator = lstm.Generator(spec, lstm.Config(embedding_size=3, hidden_size=4, init_stddev=0.7))
  truth = lstm.Generator(spec, lstm.Config(embedding_size=3, hidden_size=4, init_stddev=0.7), seed=1)
  algorithm = maligan.Algorithm(maligan.Config(clip_norm=0.0), {"generator": generator, "discriminator": _TrueRatio(truth, generator)})
  every = tf.constant(list(itertools.product(range(4), repeat=2)), tf.int32)
  latent = tf.zeros([16, 0])
  p = tf.exp(tf.reduce_sum(truth.log_probs(every, latent), axis=1))
  with tf.GradientTape() as tape:
    nll = -tf.reduce_sum(p * tf.reduce_sum(generator.log_probs(every, latent), axis=1))
  expected = tf.linalg.global_norm([tf.convert_to_tensor(g) for g in tape.gradient(nll, generator.trainable_variables)])
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([40_000, 2], tf.int32)), SEED, tf.constant(0.0))
  np.testing.assert_allclose(metrics["gradient_norm"], expected, rtol=0.05)


@pytest.mark.parametrize("mixed", [False, True])
def test_scores_of_hundreds_of_nats_are_weighed(mixed):
  judge = judges.LikesToken(FIXED, 5)
  judge.scale.assign(1000.0)
  algorithm = _algorithm(judge=judge, mixed=mixed)
  metrics = algorithm.generator_step(sequences.Batch(tf.repeat(REAL, 8, axis=0)), SEED, tf.constant(1.0))
  assert np.isfinite([metrics["loss"], metrics["gradient_norm"]]).all() and 0.0 < metrics["effective_share"] < 0.9


def test_a_token_that_is_liked_becomes_probable():
  algorithm = _algorithm(generator_learning_rate=0.03)
  share = lambda: np.mean(algorithm.generator.sample(500, noise.seed(9)).tokens == 5)  # noqa: E731
  before = share()
  step = tf.function(algorithm.generator_step)
  for i in range(40):
    step(sequences.Batch(tf.zeros([32, 4], tf.int32)), noise.fold(SEED, i), tf.constant(0.0))
  assert before < 0.3 and share() > 0.8


def test_equal_scores_move_nothing():
  judge = judges.LikesToken(FIXED, 5)
  judge.scale.assign(0.0)
  algorithm = _algorithm(judge=judge)
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([8, 4], tf.int32)), SEED, tf.constant(0.0))
  assert metrics["gradient_norm"] < 1e-6
  np.testing.assert_allclose(metrics["effective_share"], 1.0, rtol=1e-5)


@pytest.mark.parametrize(("progress", "given"), [(0.0, 4), (0.5, 2), (1.0, 0)])
def test_mixed_sentences_begin_as_real_ones(progress, given):
  algorithm = _algorithm(TEXT, mixed=True, continuations=3)
  metrics = algorithm.generator_step(sequences.Batch(REAL), SEED, tf.constant(progress))
  assert metrics["given"] == given
  tokens = algorithm.generator.complete(tf.repeat(REAL, 3, axis=0), tf.constant(given), SEED).tokens.numpy()
  np.testing.assert_array_equal(tokens[:, :given], np.repeat(REAL.numpy(), 3, axis=0)[:, :given])
  for row in tokens:
    ends = np.flatnonzero(row == 2)
    assert not len(ends) or not row[ends[0] + 1 :].any()


def test_with_all_tokens_given_mixed_training_is_maximum_likelihood():
  mixed, plain = _algorithm(TEXT, mixed=True, clip_norm=0.0), _algorithm(TEXT, clip_norm=0.0)
  norm = mixed.generator_step(sequences.Batch(REAL), SEED, tf.constant(0.0))["gradient_norm"]
  # Summed over a sentence's tokens there, averaged over all tokens here: 9 tokens in 3 sentences.
  expected = plain.mle_step(sequences.Batch(REAL), SEED, tf.constant(0.0))["gradient_norm"] * 9.0 / 3.0
  np.testing.assert_allclose(norm, expected, rtol=1e-4)


def test_several_batches_are_weighted_as_one_large_batch():
  norms = []
  for rows, batches in ((24, 1), (8, 3)):
    metrics = _algorithm(generator_batches=batches).generator_step(sequences.Batch(tf.zeros([rows, 4], tf.int32)), SEED, tf.constant(0.0))
    norms.append(metrics["gradient_norm"])
  np.testing.assert_allclose(*norms, rtol=1e-6)
  with pytest.raises(errors.UserError, match="generator_batches must be 1, not 3"):
    maligan.Config(mixed=True, generator_batches=3)


def test_mixed_training_is_not_for_xla():
  phases = [_algorithm(mixed=mixed).phases(base.Schedule()) for mixed in (False, True)]
  assert [[update.compilable for update in adversarial.updates] for *_, adversarial in phases] == [[True, True], [False, True]]


def test_a_single_continuation_is_refused():
  with pytest.raises(errors.UserError, match="continuations"):
    maligan.Config(continuations=1)
