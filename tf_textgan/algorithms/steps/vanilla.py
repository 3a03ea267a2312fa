"""The vanilla discriminator step: -log D(real) - log(1 - D(sample))."""

import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.sampling import noise


def step(generator, discriminator, optimizer, real: sequences.Batch, seed) -> dict[str, tf.Tensor]:
  """One step of the discriminator on a real batch and as many new samples, conditioned on the same contexts.

  Args:
    generator: see `generators.base`.
    discriminator: see `discriminators.base`.
    optimizer: built on the discriminator.
    real: the batch.
    seed: int32 `[2]`.

  Returns:
    See `train`.
  """
  fake = generator.sample(tf.shape(real.tokens)[0], noise.fold(seed, "fake"), context=real.context).tokens
  return train(discriminator, optimizer, real, fake, seed)


def train(discriminator, optimizer, real: sequences.Batch, fake, seed) -> dict[str, tf.Tensor]:
  """One step of the discriminator on a real batch and generated sequences, int32 `[B, T]`.

  Returns:
    `loss`, `accuracy` (on the batch it trains on) and `gradient_norm`, scalars.
  """
  with tf.GradientTape() as tape:
    cross_entropy, accuracy = scores(discriminator, real, fake, seed)
    loss = 2.0 * cross_entropy  # -log D(real) - log(1 - D(sample)).
    total = loss + discriminator.regularization()
  norm = base.minimize(tape, total, discriminator, optimizer)
  return {"loss": loss, "accuracy": accuracy, "gradient_norm": norm}


def scores(discriminator, real: sequences.Batch, fake, seed) -> tuple[tf.Tensor, tf.Tensor]:
  """How well a discriminator classifies a real batch and as many samples.

  Args:
    discriminator: see `discriminators.base`; each of its `training_scores` counts.
    real: the batch.
    fake: int32 `[B, T]`, conditioned on the same contexts.
    seed: int32 `[2]`, for the dropout.

  Returns:
    Scalars, means over the training scores: the cross-entropy (nats; log 2 at chance) and the accuracy.
  """
  pairs, context = paired(real, fake)
  found, weights = discriminator.training_scores(pairs, context=context, seed=noise.fold(seed, "dropout"))
  found *= tf.tile([[1.0], [-1.0]], [tf.shape(real.tokens)[0], 1])
  return base.mean(tf.nn.softplus(-found), weights), base.mean(tf.cast(found > 0.0, tf.float32), weights)


def paired(real: sequences.Batch, fake) -> tuple[tf.Tensor, tf.Tensor | None]:
  """Real rows and generated ones side by side, for one pass of the discriminator: tokens int32 `[2B, T]` and their contexts.

  Side by side, so that a replica's rows are a block of the whole batch's.
  """
  return tf.reshape(tf.stack([real.tokens, fake], axis=1), [-1, real.tokens.shape[1]]), sequences.repeat(real.context, 2)
