"""IRL: maximum-entropy inverse reinforcement learning, with a reward for every token.

Shi et al., "Toward Diverse Text Generation with Inverse Reinforcement Learning", https://arxiv.org/abs/1804.11258, and its code,
https://github.com/FudanNLP/Irl_gen.

A token's reward r_t is between 0 and 1, and R(x) their sum. Real text x is taken for samples of exp(R(x)) / Z; with samples y_j of G the gradient of
its likelihood is that of

  loss_R = -mean R(x) + sum_j w_j R(y_j),   w_j proportional to exp(R(y_j)) / G(y_j).

G maximises R plus `entropy_weight` times its entropy, by the clipped policy gradient. What a token earns is its own reward and the rewards after it,
in the mean of `rollouts` completions of its prefix.
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import policy
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import token_lstm
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(policy.Config):
  """The settings of the code for the oracle task."""

  # Adam's learning rate in pretraining.
  mle_learning_rate: float = 5e-3
  # Adam's learning rate for the policy gradient.
  generator_learning_rate: float = 5e-3
  # Adam's learning rate for the reward network. A departure: the code has plain gradient steps of 0.01, which decay.
  discriminator_learning_rate: float = 1e-3
  # Completions of each prefix (N).
  rollouts: int = 8
  # Updates made on the same samples and rewards.
  policy_updates: int = 2
  # Weight of the entropy. 1 would be the maximum-entropy model itself.
  entropy_weight: float = 0.09
  # As in `steps.policy`; the code has no baseline for the oracle.
  advantage: Literal["none", "baseline", "leave_one_out", "normalized"] = "baseline"


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("token_lstm", token_lstm.Config(embedding_size=128, hidden_size=128, dropout=0.3, l2=1e-5))
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# The ability that the discriminator needs: every token has a reward.
DISCRIMINATOR_KIND = discriminator_base.PrefixScores


class Algorithm(policy.Algorithm):
  """See the module. The discriminator is the reward network."""

  @property
  def scores_log_ratios(self) -> bool:
    return False

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    return scores

  def token_rewards(self, tokens: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
    """The reward of each token, from 0 to 1: int32 `[B, T]` to float32 `[B, T]`, 0 on padding. `seed` is for the dropout."""
    return tf.sigmoid(self.discriminator.token_scores(tokens, seed=seed)) * self.discriminator.spec.mask(tokens)

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the rewards of a real batch, and lowers those of a new sample by its weights under the model exp(R) / Z."""
    del phase_fraction
    discriminator = self.discriminator
    fake = self.generator.sample(tf.shape(real.tokens)[0], noise.fold(seed, "fake"))
    weights = self.importance(fake.tokens, tf.reduce_sum(fake.log_probs, axis=1))
    with tf.GradientTape() as tape:
      sums = [tf.reduce_sum(self.token_rewards(tokens, noise.fold(seed, "dropout")), axis=1) for tokens in (real.tokens, fake.tokens)]
      loss = base.mean(weights * sums[1] - sums[0])
      total = loss + discriminator.regularization()
    norm = base.minimize(tape, total, discriminator, self.optimizers["discriminator_optimizer"], self.config.clip_norm)
    return {
      "loss": loss,
      # Pairs in the right order: rewards are only compared.
      "accuracy": base.mean(tf.cast(sums[0] > sums[1], tf.float32)),
      # Effective sample size divided by B: at 1 / B one sample has all the weight.
      "effective_share": 1.0 / noise.average_over_replicas(tf.reduce_mean(tf.square(weights))),
      "gradient_norm": norm,
    }

  def importance(self, tokens: tf.Tensor, log_probs: tf.Tensor) -> tf.Tensor:
    """The weights exp(R) / G of samples, int32 `[B, T]`, with log-probabilities `[B]`: float32 `[B]`, mean 1 over the global batch."""
    logits = tf.reduce_sum(self.token_rewards(tokens), axis=1) - log_probs
    # The largest is subtracted, so that no exponential overflows.
    odds = tf.exp(logits - tf.reduce_max(noise.gather_from_replicas(logits)))
    return odds / noise.average_over_replicas(tf.reduce_mean(odds))

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the probability of tokens by the rewards of them and of what follows."""
    del phase_fraction
    return self.policy_step(self._judge, tf.shape(real.tokens)[0], seed)

  def _judge(self, samples):
    factors = self.repetition_factors(samples)

    def reward(tokens, rows):
      return self.reward(tokens, tf.reduce_sum(self.token_rewards(tokens), axis=1), tf.gather(factors, rows))

    past = tf.cumsum(self.token_rewards(samples), axis=1, exclusive=True)
    share = 1.0 if self.adversary_share is None or not self.extra_rewards else self.adversary_share
    return policy.Judge(reward, past=share * past)


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("paper", "its code, oracle task")
PUBLISHED = {
  "mle_learning_rate": published.Setting(published.UNCHECKED, 5e-3),
  "generator_learning_rate": published.Setting(published.UNCHECKED, 5e-3),
  "discriminator_learning_rate": published.Setting(published.UNCHECKED, "0.01, plain gradient steps, decaying", "Adam's"),
  "clip_norm": published.Setting(None, 5.0),
  **published.SEQGAN_GENERATOR,
  "generator's output layer": published.Setting(None, "with a hidden layer of 128", "linear"),
  "reward network": published.Setting(
    "per token", "LSTM, a hidden layer of 512, two highway layers, an output for each token", "an LSTM with layer norm that scores each token"
  ),
  "discriminator_embedding_size": published.Setting(None, 128),
  "discriminator_pretrained_size": published.Setting(note="for word vectors"),
  "discriminator_hidden_size": published.Setting(None, 128),
  "discriminator_dropout": published.Setting(None, 0.3, "of the embedding table, the code's of the embedded tokens"),
  "discriminator_l2": published.Setting(None, 1e-5),
  "batch_size": published.Setting(None, 256, "as in the other algorithms"),
  "mle_steps": published.Setting(None, "50 epochs: 1,950", published.SHORT),
  "discriminator_steps": published.Setting(None, "1 epoch: 78", published.SHORT),
  "adversarial_steps": published.Setting(None, 100, published.SHORT),
  "discriminator_steps_per_round": published.Setting(None, "2 x 3 epochs: 468", "each on new samples"),
  "rollouts": published.Setting(None, 8),
  "rollout_policy_lag": published.Setting(None, 0.0),
  "advantage": published.Setting(published.UNCHECKED, "none", "less variance"),
  "rollout_chunk": published.Setting(note="a matter of speed"),
  "policy_updates": published.Setting(None, "1, in 6 parts", "with one the ratio is 1 and nothing is ever clipped"),
  "clip_ratio": published.Setting(None, 0.2),
  "kl_weight": published.Setting(note="not in the paper"),
  "entropy_weight": published.Setting(published.UNCHECKED, 0.09),
}
