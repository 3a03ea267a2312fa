"""The maximum-likelihood step: teacher forcing on real sequences."""

import keras
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.generators import base as generator_base
from tf_textgan.sampling import noise


def step(
  generator: generator_base.Autoregressive,
  optimizer: keras.optimizers.Optimizer,
  real: sequences.Batch,
  seed: tf.Tensor,
  clip_norm: float,
  weight_decay: float = 0.0,
) -> base.Metrics:
  """Raises the likelihood of a batch.

  Args:
    generator: the network to update.
    optimizer: built on the generator.
    real: the batch.
    seed: int32 `[2]`, for the latent and the dropout.
    clip_norm: see `base.minimize`.
    weight_decay: weight of the squared norm of the generator's weights, added to the loss.

  Returns:
    `nll` (nats per token) and `gradient_norm`, scalars.
  """
  latent = generator.prior(tf.shape(real.tokens)[0], seed)
  with tf.GradientTape() as tape:
    log_probs = generator.log_probs(real.tokens, latent, real.context, noise.fold(seed, "dropout"))
    nll = loss = base.mean(-log_probs, generator.spec.mask(real.tokens))
    if weight_decay:
      loss += weight_decay * tf.add_n([tf.reduce_sum(tf.square(tf.convert_to_tensor(weight))) for weight in generator.trainable_variables])
  norm = base.minimize(tape, loss, generator, optimizer, clip_norm)
  return {"nll": nll, "gradient_norm": norm}
