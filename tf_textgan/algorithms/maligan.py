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
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """There is no official code; networks and rates are SeqGAN's, as the toolkits have it."""

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
    super().__post_init__()
    checks.at_least(self, 1, "generator_steps_per_round", "generator_batches", "discriminator_steps_per_round")
    checks.at_least(self, 2, "continuations")
    if self.mixed and self.generator_batches > 1:
      raise errors.UserError(f"in mixed training continuations, not generator_batches, says how much is written; {self.generator_batches} must be 1")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(pretrained.Algorithm):
  """See the module."""

  rewarded = True

  def adversarial_reward(self, scores):
    return scores  # Log-weights: with a user's own reward r the samples stand in for p(x) exp r(x).

  def phases(self, schedule):
    # What is left of the sentences in mixed training has no one shape for XLA.
    generator = base.Update("generator", self.generator_step, self.config.generator_steps_per_round, compilable=not self.config.mixed)
    discriminator = base.Update("discriminator", self.discriminator_step)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def discriminator_step(self, real, seed, phase_fraction):
    """Teaches the discriminator to tell a real batch from a new sample."""
    del phase_fraction
    return vanilla.step(self.generator, self.discriminator, self.optimizers["discriminator_optimizer"], real, seed)

  def generator_step(self, real, seed, phase_fraction):
    """Raises the likelihood of the samples that the discriminator takes for real, and lowers that of the others."""
    generator, length = self.generator, self.generator.spec.length
    if self.config.mixed:
      given = tf.cast(tf.math.round((1.0 - phase_fraction) * length), tf.int32)
      beginnings = tf.repeat(real.tokens, self.config.continuations, axis=0)
      samples = generator.complete(beginnings, given, seed)
      rewards = self.reward(samples.tokens, self.discriminator(samples.tokens))
      weights = tf.reshape(policy_gradient.importance_weights(tf.reshape(rewards, [-1, self.config.continuations])), [-1])
    else:
      given = tf.zeros([], tf.int32)
      samples = generator.sample(tf.shape(real.tokens)[0] * self.config.generator_batches, seed)
      rewards = self.reward(samples.tokens, self.discriminator(samples.tokens))
      # Replicas weigh the samples of all.
      centred = tf.exp(rewards - noise.average_over_replicas(tf.reduce_mean(rewards)))
      weights = centred / noise.average_over_replicas(tf.reduce_mean(centred))
    weights = tf.stop_gradient(weights)
    written = tf.range(length) >= given
    tokens, mask = samples.tokens, generator.spec.mask(samples.tokens)
    # Given tokens have a weight of one, as in maximum likelihood; written ones their sentence's, less the mean, which is one.
    returns = tf.where(written[None, :], weights[:, None] - 1.0, 1.0)
    with tf.GradientTape() as tape:
      log_probs = generator.log_probs(tokens, samples.latent)
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
