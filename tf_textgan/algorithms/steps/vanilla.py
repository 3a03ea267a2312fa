"""The vanilla discriminator step: -log D(real) - log(1 - D(sample))."""

import keras
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.generators import base as generator_base
from tf_textgan.sampling import noise


def step(
  generator: generator_base.Generator,
  discriminator: discriminator_base.Discriminator,
  optimizer: keras.optimizers.Optimizer,
  real: sequences.Batch,
  seed: tf.Tensor,
) -> base.Metrics:
  """One discriminator step on a real batch and as many new samples, conditioned on the same contexts.

  Args:
    generator: generates the samples.
    discriminator: the network to update.
    optimizer: built on the discriminator.
    real: the batch.
    seed: int32 `[2]`.

  Returns:
    As `train`.
  """
  fake = generator.sample(tf.shape(real.tokens)[0], noise.fold(seed, "fake"), context=real.context).tokens
  return train(discriminator, optimizer, real, fake, seed)


def train(
  discriminator: discriminator_base.Discriminator,
  optimizer: keras.optimizers.Optimizer,
  real: sequences.Batch,
  fake: tf.Tensor,
  seed: tf.Tensor,
) -> base.Metrics:
  """One discriminator step on a real batch and generated sequences, int32 `[B, T]`.

  Returns:
    `loss`, `accuracy` (on the training batch) and `gradient_norm`, scalars.
  """
  with tf.GradientTape() as tape:
    cross_entropy, accuracy = scores(discriminator, real, fake, seed)
    loss = 2.0 * cross_entropy  # -log D(real) - log(1 - D(sample)).
    # The published weights of the penalty stand beside the mean cross-entropy.
    total = loss + 2.0 * discriminator.regularization()
  norm = base.minimize(tape, total, discriminator, optimizer)
  return {"loss": loss, "accuracy": accuracy, "gradient_norm": norm}


def scores(
  discriminator: discriminator_base.Discriminator, real: sequences.Batch, fake: tf.Tensor, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """The cross-entropy and the accuracy of a discriminator on a real batch and as many samples.

  Args:
    discriminator: the classifier.
    real: the batch.
    fake: int32 `[B, T]`, conditioned on the same contexts.
    seed: int32 `[2]`, for the dropout.

  Returns:
    Scalars, means over the discriminator's `training_scores`: the cross-entropy (nats; log 2 at chance) and the accuracy.
  """
  pairs, context = paired(real, fake)
  found, weights = discriminator.training_scores(pairs, context=context, seed=noise.fold(seed, "dropout"))
  found *= tf.tile([[1.0], [-1.0]], [tf.shape(real.tokens)[0], 1])
  return base.mean(tf.nn.softplus(-found), weights), base.mean(tf.cast(found > 0.0, tf.float32), weights)


def paired(real: sequences.Batch, fake: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
  """Alternates real and generated rows, for one pass of the discriminator: tokens int32 `[2B, T]` and their contexts.

  Alternating, so that a replica's rows are a contiguous part of the global batch.
  """
  return tf.reshape(tf.stack([real.tokens, fake], axis=1), [-1, real.tokens.shape[1]]), sequences.repeat(real.context, 2)
