"""Tests of tf_textgan.discriminators.ensemble."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import gsgan
from tf_textgan.algorithms import scratchgan
from tf_textgan.algorithms import seqgan
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import cnn_highway
from tf_textgan.discriminators import ensemble
from tf_textgan.discriminators import multi_representation
from tf_textgan.discriminators import recurrent
from tf_textgan.discriminators import token_lstm
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

SPEC = tiny.SPECS["text"]
SEED = noise.seed(1)
REAL, FAKE = (tf.constant(tiny.batch(SPEC, 8, seed)) for seed in (0, 1))


def _generator():
  return lstm.Generator(SPEC, lstm.Config(embedding_size=4, hidden_size=5))


def _ensemble(size=3, **changes):
  return ensemble.make(recurrent.Discriminator, SPEC, recurrent.Config(4, 5, **changes), size=size)


def test_an_ensemble_of_one_is_the_discriminator_itself():
  assert isinstance(_ensemble(1), recurrent.Discriminator)


def test_the_score_is_the_mean_of_different_members():
  discriminator = _ensemble()
  scores = np.stack([member(REAL) for member in discriminator.members])
  assert np.std(scores, axis=0).min() > 1e-3
  np.testing.assert_allclose(discriminator(REAL), scores.mean(axis=0), atol=1e-6)
  np.testing.assert_allclose(discriminator(tf.one_hot(REAL, SPEC.vocab_size)), scores.mean(axis=0), atol=1e-5)
  # Equal members have different dropout masks.
  for member in discriminator.members[1:]:
    member.set_weights(discriminator.members[0].get_weights())
  scores, weights = discriminator.training_scores(REAL, seed=SEED)
  assert np.any(scores[:, 0] != scores[:, 1]) and np.all(weights == 1.0)
  np.testing.assert_array_equal(scores, discriminator.training_scores(REAL, seed=SEED)[0])
  np.testing.assert_allclose(tf.reduce_mean(scores, axis=1), discriminator(REAL, seed=SEED), atol=1e-6)


@pytest.mark.parametrize("train", [pytest.param(seqgan, id="seqgan"), pytest.param(gsgan, id="gsgan", marks=pytest.mark.slow)])
def test_each_member_is_trained_as_it_would_be_alone(train):
  config = train.Config(**({"estimator": "reinforce", "clip_norm": 0.0} if train is gsgan else {}))
  together, alone = _ensemble(2, dropout=0.0), _ensemble(2, dropout=0.0).members
  for discriminator in (together, *alone):
    algorithm = train.Algorithm(config, {"generator": _generator(), "discriminator": discriminator})
    # The loss is the mean over the members.
    optimizer = keras.optimizers.SGD(2.0 if discriminator is together else 1.0)
    optimizer.build(discriminator.trainable_variables)
    algorithm.optimizers["discriminator_optimizer"] = optimizer
    for i in range(2):
      algorithm.discriminator_step(sequences.Batch(REAL), noise.fold(SEED, i), tf.constant(0.5))
  for one, other, start in zip(together.members, alone, _ensemble(2).members):
    for a, b in zip(one.get_weights(), other.get_weights()):
      np.testing.assert_allclose(a, b, atol=1e-5)
    assert np.abs(one.embedding.numpy() - start.embedding.numpy()).max() > 1e-3


def test_the_penalty_is_the_mean_over_members():
  discriminator = ensemble.make(cnn_highway.Discriminator, SPEC, cnn_highway.Config(4, (1, 2), (4, 4), output_l2=0.5), size=2)
  np.testing.assert_allclose(discriminator.regularization(), np.mean([member.regularization() for member in discriminator.members]), rtol=1e-6)


def test_prefixes_are_scored_by_all_members():
  discriminator = ensemble.make(token_lstm.Discriminator, SPEC, token_lstm.Config(4, 0, 5, dropout=0.0), size=2)
  assert discriminator.per_prefix
  scores = [member.token_scores(REAL).numpy() for member in discriminator.members]
  np.testing.assert_allclose(discriminator.token_scores(REAL), np.mean(scores, axis=0), atol=1e-6)
  signed = [sign * member.token_scores(x).numpy()[x.numpy() > 0] for member in discriminator.members for sign, x in ((1, REAL), (-1, FAKE))]
  loss, _ = vanilla.scores(discriminator, sequences.Batch(REAL), FAKE, SEED)
  np.testing.assert_allclose(loss, np.mean(np.logaddexp(0, -np.concatenate(signed))), rtol=1e-5)
  algorithm = scratchgan.Algorithm(scratchgan.Config(), {"generator": _generator(), "discriminator": discriminator})
  for step in (algorithm.discriminator_step, algorithm.generator_step):
    assert all(np.isfinite(value) for value in step(sequences.Batch(REAL), SEED, tf.constant(0.5)).values())


def test_views_of_all_members_are_compared():
  discriminator = ensemble.make(multi_representation.Discriminator, SPEC, tiny.shrink(multi_representation.Config(dropout=0.0)), size=2)
  scores = discriminator.scores(REAL)
  np.testing.assert_allclose(scores, tf.concat([member.scores(REAL) for member in discriminator.members], axis=1), atol=1e-6)
  np.testing.assert_allclose(tf.reduce_mean(scores, axis=1), discriminator(REAL), atol=1e-5)
  assert _ensemble().scores(REAL).shape == [8, 3]


def test_begin_calls_all_members():
  generator = _generator()
  discriminator = tiny.algorithm("maligan", SPEC, discriminator="generator_lstm").discriminator
  together = ensemble.make(type(discriminator), SPEC, discriminator.config, size=2)
  together.attach({"generator": generator})
  assert len(together.trainable_variables) == 16
  together.begin()
  for member in together.members:
    np.testing.assert_array_equal(member.embedding, generator.embedding)
  assert np.any(together.members[0].head.kernel != together.members[1].head.kernel)
