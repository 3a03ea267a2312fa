"""Tests of tf_textgan.algorithms.cot."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import cot
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
BITS = sequences.Spec(vocab_size=2, length=2, start_token=0)
REAL = np.array([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]], np.int32)
SEED = noise.seed(1)
START = tf.constant(0.0)


def _algorithm(spec=FIXED, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.7))
  config = cot.Config(**{"clip_norm": 0.0, "mediator_embedding_size": 4, "mediator_hidden_size": 6, "mediator_dropout": 0.0, **changes})
  return cot.Algorithm(config, {"generator": generator}, seed=3)


def _log_probs(network, tokens):
  """Log-probabilities of all tokens after every prefix, float64 `[B, T, V]`."""
  logits = network(tf.constant(tokens), tf.zeros([len(tokens), 0])).numpy().astype(np.float64)
  logits -= logits.max(axis=2, keepdims=True)
  return logits - np.log(np.sum(np.exp(logits), axis=2, keepdims=True))


@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
def test_the_divergence_matches_a_slow_twin(spec):
  algorithm = _algorithm(spec)
  tokens = algorithm.generator.sample(5, SEED).tokens.numpy()
  ours, theirs = (_log_probs(network, tokens) for network in (algorithm.generator, algorithm.mediator))
  terms = []
  for b, t in itertools.product(range(5), range(4)):
    if spec is FIXED or tokens[b, t]:
      terms.append(sum(np.exp(ours[b, t, v]) * (ours[b, t, v] - theirs[b, t, v]) for v in range(7) if v not in spec.forbidden_tokens))
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([5, 4], tf.int32)), SEED, START)
  np.testing.assert_allclose(metrics["divergence"], np.mean(terms), rtol=1e-4)


def test_the_mediator_learns_real_text_and_samples_together():
  algorithm = _algorithm(TEXT)
  fake = algorithm.generator.sample(3, noise.fold(SEED, "fake")).tokens.numpy()
  both = np.concatenate([REAL, fake])
  log_probs = np.take_along_axis(_log_probs(algorithm.mediator, both), both[..., None], axis=2)[..., 0]
  mediator, generator = algorithm.mediator.get_weights(), algorithm.generator.get_weights()
  metrics = algorithm.mediator_step(sequences.Batch(tf.constant(REAL)), SEED, START)
  np.testing.assert_allclose(metrics["nll"], -np.mean(log_probs[both != 0]), rtol=1e-5)
  assert any(np.any(a != b) for a, b in zip(mediator, algorithm.mediator.get_weights()))
  assert all(np.all(a == b) for a, b in zip(generator, algorithm.generator.get_weights()))


def test_generator_and_mediator_find_the_real_distribution():
  """On two bits: the mediator tends to the mean of both, and the generator to the real text."""
  every = np.array(list(itertools.product(range(2), repeat=2)), np.int32)
  counts = np.array([8, 4, 2, 2])
  real = sequences.Batch(tf.constant(np.repeat(every, 8 * counts, axis=0)))
  algorithm = _algorithm(BITS, generator_learning_rate=0.01, mediator_learning_rate=0.03)
  steps = [tf.function(step) for step in (algorithm.generator_step, algorithm.mediator_step)]
  for i in range(400):
    for step in steps:
      step(real, noise.fold(SEED, i), START)
  for network in (algorithm.generator, algorithm.mediator):
    found = np.exp(tf.reduce_sum(network.log_probs(tf.constant(every), tf.zeros([4, 0])), axis=1))
    np.testing.assert_allclose(found, counts / 16, atol=0.07)


def test_the_mediator_is_in_the_checkpoint_and_is_another_network():
  algorithm = _algorithm()
  assert {name.split("/")[0] for name in algorithm.variables()} == {"generator", "mediator", "generator_optimizer", "mediator_optimizer"}
  assert algorithm.mediator.config == lstm.Config(4, 6)


@pytest.mark.parametrize("changes", [{"mediator_dropout": 1.0}, {"mediator_steps_per_round": 0}, {"mediator_hidden_size": 0}], ids=str)
def test_impossible_settings_are_refused(changes):
  with pytest.raises(errors.UserError, match=next(iter(changes))):
    cot.Config(**changes)
