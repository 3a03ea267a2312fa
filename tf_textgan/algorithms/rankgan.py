"""RankGAN: SeqGAN with a ranker for a discriminator, which compares sentences by their similarity to real ones.

Lin et al., "Adversarial Ranking for Language Generation", https://arxiv.org/abs/1705.11001.

With y the ranker's features, U real sentences as references and C comparison sentences:

  a(s|u) = cos(y_s, y_u),   log R(s|U, C) = mean_{u in U} log(exp(gamma a(s|u)) / sum_{s' in C and s} exp(gamma a(s'|u)));
  ranker:     loss = -(mean of log R(real|U, C generated) - mean of log R(generated|U, C real));
  generator:  SeqGAN's loss, with Q the mean of log R(completion|U, C real) over the rollouts.
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import policy
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import adversarial
from tf_textgan.losses import ranking
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(policy.Config):
  """SeqGAN's settings, which the authors' code starts from, and the ranker's own."""

  # Baseline subtracted from the returns, see SeqGAN. The paper has none, but log-ranks are never positive and differ little.
  advantage: Literal["none", "baseline", "leave_one_out", "normalized"] = "baseline"
  # Discriminator steps for each generator step, each on new samples. The authors' code makes 5 epochs over 10,000 samples, some 785 such steps.
  discriminator_steps_per_round: int = 5
  # Real reference sentences (U), drawn from the batch in each step.
  reference_size: int = 16
  # Comparison sentences (C), drawn from the batch in each step. References and comparisons fill a batch of 64; in a smaller batch they overlap.
  comparison_size: int = 48
  # Factor of the cosines (gamma). The authors' code has 1, but sums the cosines over its 16 references, which corresponds to 16 here. With 1 the
  # ranks of a batch hardly differ: their deviation is .006.
  gamma: float = 16.0

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 1, "reference_size", "comparison_size")
    checks.above_zero(self, "gamma")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# The ability that the discriminator needs: ranks compare features.
DISCRIMINATOR_KIND = discriminator_base.Features


class Algorithm(policy.Algorithm):
  """See the module."""

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    return scores  # Log-ranks.

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the ranker to rank real sentences above new samples."""
    del phase_fraction
    discriminator, gamma = self.discriminator, self.config.gamma
    num = tf.shape(real.tokens)[0]
    fake = self.generator.sample(num, noise.fold(seed, "fake")).tokens
    sets = _Sets(num, seed, self.config)
    # References and comparisons are rows of the same batch.
    pairs, _ = vanilla.paired(real, fake)
    with tf.GradientTape() as tape:
      features = discriminator.features(pairs, seed=noise.fold(seed, "dropout"))
      real_features, fake_features = tf.unstack(tf.reshape(features, [-1, 2, features.shape[-1]]), axis=1)
      all_real, all_fake = noise.gather_from_replicas(real_features), noise.gather_from_replicas(fake_features)
      references = sets.references(all_real)
      real_relevance, fake_relevance = ranking.relevance(real_features, references), ranking.relevance(fake_features, references)
      among_fake = ranking.level(ranking.relevance(all_fake[: self.config.comparison_size], references), gamma)
      among_real = ranking.level(ranking.relevance(sets.compared(all_real), references), gamma)
      # A sentence is never its own reference.
      real_rank = ranking.log_rank(real_relevance, among_fake, gamma, sets.others)
      fake_rank = ranking.log_rank(fake_relevance, among_real, gamma)
      loss = base.mean(fake_rank - real_rank)
      # Ranking does not use the output layer. It is trained as a classifier on the fixed features, for evaluation and export.
      scores = tf.reshape(discriminator.score(tf.stop_gradient(features)), [-1, 2])
      classifier_loss = base.mean(adversarial.discriminator(scores[:, 0], scores[:, 1])) + 2.0 * discriminator.regularization()
      total = loss + classifier_loss
    norm = base.minimize(tape, total, discriminator, self.optimizers["discriminator_optimizer"])
    # Pairs in the right order: ranks are only compared with one another.
    nearer = tf.reduce_mean(real_relevance * sets.others, axis=1) > tf.reduce_mean(fake_relevance * sets.others, axis=1)
    return {"loss": loss, "accuracy": base.mean(tf.cast(nearer, tf.float32)), "gradient_norm": norm}

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the probability of tokens by how high their completions rank among real sentences."""
    del phase_fraction
    discriminator, gamma = self.discriminator, self.config.gamma
    num = tf.shape(real.tokens)[0]
    sets = _Sets(num, seed, self.config)
    all_real = noise.gather_from_replicas(discriminator.features(real.tokens))
    references = sets.references(all_real)
    among_real = ranking.level(ranking.relevance(sets.compared(all_real), references), gamma)

    def judge(samples):
      factors = self.repetition_factors(samples)

      def reward(tokens, features, rows):
        log_ranks = ranking.log_rank(ranking.relevance(features, references), among_real, gamma)
        return self.reward(tokens, log_ranks, tf.gather(factors, rows))

      by_features = policy.Judge(lambda tokens, rows: reward(tokens, discriminator.features(tokens), rows))
      if not isinstance(discriminator, discriminator_base.Completions):
        return by_features
      cache = discriminator.prefix_cache(samples)

      def reward_completions(tokens, rows, shared):
        return reward(tokens, discriminator.features_of_completions(cache, tokens, rows, shared), rows)

      return by_features._replace(reward_completions=reward_completions)

    return self.policy_step(judge, num, seed)


