"""What generator and discriminator want of the discriminator's scores (logits of "real"). One value per score; the caller averages.

Scores are `[B]`, or `[B, R]` where a discriminator gives R of them to each example; a pair is a real and a fake score at the same place.
"""

import tensorflow as tf


def discriminator(real_scores, fake_scores):
  """-log D(x) - log(1 - D(G(z))), with D = sigmoid(score): the minimax value function, negated (https://arxiv.org/abs/1406.2661).

  Args:
    real_scores: float `[B]`, or `[B, R]` for R scores of each example.
    fake_scores: same shape.

  Returns:
    float, same shape.
  """
  _check(real_scores, fake_scores)
  return tf.nn.softplus(-real_scores) + tf.nn.softplus(fake_scores)


def saturating_generator(fake_scores):
  """log(1 - D(G(z))), the generator's own side of the minimax game; its gradient fades where the discriminator is sure. `[B]` to `[B]`."""
  _check(fake_scores)
  return -tf.nn.softplus(fake_scores)


def non_saturating_generator(fake_scores):
  """-log D(G(z)), the same fixed point with a gradient that does not fade. `[B]` to `[B]`."""
  _check(fake_scores)
  return tf.nn.softplus(-fake_scores)


def wasserstein_critic(real_scores, fake_scores):
  """f(G(z)) - f(x): minus the critic's estimate of the Wasserstein distance (https://arxiv.org/abs/1701.07875). `[B]`, `[B]` to `[B]`."""
  _check(real_scores, fake_scores)
  return fake_scores - real_scores


def wasserstein_generator(fake_scores):
  """-f(G(z)). `[B]` to `[B]`."""
  _check(fake_scores)
  return -fake_scores


def relativistic_discriminator(real_scores, fake_scores):
  """-log sigmoid(f(x) - f(G(z))): a real example should look more real than the fake one it is paired with (https://arxiv.org/abs/1807.00734).

  Args:
    real_scores: float `[B]` or `[B, R]`.
    fake_scores: same shape.

  Returns:
    float, same shape.
  """
  _check(real_scores, fake_scores)
  return tf.nn.softplus(fake_scores - real_scores)


def relativistic_generator(real_scores, fake_scores):
  """-log sigmoid(f(G(z)) - f(x)), the same with the roles exchanged. Shapes as in `relativistic_discriminator`."""
  return relativistic_discriminator(fake_scores, real_scores)


def relativistic_average_discriminator(real_scores, fake_scores, real_mean, fake_mean):
  """-log sigmoid(f(x) - mean f(G)) - log sigmoid(mean f(X) - f(G(z))): each example against the other side's mean (https://arxiv.org/abs/1807.00734).

  Args:
    real_scores: float `[B]` or `[B, R]`.
    fake_scores: same shape.
    real_mean: same shape, the mean real score that the fake one is compared with, such as that of its category.
    fake_mean: same shape, the mean fake score that the real one is compared with.

  Returns:
    float, same shape.
  """
  _check(real_scores, fake_scores, real_mean, fake_mean)
  return tf.nn.softplus(fake_mean - real_scores) + tf.nn.softplus(fake_scores - real_mean)


def relativistic_average_generator(real_scores, fake_scores, real_mean, fake_mean):
  """The same with the roles exchanged. Arguments as of `relativistic_average_discriminator`."""
  return relativistic_average_discriminator(fake_scores, real_scores, fake_mean, real_mean)


def hinge_discriminator(real_scores, fake_scores):
  """max(0, 1 - f(x)) + max(0, 1 + f(G(z))) (https://arxiv.org/abs/1705.02894). Shapes as in `discriminator`; its generator is Wasserstein's."""
  _check(real_scores, fake_scores)
  return tf.nn.relu(1.0 - real_scores) + tf.nn.relu(1.0 + fake_scores)


def least_squares_discriminator(real_scores, fake_scores):
  """(f(x) - 1)^2 + f(G(z))^2 (https://arxiv.org/abs/1611.04076). Shapes as in `discriminator`."""
  _check(real_scores, fake_scores)
  return tf.square(real_scores - 1.0) + tf.square(fake_scores)


def least_squares_generator(fake_scores):
  """(f(G(z)) - 1)^2. `[B]` to `[B]`."""
  _check(fake_scores)
  return tf.square(fake_scores - 1.0)


def accuracy(real_scores, fake_scores):
  """Share of the two scores of each pair on the right side of zero. `[B]`, `[B]` to `[B]`."""
  right = tf.cast(real_scores > 0.0, tf.float32) + tf.cast(fake_scores < 0.0, tf.float32)
  return 0.5 * right


def _check(*scores):
  for x in scores:
    x.shape.with_rank_at_least(1).with_rank_at_most(2)
    # A column beside a vector would be broadcast to a matrix.
    x.shape.assert_is_compatible_with(scores[0].shape)
