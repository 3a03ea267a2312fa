"""WGAN-GP between the codes of real text and the codes that an autoencoder's prior makes of noise: shared by ARAE and LatentGAN.

Gulrajani et al., https://arxiv.org/abs/1704.00028, on vectors.
"""

import keras
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.generators import autoencoder
from tf_textgan.losses import adversarial
from tf_textgan.losses import gradient_penalty
from tf_textgan.sampling import noise


def require_prior(generator: autoencoder.Generator, name: str) -> None:
  """Raises a `UserError` unless the generator's prior is a network, which the named algorithm can train."""
  if generator.prior_network is None:
    raise errors.UserError(f"--algorithm {name} trains the prior; expected --generator_prior perceptron or residual, not {generator.config.prior}")


def critic_seed(seed: int) -> int:
  """The seed of a critic's weights, away from those of the generator with the same seed (`autoencoder.SEEDS` of them)."""
  return seed * autoencoder.SEEDS + autoencoder.SEEDS // 2


def critic_step(
  generator: autoencoder.Generator,
  critic: keras.layers.Layer,
  optimizer: keras.optimizers.Optimizer,
  real: sequences.Batch,
  seed: tf.Tensor,
  penalty_weight: float,
) -> base.Metrics:
  """Trains the critic, which maps codes float `[B, Z]` to `[B, 1]`, to estimate the Wasserstein distance between both kinds of codes.

  Args:
    generator: encodes the real batch and draws as many codes.
    critic: the layer to update.
    optimizer: built on the critic.
    real: the batch.
    seed: int32 `[2]`.
    penalty_weight: lambda.

  Returns:
    `loss`, `distance`, `penalty` and `gradient_norm`, scalars.
  """
  num = tf.shape(real.tokens)[0]
  codes = generator.encode(real.tokens)
  fake, _ = generator.prior_network.train(generator.noise(num, noise.fold(seed, "fake")), noise.average_over_replicas)
  fake = tf.cast(fake, tf.float32)
  mix = noise.uniform([num], noise.fold(seed, "mix"))
  with tf.GradientTape() as tape:
    distance = -adversarial.wasserstein_critic(score(critic, codes), score(critic, fake))
    penalty = gradient_penalty.penalty(lambda x: score(critic, x), codes, fake, mix)
    loss = base.mean(penalty_weight * penalty - distance)
  norm = base.minimize(tape, loss, critic, optimizer)
  return {"loss": loss, "distance": base.mean(distance), "penalty": base.mean(penalty), "gradient_norm": norm}


def prior_step(
  generator: autoencoder.Generator, critic: keras.layers.Layer, optimizer: keras.optimizers.Optimizer, num: tf.Tensor, seed: tf.Tensor
) -> base.Metrics:
  """Moves the codes of the prior towards higher scores.

  Args:
    generator: its prior is trained, its encoder and decoder are not.
    critic: see `critic_step`.
    optimizer: built on the prior's network.
    num: number of codes.
    seed: int32 `[2]`.

  Returns:
    `loss`, `spread` (standard deviation of the numbers of a code over the batch, which collapses to 0 if all codes become one) and
    `gradient_norm`, scalars.
  """
  with tf.GradientTape() as tape:
    codes, tracked = generator.prior_network.train(generator.noise(num, seed), noise.average_over_replicas)
    codes = tf.cast(codes, tf.float32)
    loss = base.mean(adversarial.wasserstein_generator(score(critic, codes)))
  norm = base.minimize(tape, loss, generator.prior_network, optimizer)
  if tracked:
    base.assign(*zip(*tracked))
  mean = noise.average_over_replicas(tf.reduce_mean(codes, axis=0))
  variance = noise.average_over_replicas(tf.reduce_mean(tf.square(codes - mean), axis=0))
  return {"loss": loss, "spread": tf.reduce_mean(tf.sqrt(variance)), "gradient_norm": norm}


def score(critic: keras.layers.Layer, codes: tf.Tensor) -> tf.Tensor:
  """Scores codes, float32 `[B, Z]`: float32 `[B]`."""
  return critic(codes)[:, 0]