class _Sets:
  """The rows of the global batch that are references and comparisons.

  Attributes:
    others: float `[B, U]`, 0 where a row of this replica is the reference itself, else 1.
  """

  def __init__(self, num, seed, config):
    # Rows are ordered by random numbers. Every replica knows all numbers, and which of them are its rows'.
    mine = noise.uniform([num], noise.fold(seed, "sets"))
    everyone = noise.gather_from_replicas(mine)
    order = tf.argsort(everyone)
    self._references, self._compared = order[: config.reference_size], order[-config.comparison_size :]
    self.others = tf.cast(mine[:, None] != tf.gather(everyone, self._references)[None, :], tf.float32)

  def references(self, features):
    """The references' features, `[U, F]`, from the features of the global batch."""
    return tf.gather(features, self._references)

  def compared(self, features):
    """The comparisons' features, `[C, F]`, from the features of the global batch."""
    return tf.gather(features, self._compared)


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("paper", "the authors' code")
PUBLISHED = {
  "mle_learning_rate": published.Setting(None, 1e-2),
  "generator_learning_rate": published.Setting(None, 1e-2),
  "discriminator_learning_rate": published.Setting(None, 1e-4),
  "clip_norm": published.Setting(None, 5.0),
  **published.SEQGAN_GENERATOR,
  **published.SEQGAN_DISCRIMINATOR,
  "discriminator_start": published.Setting(None, "embedding and convolutions U(-0.1, 0.1); highway and gate Glorot's", "SeqGAN's"),
  "discriminator_outputs": published.Setting(None, "none", "a logit for evaluation, which the ranker does not learn from"),
  "discriminator_output_l2": published.Setting(None, None, "of that logit alone"),
  "batch_size": published.Setting(None, "64; 32 in the rounds", "in all phases"),
  "mle_steps": published.Setting(None, "120 epochs: 18,720", published.SHORT),
  "discriminator_steps": published.Setting(None, "50 x 3 epochs: 23,400", published.SHORT),
  "adversarial_steps": published.Setting(None, 200, published.SHORT),
  "discriminator_steps_per_round": published.Setting(None, "5 epochs over 10,000 fixed samples: 780", "each on new samples"),
  "rollouts": published.Setting(None, 16),
  "rollout_policy_lag": published.Setting(None, 0.8, "the generator itself completes, as in seqgan"),
  "reference_size": published.Setting(None, 16),
  "comparison_size": published.Setting(None, "the batch, both kinds together", "of the other kind, as in the paper"),
  "gamma": published.Setting(None, "1, of the sum over 16 references", "of the mean over them, which is the same factor"),
  "over the references": published.Setting("mean of the logarithms", "cosines summed, one softmax", "the mean of the logarithms"),
  "reward": published.Setting("log R against real sentences", "R among generated ones", "log R against real sentences"),
  "advantage": published.Setting("none", "none", "log R is never positive and differs little"),
  "rollout_chunk": published.Setting(note="a matter of speed"),
  "policy_updates": published.Setting(1, 1),
  "clip_ratio": published.Setting(note="for several policy_updates, which the paper has not"),
  "kl_weight": published.Setting(note="not in the paper"),
  "entropy_weight": published.Setting(note="not in the paper"),
}
