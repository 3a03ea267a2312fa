"""MaskGAN: an actor-critic that fills blanks in text, with a reward for every token.

Fedus et al., "MaskGAN: Better Text Generation via Filling in the ______", https://arxiv.org/abs/1801.07736, and its code,
https://github.com/tensorflow/models/tree/master/research/maskgan.

m(x) is a real text with blanks, and x_t the tokens that G puts into them. The discriminator learns for every token in a blank whether it is the real
one's or G's, and the rewards and their returns, over the tokens in blanks alone, are

  r_t = log D(x_t | x_1..x_{t-1}, m(x)),   R_t = sum_{s >= t} discount^(s - t) r_s.

The critic V, a head on the discriminator, estimates R_t from what stands before x_t by least squares; G's loss is -(R_t - V_t) log G(x_t | ..), the
difference clipped. Before that, G learns to fill blanks by maximum likelihood ("MaskMLE").
"""

import dataclasses
from typing import Literal

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import infilling as infilling_discriminator
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import infilling
from tf_textgan.layers import biased
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import blanks
from tf_textgan.sampling import noise

# Added to D in its logarithm, as in the code: no reward is below -16.
_EPSILON = 1e-7
# Added to the seed of the critic's initial weights, far from those of the networks.
_CRITIC_SEED = 500_000

_MASKS = {"random": blanks.random, "contiguous": blanks.contiguous}


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The settings of the code's commands for the Penn Treebank."""

  # Adam's learning rate in pretraining.
  mle_learning_rate: float = 7.4876e-4
  # Adam's learning rate for the policy gradient.
  generator_learning_rate: float = 3.8877e-5
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 5e-4
  # Adam's learning rate for the critic. A departure: the code's for this corpus is 5.2e-7, at which the value hardly leaves 0.
  critic_learning_rate: float = 9.756e-4
  # Largest norm of the gradients of generator, discriminator and critic.
  clip_norm: float = 10.0
  # Discriminator steps for each step of generator and critic.
  discriminator_steps_per_round: int = 3
  # Discount of the rewards that follow a token.
  discount: float = 0.89072
  # Largest absolute advantage.
  largest_advantage: float = 5.0
  # Blanks in pretraining: "random", each token by itself, or "contiguous", one blank for each text.
  mask_mle: Literal["random", "contiguous"] = "random"
  # Blanks in training against the discriminator.
  mask_adversarial: Literal["random", "contiguous"] = "contiguous"
  # Share of a text's tokens in blanks.
  mask_rate: float = 0.5
  # The same share at the start of the adversarial phase, during which it moves to `mask_rate`: a curriculum if it is lower.
  mask_rate_start: float = 0.5
  # Share of the texts that are all blank, from which the generator learns to write without a given text. A departure: the paper pretrains a language
  # model for that, and its adversary sees no such text.
  mask_all: float = 0.5

  def __post_init__(self):
    super().__post_init__()
    shares = ("discount", "mask_rate", "mask_rate_start", "mask_all")
    checks.at_least(self, 0, "critic_learning_rate", *shares)
    checks.at_most(self, 1, *shares)
    checks.at_least(self, 1, "discriminator_steps_per_round")
    checks.above_zero(self, "largest_advantage")


