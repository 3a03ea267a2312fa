"""MaliGAN: the discriminator's odds as importance weights, so that the generator's own samples stand in for the real text.

Che et al., "Maximum-Likelihood Augmented Discrete Generative Adversarial Networks", https://arxiv.org/abs/1702.07983.

If D is right, D / (1 - D) is the ratio of the real probability of a sequence to the generator's, and weighting the generator's samples with it
gives the gradient of the likelihood of real text. The weights are normalised over the batch, which bounds them, and their mean is subtracted:

  loss = -sum_i (r_i / sum_j r_j - b) log G(x_i),   r = D / (1 - D) = exp f,   b the mean weight.

Mixed with maximum likelihood (section 3.3), the first N tokens are those of real sentences and only the rest is written: N falls from the whole
length to nothing. The tokens that were given are learned by maximum likelihood.
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan.algorithms import base
from tf_textgan.algorithms import mle
from tf_textgan.algorithms import seqgan
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """There is no official code; networks and rates are SeqGAN's, as the toolkits have it."""

  # Adam's learning rate in pretraining.
  mle_learning_rate: float = 1e-2
  # Adam's learning rate for the policy gradient.
  generator_learning_rate: float = 1e-3
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 1e-4
  # Largest norm of the generator's gradient.
  clip_norm: float = 5.0
  # Generator steps in each round. The 2023 toolkit makes 50 on the oracle task and 1 on real text.
  generator_steps_per_round: int = 1
  # Batches of sentences that each of them writes, among all of which the weights are normalised: its gradient is mostly the noise of few sentences.
  generator_batches: int = 1
  # Discriminator steps in each round.
  discriminator_steps_per_round: int = 5
  # Begin sentences with real tokens, fewer and fewer of them: the paper's mixed training.
  mixed: bool = False
  # In mixed training, how many ends are written to each real beginning, among which the weights are normalised.
  continuations: int = 4

  def __post_init__(self):
    checks.at_least(self, 0, "mle_learning_rate", "generator_learning_rate", "discriminator_learning_rate", "clip_norm")
    checks.at_least(self, 1, "generator_steps_per_round", "generator_batches", "discriminator_steps_per_round")
    checks.at_least(self, 2, "continuations")
    if self.mixed and self.generator_batches > 1:
      raise errors.UserError(f"in mixed training continuations, not generator_batches, says how much is written; {self.generator_batches} must be 1")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(mle.Pretrained):
  """See the module."""

  def phases(self, schedule):
    generator = base.Update("generator", self.generator_step, self.config.generator_steps_per_round)
    discriminator = base.Update("discriminator", self.discriminator_step)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def discriminator_step(self, real, seed, progress):
    """Teaches the discriminator to tell a real batch from a new sample."""
    del progress
    return seqgan.discriminator_step(self.generator, self.discriminator, self.optimizers["discriminator_optimizer"], real, seed)

  def generator_step(self, real, seed, progress):
    """Raises the likelihood of the samples that the discriminator takes for real, and lowers that of the others."""
    generator, length = self.generator, self.generator.spec.length
    if self.config.mixed:
      given = tf.cast(tf.math.round((1.0 - progress) * length), tf.int32)
      beginnings = tf.repeat(real, self.config.continuations, axis=0)
      tokens = generator.complete(beginnings, given, seed).tokens
      scores = tf.reshape(self.discriminator(tokens), [-1, self.config.continuations])
      weights = tf.reshape(policy_gradient.importance_weights(scores), [-1])
    else:
      given = tf.zeros([], tf.int32)
      tokens = generator.sample(tf.shape(real)[0] * self.config.generator_batches, seed).tokens
      scores = self.discriminator(tokens)
      # Replicas weigh the samples of all.
      centred = tf.exp(scores - noise.average_over_replicas(tf.reduce_mean(scores)))
      weights = centred / noise.average_over_replicas(tf.reduce_mean(centred))
    weights = tf.stop_gradient(weights)
    written = tf.range(length) >= given
    mask = generator.spec.mask(tokens)
    # Given tokens have a weight of one, as in maximum likelihood; written ones their sentence's, less the mean, which is one.
    returns = tf.where(written[None, :], weights[:, None] - 1.0, 1.0)
    with tf.GradientTape() as tape:
      log_probs = generator.log_probs(tokens, generator.sample_latent(tf.shape(tokens)[0], seed))
      loss = base.mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, returns) * mask, axis=1))
    norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], self.config.clip_norm)
    return {
      "loss": loss,
      # The size of a sample of equal weights that would be as good: 1 / N means that one sentence has all the weight.
      "effective_share": 1.0 / noise.average_over_replicas(tf.reduce_mean(tf.square(weights))),
      "entropy": base.mean(-log_probs, mask),
      "given": tf.cast(given, tf.float32),
      "gradient_norm": norm,
    }
