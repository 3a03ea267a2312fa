"""JSDGAN: the Jensen-Shannon divergence itself, with the best discriminator in closed form.

Li et al., "Adversarial Discrete Sequence Generation without Explicit Neural Networks as Discriminators", AISTATS 2019. The normalisation is that of
the toolkit https://github.com/williamSYSU/TextGAN-PyTorch.

With p the real distribution, the best discriminator is D = p / (p + G), and the gradient of twice the divergence

  sum_x G(x) log(G(x) / (p(x) + G(x))) grad log G(x)

has no term for sentences x that are not in the text, as their logarithm is 0. So it needs no samples: a step sums over the real batch, with p = 1 / B
for its B sentences. G(x) is vanishingly small beside it for all but the shortest sentences, so the toolkit scales it to 0 .. 1 in the batch.
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import alone
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise

# Least scaled probability, and least difference of two probabilities that are scaled to 0 and 1, as a share of the larger one.
_LEAST = 1e-10


@dataclasses.dataclass(frozen=True)
class Config(alone.Config):
  """The settings of the toolkit for SeqGAN's oracle."""

  # Adam's learning rate.
  generator_learning_rate: float = 1e-2
  # Probabilities of the sentences: "min_max", scaled so that the batch's least is 0 and its largest 1; "none", as they are, for the exact gradient.
  normalization: Literal["min_max", "none"] = "min_max"


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = None
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(alone.Algorithm):
  """See the module."""

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the likelihood of real sentences, with the weights of the divergence's gradient."""
    del phase_fraction
    generator = self.generator
    latent = generator.prior(tf.shape(real.tokens)[0], seed)
    mask = generator.spec.mask(real.tokens)
    with tf.GradientTape() as tape:
      log_probs = generator.log_probs(real.tokens, latent)
      weights = self.weights(tf.stop_gradient(tf.reduce_sum(log_probs, axis=1)))
      # The mean over the batch; the toolkit sums, which makes no difference to Adam.
      loss = base.mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, weights[:, None] * mask), axis=1))
    norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], self.config.clip_norm)
    total, squares = (noise.average_over_replicas(tf.reduce_mean(x)) for x in (weights, tf.square(weights)))
    return {
      "loss": loss,
      "nll": base.mean(-log_probs, mask),
      # Effective sample size divided by B: at 1 / B one sentence has all the weight.
      "effective_share": tf.math.divide_no_nan(tf.square(total), squares),
      "gradient_norm": norm,
    }

  def weights(self, log_probs: tf.Tensor) -> tf.Tensor:
    """The weights -G log(G / (p + G)) of real sentences, from their log-probabilities: float32 `[B]` each, nats."""
    everyone = noise.gather_from_replicas(log_probs)
    if self.config.normalization == "min_max":
      # All are divided by the largest first, so that nothing underflows; the toolkit computes them in double precision.
      largest, least = tf.reduce_max(everyone), tf.reduce_min(everyone)
      probs, lowest = tf.exp(log_probs - largest), tf.exp(least - largest)
      log_probs = tf.math.log(tf.maximum((probs - lowest) / tf.maximum(1.0 - lowest, _LEAST), _LEAST))
    log_real = -tf.math.log(tf.cast(tf.size(everyone), tf.float32))
    # log(1 + p / G) = softplus(log p - log G).
    return tf.exp(log_probs) * tf.nn.softplus(log_real - log_probs)


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("paper", "the 2023 toolkit, oracle task")
PUBLISHED = {
  "mle_learning_rate": published.Setting(note="SeqGAN's"),
  "generator_learning_rate": published.Setting(published.UNCHECKED, 1e-2),
  "clip_norm": published.Setting(None, 5.0),
  **published.SEQGAN_GENERATOR,
  "batch_size": published.Setting(None, 64),
  "normalization": published.Setting(published.UNCHECKED, "min_max"),
  "mle_steps": published.Setting(published.UNCHECKED, 0, published.SHORT),
  "adversarial_steps": published.Setting(None, "500 epochs: 78,000", published.SHORT),
}
