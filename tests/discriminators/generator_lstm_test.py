"""Tests of tf_textgan.discriminators.generator_lstm."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import gsgan
from tf_textgan.algorithms import seqgan
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.conformance import tiny
from tf_textgan.discriminators import generator_lstm
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

SPEC = sequences.Spec(vocab_size=7, length=5, start_token=1, end_token=2, forbidden_tokens=(0, 1))
TOKENS = tf.constant([[3, 4, 5, 6, 2], [6, 2, 0, 0, 0], [3, 4, 2, 0, 0], [2, 0, 0, 0, 0]])
MASK = (TOKENS.numpy() > 0).astype(np.float32)
SEED = noise.seed(1)


def _generator(spec=SPEC, **changes):
  return lstm.Generator(spec, lstm.Config(**{"embedding_size": 3, "hidden_size": 4, "init_stddev": 0.7, **changes}))


def _discriminator(generator=None, begun=True, **changes):
  config = generator_lstm.Config(**{"head_size": 6, "log_prob": True, **changes})
  discriminator = generator_lstm.Discriminator(SPEC, config, seed=3)
  discriminator.attach({"generator": generator or _generator()})
  discriminator.head.bias.assign(np.linspace(-0.3, 0.5, config.head_size))
  if begun:
    discriminator.begin()
  return discriminator


def _slow_score(discriminator, generator, tokens):
  """The score of one list of tokens, without padding, by the cell of the generator's LSTM."""
  layers = [[weight.numpy() for weight in layer.trainable_variables] for layer in generator.lstms]
  embedding = generator.embedding.numpy()
  output_kernel = generator.output_projection.numpy() @ embedding.T if generator.config.tied else generator.output_kernel.numpy()
  sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
  state, outputs, log_probs = [[np.zeros(4)] * 2] * len(layers), [], []
  for t, token in enumerate([SPEC.start_token, *tokens]):
    if t:
      logits = state[-1][0] @ output_kernel + generator.output_bias.numpy()
      logits[list(SPEC.forbidden_tokens)] = -np.inf
      log_probs.append(logits[token] - np.log(np.exp(logits).sum()))
    shown, before, state = embedding[token], state, []
    for (kernel, recurrent_kernel, bias), (h, c) in zip(layers, before):
      i, f, g, o = np.split(shown @ kernel + h @ recurrent_kernel + bias, 4)
      c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
      shown = sigmoid(o) * np.tanh(c)
      state.append((shown, c))
    if t:
      outputs.append(shown)
  features = np.concatenate([np.mean(outputs, axis=0), np.max(outputs, axis=0), [math.log(7) + np.mean(log_probs)]])
  hidden = np.maximum(features @ discriminator.head.kernel.numpy() + discriminator.head.bias.numpy(), 0)
  return (hidden @ discriminator.score.kernel.numpy() + discriminator.score.bias.numpy())[0]


@pytest.mark.parametrize("changes", [{}, {"layers": 3, "tied": True}], ids=["one layer", "three, tied"])
def test_scores_match_a_slow_twin_with_the_generators_weights(changes):
  generator = _generator(**changes)
  discriminator = _discriminator(generator)
  rows = [row[row > 0] for row in TOKENS.numpy()]
  expected = [_slow_score(discriminator, generator, row) for row in rows]
  assert np.std(expected) > 1e-2
  np.testing.assert_allclose(discriminator(TOKENS), expected, atol=1e-5)
  expected = [[_slow_score(discriminator, generator, row[: t + 1]) if t < len(row) else 0.0 for t in range(5)] for row in rows]
  np.testing.assert_allclose(discriminator.token_scores(TOKENS), expected, atol=1e-5)


@pytest.mark.parametrize("log_prob", [False, True])
def test_points_are_scored_and_masked_as_ids(log_prob):
  discriminator, points = _discriminator(log_prob=log_prob), tf.one_hot(TOKENS, 7)
  np.testing.assert_allclose(discriminator(points), discriminator(TOKENS), atol=1e-5)
  np.testing.assert_allclose(discriminator.token_scores(points), discriminator.token_scores(TOKENS), atol=1e-5)


def test_the_gradient_of_points_is_finite_where_tokens_are_forbidden():
  discriminator, points = _discriminator(), tf.one_hot(TOKENS, 7)
  with tf.GradientTape() as tape:
    tape.watch(points)
    scores = discriminator(points)
  assert np.abs(tape.gradient(scores, points)).max() < 100.0


