"""Sentences ranked by how near they are to references, against sentences to compare with (RankGAN, https://arxiv.org/abs/1705.11001)."""

import tensorflow as tf


def relevance(features, references):
  """a(s|u): cosines of feature vectors.

  Args:
    features: float `[N, F]`.
    references: float `[U, F]`.

  Returns:
    float32 `[N, U]`, from -1 to 1.
  """
  features.shape.assert_has_rank(2)
  references.shape.assert_has_rank(2)
  features, references = (tf.math.l2_normalize(tf.cast(x, tf.float32), axis=1) for x in (features, references))
  return tf.matmul(features, references, transpose_b=True)


def level(compared, gamma):
  """log sum_{c in C} exp(gamma a(c|u)): what a sentence has to be measured with, for each reference.

  Args:
    compared: float `[C, U]`, relevance of the sentences to compare with.
    gamma: number above 0; the larger, the more the most relevant sentence counts.

  Returns:
    float `[U]`.
  """
  compared.shape.assert_has_rank(2)
  return tf.reduce_logsumexp(gamma * compared, axis=0)


def log_rank(relevances, level, gamma, weights=None):
  """log R(s|U, C) = mean_u log(exp(gamma a(s|u)) / sum_{s' in C and s} exp(gamma a(s'|u))).

  Args:
    relevances: float `[N, U]`, of the ranked sentences, each of which is compared without the others.
    level: float `[U]`, see `level`.
    gamma: as in `level`.
    weights: float `[N, U]`, 0 where a reference does not count for a sentence; None for 1.

  Returns:
    float `[N]`, at most 0; -log(C + 1) for a sentence as relevant as those in C.
  """
  relevances.shape.assert_has_rank(2)
  shares = -tf.nn.softplus(level[None, :] - gamma * relevances)
  if weights is None:
    return tf.reduce_mean(shares, axis=1)
  return tf.math.divide_no_nan(tf.reduce_sum(shares * weights, axis=1), tf.reduce_sum(weights, axis=1))
