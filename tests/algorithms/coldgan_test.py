"""Tests of tf_textgan.algorithms.coldgan."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.algorithms import judges
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import coldgan
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import lstm
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

FIXED = sequences.Spec(vocab_size=5, length=3, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
SEED = noise.seed(1)
NOW = tf.constant(0.0)
EVERY = np.array(list(itertools.product(range(5), repeat=3)), np.int32)


def _algorithm(spec=FIXED, judge=None, stddev=0.7, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=stddev))
  return coldgan.Algorithm(coldgan.Config(**changes), {"generator": generator, "discriminator": judge or judges.LikesToken(spec, 3)})


def _exploration(logits, config):
  """Slow twin: the mixture's probabilities `[V]` of one row of logits."""
  p = np.exp(logits - logits.max())
  p /= p.sum()
  cold = p ** (1.0 / config.exploration_temperature)
  order = np.argsort(-p)
  inside = np.zeros_like(p)
  for token in order:
    if inside.sum() < config.exploration_nucleus:
      inside[token] = p[token]
  return config.exploration_share * cold / cold.sum() + (1.0 - config.exploration_share) * inside / inside.sum()


def _log_probs_of_exploration(generator, config):
  """The log-probabilities of every sequence's tokens, `[N, T]`."""
  logits = generator(tf.constant(EVERY), tf.zeros([len(EVERY), 0])).numpy().astype(np.float64)
  return np.array([[np.log(_exploration(row[t], config)[token]) for t, token in enumerate(tokens)] for row, tokens in zip(logits, EVERY)])


def _flat(gradients):
  return np.concatenate([np.reshape(tf.convert_to_tensor(g), -1) for g in gradients])


def _exact(algorithm):
  """The gradient of the mean of D over the policy's own samples, by enumeration."""
  with tf.GradientTape() as tape:
    log_probs = tf.reduce_sum(algorithm.generator.log_probs(tf.constant(EVERY), tf.zeros([len(EVERY), 0])), axis=1)
    value = tf.reduce_sum(tf.exp(log_probs) * tf.sigmoid(algorithm.discriminator(tf.constant(EVERY))))
  return _flat(tape.gradient(value, algorithm.generator.trainable_variables))


@pytest.mark.parametrize(("temperature", "nucleus", "share"), [(0.5, 0.7, 0.2), (0.5, 1.0, 1.0), (1.0, 0.6, 0.5)])
def test_without_a_limit_the_weighted_gradient_is_the_policys_own(temperature, nucleus, share):
  algorithm = _algorithm(exploration_temperature=temperature, exploration_nucleus=nucleus, exploration_share=share)
  generator, q = algorithm.generator, _log_probs_of_exploration(algorithm.generator, algorithm.config)
  np.testing.assert_allclose(np.exp(q.sum(axis=1)).sum(), 1.0, rtol=1e-6)
  with tf.GradientTape() as tape:
    log_probs = generator.log_probs(tf.constant(EVERY), tf.zeros([len(EVERY), 0]))
    weights = policy_gradient.proposal_weights(log_probs, tf.constant(q, tf.float32), 1e30)
    rewards = tf.sigmoid(algorithm.discriminator(tf.constant(EVERY)))
    value = tf.reduce_sum(np.exp(q.sum(axis=1)) * weights * rewards * tf.reduce_sum(log_probs, axis=1))
  np.testing.assert_allclose(_flat(tape.gradient(value, generator.trainable_variables)), _exact(algorithm), atol=1e-5)


