"""ColdGAN: a generator that explores near its modes, corrected by importance weights, and a discriminator that remembers past generators.

Scialom et al., "ColdGANs: Taming Language GANs with Cautious Sampling Strategies", https://arxiv.org/abs/2006.04643.

Sequences are not drawn from the policy G but from another, q, that seldom writes what G finds improbable:

  loss = -w(x) (D(x) - b) sum_t log G(x_t | x_1..x_{t-1}),   w(x) = min(c, prod_t G(x_t | ...) / q(x_t | ...)),   x ~ q,
  q = share * G at a low temperature + (1 - share) * the nucleus of G.

Without the limit c it is an unbiased estimate of the gradient of the mean of D over G's own samples: the nucleus alone could not write some of them,
the mixture can. D learns from what q writes, now and in the past.
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
from tf_textgan.sampling import pickers
from tf_textgan.sampling import replay


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The paper fine-tunes large pretrained networks; the numbers are ours, for SeqGAN's networks. There is no official code."""

  # Temperature of the cold part of the exploration.
  exploration_temperature: float = 0.3
  # Probability of the most probable tokens that the other part draws from; 1 for all tokens.
  exploration_nucleus: float = 0.9
  # Share of the cold part. 1 explores at the low temperature alone; 0 with a nucleus of 1 is plain sampling.
  exploration_share: float = 0.1
  # Largest importance weight of a sequence (c).
  largest_weight: float = 5.0
  # Fraction of fakes drawn from the replay buffer.
  replay_share: float = 0.5
  # Capacity of the replay buffer, in sequences: a uniform sample of all that were generated for the discriminator.
  replay_size: int = 10_000
  # Discriminator steps for each generator step, each on new samples.
  discriminator_steps_per_round: int = 5

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 0, "exploration_share")
    checks.above_zero(self, "exploration_temperature", "exploration_nucleus", "largest_weight")
    checks.share(self, "replay_share")
    checks.at_least(self, 1, "replay_size", "discriminator_steps_per_round")
    checks.at_most(self, 1, "exploration_nucleus", "exploration_share")
    if self.exploration_nucleus < 1.0 and not self.exploration_share:
      raise errors.UserError("exploration_share must be above 0 where exploration_nucleus is below 1: some sequences could never be written")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(pretrained.Algorithm):
  """See the module."""

  rewarded = True

  def __init__(self, config, networks, seed=0):
    super().__init__(config, networks, seed)
    self.modules["replay"] = replay.Replay(config.replay_size, self.generator.spec.length)
    # The mixture is one of tokens, so that a sequence's probability is the product of those it was drawn with.
    self._exploration = pickers.ColdNucleus(config.exploration_temperature, config.exploration_nucleus, config.exploration_share)

  @property
  def scores_log_ratios(self):
    return False  # Real text is compared with what the exploration writes and has written.

  def discriminator_step(self, real, seed, phase_fraction):
    """Teaches the discriminator to tell a real batch from new samples and samples of the replay buffer."""
    del phase_fraction
    num, past = tf.shape(real.tokens)[0], self.modules["replay"]
    fake = self.generator.sample(num, noise.fold(seed, "fake"), self._exploration).tokens
    past.add(fake, noise.fold(seed, "memory"))
    replayed = noise.uniform([num], noise.fold(seed, "replayed")) < self.config.replay_share
    fake = tf.where(replayed[:, None], past.sample(num, noise.fold(seed, "recalled")), fake)
    return vanilla.train(self.discriminator, self.optimizers["discriminator_optimizer"], real, fake, seed)

  def generator_step(self, real, seed, phase_fraction):
    """Makes sequences more probable that are taken for real, those that the exploration writes too often the less."""
    del phase_fraction
    config, generator, num = self.config, self.generator, tf.shape(real.tokens)[0]
    samples = generator.sample(num, seed, self._exploration)
    mask = generator.spec.mask(samples.tokens)
    rewards = self.reward(samples.tokens, self.discriminator(samples.tokens))
    # What the others are worth: it does not depend on the sequence, so that there is no bias.
    advantages = policy_gradient.leave_one_out(rewards[:, None] * mask, mask, noise.sum_over_replicas)
    with tf.GradientTape() as tape:
      # The same z as the sample's: the policy is conditioned on it.
      log_probs = generator.log_probs(samples.tokens, samples.latent)
      weights = policy_gradient.proposal_weights(log_probs, samples.log_probs, config.largest_weight)
      loss = base.mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, weights[:, None] * advantages) * mask, axis=1))
    norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], config.clip_norm)
    mean_weight = noise.average_over_replicas(tf.reduce_mean(weights))
    return {
      "loss": loss,
      # What the exploration earns, not the policy.
      "reward": base.mean(rewards),
      # 1 in the mean, but for the limit.
      "weight": mean_weight,
      # The size of a sample of equal weights that would be as good: 1 / N means that one sentence has all the weight.
      "effective_share": tf.square(mean_weight) / noise.average_over_replicas(tf.reduce_mean(tf.square(weights))),
      # The policy's own: the weights make it so of samples that are not.
      "entropy": base.mean(-log_probs, weights[:, None] * mask),
      "gradient_norm": norm,
    }
