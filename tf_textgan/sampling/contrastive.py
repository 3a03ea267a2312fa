"""Contrastive search: probable tokens whose representations are unlike those before them.

Su et al., https://arxiv.org/abs/2202.06417.
"""

from collections.abc import Callable

import tensorflow as tf

from tf_textgan import sequences


def search(
  outputs: Callable[[tf.Tensor], tf.Tensor],
  output_layer: tuple[tf.Tensor, tf.Tensor],
  given: tf.Tensor,
  count: tf.Tensor,
  candidates: int,
  penalty: float,
  end_token: int | None = None,
  limits: Callable[..., tf.Tensor] | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
  """Takes, at each position, the candidate v with the greatest (1 - penalty) p(v) - penalty max_j cos(h_v, h_j) over the tokens j before it.

  A token's representation h is the input of the output layer after the token was read. It takes (candidates + 1) * T passes over whole sequences,
  because it needs the representation of each candidate. Nothing is drawn.

  Args:
    outputs: function of tokens, int32 `[R, T]`, for any R a multiple of N, each row of `given` repeated side by side: the inputs of the output layer
      at every position, float `[R, T, H]`; see `generators.base.Autoregressive.outputs`.
    output_layer: kernel `[H, V]` and bias `[V]`.
    given: int32 `[N, T]`, whose first tokens are given.
    count: int32 `[N]`, number of given tokens of each row.
    candidates: number of most probable tokens to choose from.
    penalty: from 0, the most probable token, to 1.
    end_token: id that ends a sequence; None for sequences of T tokens.
    limits: a `limits.Limits`; None for none.

  Returns:
    Tokens, int32 `[N, T]`, padded after the end token, and the log-probabilities of those that were not given, float32 `[N, T]`, nats.
  """
  rows, length = tf.shape(given)[0], given.shape[1]
  kernel, bias = output_layer
  positions = tf.range(length)

  def extend(t, tokens, log_probs, over):
    inputs = outputs(tokens)
    logits = tf.matmul(inputs[:, t], kernel) + bias
    logits = logits if limits is None else limits(logits, t, count)
    probable = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    values, options = tf.math.top_k(probable, candidates)
    extended = tf.where(positions == t, options[:, :, None], tokens[:, None, :])
    scores = (1.0 - penalty) * tf.exp(values) - penalty * _likeness(outputs(tf.reshape(extended, [-1, length])), t, candidates)
    # Where fewer tokens are possible than there are candidates.
    place = tf.argmax(tf.where(tf.math.is_inf(values), values, scores), axis=1, output_type=tf.int32)
    free = (t >= count) & ~over
    token = tf.where(free, tf.gather(options, place, batch_dims=1), tf.where(over, sequences.PAD, given[:, t]))
    tokens = tf.where(positions == t, token[:, None], tokens)
    log_prob = tf.where(free, tf.gather(values, place, batch_dims=1), 0.0)
    log_probs = tf.where(positions == t, log_prob[:, None], log_probs)
    return t + 1, tokens, log_probs, over if end_token is None else over | (token == end_token)

  def unfinished(t, tokens, log_probs, over):
    del t, tokens, log_probs
    return ~tf.reduce_all(over)

  # What follows the given tokens is not read: a position's output depends on the tokens before it.
  begin = (tf.constant(0), tf.where(positions < count[:, None], given, 0), tf.zeros([rows, length]), tf.zeros([rows], tf.bool))
  _, tokens, log_probs, _ = tf.while_loop(unfinished, extend, begin, maximum_iterations=length, parallel_iterations=1)
  return tokens, log_probs


def _likeness(inputs, t, candidates):
  """The greatest cosine between the representation of the token at t and those before it, float32 `[N, candidates]`; 0 at the first position.

  Args:
    inputs: float `[N * candidates, T, H]`; the representation of the token at position s is at s + 1.
    t: position of the candidates. At the last one there is no position after it: only the probability counts.
    candidates: number of candidates of a row.
  """
  length = inputs.shape[1]
  unit = tf.math.l2_normalize(tf.cast(inputs, tf.float32), axis=-1)
  own = unit[:, tf.minimum(t + 1, length - 1)]
  cosines = tf.einsum("rth,rh->rt", unit, own)
  before = (tf.range(length) >= 1) & (tf.range(length) <= t)
  greatest = tf.reduce_max(tf.where(before, cosines, -1.0), axis=1)
  return tf.reshape(tf.where((t > 0) & (t + 1 < length), greatest, 0.0), [-1, candidates])
