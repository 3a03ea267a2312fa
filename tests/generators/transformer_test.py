"""Tests of tf_textgan.generators.transformer; tests/layers/transformer_test.py has the twin of its blocks."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.algorithms import base as algorithms
from tf_textgan.algorithms import mle
from tf_textgan.conformance import tiny
from tf_textgan.generators import base
from tf_textgan.generators import transformer
from tf_textgan.layers import transformer as transformer_layers
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import rollouts
from tf_textgan.sampling import unrolling

TEXT = sequences.Spec(vocab_size=9, length=7, start_token=1, end_token=2, forbidden_tokens=(0, 1))
LABELLED = dataclasses.replace(TEXT, categories=("a", "b"))
FIXED = sequences.Spec(vocab_size=9, length=7, start_token=0)
SEED = noise.seed(1)

_EACH = pytest.mark.parametrize(
  ("spec", "changes"),
  [(TEXT, {}), (FIXED, {"key_value_heads": 2, "tied": False}), (LABELLED, {"latent_size": 3, "key_value_heads": 4})],
  ids=["tied", "untied", "latent and category"],
)


def _generator(spec=TEXT, **changes):
  config = transformer.Config(**{"embedding_size": 16, "layers": 3, "heads": 4, "feedforward_size": 24, "dropout": 0.0, **changes})
  generator = transformer.Generator(spec, config, seed=1)
  generator.output_scale.assign(np.random.default_rng(0).uniform(0.5, 1.5, config.embedding_size))
  return generator


@_EACH
def test_single_steps_equal_teacher_forcing(spec, changes):
  generator = _generator(spec, **changes)
  samples = generator.sample(30, SEED)
  state, inputs, logits = generator.initial_state(samples.latent, samples.context), tf.fill([30], spec.start_token), []
  for t in range(spec.length):
    logits_t, state = generator.step(inputs, state)
    logits.append(logits_t)
    inputs = samples.tokens[:, t]
  forced = generator(samples.tokens, samples.latent, samples.context)
  np.testing.assert_allclose(forced, tf.stack(logits, axis=1), rtol=1e-5, atol=1e-5)
  np.testing.assert_allclose(samples.log_probs, generator.log_probs(samples.tokens, samples.latent, samples.context), atol=1e-5)


def test_logits_match_a_slow_twin():
  """Without the blocks, whose branches are set to zero: embedding, norm and tied output."""
  generator = _generator()
  for block in generator.blocks:
    block.attention_output.assign(tf.zeros_like(block.attention_output.value))
    block.down.assign(tf.zeros_like(block.down.value))
  table, tokens = generator.embedding.numpy(), np.array([[3, 8, 5, 4, 2, 0, 0]], np.int32)
  x = table[[1, *tokens[0, :-1]]] * 4.0
  expected = x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-6) * generator.output_scale.numpy() @ table.T
  logits = generator(tf.constant(tokens), tf.zeros([1, 0])).numpy()
  np.testing.assert_allclose(logits[0, :, 2:], expected[:, 2:], atol=1e-5)
  assert (logits[:, :, :2] < -1e8).all()


def test_a_token_does_not_depend_on_those_after_it():
  generator = _generator()
  tokens = tf.constant([[3, 4, 5, 6, 7, 8, 2], [3, 4, 5, 8, 3, 3, 3]])
  outputs = generator.outputs(tokens, tf.zeros([2, 0])).numpy()
  np.testing.assert_allclose(outputs[0, :4], outputs[1, :4], atol=1e-6)
  assert np.abs(outputs[0, 4] - outputs[1, 4]).max() > 0.01


@pytest.mark.parametrize("length", [3, 9])
def test_sequences_of_another_length_than_the_specs_are_read(length):
  """As `mmd` and prompts do; the first tokens' outputs are the same."""
  generator, tokens = _generator(), tf.constant(tiny.batch(dataclasses.replace(TEXT, length=9), 6))
  outputs = generator.outputs(tokens[:, :length], tf.zeros([6, 0]))
  assert outputs.shape == [6, length, 16]
  np.testing.assert_allclose(outputs[:, :3], generator.outputs(tokens[:, :7], tf.zeros([6, 0]))[:, :3], atol=1e-5)


