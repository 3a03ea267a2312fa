"""DP-GAN: the discriminator is a language model; tokens that it finds improbable, and so novel, are rewarded.

Xu et al., "Diversity-Promoting GAN: A Cross-Entropy Based Generative Adversarial Network for Diversified Text Generation",
https://arxiv.org/abs/1802.01345.

  r_t = -log D(y_t | y_1..y_{t-1}),   R(y) = mean_t r_t;
  discriminator:  loss = -(mean of R(real) - mean of R(generated));
  generator:      loss = -sum_t Q_t log G(y_t | y_1..y_{t-1}),   Q_t = sum_{s >= t} discount^(s - t) R(y) r_s / sum_{s >= t} discount^(s - t),

and a maximum-likelihood step (teacher forcing) after each generator step. Every token has its own reward, so there are no rollouts.
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import policy
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import language_model
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The paper's losses with Adam; the learning rates are ours. The authors' code uses Adagrad at 0.6 throughout and a gradient norm of 2."""

  # Adam's learning rate for maximum likelihood, in pretraining and in the adversarial rounds.
  mle_learning_rate: float = 1e-2
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 1e-3
  # Discount of a reward for each token between, from 0 to 1.
  discount: float = 1.0
  # The return of a token: "sum", of the discounted rewards from it on, as in the 2023 toolkit, or "mean", divided by the sum of their discounts. All
  # rewards are positive, so that a sum pays for length wherever sequences differ in it, with a baseline too.
  returns: Literal["sum", "mean"] = "mean"
  # Largest reward of a token, in nats, as in the authors' code.
  max_reward: float = 12.0
  # Baseline subtracted from the returns: "none", as in the paper; see SeqGAN for the others.
  advantage: Literal["none", "baseline", "leave_one_out", "normalized"] = "none"
  # Weight of real text in the discriminator's loss. The authors' code sets 0.0001 but stores it as an integer, 0: a model of generated text alone.
  real_weight: float = 1.0
  # Maximum-likelihood steps for each generator step; 0 for none.
  teacher_forcing_steps_per_round: int = 1
  # Discriminator steps for each generator step, each on new samples.
  discriminator_steps_per_round: int = 1

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 0, "real_weight", "teacher_forcing_steps_per_round", "discount")
    checks.at_most(self, 1, "discount")
    checks.above_zero(self, "max_reward")
    checks.at_least(self, 1, "discriminator_steps_per_round")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("language_model", language_model.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# The ability that the discriminator needs: rewards are likelihoods of tokens.
DISCRIMINATOR_KIND = discriminator_base.TokenLikelihoods


class Algorithm(pretrained.Algorithm):
  """See the module."""

  rewarded = True

  @property
  def scores_log_ratios(self) -> bool:
    return False

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    return scores  # R(y), nats per token.

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    generator = base.Update("generator", self.generator_step)
    discriminator = base.Update("discriminator", self.discriminator_step)
    pretraining, alone, rounds = base.usual_phases(
      schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round
    )
    # A departure: the authors' code weights real tokens by their rewards in these rounds, so novel tokens count more.
    if forced := self.config.teacher_forcing_steps_per_round:
      first, *others = rounds.updates
      rounds = rounds._replace(updates=(first, pretraining.updates[0]._replace(repeats=forced), *others))
    return [pretraining, alone, rounds]

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the likelihood of a new sample and lowers the likelihood of a real batch, under the discriminator."""
    del phase_fraction
    config, discriminator = self.config, self.discriminator
    fake = self.generator.sample(tf.shape(real.tokens)[0], noise.fold(seed, "fake")).tokens
    pairs, _ = vanilla.paired(real, fake)
    with tf.GradientTape() as tape:
      nll = discriminator.token_nll(pairs)
      real_nll, fake_nll = tf.unstack(tf.reshape(nll, [-1, 2, fake.shape[1]]), axis=1)
      # A departure: real rewards are limited too. Otherwise the likelihood of real text, and with it the loss, could fall without bound.
      real_reward = _sentence_mean(tf.minimum(real_nll, config.max_reward), discriminator.spec.mask(real.tokens))
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

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the probability of tokens by how novel they and the tokens after them are to the discriminator."""
    del phase_fraction
    config, generator = self.config, self.generator
    num = tf.shape(real.tokens)[0]
    samples = generator.sample(num, seed)
    mask = generator.spec.mask(samples.tokens)
    rewards = tf.minimum(self.discriminator.token_nll(samples.tokens), config.max_reward)
    sentence_rewards = self.reward(samples.tokens, _sentence_mean(rewards, mask))
    returns = policy_gradient.discounted_returns(sentence_rewards[:, None] * rewards, mask, config.discount)
    if config.returns == "mean":
      returns = tf.math.divide_no_nan(returns, policy_gradient.discounted_returns(tf.ones_like(mask), mask, config.discount))
    returns = policy.ADVANTAGES[config.advantage](returns, mask, noise.sum_over_replicas)
    with tf.GradientTape() as tape:
      log_probs = generator.log_probs(samples.tokens, samples.latent)
      loss = base.mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, returns) * mask, axis=1))
    norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], config.clip_norm)
    return {"loss": loss, "reward": base.mean(sentence_rewards), "entropy": base.mean(-log_probs, mask), "gradient_norm": norm}


def _sentence_mean(values, mask):
  return tf.math.divide_no_nan(tf.reduce_sum(values * mask, axis=1), tf.reduce_sum(mask, axis=1))


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("paper", "the authors' code")
PUBLISHED = {
  "task": published.Setting("reviews and dialogues, given a text", "reviews, given a text, with attention", "unconditional"),
  "optimizer": published.Setting(None, "Adagrad, 0.6 for all", "Adam"),
  "mle_learning_rate": published.Setting(note="Adam's"),
  "generator_learning_rate": published.Setting(note="Adam's"),
  "discriminator_learning_rate": published.Setting(note="Adam's"),
  "clip_norm": published.Setting(None, 2.0, "as in the other algorithms"),
  **published.OUR_GENERATOR,
  "generator_embedding_size": published.Setting(None, 128, "SeqGAN's"),
  "generator_hidden_size": published.Setting(None, 256, "SeqGAN's"),
  "generator_initialization": published.Setting(None, "U(-0.1, 0.1) cell, N(0, 0.0001^2) other weights", "SeqGAN's"),
  "discriminator_embedding_size": published.Setting(None, 128, "as the generator's"),
  "discriminator_hidden_size": published.Setting(None, 256, "as the generator's"),
  "discriminator_init_stddev": published.Setting(None, 1e-4, "as the generator's"),
  "discriminator_layers": published.Setting(None, 1),
  "batch_size": published.Setting(None, 64),
  "reward": published.Setting("token times sentence", "token", "token times sentence"),
  "discount": published.Setting(published.UNCHECKED, None, "0 for the code's reward of the token alone"),
  "returns": published.Setting("sum", None, "a sum pays for length"),
  "max_reward": published.Setting(None, 12.0),
  "advantage": published.Setting("none", "none"),
  "real_weight": published.Setting(1.0, "0.0001, stored as the integer 0"),
  "teacher_forcing_steps_per_round": published.Setting(None, 1, "not weighted with the tokens' rewards as in the code"),
  "discriminator_steps_per_round": published.Setting(None, "an epoch over all samples so far after 1,000 generator steps", "on new samples"),
}