def test_the_update_follows_the_gradient_of_the_policys_own_samples(monkeypatch):
  algorithm = _algorithm(exploration_temperature=0.7, exploration_nucleus=0.8, exploration_share=0.6, largest_weight=1e6)
  gradients = []

  def record(tape, loss, network, *_):
    gradients.append(-_flat(tape.gradient(loss, network.trainable_variables)))
    return tf.zeros([])

  exact = _exact(algorithm)
  monkeypatch.setattr(base, "minimize", record)
  for i in range(10):
    metrics = algorithm.generator_step(sequences.Batch(tf.zeros([3000, 3], tf.int32)), noise.fold(SEED, i), NOW)
  assert np.linalg.norm(np.mean(gradients, axis=0) - exact) < 0.08 * np.linalg.norm(exact)
  np.testing.assert_allclose(metrics["importance_weight"], 1.0, atol=0.1)
  # Without the weights it would be another one.
  monkeypatch.setattr(policy_gradient, "proposal_weights", lambda log_probs, *_: tf.ones_like(log_probs[:, 0]))
  algorithm.generator_step(sequences.Batch(tf.zeros([3000, 3], tf.int32)), SEED, NOW)
  assert np.linalg.norm(gradients[-1] - exact) > 0.2 * np.linalg.norm(exact)


@pytest.mark.parametrize(("settings", "least", "most"), [({}, 0.75, 1.2), ((0.3, 0.9, 0.1), 0.08, 0.2)], ids=["default", "colder"])
def test_the_mean_weight_of_a_batch(settings, least, most):
  """At 20 tokens of a vocabulary of 1,000, with logits about as uneven as a language model's."""
  config = coldgan.Config()
  picker = pickers.ColdNucleus(*(settings or (config.exploration_temperature, config.exploration_nucleus, config.exploration_share)))
  weights = []
  for i in range(4):
    logits = 2.0 * tf.random.stateless_normal([64 * 20, 1000], noise.seed(i))
    pick = picker(logits, noise.seed(i))
    log_probs = tf.gather(tf.nn.log_softmax(logits), pick.tokens, batch_dims=1)
    ours, proposal = (tf.reshape(x, [64, 20]) for x in (log_probs, pick.log_probs))
    weights.append(policy_gradient.proposal_weights(ours, proposal, config.largest_weight))
  assert least < np.mean(weights) < most


def test_it_warns_where_the_mean_weight_is_far_from_1():
  algorithm = _algorithm()
  assert [algorithm.warnings({"generator/importance_weight": weight}) for weight in (0.9, 1.0, 1.4)] == [[], [], []]
  assert algorithm.warnings({"mle/nll": 2.0}) == []
  (warning,) = algorithm.warnings({"generator/importance_weight": 0.12})
  assert warning.startswith("the mean importance weight is 0.12 instead of 1: ") and "--exploration_share" in warning


def test_samples_know_their_probability_under_the_exploration():
  algorithm = _algorithm(exploration_temperature=0.6, exploration_nucleus=0.7, exploration_share=0.3)
  q = dict(zip(map(tuple, EVERY), _log_probs_of_exploration(algorithm.generator, algorithm.config)))
  samples = algorithm.generator.sample(50, SEED, algorithm._exploration)
  np.testing.assert_allclose(samples.log_probs, [q[tuple(row)] for row in samples.tokens.numpy()], atol=1e-4)


def test_weights_have_a_limit():
  algorithm = _algorithm(TEXT, largest_weight=1.2, exploration_temperature=0.5, exploration_share=0.9)
  samples = algorithm.generator.sample(200, SEED, algorithm._exploration)
  log_ratio = np.sum(algorithm.generator.log_probs(samples.tokens, tf.zeros([200, 0])) - samples.log_probs, axis=1)
  assert 20 < np.sum(log_ratio > np.log(1.2)) < 180
  weights = np.minimum(np.exp(log_ratio), 1.2)
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([200, 4], tf.int32)), SEED, NOW)
  np.testing.assert_allclose(metrics["importance_weight"], np.mean(weights), rtol=1e-4)
  np.testing.assert_allclose(metrics["effective_share"], np.mean(weights) ** 2 / np.mean(weights**2), rtol=1e-4)


def test_the_exploration_generates_probable_sequences():
  algorithm = _algorithm(exploration_temperature=0.3, exploration_nucleus=0.6, exploration_share=0.1)
  generator = algorithm.generator
  nll = lambda picker: -np.mean(generator.log_probs(generator.sample(500, SEED, picker).tokens, tf.zeros([500, 0])))  # noqa: E731
  assert nll(algorithm._exploration) < nll(None) - 0.2


