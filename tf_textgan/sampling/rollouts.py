"""Monte-Carlo rollouts: what a prefix is worth, judged by completing it.

No prefix is recomputed: the state from which each token was picked is kept from the sampling pass, and a prefix's completions go on from there. All
completions of one prefix, of every sequence that has not ended, run together; `chunk` bounds how many at a time, and with it the memory. For T
tokens and N rollouts that is at most B*N*T*(T-1)/2 generator steps, half of what completing full-length rows would take.
"""

import dataclasses
from typing import Any
from typing import ClassVar

import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.sampling import categorical
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling

_CACHED_LOGITS = 1_280_000


@dataclasses.dataclass(frozen=True)
class _CategoricalOfRows:
  """A draw for some rows of a batch, with the random numbers that these rows would have in the whole batch, on any number of replicas.

  Attributes:
    rows: int32 `[R]`, which rows.
    total: rows of the whole batch.
  """

  rows: Any
  total: Any
  relaxed: ClassVar[bool] = False

  def __call__(self, logits, seed):
    uniforms = tf.gather(noise.uniform([self.total], seed), self.rows)
    return pickers.Pick(*categorical.draw_at(logits, uniforms))


def cached_rows(vocab_size):
  """Rows with some five megabytes of logits, about what a processor's cache holds: a `chunk` for `rewards`."""
  return max(1, _CACHED_LOGITS // vocab_size)


def rewards(step, score, samples, num_rollouts, seed, end_token=None, chunk=512, score_completions=None, every=1):
  """Rewards every token with the mean score of the completions of the prefix that it ends.

  Args:
    step: the generator's step function, see `unrolling.unroll`.
    score: function of ids, int32 `[R, T]`, giving float `[R]`.
    samples: `unrolling.Samples` with states: tokens `[B, T]`.
    num_rollouts: completions of each prefix (N); the last token's reward is the score of the sequence itself.
    seed: int32 `[2]`.
    end_token: as in `unroll`. A prefix that has ended has no completions: its reward is the score of the sequence.
    chunk: rows completed and scored at a time.
    score_completions: a cheaper way to the same scores: function of ids `[R, T]`, of the row of `samples` each one completes, int32 `[R]`, and of the
      last position they have in common, an int32 scalar. None takes `score`.
    every: complete only the prefixes of this many tokens, of twice as many, and so on; a token has the reward of the first of them that holds it.

  Returns:
    float32 `[B, T]`; on padding the score of the sequence.
  """
  tokens = samples.tokens
  length = tokens.shape[1]
  batch_size = tf.shape(tokens)[0]
  own_scores = score(tokens)
  ended = tf.zeros_like(tokens, tf.bool)
  if end_token is not None:
    ended = (tokens == end_token) | (tokens == sequences.PAD)

  def reward_of_prefix(t):
    """Mean score `[B]` of the completions of the tokens up to position t."""
    going_on = tf.cast(tf.where(~ended[:, t])[:, 0], tf.int32)
    state = tf.nest.map_structure(lambda x: tf.gather(x[:, t], going_on), samples.states)
    prefix = tf.gather(tokens[:, : t + 1], going_on)
    alive = tf.size(going_on)
    together = tf.clip_by_value(chunk // tf.maximum(alive, 1), 1, num_rollouts)

    def add_rollouts(first, total):
      count = tf.minimum(together, num_rollouts - first)
      repeat = lambda x: tf.repeat(x, count, axis=0)  # noqa: E731, [A, ...] to [A * count, ...]: a sequence's completions are neighbours.
      rows = repeat(going_on * num_rollouts + first) + tf.tile(tf.range(count), [alive])
      picker = _CategoricalOfRows(rows, batch_size * num_rollouts)
      prefixes = repeat(prefix)
      states = tf.nest.map_structure(repeat, state)
      rest = unrolling.unroll(step, picker, prefixes[:, -1], states, length - 1 - t, noise.fold(seed, t), end_token).tokens
      completed = tf.ensure_shape(tf.concat([prefixes, rest], axis=1), [None, length])
      scores = score_completions(completed, repeat(going_on), t) if score_completions else score(completed)
      return first + count, total + tf.reduce_sum(tf.reshape(scores, [alive, count]), axis=1)

    zeros = tf.zeros([alive])
    _, total = tf.while_loop(
      lambda first, _: (first < num_rollouts) & (alive > 0), add_rollouts, (tf.constant(0), zeros), parallel_iterations=1
    )
    return tf.tensor_scatter_nd_update(own_scores, going_on[:, None], total / num_rollouts)

  # The last one is the sequence itself.
  prefixes = (length + every - 1) // every
  values = tf.TensorArray(tf.float32, size=prefixes, element_shape=[tokens.shape[0]])

  def write_reward(i, values):
    return i + 1, values.write(i, reward_of_prefix((i + 1) * every - 1))

  # One prefix after the other: a batch of all of them would be larger than the memory, and no faster once its rows fill the processor.
  _, values = tf.while_loop(lambda i, _: i < prefixes - 1, write_reward, (tf.constant(0), values), parallel_iterations=1)
  values = values.write(prefixes - 1, own_scores).stack()
  return tf.transpose(values if every == 1 else tf.repeat(values, every, axis=0)[:length])
