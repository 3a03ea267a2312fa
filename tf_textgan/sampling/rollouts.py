"""Monte-Carlo rollouts: the reward of a prefix is the mean reward of its completions.

No prefix is recomputed: completions start from the states that the sampling pass has kept. The completions of all unfinished prefixes form one list,
the shortest prefix first, which is processed `chunk` rows at a time. This bounds the memory, and fills the processor even if a prefix has few
completions. T tokens and N rollouts take about B*N*T*(T-1)/2 generator steps, half as many as full-length rows; all rows of a chunk get as many
tokens as its shortest prefix needs.
"""

from collections.abc import Callable
import dataclasses
from typing import Any
from typing import ClassVar

import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.sampling import categorical
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling

# Five megabytes.
_CACHED_LOGITS = 1_280_000
# Most tokens in the sequences of a chunk: 256 MiB of activations at 1,024 float32 numbers for each token.
_TOKENS = 2**16


@dataclasses.dataclass(frozen=True)
class _CategoricalOfRows:
  """A categorical picker whose random numbers depend only on the completion, not on chunks or replicas.

  Attributes:
    rows: int32 `[R]`, indices of the completions among all completions of a prefix.
    total: completions of a prefix, over the batch.
    t: int32 `[R]`, last position of each row's prefix.
    length: number of positions.
  """

  rows: Any
  total: Any
  t: Any
  length: int
  relaxed: ClassVar[bool] = False

  def __call__(self, logits, seed):
    # One number for each row and one for each prefix, added modulo 1: any two sums are independent, and fewer numbers are drawn.
    shift = tf.random.stateless_uniform([self.length], noise.fold(seed, "prefix"))
    uniforms = tf.gather(noise.uniform([self.total], seed), self.rows) + tf.gather(shift, self.t)
    return pickers.Pick(*categorical.draw_at(logits, uniforms - tf.floor(uniforms)))


def bounded_rows(length: int, vocab_size: int) -> int:
  """A `chunk` for `rewards`: the rows with about five megabytes of logits, which stay in a processor's cache, and at most 65,536 tokens.

  The activations of a chunk grow with its tokens (rows times length), whatever the vocabulary.
  """
  return max(1, min(_CACHED_LOGITS // vocab_size, _TOKENS // length))


def rewards(
  step: unrolling.Step,
  state_at: Callable[[tf.Tensor, tf.Tensor], Any],
  reward: Callable[[tf.Tensor], tf.Tensor],
  tokens: tf.Tensor,
  num_rollouts: int,
  seed: tf.Tensor,
  end_token: int | None = None,
  chunk: int | None = None,
  reward_completions: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
  every: int = 1,
) -> tf.Tensor:
  """Rewards every token with the mean reward of the completions of the prefix that ends with it.

  Args:
    step: the generator's step function, see `unrolling.unroll`.
    state_at: function of positions and rows, int32 `[R]` each, returning the generator's states: `generators.base.Autoregressive.state_at` of the
      sampling pass.
    reward: function of ids, int32 `[R, T]`, returning float `[R]`.
    tokens: int32 `[B, T]`, the samples.
    num_rollouts: completions of each prefix (N). The last token's reward is the reward of the sequence itself.
    seed: int32 `[2]`.
    end_token: as in `unroll`. A prefix that has ended has no completions: its reward is the reward of the sequence.
    chunk: rows completed and scored at a time; None for 256, or the rows with 65,536 tokens if they are fewer. The completions do not depend on it;
      a network's rounding may.
    reward_completions: a cheaper function for the same rewards, of ids `[R, T]`, the row of `tokens` that each row completes, int32 `[R]`, and the
      last position that all rows share with their samples, int32 scalar. None calls `reward`.
    every: complete only prefixes whose length is a multiple of this number; a token gets the reward of the shortest completed prefix that contains
      it.

  Returns:
    float32 `[B, T]`; on padding the reward of the sequence.
  """
  length = tokens.shape[1]
  chunk = chunk or max(1, min(256, _TOKENS // length))
  batch_size = tf.shape(tokens)[0]
  own_rewards = reward(tokens)
  prefixes = (length + every - 1) // every
  # The last position of each prefix, except the last prefix, which is the sequence itself.
  ends = tf.range(1, prefixes) * every - 1
  going_on = tf.ones([prefixes - 1, batch_size], tf.bool)
  if end_token is not None:
    going_on = tf.transpose(tf.gather((tokens != end_token) & (tokens != sequences.PAD), ends, axis=1))
  # Prefix and row of each pair to complete, the shortest prefixes first.
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

  # No parallel iterations: they would need the memory that chunks save.
  _, sums = tf.while_loop(
    lambda i, _: i < chunks, add_rewards, (tf.constant(0), tf.zeros(tf.shape(going_on))), parallel_iterations=1
  )
  means = tf.where(going_on, sums / num_rollouts, own_rewards)
  values = tf.transpose(tf.concat([means, own_rewards[None]], axis=0))
  return tf.ensure_shape(values if every == 1 else tf.repeat(values, every, axis=1)[:, :length], tokens.shape)
