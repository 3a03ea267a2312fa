"""The autoencoder's step: -log p(x | c) of real sequences x with their own codes c."""

from typing import Any

import keras
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.generators import autoencoder
from tf_textgan.sampling import noise


def step(
  generator: autoencoder.Generator,
  optimizer: keras.optimizers.Optimizer,
  real: sequences.Batch,
  seed: tf.Tensor,
  clip_norm: float | None = None,
  code_noise: Any = 0.0,
  divergence_weight: float = 1.0,
) -> base.Metrics:
  """Trains encoder and decoder to reconstruct a real batch.

  The loss is the mean over the tokens of -log p(x_t | x_1..x_{t-1}, c), c a code with noise. Of Gaussian codes c is drawn with the code's own
  variance, and the loss has the Kullback-Leibler divergence to the standard normal prior too, a mean over the batch and the numbers of a code
  (Kingma & Welling, https://arxiv.org/abs/1312.6114, with the weights of FM-GAN's code).

  Args:
    generator: its encoder and decoder are trained, its prior is not.
    optimizer: built on `generator.autoencoder`.
    real: the batch.
    seed: int32 `[2]`.
    clip_norm: see `base.minimize`.
    code_noise: standard deviation of the noise on codes that are not Gaussian, a number or float32 scalar.
    divergence_weight: weight of the divergence of Gaussian codes.

  Returns:
    `nll` (nats per token), with Gaussian codes `divergence` (nats per number of a code), and `gradient_norm`, scalars.
  """
  metrics = {}
  with tf.GradientTape() as tape:
    codes, log_variances = generator.autoencoder.codes(real.tokens)
    drawn = noise.normal(tf.shape(codes), noise.fold(seed, "codes"))
    deviations = code_noise if log_variances is None else tf.exp(0.5 * log_variances)
    log_probs = generator.log_probs(real.tokens, codes + deviations * drawn)
    loss = metrics["nll"] = base.mean(-log_probs, generator.spec.mask(real.tokens))
    if log_variances is not None:
      divergences = 0.5 * (tf.square(codes) + tf.exp(log_variances) - 1.0 - log_variances)
      metrics["divergence"] = base.mean(tf.reduce_mean(divergences, axis=1))
      loss += divergence_weight * metrics["divergence"]
  metrics["gradient_norm"] = base.minimize(tape, loss, generator.autoencoder, optimizer, clip_norm)
  return metrics
