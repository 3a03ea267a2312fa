"""DP-GAN: the discriminator is a language model, and what it finds improbable, hence new, is rewarded, token by token.

Xu et al., "Diversity-Promoting GAN: A Cross-Entropy Based Generative Adversarial Network for Diversified Text Generation",
https://arxiv.org/abs/1802.01345.

  r_t = -log D(y_t | y_1..y_{t-1}),   R(y) = mean_t r_t;
  discriminator:  loss = -(mean of R(real) - mean of R(generated));
  generator:      loss = -sum_t Q_t log G(y_t | y_1..y_{t-1}),   Q_t = sum_{s >= t} discount^(s - t) R(y) r_s,

and a step of maximum likelihood (teacher forcing) after each. Every token has a reward of its own, so there are no rollouts.
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan.algorithms import base
from tf_textgan.algorithms import mle
from tf_textgan.algorithms import seqgan
from tf_textgan.discriminators import language_model
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """The paper's game with Adam; the rates are ours. The authors' code has Adagrad, 0.6, for all, and a gradient norm of 2."""

  # Adam's learning rate for maximum likelihood, in pretraining and in the rounds.
  mle_learning_rate: float = 1e-2
  # Adam's learning rate for the policy gradient.
  generator_learning_rate: float = 1e-3
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 1e-3
  # Largest norm of each gradient.
  clip_norm: float = 5.0
  # Share of its worth that a reward has one token earlier.
  discount: float = 1.0
  # Largest reward of a token, in nats, as in the authors' code.
  max_reward: float = 12.0
  # What is subtracted from the rewards: "none", as in the paper, or see SeqGAN.
  advantage: Literal["none", "baseline", "leave_one_out", "normalized"] = "none"
  # Weight of real text in the discriminator's loss. The authors' code means 0.0001 and stores it as an integer, 0: a model of generated text alone.
  real_weight: float = 1.0
  # Maximum-likelihood steps for each generator step; 0 for none.
  teacher_forcing_steps_per_round: int = 1
  # Discriminator steps for each generator step, each on new samples.
  discriminator_steps_per_round: int = 1

  def __post_init__(self):
    checks.at_least(self, 0, "mle_learning_rate", "generator_learning_rate", "discriminator_learning_rate", "clip_norm")
    checks.at_least(self, 0, "real_weight", "teacher_forcing_steps_per_round", "discount")
    checks.at_most(self, 1, "discount")
    checks.above_zero(self, "max_reward")
    checks.at_least(self, 1, "discriminator_steps_per_round")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("language_model", language_model.Config())
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(mle.Pretrained):
  """See the module."""

  def __init__(self, config, generator, discriminator):
    super().__init__(config, generator, discriminator)
    if not hasattr(discriminator, "token_nll"):
      raise errors.UserError("--algorithm dpgan needs a discriminator that knows the likelihood of each token: language_model")

  @property
  def scores_log_ratios(self):
    return False

  def phases(self, schedule):
    generator = base.Update("generator", self.generator_step)
    discriminator = base.Update("discriminator", self.discriminator_step)
    pretraining, alone, rounds = base.usual_phases(
      schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round
    )
    # The authors' code weighs real tokens with their reward in the rounds: new ones are learned more.
    if forced := self.config.teacher_forcing_steps_per_round:
      first, *others = rounds.updates
      rounds = rounds._replace(updates=(first, pretraining.updates[0]._replace(repeats=forced), *others))
    return [pretraining, alone, rounds]

  def discriminator_step(self, real, seed, progress):
    """Makes a new sample more probable and a real batch less."""
    del progress
    config, discriminator = self.config, self.discriminator
    fake = self.generator.sample(tf.shape(real)[0], noise.fold(seed, "fake")).tokens
    # One pass for both, side by side: see `base.tell_apart`.
    pairs = tf.reshape(tf.stack([real, fake], axis=1), [-1, real.shape[1]])
    with tf.GradientTape() as tape:
      nll = discriminator.token_nll(pairs)
      real_nll, fake_nll = tf.unstack(tf.reshape(nll, [-1, 2, real.shape[1]]), axis=1)
      # A departure: what exceeds the largest reward does not count. Without an end to the likelihood of real text there is none to the loss.
      real_reward = _sentence_mean(tf.minimum(real_nll, config.max_reward), discriminator.spec.mask(real))
      fake_reward = _sentence_mean(fake_nll, discriminator.spec.mask(fake))
      loss = base.mean(fake_reward - config.real_weight * real_reward)
    norm = base.minimize(tape, loss, discriminator, self.optimizers["discriminator_optimizer"], config.clip_norm)
    return {
      "loss": loss,
      "real_reward": base.mean(real_reward),
      "fake_reward": base.mean(fake_reward),
      "accuracy": base.mean(tf.cast(real_reward > fake_reward, tf.float32)),
      "gradient_norm": norm,
    }

  def generator_step(self, real, seed, progress):
    """Makes tokens more probable the newer they and what follows them are to the discriminator."""
    del progress
    config, generator = self.config, self.generator
    num = tf.shape(real)[0]
    samples = generator.sample(num, seed)
    mask = generator.spec.mask(samples.tokens)
    rewards = tf.minimum(self.discriminator.token_nll(samples.tokens), config.max_reward)
    sentence_rewards = _sentence_mean(rewards, mask)
    returns = policy_gradient.discounted_returns(sentence_rewards[:, None] * rewards, mask, config.discount)
    returns = seqgan.ADVANTAGES[config.advantage](returns, mask, noise.sum_over_replicas)
    with tf.GradientTape() as tape:
      log_probs = generator.log_probs(samples.tokens, generator.sample_latent(num, seed))
      loss = base.mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, returns) * mask, axis=1))
    norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], config.clip_norm)
    return {"loss": loss, "reward": base.mean(sentence_rewards), "entropy": base.mean(-log_probs, mask), "gradient_norm": norm}


def _sentence_mean(values, mask):
  return tf.math.divide_no_nan(tf.reduce_sum(values * mask, axis=1), tf.reduce_sum(mask, axis=1))
