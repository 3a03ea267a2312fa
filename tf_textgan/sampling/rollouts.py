"""Monte-Carlo rollouts: what a prefix is worth, judged by completing it.

No prefix is recomputed: the sampling pass has kept its states, and a prefix's completions go on from there. The completions of all prefixes that have
not ended stand in one list, the shortest prefix first, and are generated and scored `chunk` rows at a time: that bounds the memory, and fills the
processor also where a prefix has few completions. For T tokens and N rollouts it takes some B*N*T*(T-1)/2 generator steps, half as many as completing
full-length rows; the rows of a chunk are generated as far as its shortest prefix needs.
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
  """A draw for some completions, with the random numbers that are theirs whatever is drawn beside them, on any number of replicas.

  Attributes:
    rows: int32 `[R]`, which completions.
    total: completions of a prefix of the whole batch.
    t: int32 `[R]`, the last position of the prefix that each completes.
    length: positions there are.
  """

  rows: Any
  total: Any
  t: Any
  length: int
  relaxed: ClassVar[bool] = False

  def __call__(self, logits, seed):
    # A number for each row and one for each prefix, added modulo one: every two sums are as independent as if each had been drawn, for less.
    shift = tf.random.stateless_uniform([self.length], noise.fold(seed, "prefix"))
    uniforms = tf.gather(noise.uniform([self.total], seed), self.rows) + tf.gather(shift, self.t)
    return pickers.Pick(*categorical.draw_at(logits, uniforms - tf.floor(uniforms)))


def cached_rows(vocab_size):
  """Rows with some five megabytes of logits, about what a processor's cache holds: a `chunk` for `rewards`."""
  return max(1, _CACHED_LOGITS // vocab_size)


def rewards(step, state_at, reward, tokens, num_rollouts, seed, end_token=None, chunk=256, reward_completions=None, every=1):
  """Rewards every token with the mean reward of the completions of the prefix that it ends.

  Args:
    step: the generator's step function, see `unrolling.unroll`.
    state_at: function of positions and rows, int32 `[R]` each, giving the generator's states there: `generators.base.Autoregressive.state_at` of
      the sampling pass.
    reward: function of ids, int32 `[R, T]`, giving float `[R]`.
    tokens: int32 `[B, T]`, the samples.
    num_rollouts: completions of each prefix (N); the last token's reward is the reward of the sequence itself.
    seed: int32 `[2]`.
    end_token: as in `unroll`. A prefix that has ended has no completions: its reward is the reward of the sequence.
    chunk: rows completed and scored at a time.
    reward_completions: a cheaper way to the same rewards: function of ids `[R, T]`, of the row of `tokens` that each one completes, int32 `[R]`, and
      of the last position up to which all are as in their row, an int32 scalar. None calls `reward`.
    every: complete only the prefixes of this many tokens, of twice as many, and so on; a token has the reward of the first of them that holds it.

  Returns:
    float32 `[B, T]`; on padding the reward of the sequence.
  """
  length = tokens.shape[1]
  batch_size = tf.shape(tokens)[0]
  own_rewards = reward(tokens)
  prefixes = (length + every - 1) // every
  # Of all prefixes but the last, which is the sequence itself: the last position of each.
  ends = tf.range(1, prefixes) * every - 1
  going_on = tf.ones([prefixes - 1, batch_size], tf.bool)
  if end_token is not None:
    going_on = tf.transpose(tf.gather((tokens != end_token) & (tokens != sequences.PAD), ends, axis=1))
  # Prefix and row of each that is completed, the shortest prefixes first.
  pairs = tf.cast(tf.where(going_on), tf.int32)
  total = tf.shape(pairs)[0] * num_rollouts
  chunks = (total + chunk - 1) // chunk

  def add_rewards(i, sums):
    mine = tf.range(i * chunk, tf.minimum((i + 1) * chunk, total))
    pair = tf.gather(pairs, mine // num_rollouts)
    prefix, row = tf.unstack(pair, axis=1)
    t = tf.gather(ends, prefix)
    own, first = tf.gather(tokens, row), t[0]
    picker = _CategoricalOfRows(row * num_rollouts + mine % num_rollouts, batch_size * num_rollouts, t, length)
    last = tf.gather(own, t, batch_dims=1)
    rest = unrolling.unroll(step, picker, last, state_at(t + 1, row), length - 1 - first, seed, end_token).tokens
    completed = unrolling.splice(own, t + 1, rest)
    earned = reward_completions(completed, row, first) if reward_completions else reward(completed)
    return i + 1, tf.tensor_scatter_nd_add(sums, pair, earned)

  # One chunk after the other: side by side they would need the memory that the chunks are to save.
  _, sums = tf.while_loop(
    lambda i, _: i < chunks, add_rewards, (tf.constant(0), tf.zeros(tf.shape(going_on))), parallel_iterations=1
  )
  means = tf.where(going_on, sums / num_rollouts, own_rewards)
  values = tf.transpose(tf.concat([means, own_rewards[None]], axis=0))
  return tf.ensure_shape(values if every == 1 else tf.repeat(values, every, axis=1)[:, :length], tokens.shape)
