"""Tests of tf_textgan.generators.guided."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests import frequencies
from tests.algorithms import judges
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import mle
from tf_textgan.algorithms import scratchgan
from tf_textgan.algorithms import seqgan
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import token_lstm
from tf_textgan.generators import guided
from tf_textgan.generators import lstm
from tf_textgan.sampling import guidance
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

SEED = noise.seed(1)
SMALL = sequences.Spec(vocab_size=4, length=3, start_token=0)
EVERY = np.array(list(itertools.product(range(4), repeat=3)), np.int32)
GUIDES = {"rejection": guidance.Rejection(200), "resampling": guidance.Resampling(64), "search": guidance.Search(64, 1)}
_each_guide = pytest.mark.parametrize("guide", GUIDES.values(), ids=list(GUIDES))
_each_guide_but_one_slow = pytest.mark.parametrize(
  "guide", [guide if name == "search" else pytest.param(guide, marks=pytest.mark.slow) for name, guide in GUIDES.items()], ids=list(GUIDES)
)


def _generator(spec, **sizes):
  return lstm.Generator(spec, lstm.Config(**{"embedding_size": 4, "hidden_size": 5, "init_stddev": 0.8, **sizes}))


def _judge(generator, likes=2):
  return seqgan.Algorithm(
    seqgan.Config(), {"generator": generator, "discriminator": judges.LikesToken(dataclasses.replace(generator.spec, categories=()), likes)}
  )


@_each_guide
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_sentences_are_distributed_as_the_guided_model(guide, strength):
  """In more than one chunk."""
  generator = _generator(SMALL)
  judge = _judge(generator)
  judge.discriminator.scale.assign(3.0)
  log_probs = tf.reduce_sum(generator.log_probs(EVERY, tf.zeros([64, 0])), axis=1).numpy()
  system = guided.Generator(generator, judge, guide, strength)
  np.testing.assert_allclose(system.log_weight(EVERY), strength * judge.log_ratio(tf.constant(EVERY)), rtol=1e-6)
  p = np.exp(log_probs + strength * judge.log_ratio(tf.constant(EVERY)).numpy())
  generated = tf.function(system.write)(tf.constant(1200), SEED)
  places = generated.tokens.numpy() @ [16, 4, 1]
  frequencies.assert_drawn_from(places, p)
  np.testing.assert_allclose(generated.log_probs, log_probs[places], atol=1e-4)
  assert generated.tokens.shape[1] == 3 and np.all(generated.accepted) and generated.proposals > 1200


@pytest.mark.parametrize(("share", "penalized"), [(None, False), (0.25, False), (0.25, True)])
def test_own_rewards_are_mixed_with_the_log_ratio_as_in_training(share, penalized):
  generator = _generator(SMALL)
  judge, rewarder = _judge(generator), _judge(generator)
  rewarder.adversary_share, rewarder.penalize_repeats = share, penalized
  tokens = tf.gather(tf.constant(EVERY), [3, 3, 5, 9])
  ratios = 0.4 * judge.log_ratio(tokens)
  plain = guided.Generator(generator, judge, guidance.Resampling(4), 0.4, rewarder)
  np.testing.assert_allclose(plain.log_weight(tokens), ratios, rtol=1e-6)  # It has no rewards yet.
  rewarder.extra_rewards.append(lambda tokens: tf.cast(tokens[:, 0], tf.float32) + 1.0)
  own = (tf.cast(tokens[:, 0], tf.float32) + 1.0) * (0.75 / tf.constant([2.0, 2.0, 1.0, 1.0]) if penalized else 1.0)
  expected = ratios + own if share is None else share * ratios + (1.0 - share) * own
  system = guided.Generator(generator, judge, guidance.Resampling(4), 0.4, rewarder)
  np.testing.assert_allclose(system.log_weight(tokens), expected, rtol=1e-6)


@_each_guide_but_one_slow
def test_a_category_is_kept_and_the_latent_belongs_to_it(guide):
  guide = dataclasses.replace(guide, candidates=4)
  spec = tiny.LABELLED_SPEC
  generator = _generator(spec, latent_size=3)
  # In category c the token 3 + c is certain.
  generator.output_kernel.assign(tf.zeros_like(generator.output_kernel))
  step = generator.step

  def by_category(inputs, state):
    logits, state = step(inputs, state)
    return logits + 50.0 * tf.pad(state[2], [[0, 0], [3, 3]]), state

  generator.step = by_category
  system = guided.Generator(generator, _judge(generator), guide)
  category = np.arange(300) % 3
  tokens = tf.function(system.write)(tf.constant(300), SEED, None, category.astype(np.int32)).tokens.numpy()
  np.testing.assert_array_equal(tokens, np.repeat(3 + category[:, None], 6, axis=1))
  drawn = system.draw_context(300, SEED)
  np.testing.assert_array_equal(system.sample(300, SEED).tokens[:, 0], 3 + drawn.numpy())


def test_the_picker_draws_the_proposals():
  generator = _generator(tiny.SPECS["fixed"])
  for guide in GUIDES.values():
    system = guided.Generator(generator, _judge(generator), dataclasses.replace(guide, candidates=3))
    cold = system.write(20, SEED, pickers.Categorical(0.0)).tokens
    np.testing.assert_array_equal(cold, generator.write(20, SEED, pickers.Categorical(0.0))[0])


def test_algorithms_declare_whether_scores_are_log_ratios():
  names = ("mle", "seqgan", "relgan", "gad", "wgan_gp", "dpgan", "catgan", "coldgan")
  assert {name for name in names if tiny.algorithm(name, tiny.SPECS["text"]).scores_log_ratios} == {"seqgan", "relgan", "gad"}
  assert not tiny.algorithm("relgan", tiny.SPECS["text"], loss="wasserstein").scores_log_ratios


def test_scratchgans_log_ratio_is_the_score_of_the_last_token():
  spec = tiny.SPECS["text"]
  algorithm = tiny.algorithm("scratchgan", spec)
  assert isinstance(algorithm.discriminator, token_lstm.Discriminator) and isinstance(algorithm, scratchgan.Algorithm)
  tokens = tf.constant([[3, 4, 2, 0, 0, 0], [3, 4, 5, 6, 7, 8]])
  scores = algorithm.discriminator.token_scores(tokens).numpy()
  np.testing.assert_allclose(algorithm.log_ratio(tokens), [scores[0, 2], scores[1, 5]])
  np.testing.assert_allclose(algorithm.prefix_log_ratio(tokens, tf.constant(2)), scores[:, 1])
  np.testing.assert_allclose(algorithm.prefix_log_ratio(tokens, tf.constant(4)), [scores[0, 2], scores[1, 3]])
  generated = guided.Generator(algorithm.generator, algorithm, guidance.Search(4, 2)).write(10, SEED)
  np.testing.assert_allclose(generated.scores, algorithm.log_ratio(generated.tokens), atol=1e-5)
  assert generated.proposals == 40


def test_unsuitable_guides_are_refused():
  text, fixed = tiny.SPECS["text"], tiny.SPECS["fixed"]
  generator = _generator(text)
  cases = [
    (mle.Algorithm(mle.Config(), {"generator": generator}), guidance.Resampling(), "a guide needs a discriminator, but mle trains none"),
    (tiny.algorithm("wgan_gp", text), guidance.Resampling(), "whose score is a logit, and wgan_gp was not trained with such a loss"),
    (_judge(_generator(fixed)), guidance.Resampling(), "have different vocabularies or lengths"),
  ]
  for judge, guide, message in cases:
    with pytest.raises(errors.UserError, match=message):
      guided.Generator(generator, judge, guide)
  one_shot = tiny.network("generator", "conv_resnet", None, text)
  with pytest.raises(errors.UserError, match="search needs a generator that generates token by token"):
    guided.Generator(one_shot, _judge(generator), guidance.Search())
  generated = guided.Generator(one_shot, _judge(generator), guidance.Resampling(4)).write(20, SEED)
  assert generated.tokens.shape == [20, 6]


def test_settings():
  assert guided.Config("search", 8, 3).make() == guidance.Search(8, 3)
  assert guided.Config("rejection", 8, rejection_percentile=80.0).make() == guidance.Rejection(8, percentile=80.0)
  for wrong in ({"candidates": 0}, {"search_every": 0}, {"rejection_percentile": 100.0}, {"guide_strength": -1.0}):
    with pytest.raises(errors.UserError):
      guided.Config(**wrong)
