"""Adversarial losses of generator and discriminator. A score is the logit of "real"; each score has its loss, and the caller averages.

Scores are `[B]`, or `[B, R]` if a discriminator gives R scores per example; a pair is a real and a fake score at the same index.
"""

import tensorflow as tf


def discriminator(real_scores: tf.Tensor, fake_scores: tf.Tensor) -> tf.Tensor:
  """Computes -log D(x) - log(1 - D(G(z))) with D = sigmoid(score), the negated minimax value (https://arxiv.org/abs/1406.2661).

  Args:
    real_scores: float `[B]` or `[B, R]`.
    fake_scores: same shape.

  Returns:
    float, same shape.

  Raises:
    ValueError: if shapes differ or have another rank, as in all losses of this module.
  """
  _check(real_scores, fake_scores)
  return tf.nn.softplus(-real_scores) + tf.nn.softplus(fake_scores)


def saturating_generator(fake_scores: tf.Tensor) -> tf.Tensor:
  """Computes log(1 - D(G(z))), the generator's minimax loss; its gradient vanishes where D is confident. Float `[B]` to `[B]`."""
  _check(fake_scores)
  return -tf.nn.softplus(fake_scores)


def non_saturating_generator(fake_scores: tf.Tensor) -> tf.Tensor:
  """Computes -log D(G(z)): the fixed point of the minimax loss, without its vanishing gradient. Float `[B]` to `[B]`."""
  _check(fake_scores)
  return tf.nn.softplus(-fake_scores)


def wasserstein_critic(real_scores: tf.Tensor, fake_scores: tf.Tensor) -> tf.Tensor:
  """Computes f(G(z)) - f(x), the negated Wasserstein estimate (https://arxiv.org/abs/1701.07875). Float `[B]`, `[B]` to `[B]`."""
  _check(real_scores, fake_scores)
  return fake_scores - real_scores


def wasserstein_generator(fake_scores: tf.Tensor) -> tf.Tensor:
  """Computes -f(G(z)). Float `[B]` to `[B]`."""
  _check(fake_scores)
  return -fake_scores


def relativistic_discriminator(real_scores: tf.Tensor, fake_scores: tf.Tensor) -> tf.Tensor:
  """Computes -log sigmoid(f(x) - f(G(z))): each real score should exceed the fake score paired with it (https://arxiv.org/abs/1807.00734).

  Args:
    real_scores: float `[B]` or `[B, R]`.
    fake_scores: same shape.

  Returns:
    float, same shape.
  """
  _check(real_scores, fake_scores)
  return tf.nn.softplus(fake_scores - real_scores)


def relativistic_generator(real_scores: tf.Tensor, fake_scores: tf.Tensor) -> tf.Tensor:
  """Computes -log sigmoid(f(G(z)) - f(x)): `relativistic_discriminator` with real and fake exchanged."""
  return relativistic_discriminator(fake_scores, real_scores)


def relativistic_average_discriminator(
  real_scores: tf.Tensor, fake_scores: tf.Tensor, real_mean: tf.Tensor, fake_mean: tf.Tensor
) -> tf.Tensor:
  """Computes -log sigmoid(f(x) - mean f(G)) - log sigmoid(mean f(X) - f(G(z))) (https://arxiv.org/abs/1807.00734).

  Args:
    real_scores: float `[B]` or `[B, R]`.
    fake_scores: same shape.
    real_mean: same shape, mean real score to compare each fake score with, over the batch or over one category.
    fake_mean: same shape, mean fake score to compare each real score with.

  Returns:
    float, same shape.
  """
  _check(real_scores, fake_scores, real_mean, fake_mean)
  return tf.nn.softplus(fake_mean - real_scores) + tf.nn.softplus(fake_scores - real_mean)


def relativistic_average_generator(real_scores: tf.Tensor, fake_scores: tf.Tensor, real_mean: tf.Tensor, fake_mean: tf.Tensor) -> tf.Tensor:
  """Computes `relativistic_average_discriminator` with real and fake exchanged; arguments in the same order."""
  return relativistic_average_discriminator(fake_scores, real_scores, fake_mean, real_mean)


def hinge_discriminator(real_scores: tf.Tensor, fake_scores: tf.Tensor) -> tf.Tensor:
  """Computes max(0, 1 - f(x)) + max(0, 1 + f(G(z))) (https://arxiv.org/abs/1705.02894); its generator loss is `wasserstein_generator`.

  Args:
    real_scores: float `[B]` or `[B, R]`.
    fake_scores: same shape.

  Returns:
    float, same shape.
  """
  _check(real_scores, fake_scores)
  return tf.nn.relu(1.0 - real_scores) + tf.nn.relu(1.0 + fake_scores)


def least_squares_discriminator(real_scores: tf.Tensor, fake_scores: tf.Tensor) -> tf.Tensor:
  """Computes (f(x) - 1)^2 + f(G(z))^2 (https://arxiv.org/abs/1611.04076).

  Args:
    real_scores: float `[B]` or `[B, R]`.
    fake_scores: same shape.

  Returns:
    float, same shape.
  """
  _check(real_scores, fake_scores)
  return tf.square(real_scores - 1.0) + tf.square(fake_scores)


def least_squares_generator(fake_scores: tf.Tensor) -> tf.Tensor:
  """Computes (f(G(z)) - 1)^2. Float `[B]` to `[B]`."""
  _check(fake_scores)
  return tf.square(fake_scores - 1.0)


def accuracy(real_scores: tf.Tensor, fake_scores: tf.Tensor) -> tf.Tensor:
  """Computes the fraction of each pair's two scores that have the right sign: 0, 0.5 or 1. Float `[B]`, `[B]` to float32 `[B]`."""
  right = tf.cast(real_scores > 0.0, tf.float32) + tf.cast(fake_scores < 0.0, tf.float32)
  return 0.5 * right


def _check(*scores):
  for x in scores:
    x.shape.with_rank_at_least(1).with_rank_at_most(2)
    # [B, 1] and [B] would broadcast to [B, B].
    x.shape.assert_is_compatible_with(scores[0].shape)
