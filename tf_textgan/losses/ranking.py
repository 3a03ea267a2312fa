"""Rank of sentences by their similarity to references, relative to comparison sentences (RankGAN, https://arxiv.org/abs/1705.11001).

N ranked sentences, U references, C comparison sentences, F features.
"""

import tensorflow as tf


def relevance(features: tf.Tensor, references: tf.Tensor) -> tf.Tensor:
  """Computes a(s|u), the cosine similarity of feature vectors.

  Args:
    features: float `[N, F]`.
    references: float `[U, F]`.

  Returns:
    float32 `[N, U]` in [-1, 1].
  """
  features.shape.assert_has_rank(2)
  references.shape.assert_has_rank(2)
  features, references = (tf.math.l2_normalize(tf.cast(x, tf.float32), axis=1) for x in (features, references))
  return tf.matmul(features, references, transpose_b=True)


def level(compared: tf.Tensor, gamma: float | tf.Tensor) -> tf.Tensor:
  """Computes log sum_{c in C} exp(gamma a(c|u)), the comparison sentences' part of the rank's denominator.

  Args:
    compared: float `[C, U]`, relevance of the comparison sentences.
    gamma: inverse temperature, above 0.

  Returns:
    float `[U]`.
  """
  compared.shape.assert_has_rank(2)
  return tf.reduce_logsumexp(gamma * compared, axis=0)


def log_rank(relevances: tf.Tensor, level: tf.Tensor, gamma: float | tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
  """Computes log R(s|U, C) = mean_u log(exp(gamma a(s|u)) / sum_{s' in C and s} exp(gamma a(s'|u))).

  Args:
    relevances: float `[N, U]` of the ranked sentences; the rank of one does not depend on the others.
    level: float `[U]`, see `level`.
    gamma: as in `level`.
    weights: float `[N, U]`, weights of the references in the mean; None for equal weights.

  Returns:
    float `[N]`, at most 0; -log(C + 1) for a sentence as relevant as each of C; 0 if all weights are 0.
  """
  relevances.shape.assert_has_rank(2)
  shares = -tf.nn.softplus(level[None, :] - gamma * relevances)
  if weights is None:
    return tf.reduce_mean(shares, axis=1)
  return tf.math.divide_no_nan(tf.reduce_sum(shares * weights, axis=1), tf.reduce_sum(weights, axis=1))
