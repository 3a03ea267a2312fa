"""Tests of tf_textgan.algorithms.maskgan."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import maskgan
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import infilling as infilling_discriminator
from tf_textgan.generators import infilling
from tf_textgan.sampling import noise

SPEC = tiny.SPECS["text"]
SEED = noise.seed(1)
START = tf.constant(0.0)


def _algorithm(**changes):
  """With weights as large as trained ones, and no dropout."""
  sizes = {"embedding_size": 4, "hidden_size": 5, "layers": 1, "dropout": 0.0}
  networks = {
    "generator": infilling.Generator(SPEC, infilling.Config(**sizes)),
    "discriminator": infilling_discriminator.Discriminator(SPEC, infilling_discriminator.Config(**sizes)),
  }
  algorithm = maskgan.Algorithm(maskgan.Config(**{"clip_norm": 0.0, **changes}), networks)
  random = np.random.default_rng(0)
  for holder in (*networks.values(), algorithm.critic):
    for weight in holder.trainable_variables:
      weight.assign(random.normal(0.0, 0.7, weight.shape))
  return algorithm


def _real(num=6):
  return sequences.Batch(tf.constant(tiny.batch(SPEC, num)))


def _in_blanks(tokens, present):
  """The places of the tokens in blanks, row by row."""
  return [[t for t in range(SPEC.length) if not present[i, t] and tokens[i, t] != 0] for i in range(len(tokens))]


@pytest.mark.parametrize("mask_all", [0.0, 1.0])
def test_returns_advantages_and_losses_match_a_slow_twin(mask_all):
  config = {"discount": 0.8, "largest_advantage": 1.5, "mask_all": mask_all, "mask_rate_start": 0.6}
  algorithm, real = _algorithm(**config), _real()
  present = algorithm.masks(real.tokens, "contiguous", 0.6, SEED).numpy()
  tokens = algorithm.generator.fill(real.tokens, present, noise.fold(SEED, "fake")).tokens.numpy()
  scores, before = (x.numpy().astype(np.float64) for x in algorithm.discriminator.read(tf.constant(tokens), tf.constant(present)))
  log_probs = algorithm.generator.blank_log_probs(tf.constant(tokens), tf.constant(present)).numpy()
  kernel, bias = algorithm.critic.get_weights()
  rewards = np.log(1 / (1 + np.exp(-scores)) + 1e-7)
  losses, errors_, clipped = [], [], 0
  for i, places in enumerate(_in_blanks(tokens, present)):
    loss = 0.0
    for t in places:
      returns = sum(0.8 ** (s - t) * rewards[i, s] for s in places if s >= t)
      difference = returns - (before[i, t] @ kernel[:, 0] + bias[0])
      clipped += abs(difference) > 1.5
      loss -= np.clip(difference, -1.5, 1.5) * log_probs[i, t]
      errors_.append(difference**2)
    losses.append(loss)
  assert 0 < clipped < len(errors_)
  metrics = algorithm.generator_step(real, SEED, START)
  np.testing.assert_allclose(metrics["loss"], np.mean(losses), rtol=1e-4)
  np.testing.assert_allclose(metrics["critic_loss"], np.mean(errors_), rtol=1e-4)
  every = [(i, t) for i, places in enumerate(_in_blanks(tokens, present)) for t in places]
  np.testing.assert_allclose(metrics["reward"], np.mean([rewards[place] for place in every]), rtol=1e-4)
  np.testing.assert_allclose(metrics["entropy"], -np.mean([log_probs[place] for place in every]), rtol=1e-4)


def test_the_discriminator_learns_the_tokens_in_blanks_alone():
  algorithm, real = _algorithm(mask_all=0.3), _real()
  present = algorithm.masks(real.tokens, "contiguous", 0.5, SEED).numpy()
  fake = algorithm.generator.fill(real.tokens, present, noise.fold(SEED, "fake")).tokens.numpy()
  losses, right = [], []
  for tokens, sign in ((real.tokens.numpy(), 1), (fake, -1)):
    scores = sign * algorithm.discriminator.read(tf.constant(tokens), tf.constant(present)).scores.numpy().astype(np.float64)
    for i, places in enumerate(_in_blanks(tokens, present)):
      losses += [np.log1p(np.exp(-scores[i, t])) for t in places]
      right += [scores[i, t] > 0 for t in places]
  metrics = algorithm.discriminator_step(real, SEED, START)
  np.testing.assert_allclose(metrics["loss"], np.mean(losses), rtol=1e-4)
  np.testing.assert_allclose(metrics["accuracy"], np.mean(right), rtol=1e-5)


def test_maximum_likelihood_is_of_the_tokens_in_blanks_alone():
  algorithm, real = _algorithm(), _real()
  present = algorithm.masks(real.tokens, "random", 0.5, SEED).numpy()
  log_probs = algorithm.generator.blank_log_probs(real.tokens, tf.constant(present)).numpy()
  expected = [-log_probs[i, t] for i, places in enumerate(_in_blanks(real.tokens.numpy(), present)) for t in places]
  np.testing.assert_allclose(algorithm.mle_step(real, SEED, START)["nll"], np.mean(expected), rtol=1e-4)


def test_a_share_of_the_texts_is_all_blank_and_the_others_have_their_share_of_blanks():
  algorithm, tokens = _algorithm(mask_all=0.4), tf.constant(np.full([2000, SPEC.length], 3, np.int32))
  for kind in ("random", "contiguous"):
    present = algorithm.masks(tokens, kind, 0.5, SEED).numpy()
    whole = ~present.any(axis=1)
    assert abs(whole.mean() - (0.4 + 0.6 * (0.5**SPEC.length if kind == "random" else 0.0))) < 0.04
    assert abs(present[~whole].mean() - 0.5) < 0.04


def test_the_share_of_blanks_grows_over_the_adversarial_phase(monkeypatch):
  algorithm, rates = _algorithm(mask_rate_start=0.2, mask_rate=0.6), []
  masks = algorithm.masks
  monkeypatch.setattr(algorithm, "masks", lambda tokens, kind, rate, seed: rates.append((kind, float(rate))) or masks(tokens, kind, rate, seed))
  for step in (algorithm.discriminator_step, algorithm.generator_step):
    for fraction in (0.0, 0.5, 1.0):
      step(_real(), SEED, tf.constant(fraction))
  algorithm.mle_step(_real(), SEED, START)
  assert rates == [("contiguous", pytest.approx(rate)) for rate in (0.2, 0.4, 0.6)] * 2 + [("random", 0.6)]


def test_a_token_that_is_liked_fills_the_blanks_and_the_critic_expects_it():
  algorithm = _algorithm(generator_learning_rate=2e-2, critic_learning_rate=5e-2, discount=0.5)
  algorithm.discriminator.read = lambda tokens, present, **_: discriminator_base.Reading(
    tf.where(tokens == 5, 4.0, -4.0), tf.ones([tf.shape(tokens)[0], SPEC.length, 5])
  )
  step, losses = tf.function(algorithm.generator_step, autograph=False), []
  for i in range(120):
    losses.append(float(step(_real(64), noise.fold(SEED, i), START)["critic_loss"]))
  present = algorithm.masks(_real(200).tokens, "contiguous", 0.5, SEED)
  filled = algorithm.generator.fill(_real(200).tokens, present, SEED).tokens.numpy()
  places = [(i, t) for i, row in enumerate(_in_blanks(filled, present.numpy())) for t in row]
  assert np.mean([filled[place] == 5 for place in places]) > 0.8
  assert np.mean(losses[-10:]) < 0.1 * np.mean(losses[:10])


@pytest.mark.parametrize(
  ("changes", "expected"),
  [({"mask_rate": 1.1}, "mask_rate must be at most 1"), ({"mask_all": -0.1}, "mask_all"), ({"largest_advantage": 0.0}, "largest_advantage")],
)
def test_settings_out_of_range_are_refused(changes, expected):
  with pytest.raises(errors.UserError, match=expected):
    maskgan.Config(**changes)