@pytest.mark.parametrize(("log_prob", "layers"), [(False, 1), (True, 1), (True, 2)])
def test_a_prefix_is_scored_as_a_whole_sequence(log_prob, layers):
  discriminator = _discriminator(_generator(layers=layers), log_prob=log_prob)
  points = np.random.default_rng(0).dirichlet(np.ones(7), [4, 5]).astype(np.float32)
  points[:, :, 0] = 0.0  # Before the end there is no padding.
  scores = discriminator.prefixes(TOKENS, tf.constant(points)).numpy()
  for row, t in [(0, 0), (0, 3), (0, 4), (1, 1), (2, 2), (3, 0)]:
    rows = np.zeros([1, 5, 7], np.float32)
    rows[0, :, 0] = 1.0
    rows[0, :t] = np.eye(7)[TOKENS.numpy()[row, :t]]
    rows[0, t] = points[row, t]
    np.testing.assert_allclose(scores[row, t], discriminator(tf.constant(rows))[0], atol=1e-5)


def test_it_copies_the_generators_weights_once():
  generator = _generator()
  discriminator = _discriminator(generator, begun=False)
  assert np.any(discriminator.embedding != generator.embedding)
  generator.embedding.assign_add(tf.ones([7, 3]))
  discriminator.begin()
  before = discriminator.language_model.get_weights()
  algorithm = seqgan.Algorithm(seqgan.Config(discriminator_learning_rate=0.1), {"generator": generator, "discriminator": discriminator})
  np.testing.assert_array_equal(discriminator.embedding, generator.embedding)
  nll = discriminator.language_model.token_nll(TOKENS)
  np.testing.assert_allclose(-nll, generator.log_probs(TOKENS, tf.zeros([4, 0])), atol=1e-5)
  algorithm.discriminator_step(sequences.Batch(TOKENS), SEED, tf.constant(0.0))
  assert np.any(discriminator.embedding != generator.embedding) and np.any(discriminator.lstms[0].cell.kernel != generator.lstms[0].cell.kernel)
  # The language model is frozen, and part of the checkpoints.
  assert all(map(np.array_equal, before, discriminator.language_model.get_weights()))
  assert sum("output_kernel" in name for name in algorithm.variables() if name.startswith("discriminator/")) == 1


def test_it_copies_the_same_weights_on_all_replicas(two_replicas):
  with two_replicas.scope():
    generator = _generator()
    discriminator = _discriminator(generator, begun=False)
  discriminator.begin()
  for variable in (discriminator.embedding, discriminator.language_model.output_kernel):
    first, second = two_replicas.experimental_local_results(variable.value)
    np.testing.assert_array_equal(first, second)
  np.testing.assert_array_equal(discriminator.embedding, generator.embedding)


def test_it_averages_the_generators_categories_and_ignores_its_latent():
  generator = _generator(dataclasses.replace(SPEC, categories=("a", "b")), latent_size=2)
  discriminator = _discriminator(generator)
  # A generator without categories whose bias contains the mean of both.
  plain = _generator()
  by_category = generator.lstms[0].cell.kernel[3:]
  for variable, value in (
    (plain.embedding, generator.embedding),
    (plain.lstms[0].cell.kernel, generator.lstms[0].cell.kernel[:3]),
    (plain.lstms[0].cell.recurrent_kernel, generator.lstms[0].cell.recurrent_kernel),
    (plain.lstms[0].cell.bias, generator.lstms[0].cell.bias + tf.reduce_mean(by_category, axis=0)),
    (plain.output_kernel, generator.output_kernel),
    (plain.output_bias, generator.output_bias),
  ):
    variable.assign(value)
  assert by_category.shape[0] == 2
  np.testing.assert_allclose(-discriminator.language_model.token_nll(TOKENS), plain.log_probs(TOKENS, tf.zeros([4, 0])), atol=1e-5)


def test_a_generator_without_an_lstm_is_refused():
  with pytest.raises(errors.UserError, match="begins as the LSTM of its generator, which relational_memory has not; expected --generator lstm"):
    tiny.network("discriminator", "generator_lstm", None, SPEC).attach({"generator": tiny.network("generator", "relational_memory", None, SPEC)})


