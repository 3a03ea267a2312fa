"""The loop over time that generates all sequences, in training and after it."""

from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

Step = Callable[[tf.Tensor, Any], tuple[tf.Tensor, Any]]


class History(NamedTuple):
  """The states of a generator at every position of sequences, from which `generators.base.Autoregressive.state_at` selects.

  The state at position n has read n inputs: the start token and the first n - 1 tokens. Token n - 1 is its next input.

  Attributes:
    stacked: the parts of the state that each step overwrites, stacked, every tensor `[B, T, ...]`; for a recurrent network the whole state.
    last: the state after the last input, every tensor `[B, ...]`; enough for a network whose state is a cache of all positions.
  """

  stacked: Any
  last: Any


class Samples(NamedTuple):
  """Generated sequences.

  Attributes:
    tokens: int32 `[B, T]`, padded after the end token.
    log_probs: float32 `[B, T]`, log-probability of each token under the distribution it was drawn from (nats); 0 on padding.
    points: float32 `[B, T, V]` with gradients, None if the picker gives none; on padding the constant one-hot of the padding.
    policy_log_probs: float32 `[B, T]`, log-probability of each token under the generator, from the same logits as `log_probs`, so that the roundings
      of both are alike; 0 on padding; None if the picker is not `weighted`.
    latent: float32 `[B, Z]`, the z of the sequences; None from `unroll`, which reads only the state.
    context: the context of the sequences, see `sequences.Batch`; None without context.
    history: states at all positions; None unless requested.
    state: the state after the last input; None for generators that are not autoregressive.
  """

  tokens: tf.Tensor
  log_probs: tf.Tensor
  points: tf.Tensor | None = None
  policy_log_probs: tf.Tensor | None = None
  latent: tf.Tensor | None = None
  context: tf.Tensor | None = None
  history: History | None = None
  state: Any = None


class Generated(NamedTuple):
  """Results of `generators.base.Generator.write`, with or without a guide.

  Attributes:
    tokens: int32 `[N, T]`, padded after the end token.
    log_probs: float32 `[N]`, log-probabilities of the sequences under the generator's distribution, with a guide the proposal's (nats).
    context: the context of the sequences, see `sequences.Batch`; None without context.
    scores: float32 `[N]`, f(x), the guide's log-weights: log p(x) = log q(x) + f(x) - log Z, see `guidance`; None without a guide.
    accepted: bool `[N]`; false where rejection ran out of candidates and drew one of the rejected; None without a guide.
    proposals: float32 scalar, the total work, in unguided sequences; None without a guide.
  """

  tokens: tf.Tensor
  log_probs: tf.Tensor
  context: tf.Tensor | None = None
  scores: tf.Tensor | None = None
  accepted: tf.Tensor | None = None
  proposals: tf.Tensor | None = None


