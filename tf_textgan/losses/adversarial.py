"""What generator and discriminator want of the discriminator's scores (logits of "real"). One value per example; the caller averages."""

import tensorflow as tf


def discriminator(real_scores, fake_scores):
  """-log D(x) - log(1 - D(G(z))), with D = sigmoid(score): the minimax value function, negated (https://arxiv.org/abs/1406.2661).

  Args:
    real_scores: float `[B]`.
    fake_scores: float `[B]`.

  Returns:
    float `[B]`.
  """
  real_scores.shape.assert_has_rank(1)
  fake_scores.shape.assert_has_rank(1)
  return tf.nn.softplus(-real_scores) + tf.nn.softplus(fake_scores)


def saturating_generator(fake_scores):
  """log(1 - D(G(z))), the generator's own side of the minimax game; its gradient fades where the discriminator is sure. `[B]` to `[B]`."""
  fake_scores.shape.assert_has_rank(1)
  return -tf.nn.softplus(fake_scores)


def non_saturating_generator(fake_scores):
  """-log D(G(z)), the same fixed point with a gradient that does not fade. `[B]` to `[B]`."""
  fake_scores.shape.assert_has_rank(1)
  return tf.nn.softplus(-fake_scores)


def wasserstein_critic(real_scores, fake_scores):
  """f(G(z)) - f(x): minus the critic's estimate of the Wasserstein distance (https://arxiv.org/abs/1701.07875). `[B]`, `[B]` to `[B]`."""
  real_scores.shape.assert_has_rank(1)
  fake_scores.shape.assert_has_rank(1)
  return fake_scores - real_scores


def wasserstein_generator(fake_scores):
  """-f(G(z)). `[B]` to `[B]`."""
  fake_scores.shape.assert_has_rank(1)
  return -fake_scores


def accuracy(real_scores, fake_scores):
  """Share of the two scores of each pair on the right side of zero. `[B]`, `[B]` to `[B]`."""
  right = tf.cast(real_scores > 0.0, tf.float32) + tf.cast(fake_scores < 0.0, tf.float32)
  return 0.5 * right