@_EACH
def test_going_on_from_positions_of_a_history_equals_reading_the_prefix(spec, changes):
  """Greedily, from sampled and from read histories; rows share prefixes."""
  generator = _generator(spec, **changes)
  samples = generator.sample(6, SEED, keep_history=True)
  rows, positions = tf.constant([5, 5, 0, 3]), tf.constant([1, 2, 0, 1])
  inputs = tf.concat([tf.fill([6, 1], spec.start_token), samples.tokens], axis=1)
  last = tf.gather_nd(inputs, tf.stack([rows, positions], axis=1))
  for history in (samples.history, generator.prefill(samples.tokens, samples.latent, samples.context)):
    state = generator.state_at(history, positions, rows)
    rest = unrolling.unroll(generator.step, pickers.Argmax(), last, state, 5, SEED).tokens.numpy()
    for i, (row, position) in enumerate(zip(rows.numpy(), positions.numpy())):
      tokens = samples.tokens.numpy()[row : row + 1].copy()
      for t in range(position, position + 5):
        context = None if samples.context is None else samples.context[row : row + 1]
        logits = generator(tf.constant(tokens), samples.latent[row : row + 1], context)
        tokens[0, t] = np.argmax(logits[0, t])
      np.testing.assert_array_equal(rest[i], tokens[0, position : position + 5])


def test_a_beginning_shorter_than_the_sequences_is_gone_on_with():
  generator, tokens = _generator(), tf.constant([[3, 4, 5], [8, 8, 3]])
  state = generator.state_at(generator.prefill(tokens, tf.zeros([2, 0])), tf.constant([3, 3]))
  logits, state = generator.step(tokens[:, 2], state)
  logits, _ = generator.step(tf.constant([6, 7]), state)
  whole = tf.constant([[3, 4, 5, 6, 0, 0, 0], [8, 8, 3, 7, 0, 0, 0]])
  np.testing.assert_allclose(logits, generator(whole, tf.zeros([2, 0]))[:, 4], rtol=1e-5, atol=1e-5)


def test_rollouts_of_all_prefixes_have_the_probabilities_of_the_generator():
  """The mean reward of many completions is its expectation, enumerated over the two tokens that are left."""
  spec = sequences.Spec(vocab_size=4, length=3, start_token=0)
  generator = _generator(spec)
  tokens = tf.constant([[1, 2, 3], [3, 3, 0]])
  reward = lambda ids: tf.cast(tf.reduce_sum(ids * [1, 2, 5], axis=1), tf.float32)  # noqa: E731
  history = generator.prefill(tokens, tf.zeros([2, 0]))
  state_at = lambda positions, rows: generator.state_at(history, positions, rows)  # noqa: E731
  found = tf.function(lambda: rollouts.rewards(generator.step, state_at, reward, tokens, 4000, SEED, chunk=700), autograph=False)()
  for row in range(2):
    everything = tf.constant([[int(tokens[row, 0]), a, b] for a in range(4) for b in range(4)])
    log_probs = generator.log_probs(everything, tf.zeros([16, 0])).numpy()
    expected = np.sum(np.exp(log_probs[:, 1:].sum(axis=1)) * reward(everything))
    assert abs(found[row, 0] - expected) < 0.3
    np.testing.assert_allclose(found[row, 2], reward(tokens)[row])


def test_dropout_is_a_function_of_the_seed_and_off_without_one():
  plain, dropping = _generator(), _generator(dropout=0.5)
  tokens, latent = plain.sample(20, SEED).tokens, tf.zeros([20, 0])
  np.testing.assert_array_equal(plain.outputs(tokens, latent), dropping.outputs(tokens, latent))
  dropped = dropping.outputs(tokens, latent, seed=SEED)
  np.testing.assert_array_equal(dropped, dropping.outputs(tokens, latent, seed=SEED))
  assert np.any(dropped != dropping.outputs(tokens, latent, seed=noise.seed(2)))
  # All blocks have noise of their own: with the same noise, equal blocks would drop the same entries.
  assert np.any(dropped != plain.outputs(tokens, latent))


def test_rematerialized_training_makes_the_same_step():
  weights = []
  for rematerialize in (False, True):
    algorithm = mle.Algorithm(mle.Config(), {"generator": _generator(dropout=0.3, rematerialize=rematerialize)})
    step = tf.function(algorithm.mle_step, autograph=False)
    for i in range(2):
      step(sequences.Batch(tf.constant(tiny.batch(TEXT, 8, seed=i))), noise.seed(i), tf.constant(0.0))
    weights.append(algorithm.generator.get_weights())
  for a, b in zip(*weights, strict=True):
    np.testing.assert_allclose(a, b, atol=2e-5)


def test_xla_compiles_maximum_likelihood():
  for rematerialize in (False, True):
    algorithm = mle.Algorithm(mle.Config(), {"generator": _generator(dropout=0.3, rematerialize=rematerialize)})
    step = tf.function(algorithm.mle_step, autograph=False, jit_compile=True)
    assert np.isfinite(step(sequences.Batch(tf.constant(tiny.batch(TEXT, 8))), SEED, tf.constant(0.0))["nll"])


def test_bfloat16_keeps_float32_weights():
  with tiny.half_precision():
    generator = _generator()
  samples = generator.sample(30, SEED)
  assert {variable.dtype for variable in generator.variables} == {"float32"}
  single = _generator().log_probs(samples.tokens, samples.latent)
  np.testing.assert_allclose(generator.log_probs(samples.tokens, samples.latent), single, atol=0.2)
  np.testing.assert_allclose(samples.log_probs, single, atol=0.2)