def test_the_penalty_is_the_squared_norm_of_the_trained_weights():
  discriminator = _discriminator(weight_decay=0.1)
  expected = 0.1 * sum(np.sum(np.square(v.numpy())) for v in discriminator.trainable_variables)
  np.testing.assert_allclose(discriminator.regularization(), expected, rtol=1e-5)
  assert len(discriminator.trainable_variables) == 8
  assert _discriminator().regularization() == 0.0


@pytest.mark.parametrize("changes", [{"input_dropout": 0.5, "dropout": 0.0}, {"input_dropout": 0.0, "dropout": 0.5}])
def test_dropout_applies_to_inputs_and_features(changes):
  discriminator = _discriminator(**changes)
  assert np.any(discriminator(TOKENS, seed=SEED) != discriminator(TOKENS))
  assert np.any(discriminator.token_scores(TOKENS, seed=SEED) != discriminator.token_scores(TOKENS))


def test_per_prefix_trains_on_every_prefix():
  discriminator, whole = (_discriminator(per_prefix=per_prefix, input_dropout=0.0, dropout=0.0) for per_prefix in (True, False))
  fake = tf.constant([[3, 3, 3, 2, 0], [5, 2, 0, 0, 0], [4, 2, 0, 0, 0], [6, 6, 6, 6, 2]])
  signed = np.concatenate([discriminator.token_scores(TOKENS).numpy()[MASK > 0], -discriminator.token_scores(fake).numpy()[fake.numpy() > 0]])
  loss, accuracy = vanilla.scores(discriminator, sequences.Batch(TOKENS), fake, SEED)
  np.testing.assert_allclose(loss, np.mean(np.logaddexp(0, -signed)), rtol=1e-5)
  np.testing.assert_allclose(accuracy, np.mean(signed > 0), rtol=1e-5)
  signed = np.concatenate([whole(TOKENS), -whole(fake)])
  np.testing.assert_allclose(vanilla.scores(whole, sequences.Batch(TOKENS), fake, SEED)[0], np.mean(np.logaddexp(0, -signed)), rtol=1e-5)


def test_estimators_can_use_it():
  generator = _generator(latent_size=2)
  algorithm = gsgan.Algorithm(gsgan.Config(estimator="rebar"), {"generator": generator, "discriminator": _discriminator(generator)})
  for step in (algorithm.discriminator_step, algorithm.generator_step):
    assert all(np.isfinite(value) for value in step(sequences.Batch(TOKENS), SEED, tf.constant(0.5)).values())


def _algorithm(**changes):
  generator = _generator()
  return seqgan.Algorithm(seqgan.Config(), {"generator": generator, "discriminator": _discriminator(generator, **changes)})


@pytest.mark.slow
@pytest.mark.parametrize("per_prefix", [False, True])
def test_two_replicas_compute_the_same_as_one(per_prefix, two_replicas):
  real = tiny.batch(SPEC, 8)
  one = _algorithm(per_prefix=per_prefix)
  one.discriminator_step(sequences.Batch(tf.constant(real)), SEED, tf.constant(0.5))
  with two_replicas.scope():
    two = _algorithm(per_prefix=per_prefix)
  parts = two_replicas.experimental_distribute_values_from_function(
    lambda context: sequences.Batch(tf.constant(np.split(real, 2)[context.replica_id_in_sync_group]))
  )
  tf.function(lambda batch: two_replicas.run(two.discriminator_step, (batch, SEED, tf.constant(0.5))))(parts)
  for a, b in zip(one.discriminator.get_weights(), two.discriminator.get_weights()):
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("per_prefix", [False, True])
def test_xla_compiles_its_step(per_prefix):
  algorithm = _algorithm(per_prefix=per_prefix)
  before = algorithm.discriminator.get_weights()
  metrics = tf.function(algorithm.discriminator_step, jit_compile=True)(sequences.Batch(tf.constant(tiny.batch(SPEC, 8))), SEED, tf.constant(0.5))
  assert all(np.isfinite(value) for value in metrics.values())
  assert any(np.any(a != b) for a, b in zip(before, algorithm.discriminator.get_weights()))


@pytest.mark.parametrize("changes", [{"head_size": 0}, {"dropout": 1.0}, {"input_dropout": -0.1}, {"weight_decay": -1.0}])
def test_impossible_settings_are_refused(changes):
  with pytest.raises(errors.UserError, match=next(iter(changes))):
    generator_lstm.Config(**changes)
