"""ColdGAN: exploration near the generator's modes, corrected by importance weights, and a replay buffer for the discriminator.

Scialom et al., "ColdGANs: Taming Language GANs with Cautious Sampling Strategies", https://arxiv.org/abs/2006.04643.

Sequences are drawn not from the policy G but from a proposal q, which seldom generates sequences that are improbable under G:

  loss = -w(x) (D(x) - b) sum_t log G(x_t | x_1..x_{t-1}),   w(x) = min(c, prod_t G(x_t | ...) / q(x_t | ...)),   x ~ q,
  q = share * G at a low temperature + (1 - share) * the nucleus of G.

Without the limit c the gradient is an unbiased estimate for the mean of D over G's own samples: the nucleus alone gives some sequences probability
0, the mixture does not. But where q hardly ever draws what makes up much of G, w is below 1 in nearly every sample, and the rest is in weights that
are too rare to be seen. D is trained on present and past samples of q.
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import published
from tf_textgan import sequences
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
  """The paper fine-tunes large pretrained networks and has no official code; these settings are ours, for SeqGAN's networks."""

  # Temperature of the cold part of the proposal. With the three defaults, 5,000 tokens and sequences of 20 the importance weights of a batch have a
  # mean of 0.8 to 0.9. With 0.3, a nucleus of 0.9 and a share of 0.1 it is 0.12: the cold part hardly ever leaves the nucleus.
  exploration_temperature: float = 0.9
  # Total probability of the most probable tokens, from which the nucleus part of the proposal draws; 1 for all tokens.
  exploration_nucleus: float = 0.95
  # Weight of the cold part. 1 samples at the low temperature alone; 0 with a nucleus of 1 is plain sampling.
  exploration_share: float = 0.5
  # Largest importance weight of a sequence (c).
  largest_weight: float = 5.0
  # Fraction of fakes drawn from the replay buffer.
  replay_share: float = 0.5
  # Capacity of the replay buffer, in sequences: a uniform sample of all past fakes.
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
    checks.at_most(self, 1_000_000, "replay_size")
    if self.exploration_nucleus < 1.0 and not self.exploration_share:
      raise errors.UserError("exploration_share must be above 0 where exploration_nucleus is below 1: some sequences would have probability 0")


# Factor by which a mean importance weight may differ from 1 without a warning.
_FAR = 1.5

GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(pretrained.Algorithm):
  """See the module."""

  rewarded = True

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    self.modules["replay"] = replay.Replay(config.replay_size, self.generator.spec.length)
    # A mixture for each token, so the probability of a sequence is the product of the mixtures' token probabilities.
    self._exploration = pickers.ColdNucleus(config.exploration_temperature, config.exploration_nucleus, config.exploration_share)

  def warnings(self, metrics: dict[str, float]) -> list[str]:
    weight = metrics.get("generator/importance_weight", 1.0)
    if 1.0 / _FAR < weight < _FAR:
      return []
    return [
      f"the mean importance weight is {weight:.2f} instead of 1: the proposal hardly ever draws what makes up much of the generator, so the gradient "
      "is that of other sequences; a higher --exploration_temperature, --exploration_nucleus or --exploration_share or shorter sequences bring it up"
    ]

  @property
  def scores_log_ratios(self) -> bool:
    return False  # Fakes come from the proposal and the replay buffer, not from the generator itself.

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator on a real batch and fakes, some of them from the replay buffer."""
    del phase_fraction
    num, buffer = tf.shape(real.tokens)[0], self.modules["replay"]
    fake = self.generator.sample(num, noise.fold(seed, "fake"), self._exploration).tokens
    buffer.add(fake, noise.fold(seed, "memory"))
    replayed = noise.uniform([num], noise.fold(seed, "replayed")) < self.config.replay_share
    fake = tf.where(replayed[:, None], buffer.sample(num, noise.fold(seed, "recalled")), fake)
    return vanilla.train(self.discriminator, self.optimizers["discriminator_optimizer"], real, fake, seed)

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the probability of sequences that score as real, weighted by policy over proposal."""
    del phase_fraction
    config, generator, num = self.config, self.generator, tf.shape(real.tokens)[0]
    samples = generator.sample(num, seed, self._exploration)
    mask = generator.spec.mask(samples.tokens)
    rewards = self.reward(samples.tokens, self.discriminator(samples.tokens))
    # The baseline is the mean of the other rewards: independent of the sequence, so there is no bias.
    advantages = policy_gradient.leave_one_out(rewards[:, None] * mask, mask, noise.sum_over_replicas)
    with tf.GradientTape() as tape:
      # The samples' own z: the policy is conditioned on it.
      log_probs = generator.log_probs(samples.tokens, samples.latent)
      # Both probabilities are those of the sampling pass: another pass has other roundings, which add up over a sequence in bfloat16.
      weights = policy_gradient.proposal_weights(samples.policy_log_probs, samples.log_probs, config.largest_weight)
      loss = base.mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, weights[:, None] * advantages) * mask, axis=1))
    norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], config.clip_norm)
    mean_weight = noise.average_over_replicas(tf.reduce_mean(weights))
    return {
      "loss": loss,
      # Mean over the proposal's samples, not the policy's.
      "reward": base.mean(rewards),
      # 1 on average, without the limit.
      "importance_weight": mean_weight,
      # Effective sample size divided by N: at 1 / N one sequence has all the weight.
      "effective_share": tf.square(mean_weight) / noise.average_over_replicas(tf.reduce_mean(tf.square(weights))),
      # The policy's entropy, by importance weighting.
      "entropy": base.mean(-log_probs, weights[:, None] * mask),
      "gradient_norm": norm,
    }


# See `tf_textgan.published`; docs/algorithms.md has the table.
PUBLISHED = {
  "networks": published.Setting("pretrained transformers", None, "SeqGAN's"),
  "mle_learning_rate": published.Setting(note="no code is public; SeqGAN's"),
  "generator_learning_rate": published.Setting(note="ours"),
  "discriminator_learning_rate": published.Setting(note="SeqGAN's"),
  "clip_norm": published.Setting(note="SeqGAN's"),
  **published.OUR_GENERATOR,
  **published.OUR_DISCRIMINATOR,
  "exploration_temperature": published.Setting("below 1", None, "near enough to 1 that the mean weight is"),
  "exploration_nucleus": published.Setting("yes, in one of two variants", None, "large enough that the mean weight is near 1"),
  "exploration_share": published.Setting("of sentences; 1 without a nucleus", None, "of each token"),
  "largest_weight": published.Setting("a limit", None, "ours"),
  "replay_share": published.Setting(published.UNCHECKED, None),
  "replay_size": published.Setting("past generators", None, "sentences of past generators"),
  "discriminator_steps_per_round": published.Setting(published.UNCHECKED, None),
}
