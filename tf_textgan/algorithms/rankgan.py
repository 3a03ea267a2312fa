"""RankGAN: SeqGAN with a ranker in the discriminator's place, which says how near a sentence is to real ones among others, not whether it is real.

Lin et al., "Adversarial Ranking for Language Generation", https://arxiv.org/abs/1705.11001.

With y the ranker's features, U some real sentences as references and C sentences to compare with:

  a(s|u) = cos(y_s, y_u),   log R(s|U, C) = mean_{u in U} log(exp(gamma a(s|u)) / sum_{s' in C and s} exp(gamma a(s'|u)));
  ranker:     loss = -(mean of log R(real|U, C generated) - mean of log R(generated|U, C real));
  generator:  SeqGAN's loss, with the mean of log R(completion|U, C real) over the rollouts for Q.
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan.algorithms import base
from tf_textgan.algorithms import mle
from tf_textgan.algorithms import seqgan
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import adversarial
from tf_textgan.losses import ranking
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(seqgan.Config):
  """Those of SeqGAN, which the authors' code starts from, and the ranker's own."""

  # What is subtracted from the rewards, see SeqGAN. The paper subtracts nothing, but the log of a rank is never positive and differs little.
  advantage: Literal["none", "baseline", "leave_one_out", "normalized"] = "baseline"
  # Discriminator steps for each generator step, each on new samples. The authors' code makes 5 epochs over 10,000 samples, some 785 such steps.
  discriminator_steps_per_round: int = 5
  # Real sentences that are references (U), drawn anew in each step.
  reference_size: int = 16
  # Sentences to compare with (C), drawn anew in each step. With the references they fill a batch of 64; of a smaller batch, both draw what there is.
  comparison_size: int = 48
  # What cosines are multiplied with before they are compared. The authors' code has 1, but adds up those of its 16 references, as 16 does here.
  gamma: float = 1.0

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 1, "reference_size", "comparison_size")
    checks.above_zero(self, "gamma")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(base.Algorithm):
  """See the module."""

  def __init__(self, config, generator, discriminator):
    super().__init__(config, generator, discriminator)
    if not hasattr(discriminator, "features"):
      raise errors.UserError("--algorithm rankgan needs a discriminator with features to compare, as cnn_highway and recurrent have")
    self.optimizers["mle_optimizer"] = base.adam(generator, config.mle_learning_rate)
    self.optimizers["generator_optimizer"] = base.adam(generator, config.generator_learning_rate)
    self.optimizers["discriminator_optimizer"] = base.adam(discriminator, config.discriminator_learning_rate)
    self.copies = seqgan.policy_copies(config, generator)

  def phases(self, schedule):
    # Rollouts of growing prefixes have no one shape for XLA.
    generator = base.Update("generator", self.generator_step, compilable=False)
    discriminator = base.Update("discriminator", self.discriminator_step)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def mle_step(self, real, seed, progress):
    """Raises the likelihood of a real batch."""
    del progress
    return mle.step(self.generator, self.optimizers["mle_optimizer"], real, seed, self.config.clip_norm)

  def discriminator_step(self, real, seed, progress):
    """Teaches the ranker to place real sentences before new samples."""
    del progress
    discriminator, gamma = self.discriminator, self.config.gamma
    num = tf.shape(real)[0]
    fake = self.generator.sample(num, noise.fold(seed, "fake")).tokens
    sets = _Sets(num, seed, self.config)
    # One pass for both, side by side: see `seqgan.discriminator_step`. What is compared with and what is referred to are rows of the same batch.
    pairs = tf.reshape(tf.stack([real, fake], axis=1), [-1, real.shape[1]])
    with tf.GradientTape() as tape:
      features = discriminator.features(pairs, noise.fold(seed, "dropout"))
      real_features, fake_features = tf.unstack(tf.reshape(features, [-1, 2, features.shape[-1]]), axis=1)
      all_real, all_fake = noise.gather_from_replicas(real_features), noise.gather_from_replicas(fake_features)
      references = sets.references(all_real)
      real_relevance, fake_relevance = ranking.relevance(real_features, references), ranking.relevance(fake_features, references)
      among_fake = ranking.level(ranking.relevance(all_fake[: self.config.comparison_size], references), gamma)
      among_real = ranking.level(ranking.relevance(sets.compared(all_real), references), gamma)
      # No sentence is its own reference.
      real_rank = ranking.log_rank(real_relevance, among_fake, gamma, sets.others)
      fake_rank = ranking.log_rank(fake_relevance, among_real, gamma)
      loss = base.mean(fake_rank - real_rank)
      # Ranking has no use for the output layer. It learns to tell real from generated by the features as they are, for evaluation and export.
      scores = tf.reshape(discriminator.score(tf.stop_gradient(features)), [-1, 2])
      verdict = base.mean(adversarial.discriminator(scores[:, 0], scores[:, 1])) + discriminator.regularization()
      total = loss + verdict
    norm = base.minimize(tape, total, discriminator, self.optimizers["discriminator_optimizer"])
    # Pairs in the right order: a rank is only comparable with another.
    nearer = tf.reduce_mean(real_relevance * sets.others, axis=1) > tf.reduce_mean(fake_relevance * sets.others, axis=1)
    return {"loss": loss, "accuracy": base.mean(tf.cast(nearer, tf.float32)), "gradient_norm": norm}

  def generator_step(self, real, seed, progress):
    """Makes tokens more probable the higher what follows from them ranks among real sentences."""
    discriminator, gamma = self.discriminator, self.config.gamma
    num = tf.shape(real)[0]
    sets = _Sets(num, seed, self.config)
    all_real = noise.gather_from_replicas(discriminator.features(real))
    references = sets.references(all_real)
    among_real = ranking.level(ranking.relevance(sets.compared(all_real), references), gamma)

    def rank(features):
      return ranking.log_rank(ranking.relevance(features, references), among_real, gamma)

    def judge(tokens):
      score_completions = None
      if isinstance(discriminator, cnn_highway.Discriminator):
        memory = discriminator.remember(tokens)
        score_completions = lambda *completed: rank(discriminator.features_of_completions(memory, *completed))  # noqa: E731
      return lambda tokens: rank(discriminator.features(tokens)), score_completions

    return seqgan.policy_step(self, judge, num, seed, progress)


class _Sets:
  """Which rows of the global batch are references, and which are to be compared with.

  Attributes:
    others: float `[B, U]`, 0 where a row of this replica is the reference itself.
  """

  def __init__(self, num, seed, config):
    # In the order of random numbers, of which every replica knows all, and which are its own.
    mine = noise.uniform([num], noise.fold(seed, "sets"))
    everyone = noise.gather_from_replicas(mine)
    order = tf.argsort(everyone)
    self._references, self._compared = order[: config.reference_size], order[-config.comparison_size :]
    self.others = tf.cast(mine[:, None] != tf.gather(everyone, self._references)[None, :], tf.float32)

  def references(self, features):
    """Of the features of the global batch, those of the references: `[U, F]`."""
    return tf.gather(features, self._references)

  def compared(self, features):
    """Those of the sentences to compare with: `[C, F]`."""
    return tf.gather(features, self._compared)