def unroll(
  step: Step,
  picker: Callable[..., pickers.Pick],
  start: tf.Tensor,
  state: Any,
  length: int | tf.Tensor,
  seed: tf.Tensor,
  end_token: int | None = None,
  stacked: Callable[[Any], Any] | None = None,
  given: tuple[tf.Tensor, tf.Tensor] | None = None,
) -> Samples:
  """Generates sequences token by token.

  Args:
    step: function of inputs (ids or points, as `start`) and a state, returning logits `[B, V]` and the next state.
    picker: see `pickers`.
    start: the tokens before the first generated token. Ids, int32 `[B]`: the picked ids are fed back. Points, float `[B, V]`: the picker's points
      are fed back, so gradients also flow through the past. A sequence whose start id is the end token or padding stays empty.
    state: nest of tensors `[B, ...]`, the state before `start` is read.
    length: most tokens to generate (T), an int or an int32 scalar tensor.
    seed: int32 `[2]`.
    end_token: id that ends a sequence; None generates `length` tokens in every row.
    stacked: function of a state, returning the parts to stack before each step for `Samples.history`; None keeps no history.
    given: tokens, int32 `[B, T]`, and where they stand in place of the picked ones, bool `[B, T]`; their log-probability is 0. Not for pickers with
      points. None if nothing is given.

  Returns:
    Samples without latent and context.
  """
  rows = start.shape[0]
  soft = start.shape.rank == 2
  finished = tf.zeros(tf.shape(start)[:1], tf.bool)
  if end_token is not None and not soft:
    finished = (start == end_token) | (start == sequences.PAD)
  kept = [] if stacked is None else tf.nest.flatten(stacked(state))

  def array(dtype):
    return tf.TensorArray(dtype, size=length)

  # Tokens, log-probabilities, points, the policy's log-probabilities, then the stacked parts of the state.
  weighted = getattr(picker, "weighted", False)
  arrays = [array(tf.int32), array(tf.float32)]
  arrays += [array(tf.float32)] if picker.relaxed else []
  arrays += [array(tf.float32)] if weighted else []
  arrays += [array(part.dtype) for part in kept]

  def unfinished(t, inputs, state, finished, arrays):
    del inputs, state, arrays
    if end_token is None or picker.relaxed:  # Relaxed sequences take all steps: their padding is one-hot, not zero.
      return t < length
    # At least one step: arrays without elements have no shape.
    return (t < length) & ((t == 0) | ~tf.reduce_all(finished))

  def generate_token(t, inputs, state, finished, arrays):
    before = state
    logits, state = step(inputs, state)
    tokens, log_probs, points, policy_log_probs = picker(logits, noise.fold(seed, t))
    if given is not None:
      tokens, log_probs = (tf.where(given[1][:, t], x, y) for x, y in ((given[0][:, t], tokens), (0.0, log_probs)))
    if end_token is not None:
      tokens = tf.where(finished, sequences.PAD, tokens)
      log_probs = tf.where(finished, 0.0, log_probs)
      if weighted:
        policy_log_probs = tf.where(finished, 0.0, policy_log_probs)
      if picker.relaxed:
        points = tf.where(finished[:, None], tf.one_hot(sequences.PAD, logits.shape[-1]), points)
      finished = finished | (tokens == end_token)
    values = [tokens, log_probs]
    values += [points] if picker.relaxed else []
    values += [policy_log_probs] if weighted else []
    values += [] if stacked is None else tf.nest.flatten(stacked(before))
    arrays = [a.write(t, value) for a, value in zip(arrays, values)]
    return t + 1, tf.cast(points, inputs.dtype) if soft else tokens, state, finished, arrays

  # A while_loop: a Python loop over 50 steps takes four times as long to trace and compile.
  limit = length if isinstance(length, int) else None
  _, _, last, _, arrays = tf.while_loop(
    unfinished, generate_token, (tf.constant(0), start, state, finished, arrays), maximum_iterations=limit
  )
  # Elements of skipped steps are zero: padding.
  tensors = [tf.ensure_shape(x, [rows, limit, *x.shape[2:]]) for x in (batch_major(a.stack()) for a in arrays)]
  tokens, log_probs, *others = tensors
  points = others.pop(0) if picker.relaxed else None
  policy_log_probs = others.pop(0) if weighted else None
  history = None if stacked is None else History(tf.nest.pack_sequence_as(stacked(state), others), last)
  return Samples(tokens, log_probs, points, policy_log_probs, history=history, state=last)


def read(step: Step, inputs: tf.Tensor, state: Any, stacked: Callable[[Any], Any]) -> History:
  """Reads given inputs without generating.

  Args:
    step: see `unroll`.
    inputs: int32 `[B, T]`.
    state: nest of tensors `[B, ...]`, the state before the first input.
    stacked: see `unroll`.
  """
  length = inputs.shape[1]
  arrays = [tf.TensorArray(part.dtype, length) for part in tf.nest.flatten(stacked(state))]

  def read_token(t, state, arrays):
    arrays = [a.write(t, part) for a, part in zip(arrays, tf.nest.flatten(stacked(state)))]
    # The logits are not used, so the compiled loop does not compute them.
    return t + 1, step(inputs[:, t], state)[1], arrays

  _, last, arrays = tf.while_loop(lambda t, *_: t < length, read_token, (tf.constant(0), state, arrays), maximum_iterations=length)
  parts = [tf.ensure_shape(x, [None, length, *x.shape[2:]]) for x in (batch_major(a.stack()) for a in arrays)]
  return History(tf.nest.pack_sequence_as(stacked(state), parts), last)


def batch_major(x: tf.Tensor) -> tf.Tensor:
  """Transposes `[T, B, ...]` to `[B, T, ...]`."""
  return tf.transpose(x, [1, 0, *range(2, x.shape.rank)])


def splice(given: tf.Tensor, count: tf.Tensor, following: tf.Tensor) -> tf.Tensor:
  """Replaces all but the first values of each row.

  Args:
    given: `[B, T, ...]`.
    count: int32 `[B]`, number of values to keep in each row.
    following: `[B, L, ...]`, the values after them; L is at least T - min(count).

  Returns:
    `[B, T, ...]`.
  """
  length = given.shape[1]
  position = tf.range(length)
  source = tf.where(position < count[:, None], position, position + length - count[:, None])
  return tf.ensure_shape(tf.gather(tf.concat([given, following], axis=1), source, batch_dims=1), [None, *given.shape[1:]])
