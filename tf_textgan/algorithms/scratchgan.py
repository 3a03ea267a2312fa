"""ScratchGAN: REINFORCE without pretraining, with a reward for every token, a large batch and a regularised discriminator.

De Masson d'Autume et al., "Training Language GANs from Scratch", https://arxiv.org/abs/1905.09922.

The discriminator scores every token given the tokens before it, so no rollouts are needed:

  loss = -sum_t (R_t - b) log G(x_t | x_1..x_{t-1}),   R_t = sum_{s >= t} gamma^(s - t) r_s,   r_t = 2 D(x_t | x_1..x_{t-1}) - 1,

where the baseline b is a scalar, a moving average over steps of the batch's mean return.
"""

import dataclasses

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import token_lstm
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import tied_lstm
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """The settings of the paper and its code for EMNLP news, except for the batch of 512, which is --batch_size."""

  # Adam's learning rate for the policy gradient.
  generator_learning_rate: float = 9.59e-5
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 9.38e-3
  # Adam's decay of the gradient's mean.
  beta_1: float = 0.5
  # Discount of a reward for each token between (gamma), from 0 to 1.
  discount: float = 0.23
  # Decay of the baseline's moving average (lambda).
  baseline_decay: float = 0.08
  # Discriminator steps for each generator step, each on new samples.
  discriminator_steps_per_round: int = 1

  def __post_init__(self):
    checks.at_least(self, 0, "generator_learning_rate", "discriminator_learning_rate", "discount")
    checks.share(self, "beta_1", "baseline_decay")
    checks.at_least(self, 1, "discriminator_steps_per_round")
    checks.at_most(self, 1, "discount")


GENERATOR = ("tied_lstm", tied_lstm.Config())
DISCRIMINATOR = ("token_lstm", token_lstm.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# The ability that the discriminator needs: every token has a reward.
DISCRIMINATOR_KIND = discriminator_base.PrefixScores


class Algorithm(base.Algorithm):
  """See the module."""

  rewarded = True
  scheduled = ("adversarial_steps",)

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    if not self.discriminator.per_prefix:
      raise errors.UserError(
        "--algorithm scratchgan needs a discriminator that is trained on every prefix, as token_lstm is; generator_lstm is with "
        "--discriminator_per_prefix true"
      )
    self.optimizers["generator_optimizer"] = base.adam(self.generator, config.generator_learning_rate, config.beta_1)
    self.optimizers["discriminator_optimizer"] = base.adam(self.discriminator, config.discriminator_learning_rate, config.beta_1)
    self.modules["baseline"] = Baseline(config.baseline_decay)

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    return 2.0 * tf.sigmoid(scores) - 1.0

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    # No pretraining: dense rewards and a large batch take its place.
    return [
      base.Phase(
        "adversarial",
        schedule.adversarial_steps,
        (
          base.Update("discriminator", self.discriminator_step, self.config.discriminator_steps_per_round),
          base.Update("generator", self.generator_step),
        ),
        annealed=True,
      )
    ]

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator on the tokens of a real batch and of a new sample."""
    del phase_fraction
    discriminator = self.discriminator
    fake = self.generator.sample(tf.shape(real.tokens)[0], noise.fold(seed, "fake")).tokens
    with tf.GradientTape() as tape:
      # One dropout mask for both; the code has two. All tokens have the same weight, as in the code, but the code also divides by the number of
      # padding tokens, so the weight penalty is relatively smaller here.
      loss, accuracy = vanilla.scores(discriminator, real, fake, seed)
      total = loss + discriminator.regularization()
    norm = base.minimize(tape, total, discriminator, self.optimizers["discriminator_optimizer"])
    return {"loss": loss, "accuracy": accuracy, "gradient_norm": norm}

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the probability of tokens by the discounted scores of them and the tokens after them."""
    del phase_fraction
    generator, num = self.generator, tf.shape(real.tokens)[0]
    samples = generator.sample(num, seed)
    tokens, mask = samples.tokens, generator.spec.mask(samples.tokens)
    # With dropout, as in the code.
    rewards = self.reward(tokens, self.discriminator.token_scores(tokens, seed=noise.fold(seed, "dropout")))
    returns = policy_gradient.discounted_returns(rewards, mask, self.config.discount)
    # The mean over tokens; the code counts the zeros of the padding too, so its baseline is not the mean return.
    baseline = self.modules["baseline"].update(noise.average_over_replicas(base.mean(returns, mask)))
    with tf.GradientTape() as tape:
      # The samples' own z: the policy is conditioned on it.
      log_probs = generator.log_probs(tokens, samples.latent)
      # Summed over time, averaged over the batch; the code averages over both, which makes no difference to Adam.
      loss = base.mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, returns - baseline) * mask, axis=1))
    norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"])
    return {
      "loss": loss,
      "reward": base.mean(rewards, mask),
      "baseline": baseline,
      "entropy": base.mean(-log_probs, mask),
      "gradient_norm": norm,
    }


class Baseline(keras.layers.Layer):
  """An exponential moving average over steps: b <- decay b + (1 - decay) x, from 0."""

  def __init__(self, decay: float):
    super().__init__(name="baseline")
    self._decay = decay
    # All replicas assign the same value.
    self.average = self.add_weight((), "zeros", trainable=False, aggregation="mean", name="average")
    self.built = True

  def update(self, x: tf.Tensor) -> tf.Tensor:
    """Adds a scalar, the same on all replicas, and returns the new average."""
    average = self._decay * tf.convert_to_tensor(self.average) + (1.0 - self._decay) * x
    self.average.value.assign(average)
    return average


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("paper, EMNLP news", "its code")
PUBLISHED = {
  "generator_learning_rate": published.Setting(9.59e-5, 9.59e-5),
  "discriminator_learning_rate": published.Setting(9.38e-3, 9.38e-3),
  "beta_1": published.Setting(0.5, 0.5),
  "discount": published.Setting(0.23, 0.23),
  "baseline_decay": published.Setting(0.08, 0.08),
  "generator_embedding_size": published.Setting(64, 64),
  "generator_pretrained_size": published.Setting(300, 300, "with --embedding_file"),
  "generator_hidden_size": published.Setting(512, 512),
  "generator_layers": published.Setting(2, 2),
  "generator_latent_size": published.Setting(None, 0),
  "discriminator_embedding_size": published.Setting(64, 64),
  "discriminator_pretrained_size": published.Setting(300, 300, "with --embedding_file"),
  "word vectors": published.Setting("fixed", "trained", "fixed"),
  "discriminator_hidden_size": published.Setting(512, 512),
  "discriminator_dropout": published.Setting(0.1, 0.1),
  "discriminator_l2": published.Setting(1e-6, 1e-6, "beside a mean over tokens; the code's is over all positions"),
  "batch_size": published.Setting(512, 512, "--batch_size 512 for the paper's"),
  "adversarial_steps": published.Setting(200_000, 200_000, published.SHORT),
  "discriminator_steps_per_round": published.Setting(1, 1),
  "checkpoint": published.Setting("least Frechet distance", "least Frechet distance", "`--best_metric frechet`"),
}
