"""Tests of tf_textgan.algorithms.selfgan."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import selfgan
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
SEED = noise.seed(1)
NONE = tf.constant(0.0)


def _algorithm(spec=FIXED, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.5))
  return selfgan.Algorithm(selfgan.Config(**changes), {"generator": generator, "discriminator": judges.LikesToken(spec, 3)})


def test_with_many_candidates_the_gradient_is_of_the_guided_models_likelihood():
  spec = sequences.Spec(vocab_size=4, length=2, start_token=0)
  algorithm = _algorithm(spec, candidates=64, clip_norm=0.0)
  generator = algorithm.generator
  algorithm.discriminator.scale.assign(3.0)
  every, latent = tf.constant(list(itertools.product(range(4), repeat=2)), tf.int32), tf.zeros([16, 0])
  p = tf.nn.softmax(tf.reduce_sum(generator.log_probs(every, latent), axis=1) + algorithm.discriminator(every))
  with tf.GradientTape() as tape:
    nll = -tf.reduce_sum(p[:, None] * generator.log_probs(every, latent)) / 2.0
  expected = tf.linalg.global_norm([tf.convert_to_tensor(g) for g in tape.gradient(nll, generator.trainable_variables)])
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([4000, 2], tf.int32)), SEED, NONE)
  np.testing.assert_allclose(metrics["nll"], nll, rtol=0.02)
  np.testing.assert_allclose(metrics["gradient_norm"], expected, rtol=0.1)
  np.testing.assert_allclose(metrics["score"], tf.reduce_sum(p * algorithm.discriminator(every)), atol=0.05)


@pytest.mark.parametrize("decoding", ["resampling", *(pytest.param(name, marks=pytest.mark.slow) for name in ("best", "search"))])
def test_a_token_that_is_liked_becomes_probable(decoding):
  algorithm = _algorithm(decoding=decoding, candidates=4, search_every=2, generator_learning_rate=0.03)
  share = lambda: np.mean(algorithm.generator.sample(500, noise.seed(9)).tokens == 3)  # noqa: E731
  before = share()
  step = tf.function(algorithm.generator_step)
  for i in range(60):
    step(sequences.Batch(tf.zeros([32, 4], tf.int32)), noise.fold(SEED, i), NONE)
  assert before < 0.3 and share() > 0.75


def test_the_best_scores_higher_than_a_draw_and_a_draw_than_none():
  batch = sequences.Batch(tf.zeros([200, 4], tf.int32))
  best, drawn = (_algorithm(decoding=decoding).generator_step(batch, SEED, NONE) for decoding in ("best", "resampling"))
  assert best["unguided_score"] == drawn["unguided_score"] < drawn["score"] - 1.0 and drawn["score"] < best["score"]
  assert 1 / 16 <= drawn["effective_share"] < 0.7


def test_equal_scores_choose_at_random():
  algorithm = _algorithm()
  algorithm.discriminator.scale.assign(0.0)
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([8, 4], tf.int32)), SEED, NONE)
  np.testing.assert_allclose(metrics["effective_share"], 1.0, rtol=1e-5)


def test_a_share_of_real_sentences():
  real = tf.fill([4000, 4], 6)
  algorithm = _algorithm(candidates=2, real_share=0.25)
  log_prob = lambda tokens: tf.reduce_mean(algorithm.generator.log_probs(tokens, tf.zeros([tf.shape(tokens)[0], 0])))  # noqa: E731
  of_real = log_prob(real)
  of_chosen = -_algorithm(candidates=2).generator_step(sequences.Batch(real), SEED, NONE)["nll"]
  metrics = algorithm.generator_step(sequences.Batch(real), SEED, NONE)
  np.testing.assert_allclose(-metrics["nll"], 0.25 * of_real + 0.75 * of_chosen, atol=0.02)


def test_impossible_settings_are_refused():
  for wrong in ({"candidates": 1}, {"real_share": 1.0}, {"search_every": 0}):
    with pytest.raises(errors.UserError):
      selfgan.Config(**wrong)


def test_a_search_is_not_for_xla():
  phases = [_algorithm(decoding=decoding).phases(_Schedule) for decoding in ("search", "best")]
  assert [adversarial.updates[0].compilable for *_, adversarial in phases] == [False, True]


class _Schedule:
  mle_steps, discriminator_steps, adversarial_steps = 1, 1, 1
