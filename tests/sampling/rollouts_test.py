"""Tests of tf_textgan.sampling.rollouts, on a chain small enough to enumerate every completion."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import rollouts
from tf_textgan.sampling import unrolling

V, T = 4, 4
END, PAD = 2, 0
# The next token depends on the last one and, through the state, on the sum of all tokens before it.
TABLE = np.random.default_rng(0).normal(size=[3, V, V]).astype(np.float32)
SEED = noise.seed(1)


def step(inputs, state):
  total = state + inputs
  return tf.gather_nd(tf.constant(TABLE), tf.stack([total % 3, inputs], axis=1)), total


def step_without_padding(inputs, state):
  """As in generators of text, padding is excluded."""
  logits, state = step(inputs, state)
  return logits - 1e9 * tf.one_hot(PAD, V), state


def score(tokens):
  """A function of the whole sequence that differs between any two."""
  return tf.sin(tf.cast(tf.linalg.matvec(tf.cast(tokens, tf.float32), [1.0, 4.3, 17.1, 59.7]), tf.float32))


def _rewards(step, score, samples, *args, **options):
  """The rewards of samples that kept their history."""

  def state_at(positions, rows):
    place = tf.stack([rows, positions], axis=1)
    return tf.nest.map_structure(lambda x: tf.gather_nd(x, place), samples.history.stacked)

  return rollouts.rewards(step, state_at, score, samples.tokens, *args, **options)


STEPS = {None: step, END: step_without_padding}


def sample(num, end_token=None):
  start, state = tf.ones([num], tf.int32), tf.zeros([num], tf.int32)
  return unrolling.unroll(STEPS[end_token], pickers.Categorical(), start, state, T, SEED, end_token, stacked=lambda state: state)


def completions(prefix, end_token):
  """Every completion of a prefix and its probability."""
  tokens = [1, *prefix]
  if len(prefix) == T:
    return [(tuple(prefix), 1.0)]
  if end_token is not None and prefix[-1] in (end_token, PAD):
    return [(tuple(prefix) + (PAD,) * (T - len(prefix)), 1.0)]
  logits = TABLE[sum(tokens) % 3, tokens[-1]].astype(np.float64)
  if end_token is not None:
    logits[PAD] = -np.inf
  probs = np.exp(logits) / np.exp(logits).sum()
  return [(x, p * q) for token, p in enumerate(probs) for x, q in completions([*prefix, token], end_token)]


def exact_rewards(tokens, end_token):
  """Mean and standard deviation of one completion's score, each `[B, T]`."""
  mean, deviation = np.zeros(tokens.shape), np.zeros(tokens.shape)
  for (b, t), _ in np.ndenumerate(tokens):
    sequences, probs = zip(*completions(list(tokens[b, : t + 1]), end_token))
    scores = score(tf.constant(sequences)).numpy()
    mean[b, t] = np.dot(probs, scores)
    deviation[b, t] = np.sqrt(max(0.0, np.dot(probs, scores**2) - mean[b, t] ** 2))
  return mean, deviation


@pytest.mark.parametrize("end_token", [None, END])
@pytest.mark.parametrize(("num_rollouts", "chunk"), [(400, 100000), (400, 1000), (100, 1)])
def test_rewards_are_the_expected_score_of_the_completions(end_token, num_rollouts, chunk):
  samples = sample(6, end_token)
  tokens = samples.tokens.numpy()
  rewards = tf.function(_rewards)(STEPS[end_token], score, samples, num_rollouts, SEED, end_token, chunk).numpy()
  mean, deviation = exact_rewards(tokens, end_token)
  assert (np.abs(rewards - mean) <= 4 * deviation / np.sqrt(num_rollouts) + 1e-5).all()
  np.testing.assert_allclose(rewards[:, -1], score(samples.tokens), atol=1e-6)
  assert deviation.max() > 0.3


@pytest.mark.parametrize("end_token", [None, END])
def test_completions_do_not_depend_on_the_chunk(end_token):
  samples = sample(9, end_token)
  # Whole numbers, whose sums are exact in any order.
  number = lambda tokens: tf.cast(tf.linalg.matvec(tokens, [1, 4, 16, 64]), tf.float32)  # noqa: E731
  of = lambda chunk: tf.function(_rewards)(STEPS[end_token], number, samples, 8, SEED, end_token, chunk).numpy()  # noqa: E731
  for chunk in (11, 45, None):
    np.testing.assert_array_equal(of(chunk), of(100000))


@pytest.mark.parametrize(
  ("length", "vocab_size", "rows"), [(20, 5000, 256), (20, 40, 3276), (69, 40, 949), (512, 40, 128), (512, 5000, 128), (100000, 40, 1), (5, 10**7, 1)]
)
def test_the_rows_of_a_chunk_are_bounded_by_logits_and_by_tokens(length, vocab_size, rows):
  assert rollouts.bounded_rows(length, vocab_size) == rows


