"""Beam search: the most probable sequences, approximately, among those that begin with given tokens.

Letters besides those of `sequences`: N rows, K beams of a row.
"""

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.sampling import unrolling


class Beams(NamedTuple):
  """The sequences that a search has found, the best first.

  Attributes:
    tokens: int32 `[N, K, T]`, padded after the end token.
    log_probs: float32 `[N, K]`, log-probability of the tokens that were not given, nats; minus infinity where there are fewer than K sequences.
    steps: float32 `[N, K, T]`, log-probability of each token, whose sum that is; 0 for a given one.
  """

  tokens: tf.Tensor
  log_probs: tf.Tensor
  steps: tf.Tensor


class _Search(NamedTuple):
  """The state of a search.

  Attributes:
    last: int32 `[N * K]`, the last tokens.
    state: nest of tensors `[N * K, ...]`, the generator's state.
    tokens: int32 `[N, K, T]`.
    log_probs: float32 `[N, K]`.
    steps: float32 `[N, K, T]`, of each token.
    made: int32 `[N, K]`, number of tokens that were not given.
  """

  last: tf.Tensor
  state: Any
  tokens: tf.Tensor
  log_probs: tf.Tensor
  steps: tf.Tensor
  made: tf.Tensor


def search(
  step: unrolling.Step,
  start: tf.Tensor,
  state: Any,
  given: tf.Tensor,
  count: tf.Tensor,
  beams: int,
  end_token: int | None = None,
  penalty: float = 0.0,
  limits: Callable[..., tf.Tensor] | None = None,
) -> Beams:
  """Keeps, at each position, the K best of all prefixes that continue the K best before it.

  With K at least the number of sequences it is exact; with K = 1 it takes the most probable token at each step.

  Args:
    step: function of ids and a state, see `unrolling.unroll`.
    start: int32 `[N]`, the tokens before the first.
    state: nest of tensors `[N, ...]`, the state before `start` is read.
    given: int32 `[N, T]`, whose first tokens are given.
    count: int32 `[N]`, number of given tokens of each row.
    beams: K.
    end_token: id that ends a sequence; None for sequences of T tokens.
    penalty: sequences are ranked by their log-probability divided by (number of tokens that were not given) ** penalty. 0 ranks by probability,
      which favours short sequences; 1 by the mean of a token (Wu et al., https://arxiv.org/abs/1609.08144, formula 14, without the constant 5).
    limits: a `limits.Limits`; None for none.

  Returns:
    `Beams`.
  """
  rows, length = tf.shape(start)[0], given.shape[1]
  # One beam at first: K equal ones would stay equal.
  log_probs = tf.tile(tf.where(tf.range(beams) == 0, 0.0, float("-inf"))[None], [rows, 1])
  state = tf.nest.map_structure(lambda x: tf.repeat(x, beams, axis=0), state)
  empty = tf.zeros([rows, beams, length], tf.int32)
  first = _Search(tf.repeat(start, beams), state, empty, log_probs, tf.zeros([rows, beams, length]), tf.zeros([rows, beams], tf.int32))

  def ended(last):
    over = tf.zeros(tf.shape(last), tf.bool) if end_token is None else (last == end_token) | (last == sequences.PAD)
    return tf.reshape(over, [rows, beams])

  def extend(t, found):
    logits, state = step(found.last, found.state)
    logits = logits if limits is None else limits(logits, t, tf.repeat(count, beams))
    size, over = logits.shape[-1], ended(found.last) & (t > 0)
    log_steps = tf.reshape(tf.nn.log_softmax(tf.cast(logits, tf.float32)), [rows, beams, size])
    log_steps = _only(sequences.PAD, over[:, :, None], log_steps)
    log_steps = _only(given[:, t, None, None], (t < count)[:, None, None], log_steps)
    totals = found.log_probs[:, :, None] + log_steps
    made = found.made + tf.cast(~over & (t >= count)[:, None], tf.int32)
    ranks = totals / tf.cast(tf.maximum(made, 1), tf.float32)[:, :, None] ** penalty
    _, places = tf.math.top_k(tf.reshape(ranks, [rows, beams * size]), beams)
    parents, picked = places // size, places % size
    tokens = tf.where(tf.range(length) == t, picked[:, :, None], tf.gather(found.tokens, parents, batch_dims=1))
    flat = tf.reshape(tf.range(rows)[:, None] * beams + parents, [-1])
    state = tf.nest.map_structure(lambda x: tf.gather(x, flat), state)
    log_probs, step_log_probs = (tf.gather(tf.reshape(x, [rows, beams * size]), places, batch_dims=1) for x in (totals, log_steps))
    kept = tf.where(tf.range(length) == t, step_log_probs[:, :, None], tf.gather(found.steps, parents, batch_dims=1))
    return t + 1, _Search(tf.reshape(picked, [-1]), state, tokens, log_probs, kept, tf.gather(made, parents, batch_dims=1))

  def unfinished(t, found):
    return (t == 0) | (t < tf.reduce_max(count)) | ~tf.reduce_all(ended(found.last) | tf.math.is_inf(found.log_probs))

  _, found = tf.while_loop(unfinished, extend, (tf.constant(0), first), maximum_iterations=length, parallel_iterations=1)
  return Beams(found.tokens, found.log_probs, found.steps)


def _only(token, where, log_probs):
  """Where a condition holds, makes a token certain: `[N, K, V]`."""
  certain = tf.where(tf.range(log_probs.shape[-1]) == token, 0.0, float("-inf"))
  return tf.where(where, certain, log_probs)
