"""Tests of tf_textgan.algorithms.steps.likelihood."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import likelihood
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
REAL = np.array([[3, 4, 5, 2], [6, 2, 0, 0], [2, 0, 0, 0]], np.int32)
SEED = noise.seed(1)


def _generator(spec=SPEC, **changes):
  return lstm.Generator(spec, lstm.Config(**{"embedding_size": 4, "hidden_size": 5, "init_stddev": 1.0} | changes))


def _step(generator, learning_rate, context=None, **changes):
  context = None if context is None else tf.constant(context)
  batch = sequences.Batch(tf.constant(REAL), context)
  return likelihood.step(generator, base.adam(generator, learning_rate), batch, SEED, clip_norm=5.0, **changes)


def _expected(log_probs):
  return -np.mean([log_probs[b, t] for b in range(3) for t in range(4) if REAL[b, t] != 0])


def test_nll_is_per_unmasked_token():
  generator = _generator()
  logits = generator(tf.constant(REAL), tf.zeros([3, 0])).numpy().astype(np.float64)
  log_probs = np.take_along_axis(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)), REAL[:, :, None], axis=2)[:, :, 0]
  np.testing.assert_allclose(_step(generator, 1e-3)["nll"], _expected(log_probs), rtol=1e-5)


def test_each_sequence_is_learned_in_its_category():
  generator = _generator(dataclasses.replace(SPEC, categories=("a", "b")))
  for context in ([0, 1, 1], [1, 1, 0]):
    log_probs = generator.log_probs(tf.constant(REAL), generator.prior(3, SEED), tf.constant(context)).numpy()
    np.testing.assert_allclose(_step(generator, 0.0, context)["nll"], _expected(log_probs), rtol=1e-5)


def test_the_gradient_matches_finite_differences():
  generator = _generator()
  with tf.GradientTape() as tape:
    value = -tf.reduce_sum(generator.log_probs(tf.constant(REAL), tf.zeros([3, 0]))) / 7.0
  gradient = tape.gradient(value, generator.output_bias.value).numpy()
  original = generator.output_bias.numpy()
  for i in range(2, 7):
    change = 1e-2 * np.eye(7)[i]
    values = []
    for sign in (1, -1):
      generator.output_bias.assign(original + sign * change)
      values.append(float(_step(generator, 1e-12)["nll"]))
    assert abs((values[0] - values[1]) / 2e-2 - gradient[i]) < 1e-3


def test_weight_decay_makes_the_weights_smaller_and_is_not_in_the_nll():
  norms, nlls = [], []
  for decay in (0.0, 1.0):
    generator = _generator()
    nlls.append(float(_step(generator, 1e-3, weight_decay=decay)["nll"]))
    norms.append(sum(float(tf.reduce_sum(weight**2)) for weight in generator.get_weights()))
  assert nlls[0] == nlls[1]
  assert norms[1] < norms[0]


def _gradient_step(generator, clip_norm=0.0, **changes):
  """A step whose change of the weights is the gradient."""
  optimizer = keras.optimizers.SGD(1.0)
  optimizer.build(generator.trainable_variables)
  return likelihood.step(generator, optimizer, sequences.Batch(tf.constant(REAL)), SEED, clip_norm, **changes)


def test_weight_decay_adds_the_gradient_of_the_squared_norm():
  plain, decayed, before = _generator(), _generator(), _generator()
  _gradient_step(plain)
  _gradient_step(decayed, weight_decay=0.05)
  for a, b, weight in zip(*(network.trainable_variables for network in (plain, decayed, before)), strict=True):
    np.testing.assert_allclose(a.numpy() - b.numpy(), 2 * 0.05 * weight.numpy(), atol=1e-5)


def test_the_gradient_is_clipped_and_its_norm_is_from_before():
  norms, moves = [], []
  for clip_norm in (0.0, 0.01):
    generator, before = _generator(), _generator()
    norms.append(_gradient_step(generator, clip_norm)["gradient_norm"].numpy())
    moves.append(np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(generator.get_weights(), before.get_weights()))))
  assert norms[0] == norms[1] > 0.1
  np.testing.assert_allclose(moves, [norms[0], 0.01], rtol=1e-3)


def test_the_latent_is_drawn_from_the_prior_and_the_dropout_has_a_seed_of_its_own():
  generator = _generator(latent_size=3, dropout=0.5)
  tokens, latent = tf.constant(REAL), generator.prior(3, SEED)
  expected = [_expected(generator.log_probs(tokens, latent, seed=seed).numpy()) for seed in (noise.fold(SEED, "dropout"), None)]
  np.testing.assert_allclose(_step(generator, 0.0)["nll"], expected[0], rtol=1e-5)
  assert abs(expected[1] - expected[0]) > 0.01