def test_large_caches_are_made_for_fewer_sequences_together(monkeypatch):
  generator = _generator()
  assert generator.rows_together == 512
  whole = generator.write(40, SEED)
  # A sequence has 7 tokens, 3 blocks, keys and values of 4.
  monkeypatch.setattr(transformer_layers, "_CACHED", 7 * 3 * 2 * 4 * 10)
  assert generator.rows_together == 10
  chunked = generator.write(40, SEED)
  assert chunked.tokens.shape == whole.tokens.shape
  np.testing.assert_array_equal(chunked.tokens[:10], generator.sample(10, noise.fold(SEED, 0)).tokens)


def test_it_learns_to_copy_what_it_has_read():
  """A token repeats the one three places before it, which takes attention to positions."""
  spec = sequences.Spec(vocab_size=9, length=9, start_token=0)
  random = np.random.default_rng(0)
  generator = _generator(spec, embedding_size=32, layers=2, feedforward_size=64)
  algorithm = mle.Algorithm(mle.Config(mle_learning_rate=3e-3), {"generator": generator})
  step = tf.function(algorithm.mle_step, autograph=False)
  for i in range(400):
    tokens = np.tile(random.integers(0, 9, [64, 3]), 3)
    step(sequences.Batch(tf.constant(tokens, tf.int32)), noise.seed(i), tf.constant(0.0))
  tokens = np.tile(random.integers(0, 9, [100, 3]), 3).astype(np.int32)
  log_probs = generator.log_probs(tf.constant(tokens), tf.zeros([100, 0])).numpy()
  assert log_probs[:, 3:].mean() > -0.2 and log_probs[:, :3].mean() < -2.0


_TRAINABLE = [name for name in tiny.ALGORITHMS if registry.load("tf_textgan.algorithms", name).GENERATOR_KIND is base.Autoregressive]
_QUICK = ("seqgan", "gsgan")


@pytest.mark.parametrize("name", [name if name in _QUICK else pytest.param(name, marks=pytest.mark.slow) for name in _TRAINABLE])
def test_every_algorithm_of_token_by_token_generators_trains_it(name):
  module, spec = registry.load("tf_textgan.algorithms", name), tiny.SPECS["text"]
  networks = {"generator": tiny.network("generator", "transformer", None, spec)}
  if module.DISCRIMINATOR:
    networks["discriminator"] = tiny.network("discriminator", *module.DISCRIMINATOR, spec)
  algorithm = module.Algorithm(tiny.shrink(module.Config()), networks, 1)
  real = sequences.Batch(tf.constant(tiny.batch(spec, 8)))
  for update in tiny.updates(algorithm).values():
    algorithm.begin(update.name)
    before = algorithm.generator.get_weights()
    metrics = tf.function(update.train_step, autograph=False)(real, SEED, tf.constant(0.5))
    assert all(np.isfinite(value) for value in metrics.values()), metrics
    moved = any(np.any(a != b) for a, b in zip(before, algorithm.generator.get_weights()))
    assert moved or update.name not in ("mle", "generator")
  assert isinstance(algorithm, algorithms.Algorithm)


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"embedding_size": 20, "heads": 4}, "embedding_size must be a multiple of twice the heads, 8, not 20$"),
    ({"heads": 4, "key_value_heads": 3}, "heads must be a multiple of key_value_heads, 3, not 4$"),
    ({"layers": 0}, "layers must be at least 1, not 0$"),
    ({"dropout": 1.0}, "dropout must be at least 0 and below 1, not 1.0$"),
    ({"latent_size": -1}, "latent_size must be at least 0, not -1$"),
  ],
)
def test_impossible_sizes_are_refused(changes, message):
  with pytest.raises(errors.UserError, match=message):
    transformer.Config(**changes)


@pytest.mark.parametrize("rematerialize", [False, True])
def test_two_replicas_compute_what_one_does(rematerialize, two_replicas):
  tokens = tf.constant(tiny.batch(TEXT, 8))

  def trained(strategy):
    with strategy.scope():
      algorithm = mle.Algorithm(mle.Config(), {"generator": _generator(dropout=0.3, rematerialize=rematerialize)})
    replicas = strategy.num_replicas_in_sync
    share = lambda context: sequences.Batch(tf.split(tokens, replicas)[context.replica_id_in_sync_group])  # noqa: E731
    parts = strategy.experimental_distribute_values_from_function(share)
    tf.function(lambda batch: strategy.run(algorithm.mle_step, (batch, SEED, tf.constant(0.0))), autograph=False)(parts)
    return algorithm.generator.get_weights()

  for a, b in zip(trained(tf.distribute.OneDeviceStrategy("CPU:0")), trained(two_replicas), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)
