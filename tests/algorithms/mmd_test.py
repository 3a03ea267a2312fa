"""Tests of tf_textgan.algorithms.mmd."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import mmd
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise

FIXED = sequences.Spec(vocab_size=7, length=4, start_token=0)
TEXT = sequences.Spec(vocab_size=7, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
BITS = sequences.Spec(vocab_size=2, length=2, start_token=0)
REAL = np.array([[3, 4, 5, 2], [6, 2, 0, 0], [5, 5, 2, 0]], np.int32)
SEED = noise.seed(1)
START = tf.constant(0.0)


def _algorithm(spec=FIXED, real=None, **changes):
  generator = lstm.Generator(spec, lstm.Config(embedding_size=4, hidden_size=5, init_stddev=0.7))
  algorithm = mmd.Algorithm(mmd.Config(**{"clip_norm": 0.0, **changes}), {"generator": generator})
  if real is not None:
    algorithm.training_data = sequences.Batch(real)
    algorithm.begin("generator")
  return algorithm


def _log_prob(generator, tokens):
  return tf.reduce_sum(generator.log_probs(tf.constant(tokens), tf.zeros([len(tokens), 0])), axis=1)


def _kernels(algorithm, tokens):
  """K of all pairs of sequences, by its definition, or from the embeddings of the approximation."""
  points, weights = (x.numpy().astype(np.float64) for x in algorithm.features(tf.constant(tokens)))
  if algorithm.config.real_side == "all":
    embedded = algorithm._embeddings(*algorithm.features(tf.constant(tokens))).numpy().astype(np.float64)
    return embedded @ embedded.T
  scale = float(algorithm.modules["kernel"].scale)
  distances = np.sum((points[:, None, :, None] - points[None, :, None, :]) ** 2, axis=-1)
  return np.einsum("xi,yj,xyij->xy", weights, weights, np.exp(-distances / scale))


@pytest.mark.parametrize("real_side", ["batch", "all"])
@pytest.mark.parametrize("credit", ["candidate", "sequence"])
def test_the_mean_update_is_the_gradient_of_the_squared_discrepancy(credit, real_side):
  """Over all ways in which two candidates of two samples can come out, of the four sequences of two bits."""
  every = np.array(list(itertools.product(range(2), repeat=2)), np.int32)
  real = every[[0, 1, 1]]
  algorithm = _algorithm(BITS, real, credit=credit, real_side=real_side, frequencies=50, group_size=2)
  p = np.exp(_log_prob(algorithm.generator, every).numpy())

  @tf.function
  def advantages(tokens):
    rewards, _ = algorithm.witness(tokens, tf.constant(real))
    return algorithm._minus_other_candidates(rewards)

  # The weight of each sequence's gradient in the mean update.
  weight = np.zeros(4)
  for outcome in itertools.product(range(4), repeat=4):
    np.add.at(weight, list(outcome), np.prod(p[list(outcome)]) * advantages(tf.constant(every[list(outcome)])).numpy() / 4)
  kernels, q = _kernels(algorithm, every), np.array([1, 2, 0, 0]) / 3
  with tf.GradientTape(persistent=True) as tape:
    log_probs = _log_prob(algorithm.generator, every)
    probs = tf.exp(log_probs)
    difference = probs - q.astype(np.float32)
    exact = tf.tensordot(tf.linalg.matvec(kernels.astype(np.float32), difference), difference, 1)
    update = -tf.tensordot(weight.astype(np.float32), log_probs, 1)
  variables = algorithm.generator.trainable_variables
  for expected, found in zip(tape.gradient(exact, variables), tape.gradient(update, variables)):
    np.testing.assert_allclose(tf.convert_to_tensor(found), tf.convert_to_tensor(expected), atol=2e-6)
  assert tf.linalg.global_norm([tf.convert_to_tensor(g) for g in tape.gradient(exact, variables)]) > 1e-3


@pytest.mark.parametrize("spec", [FIXED, TEXT], ids=["fixed", "text"])
@pytest.mark.parametrize("credit", ["candidate", "sequence"])
def test_rewards_and_advantages_match_a_slow_twin(credit, spec):
  algorithm = _algorithm(spec, REAL, credit=credit, draws=3)
  tokens = algorithm.generator.sample(12, SEED).tokens.numpy()
  kernels = _kernels(algorithm, np.concatenate([tokens, REAL]))
  cross, beside = kernels[:12, 12:], kernels[:12, :12]
  expected, squared = [], []
  for first in range(0, 12, 3):
    rows = range(first, first + 3)
    within = sum(beside[b, c] for b in rows for c in rows if b != c)
    candidate = 2 / 3 * sum(cross[b].mean() for b in rows) - within / 6
    own = [2 * cross[b].mean() - sum(beside[b, c] for c in rows if c != b) for b in rows]
    expected += [3 * candidate] * 3 if credit == "candidate" else own
    squared.append(-candidate)
  rewards, found = algorithm.witness(tf.constant(tokens), tf.constant(REAL))
  np.testing.assert_allclose(rewards, expected, rtol=1e-4)
  real = kernels[12:, 12:]
  np.testing.assert_allclose(found, np.mean(squared) + (real.sum() - np.trace(real)) / 6, rtol=1e-3, atol=1e-5)
  advantages = [r - np.mean([s for j, s in enumerate(expected) if j // 3 != i // 3]) for i, r in enumerate(expected)]
  np.testing.assert_allclose(algorithm._minus_other_candidates(rewards), advantages, rtol=1e-3, atol=1e-5)


def test_the_update_made_in_parts_is_that_of_all_samples():
  algorithm = _algorithm(TEXT, REAL, group_size=2, draws=3)
  generator = algorithm.generator
  samples = generator.sample(18, SEED)
  rewards, _ = algorithm.witness(samples.tokens, tf.constant(REAL))
  with tf.GradientTape() as tape:
    loss = -tf.reduce_mean(algorithm._minus_other_candidates(rewards) * _log_prob(generator, samples.tokens.numpy()))
  expected = tf.linalg.global_norm([tf.convert_to_tensor(g) for g in tape.gradient(loss, generator.trainable_variables)])
  metrics = algorithm.generator_step(sequences.Batch(tf.constant(REAL)), SEED, START)
  np.testing.assert_allclose([metrics["loss"], metrics["gradient_norm"]], [loss, expected], rtol=1e-3, atol=1e-6)


def test_the_features_are_frozen_and_read_every_token():
  algorithm = _algorithm(TEXT, REAL)
  before = [x.numpy() for x in algorithm.features(tf.constant(REAL))]
  algorithm.generator_step(sequences.Batch(tf.constant(REAL)), SEED, START)
  for one, two in zip(before, algorithm.features(tf.constant(REAL))):
    np.testing.assert_array_equal(one, two)
  points, weights = before
  np.testing.assert_allclose(weights, [[0.25] * 4, [0.5, 0.5, 0, 0], [1 / 3, 1 / 3, 1 / 3, 0]], rtol=1e-6)
  changed, _ = algorithm.features(tf.constant([[3, 4, 5, 6]]))
  np.testing.assert_allclose(changed[0, :3], points[0, :3], atol=1e-6)
  assert np.abs(changed[0, 3] - points[0, 3]).max() > 1e-3


@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_the_width_is_in_medians_of_the_squared_distances(factor):
  algorithm = _algorithm(TEXT, REAL, kernel_scale=factor)
  points, weights = (x.numpy() for x in algorithm.features(tf.constant(REAL)))
  points = points[weights > 0]
  distances = [np.sum((a - b) ** 2) for a, b in itertools.combinations(points, 2)]
  assert factor * np.sort(distances)[len(distances) // 2] == pytest.approx(float(algorithm.modules["kernel"].scale), rel=1e-4)


def test_the_mean_embedding_is_of_all_real_sequences():
  real = np.random.default_rng(0).integers(0, 7, [1100, 4]).astype(np.int32)  # Three chunks.
  algorithm = _algorithm(FIXED, real, real_side="all", frequencies=8)
  np.testing.assert_allclose(
    algorithm.modules["kernel"].mean_embedding, np.mean(algorithm._embeddings(*algorithm.features(tf.constant(real))), axis=0), atol=1e-5
  )


@pytest.mark.parametrize("real_side", ["batch", "all"])
def test_it_learns_what_real_text_is_like(real_side):
  """The real sequences have one token three times of four; the generator has all seven with equal probability."""
  real = np.where(np.random.default_rng(0).random([500, 4]) < 0.75, 5, 3).astype(np.int32)
  algorithm = _algorithm(FIXED, real, real_side=real_side, frequencies=64, credit="sequence", draws=4, group_size=2, generator_learning_rate=0.03)
  step = tf.function(algorithm.generator_step)
  for i in range(60):
    rows = np.random.default_rng(i).integers(0, 500, 16)
    metrics = step(sequences.Batch(tf.constant(real[rows])), noise.fold(SEED, i), START)
  share = np.mean(algorithm.generator.sample(2000, noise.seed(9)).tokens.numpy()[..., None] == [3, 5], axis=(0, 1))
  # No collapse onto the more frequent token, as of a reward for it.
  np.testing.assert_allclose(share, [0.25, 0.75], atol=0.12)
  assert metrics["squared_discrepancy"] < 0.05


@pytest.mark.parametrize("changes", [{"draws": 1}, {"group_size": 0}, {"features": ""}, {"frequencies": 0}, {"kernel_scale": 0.0}], ids=str)
def test_impossible_settings_are_refused(changes):
  with pytest.raises(errors.UserError, match=next(iter(changes))):
    mmd.Config(**changes)


def test_a_single_real_point_is_refused():
  algorithm = _algorithm(FIXED)
  algorithm.features = lambda tokens: (tf.ones([tf.shape(tokens)[0], 1, 3]), tf.ones([tf.shape(tokens)[0], 1]))
  with pytest.raises(errors.UserError, match="the training text has only one"):
    algorithm.measure(REAL[:1])
