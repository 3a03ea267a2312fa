"""The one loop over time: every sequence a generator writes, in training or after it, comes out of `unroll`."""

from typing import Any
from typing import NamedTuple

import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.sampling import noise


class Samples(NamedTuple):
  """Sequences as they were written.

  Attributes:
    tokens: int32 `[B, T]`, padded after the end token.
    log_probs: float32 `[B, T]`, log-probability of each token under the distribution it was drawn from (nats); 0 on padding.
    points: float32 `[B, T, V]` through which gradients flow, None if the picker gives none; on padding the constant one-hot of the padding.
    states: the state from which each token was picked, every tensor `[B, T, ...]`; None unless asked for.
  """

  tokens: tf.Tensor
  log_probs: tf.Tensor
  points: tf.Tensor | None = None
  states: Any = None


def unroll(step, picker, start, state, length, seed, end_token=None, keep_states=False):
  """Writes sequences token by token.

  Args:
    step: function of inputs (ids or points, as `start`) and a state, giving logits `[B, V]` and the next state.
    picker: see `pickers`.
    start: the tokens before the first one written: ids int32 `[B]`, and the picked ids are fed back; or points float `[B, V]`, and the picker's
      points are fed back, so that gradients also flow through the past. A sequence whose id is the end token or padding stays empty.
    state: nest of tensors `[B, ...]` from which the first token follows.
    length: most tokens to write (T), an int or an int32 scalar tensor.
    seed: int32 `[2]`.
    end_token: id that ends a sequence; None writes `length` tokens in all.
    keep_states: also return the state before each pick.

  Returns:
    `Samples`.
  """
  rows = start.shape[0]
  soft = start.shape.rank == 2
  finished = tf.zeros(tf.shape(start)[:1], tf.bool)
  if end_token is not None and not soft:
    finished = (start == end_token) | (start == sequences.PAD)
  parts = tf.nest.flatten(state)

  def array(dtype):
    return tf.TensorArray(dtype, size=length)

  # Tokens, log-probabilities, points, then the state's parts.
  arrays = [array(tf.int32), array(tf.float32)]
  arrays += [array(tf.float32)] if picker.relaxed else []
  arrays += [array(part.dtype) for part in parts] if keep_states else []

  def unfinished(t, inputs, state, finished, arrays):
    del inputs, state, arrays
    if end_token is None or picker.relaxed:  # A relaxed sequence is needed whole: its padding is one-hot, not zero.
      return t < length
    # At least one step: arrays that nothing was written to have no shape.
    return (t < length) & ((t == 0) | ~tf.reduce_all(finished))

  def write_token(t, inputs, state, finished, arrays):
    logits, state = step(inputs, state)
    tokens, log_probs, points = picker(logits, noise.fold(seed, t))
    if end_token is not None:
      tokens = tf.where(finished, sequences.PAD, tokens)
      log_probs = tf.where(finished, 0.0, log_probs)
      if picker.relaxed:
        points = tf.where(finished[:, None], tf.one_hot(sequences.PAD, logits.shape[-1]), points)
      finished = finished | (tokens == end_token)
    values = [tokens, log_probs]
    values += [points] if picker.relaxed else []
    values += tf.nest.flatten(state) if keep_states else []
    arrays = [a.write(t, value) for a, value in zip(arrays, values)]
    return t + 1, tf.cast(points, inputs.dtype) if soft else tokens, state, finished, arrays

  # A while_loop: a Python loop over 50 steps takes four times as long to trace and compile.
  limit = length if isinstance(length, int) else None
  *_, arrays = tf.while_loop(
    unfinished, write_token, (tf.constant(0), start, state, finished, arrays), maximum_iterations=limit
  )
  # Time-major arrays to tensors [B, T, ...]. Steps that were not reached are zero: padding.
  tensors = [a.stack() for a in arrays]
  tensors = [tf.transpose(x, [1, 0, *range(2, x.shape.rank)]) for x in tensors]
  tensors = [tf.ensure_shape(x, [rows, limit, *x.shape[2:]]) for x in tensors]
  tokens, log_probs, *others = tensors
  points = others.pop(0) if picker.relaxed else None
  return Samples(tokens, log_probs, points, tf.nest.pack_sequence_as(state, others) if keep_states else None)


def after_given(step, tokens, count):
  """A step function that writes given tokens first and then what it would.

  Args:
    step: see `unroll`.
    tokens: int32 `[B, T]`.
    count: how many of them are given, an int32 scalar; padding among them is left to the loop.

  Returns:
    A step function whose state is a pair: the position, int32 `[B]`, zeros at first, and the state of `step`.
  """

  def forced_step(inputs, state):
    position, inner = state
    logits, inner = step(inputs, inner)
    # A token that is given is one that has all the probability.
    given = tf.gather(tokens, tf.minimum(position[0], tokens.shape[1] - 1), axis=1)
    forced = tf.one_hot(given, logits.shape[-1], on_value=0.0, off_value=-1e9)
    return tf.where(position[0] < count, forced, tf.cast(logits, tf.float32)), (position + 1, inner)

  return forced_step