def test_a_token_that_is_liked_becomes_probable():
  algorithm = _algorithm(generator_learning_rate=0.1, stddev=0.1)
  share = lambda: np.mean(algorithm.generator.sample(500, noise.seed(9)).tokens == 3)  # noqa: E731
  before = share()
  for i in range(12):
    algorithm.generator_step(sequences.Batch(tf.zeros([32, 3], tf.int32)), noise.fold(SEED, i), NOW)
  assert before < 0.4 and share() > 0.7


def test_the_discriminator_learns_from_new_samples_and_from_the_replay_buffer():
  discriminator = recurrent.Discriminator(TEXT, recurrent.Config(4, 5, dropout=0.0))
  algorithm = _algorithm(TEXT, discriminator, replay_size=6, replay_share=0.5)
  layer = algorithm.modules["replay"]
  old = tf.constant([[3, 3, 3, 2]] * 6)
  layer.add(old, SEED)
  real = tf.constant([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0], [4, 2, 0, 0]] * 2)
  new = algorithm.generator.sample(8, noise.fold(SEED, "fake"), algorithm._exploration).tokens.numpy()
  scores = lambda tokens: discriminator(tf.constant(tokens)).numpy().astype(np.float64)  # noqa: E731
  real_scores, new_scores = scores(real), scores(new)
  weights = discriminator.get_weights()
  metrics = algorithm.discriminator_step(sequences.Batch(real), SEED, NOW)
  assert layer.seen.numpy() == 14
  discriminator.set_weights(weights)
  past = layer.sample(8, noise.fold(SEED, "recalled")).numpy()
  replayed = noise.uniform([8], noise.fold(SEED, "replayed")).numpy() < 0.5
  assert 0 < replayed.sum() < 8 and (past[replayed] == [3, 3, 3, 2]).all(axis=1).any()
  fake_scores = np.where(replayed, scores(past), new_scores)
  np.testing.assert_allclose(metrics["loss"], np.mean(np.log1p(np.exp(-real_scores)) + np.log1p(np.exp(fake_scores))), rtol=1e-5)


def test_the_replay_buffer_is_part_of_a_checkpoint():
  algorithm = _algorithm(replay_size=6)
  algorithm.discriminator_step(sequences.Batch(tf.zeros([4, 3], tf.int32)), SEED, NOW)
  variables = algorithm.variables()
  assert variables["replay/0/tokens"].shape == (6, 3) and variables["replay/1/seen"].numpy() == 4
  assert not {id(v) for v in algorithm.modules["replay"].variables} & {id(v) for v in algorithm.generator.variables}


@pytest.mark.parametrize(
  "changes",
  [{"exploration_share": 1.5}, {"exploration_nucleus": 1.1}, {"exploration_temperature": 0.0}, {"replay_share": 1.0}, {"exploration_share": 0.0}],
  ids=str,
)
def test_impossible_settings_are_refused(changes):
  with pytest.raises(errors.UserError, match=next(iter(changes))):
    coldgan.Config(**changes)


def test_plain_sampling_is_an_exploration_too():
  algorithm = _algorithm(exploration_nucleus=1.0, exploration_share=0.0)
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([16, 3], tf.int32)), SEED, NOW)
  np.testing.assert_allclose([metrics["importance_weight"], metrics["effective_share"]], 1.0, rtol=1e-4)


def test_plain_sampling_has_weights_of_1_in_half_precision():
  """Twenty tokens: the roundings of another pass would add up."""
  spec = sequences.Spec(vocab_size=50, length=20, start_token=0)
  judge = judges.LikesToken(spec, 3)
  with tiny.half_precision():
    generator = lstm.Generator(spec, lstm.Config(embedding_size=16, hidden_size=16, init_stddev=1.0))
  config = coldgan.Config(exploration_nucleus=1.0, exploration_share=0.0)
  algorithm = coldgan.Algorithm(config, {"generator": generator, "discriminator": judge})
  metrics = algorithm.generator_step(sequences.Batch(tf.zeros([64, 20], tf.int32)), SEED, NOW)
  np.testing.assert_allclose([metrics["importance_weight"], metrics["effective_share"]], 1.0, atol=1e-5)