def test_without_a_chunk_long_sequences_are_completed_in_fewer_rows():
  """At a thousand tokens 65 rows at a time; at four tokens 256."""
  seen = []

  def reward(tokens):
    seen.append(len(tokens))
    return tf.zeros(len(tokens))

  for length in (4, 1000):
    seen.clear()
    tokens = tf.ones([100, length], tf.int32)
    rollouts.rewards(step, lambda positions, rows: tf.zeros_like(rows), reward, tokens, 3, SEED, every=length - 1)
    assert seen[:2] == [100, min(256, 65536 // length)]


@pytest.mark.parametrize(("num", "num_rollouts", "chunk"), [(7, 1, 1024), (3, 2, 1), (7, 5, 14), (7, 5, 20), (7, 5, 35), (1, 3, 2), (16, 2, 1024)])
def test_a_reward_belongs_to_its_own_sentence_and_position(num, num_rollouts, chunk):
  samples = sample(num)
  for position in range(T):
    # The score is the token at one position: a prefix that contains the position has this token as its reward.
    own = lambda tokens: tf.cast(tokens[:, position], tf.float32)  # noqa: B023, E731
    rewards = _rewards(step, own, samples, num_rollouts, SEED, chunk=chunk)
    assert rewards.shape == [num, T]
    expected = np.repeat(samples.tokens.numpy()[:, position : position + 1], T - position, axis=1)
    np.testing.assert_allclose(rewards[:, position:], expected, atol=1e-6)


def test_completions_start_from_the_state_of_their_own_prefix():
  """If the past determines the next token, all completions of a prefix equal the sampled sequence."""

  def determined(inputs, state):
    total = state + inputs
    return 1e4 * tf.one_hot(total % V, V), total

  start = tf.constant(list(range(V)) * 2)
  samples = unrolling.unroll(determined, pickers.Categorical(), start, start * 2, T, SEED, stacked=lambda state: state)
  assert len({tuple(row) for row in samples.tokens.numpy()}) == V
  rewards = _rewards(determined, score, samples, 3, SEED, chunk=10)
  np.testing.assert_allclose(rewards, np.repeat(score(samples.tokens)[:, None], T, axis=1), atol=1e-6)


@pytest.mark.parametrize("compiled", [False, True])
def test_ended_prefixes_get_the_score_of_their_sequence(compiled):
  samples = sample(40, END)
  rewards = (tf.function(_rewards) if compiled else _rewards)(STEPS[END], score, samples, 3, SEED, END).numpy()
  tokens = samples.tokens.numpy()
  ended = np.cumsum((tokens == END) | (tokens == PAD), axis=1) > 0
  assert 0.3 < ended.mean() < 0.9
  own = np.repeat(score(samples.tokens).numpy()[:, None], T, axis=1)
  np.testing.assert_allclose(rewards[(tokens == END) | (tokens == PAD)], own[(tokens == END) | (tokens == PAD)], atol=1e-6)
  assert np.isfinite(rewards).all()


@pytest.mark.parametrize("compiled", [False, True])
def test_a_batch_whose_sequences_have_all_ended(compiled):
  at_once = lambda inputs, state: (1e4 * tf.one_hot(tf.fill(tf.shape(inputs), END), V), state)  # noqa: E731

  def rewards():
    samples = unrolling.unroll(at_once, pickers.Categorical(), tf.ones([3], tf.int32), tf.zeros([3, 2]), T, SEED, END, stacked=lambda state: state)
    return samples.tokens, _rewards(at_once, score, samples, 2, SEED, END)

  tokens, values = (tf.function(rewards) if compiled else rewards)()
  np.testing.assert_array_equal(tokens, [[END, PAD, PAD, PAD]] * 3)
  np.testing.assert_allclose(values, np.repeat(score(tokens)[:, None], T, axis=1), atol=1e-6)


@pytest.mark.parametrize("chunk", [8, 12, 1024])
def test_replicas_compute_the_same_rewards_as_one(chunk, two_replicas):
  """Also if a chunk has fewer rows than a prefix has rollouts."""
  reward = lambda num: _rewards(step, score, sample(num), 3, SEED, chunk=chunk)  # noqa: E731
  parts = two_replicas.experimental_local_results(tf.function(lambda: two_replicas.run(reward, args=(4,)))())
  np.testing.assert_allclose(np.concatenate(parts), reward(8), atol=1e-6)


@pytest.mark.parametrize("chunk", [5, 1024])
def test_a_cheaper_score_gets_the_rows_of_its_completions(chunk):
  samples = sample(9, END)

  def completes_its_row(completed, rows, t):
    common = tf.range(T) <= t
    return tf.cast(tf.reduce_all((completed == tf.gather(samples.tokens, rows)) | ~common, axis=1), tf.float32)

  rewards = _rewards(STEPS[END], lambda tokens: tf.fill(tf.shape(tokens)[:1], 7.0), samples, 3, SEED, END, chunk, completes_its_row)
  tokens = samples.tokens.numpy()
  own = (tokens == END) | (tokens == PAD)
  own[:, -1] = True
  np.testing.assert_array_equal(rewards, np.where(own, 7.0, 1.0))


@pytest.mark.parametrize("every", [2, 3, 4, 9])
def test_completed_prefixes_give_their_rewards_to_the_tokens_before(every):
  samples = sample(9, END)
  rewards = lambda **options: _rewards(STEPS[END], score, samples, 3, SEED, END, **options).numpy()  # noqa: E731
  ends = [min((t // every + 1) * every, T) - 1 for t in range(T)]
  np.testing.assert_array_equal(rewards(every=every), rewards()[:, ends])


def test_the_enumeration_of_completions_is_complete():
  """The enumeration above has every sequence."""
  sequences, probs = zip(*completions([1], None))
  assert set(sequences) == {(1, *rest) for rest in itertools.product(range(V), repeat=T - 1)}
  assert abs(sum(probs) - 1.0) < 1e-9
