"""Monte-Carlo rollouts: what a prefix is worth, judged by completing it.

No prefix is recomputed: the state from which each token was picked is kept from the sampling pass, and a prefix's completions go on from there. All
completions of one prefix, of every sequence in the batch, run together; `chunk` bounds how many at a time, and with it the memory. For T tokens
and N rollouts that is B*N*T*(T-1)/2 generator steps, half of what completing full-length rows would take.
"""

import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling


def rewards(step, score, samples, num_rollouts, seed, end_token=None, chunk=1024):
  """Rewards every token with the mean score of the completions of the prefix that it ends.

  Args:
    step: the generator's step function, see `unrolling.unroll`.
    score: function of ids, int32 `[R, T]`, giving float `[R]`.
    samples: `unrolling.Samples` with states: tokens `[B, T]`.
    num_rollouts: completions of each prefix (N); the last token's reward is the score of the sequence itself.
    seed: int32 `[2]`.
    end_token: as in `unroll`. A prefix that has ended is not completed further: its reward is the score of the sequence.
    chunk: rows completed and scored at a time, by all replicas together.

  Returns:
    float32 `[B, T]`; on padding the score of the sequence.
  """
  tokens = samples.tokens
  length = tokens.shape[1]
  batch_size = tf.shape(tokens)[0]
  rows_at_once = max(1, chunk)
  # Whole batches of completions: as many rollouts at a time as fit the chunk. Of the global batch, so that any number of replicas groups alike.
  together = tf.clip_by_value(rows_at_once // (batch_size * noise.num_replicas()), 1, num_rollouts)
  groups = (num_rollouts + together - 1) // together
  complete = pickers.Categorical()

  def reward_of_prefix(t):
    """Mean score `[B]` of the completions of the tokens up to position t."""

    def add_group(g, total):
      count = tf.minimum(together, num_rollouts - g * together)
      repeat = lambda x: tf.repeat(x, count, axis=0)  # noqa: E731, [B, ...] to [B * count, ...]: a sequence's completions are neighbours.
      state = tf.nest.map_structure(lambda x: repeat(x[:, t]), samples.states)
      prefix = repeat(tokens[:, : t + 1])
      group_seed = noise.fold(seed, t, g)
      rest = unrolling.unroll(step, complete, prefix[:, -1], state, length - 1 - t, group_seed, end_token).tokens
      scores = score(tf.ensure_shape(tf.concat([prefix, rest], axis=1), [None, length]))
      return g + 1, total + tf.reduce_sum(tf.reshape(scores, [batch_size, count]), axis=1)

    zero = tf.zeros_like(tokens[:, 0], tf.float32)
    _, total = tf.while_loop(lambda g, _: g < groups, add_group, (tf.constant(0), zero))
    return total / tf.cast(num_rollouts, tf.float32)

  values = tf.TensorArray(tf.float32, size=length, element_shape=[tokens.shape[0]])

  def write_reward(t, values):
    return t + 1, values.write(t, reward_of_prefix(t))

  # One prefix after the other: a batch of all of them would be larger than the memory, and no faster once its rows fill the processor.
  _, values = tf.while_loop(lambda t, _: t < length - 1, write_reward, (tf.constant(0), values), parallel_iterations=1)
  values = values.write(length - 1, score(tokens))
  result = tf.transpose(values.stack())
  if end_token is None:
    return result
  # The completions of a sequence that has ended are the sequence: take its one score rather than the mean of N equal ones.
  ended = (tokens == end_token) | (tokens == sequences.PAD)
  return tf.where(ended, result[:, -1:], result)