GENERATOR = ("infilling", infilling.Config())
DISCRIMINATOR = ("infilling", infilling_discriminator.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Fills
# The ability that the discriminator needs: it knows the blanks.
DISCRIMINATOR_KIND = discriminator_base.BlankScores


class Algorithm(pretrained.Algorithm):
  """See the module.

  Attributes:
    critic: the head that estimates returns, `keras.layers.Dense` with one output.
  """

  rewarded = True

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    # In float32: values are compared with sums of rewards.
    initializer = keras.initializers.GlorotUniform(seed=_CRITIC_SEED + seed)
    self.critic = biased.Dense(1, kernel_initializer=initializer, dtype="float32", name="critic")
    self.critic.build((None, self.discriminator.feature_size))
    self.modules["critic"] = self.critic
    self.optimizers["critic_optimizer"] = base.adam(self.critic, config.critic_learning_rate)

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    return tf.math.log(tf.sigmoid(scores) + _EPSILON)

  def masks(self, tokens: tf.Tensor, kind: str, rate: float | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws blanks, see `sampling.blanks`.

    Args:
      tokens: int32 `[B, T]`.
      kind: "random" or "contiguous".
      rate: share of the tokens in blanks.
      seed: int32 `[2]`.

    Returns:
      bool `[B, T]`, False in blanks; all False for the share `mask_all` of the rows.
    """
    counts = tf.cast(tf.reduce_sum(self.generator.spec.mask(tokens), axis=1), tf.int32)
    present = _MASKS[kind](counts, tokens.shape[1], rate, noise.fold(seed, "blanks"))
    whole = noise.uniform(tf.shape(counts), noise.fold(seed, "whole")) < self.config.mask_all
    return present & ~whole[:, None]

  def mle_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the likelihood of the tokens in blanks of a real batch."""
    del phase_fraction
    generator, config = self.generator, self.config
    present = self.masks(real.tokens, config.mask_mle, config.mask_rate, seed)
    with tf.GradientTape() as tape:
      log_probs = generator.blank_log_probs(real.tokens, present, noise.fold(seed, "dropout"))
      loss = base.mean(-log_probs, self._filled(real.tokens, present))
    norm = base.minimize(tape, loss, generator, self.optimizers["mle_optimizer"], config.clip_norm)
    return {"nll": loss, "gradient_norm": norm}

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator on the tokens in blanks of a real batch, and on what the generator puts there."""
    discriminator = self.discriminator
    present = self._adversarial_masks(real.tokens, seed, phase_fraction)
    fake = self.generator.fill(real.tokens, present, noise.fold(seed, "fake")).tokens
    pairs, _ = vanilla.paired(real, fake)
    present = tf.repeat(present, 2, axis=0)
    weights = self._filled(pairs, present)
    with tf.GradientTape() as tape:
      scores = discriminator.read(pairs, present, seed=noise.fold(seed, "dropout")).scores
      scores *= tf.tile([[1.0], [-1.0]], [tf.shape(real.tokens)[0], 1])
      loss = base.mean(tf.nn.softplus(-scores), weights)
      total = loss + discriminator.regularization()
    norm = base.minimize(tape, total, discriminator, self.optimizers["discriminator_optimizer"], self.config.clip_norm)
    return {"loss": loss, "accuracy": base.mean(tf.cast(scores > 0.0, tf.float32), weights), "gradient_norm": norm}

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the probability of tokens in blanks whose returns are above the critic's estimate, and trains the critic."""
    generator, config = self.generator, self.config
    present = self._adversarial_masks(real.tokens, seed, phase_fraction)
    tokens = generator.fill(real.tokens, present, noise.fold(seed, "fake")).tokens
    weights = self._filled(tokens, present)
    # Neither rewards nor samples have dropout; the code's have.
    scores, before = self.discriminator.read(tokens, present)
    rewards = self.reward(tokens, scores)
    returns = policy_gradient.discounted_returns(rewards, weights, config.discount)
    values, critic_loss = self._train_critic(before, returns, weights)
    advantages = tf.clip_by_value(returns - values, -config.largest_advantage, config.largest_advantage)
    with tf.GradientTape() as tape:
      log_probs = generator.blank_log_probs(tokens, present)
      # Summed over time, averaged over the batch; the code sums over the batch too, which makes no difference to Adam.
      loss = base.mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, advantages) * weights, axis=1))
    norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], config.clip_norm)
    return {
      "loss": loss,
      "reward": base.mean(rewards, weights),
      "critic_loss": critic_loss,
      "entropy": base.mean(-log_probs, weights),
      "gradient_norm": norm,
    }

  def _train_critic(self, before, returns, weights):
    """One step of the critic: its values before it, float `[B, T]`, and their mean squared error."""
    # Only the head is trained, as in the code. A departure: there it is a head on the decoder alone, run once more without the text with blanks.
    with tf.GradientTape() as tape:
      values = self.critic(tf.cast(before, tf.float32))[:, :, 0]
      loss = base.mean(tf.square(returns - values), weights)
    base.minimize(tape, loss, self.critic, self.optimizers["critic_optimizer"], self.config.clip_norm)
    return values, loss

  def _adversarial_masks(self, tokens, seed, phase_fraction):
    """The masks of an adversarial step, at the rate that the curriculum has come to."""
    config = self.config
    # A departure: the paper's curriculum lengthens the texts.
    rate = config.mask_rate_start + (config.mask_rate - config.mask_rate_start) * phase_fraction
    return self.masks(tokens, config.mask_adversarial, rate, seed)

  def _filled(self, tokens, present):
    """Marks the tokens in blanks, without padding: float32 `[B, T]`."""
    return self.generator.spec.mask(tokens) * tf.cast(~present, tf.float32)


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("paper", "its code, Penn Treebank")
_SIZES = {"embedding_size": published.Setting(650, 650), "hidden_size": published.Setting(650, 650), "layers": published.Setting(2, 2)}
PUBLISHED = {
  "mle_learning_rate": published.Setting(None, 7.4876e-4),
  "generator_learning_rate": published.Setting(None, 3.8877e-5),
  "discriminator_learning_rate": published.Setting(None, 5e-4, "also in its own phase, where the code has 0.005"),
  "critic_learning_rate": published.Setting(None, 5.1761e-7, "the code's for IMDB: at the other the values hardly leave 0"),
  "Adam's beta 1": published.Setting(0.99, 0.9, "0.9"),
  "clip_norm": published.Setting(None, 10.0),
  "batch_size": published.Setting(None, "20, then 128", "as in the other algorithms"),
  "mle_steps": published.Setting(None, 100000, published.SHORT),
  "discriminator_steps": published.Setting(note="the paper has no such phase, the code one that is off"),
  "adversarial_steps": published.Setting(None, 100000, published.SHORT),
  "discriminator_steps_per_round": published.Setting(3, 2),
  "discount": published.Setting(None, 0.89072),
  "largest_advantage": published.Setting(None, 5.0),
  "mask_mle": published.Setting(None, "random"),
  "mask_adversarial": published.Setting(None, "contiguous"),
  "mask_rate": published.Setting(0.5, 0.5),
  "mask_rate_start": published.Setting("texts that grow longer", "no curriculum", "none by default"),
  "mask_all": published.Setting(
    "a language model is trained first", "a language model is trained first", "in place of it; half of the adversary's texts too"
  ),
  "contiguous blank": published.Setting(None, "the share of 20 tokens less one, never the first", "the share of each text's tokens, anywhere"),
  "end of a text": published.Setting(
    "texts of one length", "texts of one length", "the end token is a token; if it is in a blank, so is the padding after it"
  ),
  **published.prefixed("generator", _SIZES | {"dropout": published.Setting(None, 0.66029)}),
  **published.prefixed("discriminator", _SIZES | {"dropout": published.Setting(None, 0.2806)}),
  "dropout's masks": published.Setting(None, "one for a layer's inputs and its state", "one for each"),
  "dropout of samples and rewards": published.Setting(None, "as in training", "none: a reward is for the token that the generator would write"),
  "embedding tables": published.Setting(
    "one table for both networks", "one for each, or the generator's for both", "one for each network, and the generator's output layer has its"
  ),
  "forget gates": published.Setting(None, "no bias", "1 is added"),
  "encoder reads": published.Setting("the text with blanks", "the decoder's inputs, without the last token", "all tokens of the text with blanks"),
  "the critic": published.Setting(
    "a head on the discriminator", "a head on its decoder, which is run again from zeros", "a head on the discriminator, which knows the blanks"
  ),
}
