"""Optimal transport between two samples of equal weights: costs, plans, and the cost of a plan. N and M points, F features.

A plan P is a matrix `[N, M]` of nonnegative numbers whose rows sum to 1 / N and whose columns sum to 1 / M; its cost is sum_ij P_ij C_ij. Plans are
computed without a gradient: at the optimum the gradient of the cost by the points is that of the fixed plan's cost (the envelope theorem), and the
iterations need not be kept.
"""

import tensorflow as tf


def cosine_costs(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
  """1 - cosine of all pairs: float `[N, F]` and `[M, F]` to `[N, M]`."""
  first.shape.assert_has_rank(2)
  second.shape.assert_has_rank(2)
  return 1.0 - tf.matmul(tf.math.l2_normalize(first, axis=1), tf.math.l2_normalize(second, axis=1), transpose_b=True)


def sinkhorn(costs: tf.Tensor, strength: float, iterations: int) -> tf.Tensor:
  """The plan with the least cost + strength sum P log P, by Sinkhorn's iterations in logarithms (Cuturi, https://arxiv.org/abs/1306.0895).

  Args:
    costs: float `[N, M]`.
    strength: of the entropy, above 0: the larger, the more the plan spreads.
    iterations: of one scaling of the rows and one of the columns.

  Returns:
    float `[N, M]`, without a gradient.
  """
  logits = -tf.stop_gradient(costs) / strength
  return tf.exp(logits + sum(_scale(logits, tf.zeros(tf.shape(costs)[1:]), iterations)))


def ipot(costs: tf.Tensor, strength: float, iterations: int) -> tf.Tensor:
  """The plan with the least cost, by inexact proximal point iterations (IPOT, Xie et al., https://arxiv.org/abs/1802.04307).

  Args:
    costs: float `[N, M]`.
    strength: of the proximal term, above 0: the smaller, the fewer iterations.
    iterations: each with one scaling of the rows and one of the columns.

  Returns:
    float `[N, M]`, without a gradient. It approaches the optimum of the linear program.
  """
  step = -tf.stop_gradient(costs) / strength

  def improve(i, log_plan, columns):
    logits = log_plan + step
    rows, columns = _scale(logits, columns, 1)
    return i + 1, logits + rows + columns, columns

  # A while_loop: see `sampling.unrolling`.
  start = (tf.constant(0), tf.zeros_like(step), tf.zeros([1, tf.shape(step)[1]]))
  _, log_plan, _ = tf.while_loop(lambda i, *_: i < iterations, improve, start, maximum_iterations=iterations)
  return tf.stop_gradient(tf.exp(log_plan))


def cost(costs: tf.Tensor, plan: tf.Tensor) -> tf.Tensor:
  """The cost of a plan, float scalar, with a gradient to the costs."""
  return tf.reduce_sum(costs * tf.stop_gradient(plan))


def _scale(logits, columns, iterations):
  """Logarithms of the factors of the rows `[N, 1]` and columns `[1, M]` that bring exp(logits) to equal weights."""
  num, others = (tf.cast(size, logits.dtype) for size in tf.unstack(tf.shape(logits)))

  def scale(i, rows, columns):
    rows = -tf.math.log(num) - tf.reduce_logsumexp(logits + columns, axis=1, keepdims=True)
    return i + 1, rows, -tf.math.log(others) - tf.reduce_logsumexp(logits + rows, axis=0, keepdims=True)

  columns = tf.reshape(columns, [1, -1])
  start = (tf.constant(0), tf.zeros([tf.shape(logits)[0], 1], logits.dtype), columns)
  _, rows, columns = tf.while_loop(lambda i, *_: i < iterations, scale, start, maximum_iterations=iterations)
  return rows, columns
