"""LatentGAN: an autoencoder is trained first and frozen, then WGAN-GP makes codes like those of real text.

Donahue & Rumshisky, "Adversarial Text Generation Without Reinforcement Learning" (LaTextGAN), https://arxiv.org/abs/1810.06640: residual blocks;
Prykhodko et al., "A de novo molecular generation method using latent vector based generative adversarial network" (LatentGAN),
https://doi.org/10.1186/s13321-019-0397-9: plain layers, which are the default.

With c(x) the frozen code of a sentence, g(z) the generator of codes and f the critic of codes:

  autoencoder:  minimise -log p(x | c(x) + e), e normal noise; then, with encoder and decoder fixed,
  critic:       minimise f(g(z)) - f(c(x)) + lambda (|grad f| - 1)^2;
  generator:    minimise -f(g(z)).
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import latent_wgan
from tf_textgan.algorithms.steps import reconstruction
from tf_textgan.generators import autoencoder
from tf_textgan.layers import feedforward


@dataclasses.dataclass(frozen=True)
class Config:
  """The settings of LatentGAN's code in MOSES."""

  # Adam's learning rate for the autoencoder.
  autoencoder_learning_rate: float = 1e-3
  # Largest norm of the autoencoder's gradient.
  clip_norm: float = 5.0
  # Standard deviation of the noise on the codes that the decoder learns from.
  code_noise: float = 0.1
  # Adam's learning rate for the generator of codes and the critic.
  learning_rate: float = 2e-4
  # Adam's decay of the gradient's mean, for both.
  beta_1: float = 0.5
  # Adam's decay of the gradient's square, for both.
  beta_2: float = 0.999
  # Weight of the gradient penalty (lambda).
  penalty_weight: float = 10.0
  # The critic: a "perceptron", LatentGAN's, or "residual" blocks as wide as the code, LaTextGAN's.
  critic: Literal["perceptron", "residual"] = "perceptron"
  # Numbers in the hidden layers of the critic, if it is a perceptron.
  critic_sizes: tuple[int, ...] = (512, 256)
  # Blocks of the critic, if it is of residual blocks.
  critic_blocks: int = 60
  # Critic steps for each generator step.
  critic_steps_per_round: int = 5

  def __post_init__(self):
    checks.at_least(self, 0, "autoencoder_learning_rate", "clip_norm", "code_noise", "learning_rate", "penalty_weight", "critic_blocks")
    checks.share(self, "beta_1", "beta_2")
    checks.sizes(self, "critic_sizes")
    checks.at_most(self, checks.MOST_PARTS, "critic_blocks")
    checks.at_least(self, 1, "critic_steps_per_round")


GENERATOR = (
  "autoencoder",
  autoencoder.Config(
    embedding_size=128,
    hidden_size=512,
    latent_size=512,
    code="plain",
    noise_size=512,
    prior_sizes=(128, 256, 512, 1024),
    prior_slope=0.2,
    prior_stddev=0.0,
  ),
)
# Its critic reads codes, not text.
DISCRIMINATOR = None
# The kind of generator it trains.
GENERATOR_KIND = autoencoder.Generator


class Algorithm(base.Algorithm):
  """See the module."""

  scheduled = ("mle_steps", "adversarial_steps")

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    latent_wgan.require_prior(self.generator, "latentgan")
    size, critic_seed = self.generator.latent_size, latent_wgan.critic_seed(seed)
    if config.critic == "residual":
      critic = feedforward.Residual(size, size, config.critic_blocks, 1, critic_seed, "critic", dtype="float32")
    else:
      critic = feedforward.Perceptron(size, config.critic_sizes, 1, critic_seed, "critic", slope=0.2, dtype="float32")
    self.modules["critic"] = critic
    self.optimizers["autoencoder_optimizer"] = base.adam(self.generator.autoencoder, config.autoencoder_learning_rate)
    self.optimizers["generator_optimizer"] = base.adam(self.generator.prior_network, config.learning_rate, config.beta_1, config.beta_2)
    self.optimizers["critic_optimizer"] = base.adam(critic, config.learning_rate, config.beta_1, config.beta_2)

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    # Maximum likelihood of text given its code; then the GAN, in which the autoencoder has no update.
    rounds = (base.Update("critic", self.critic_step, self.config.critic_steps_per_round), base.Update("generator", self.generator_step))
    return [
      base.Phase("mle", schedule.mle_steps, (base.Update("autoencoder", self.autoencoder_step),)),
      base.Phase("adversarial", schedule.adversarial_steps, rounds, annealed=True),
    ]

  def autoencoder_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains encoder and decoder to give a real batch back through its noisy codes."""
    del phase_fraction
    config = self.config
    return reconstruction.step(self.generator, self.optimizers["autoencoder_optimizer"], real, seed, config.clip_norm, config.code_noise)

  def critic_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the critic of codes."""
    del phase_fraction
    critic, optimizer = self.modules["critic"], self.optimizers["critic_optimizer"]
    return latent_wgan.critic_step(self.generator, critic, optimizer, real, seed, self.config.penalty_weight)

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Moves generated codes towards higher scores."""
    del phase_fraction
    num = tf.shape(real.tokens)[0]
    return latent_wgan.prior_step(self.generator, self.modules["critic"], self.optimizers["generator_optimizer"], num, seed)


# See `tf_textgan.published`; docs/algorithms.md has the table. LaTextGAN's authors published no code: its column is of
# https://github.com/tassossapalidis/latextgan, a reimplementation.
COLUMNS = ("LatentGAN's code", "LaTextGAN, reimplemented")
PUBLISHED = {
  "autoencoder_learning_rate": published.Setting(1e-3, 1e-3),
  "clip_norm": published.Setting(note="as in the other algorithms"),
  "code_noise": published.Setting(0.1, None),
  "learning_rate": published.Setting(2e-4, 1e-4),
  "beta_1": published.Setting(0.5, 0.5),
  "beta_2": published.Setting(0.999, 0.9),
  "penalty_weight": published.Setting(10.0, 10.0, "1e-12 under the square root"),
  "critic": published.Setting("perceptron", "residual"),
  "critic_sizes": published.Setting((512, 256), None),
  "critic_blocks": published.Setting(None, 60),
  "critic_steps_per_round": published.Setting(5, 10),
  "generator_embedding_size": published.Setting(None, 128),
  "generator_hidden_size": published.Setting(512, "512 in each of two directions"),
  "generator_latent_size": published.Setting(512, 1024),
  "generator_code": published.Setting("plain", "plain"),
  "generator_prior": published.Setting("perceptron", "residual"),
  "generator_noise_size": published.Setting(512, 1024),
  "generator_prior_sizes": published.Setting((128, 256, 512, 1024), None),
  "generator_prior_slope": published.Setting(0.2, None),
  "generator_prior_stddev": published.Setting("uniform, 1 / sqrt(inputs)", "He's and Glorot's", "Glorot's; of residual blocks as reimplemented"),
  "generator_prior_blocks": published.Setting(None, 60),
  "generator_init_range": published.Setting(note="ARAE's"),
  "noise of the prior": published.Setting("uniform from -1 to 1", "normal", "normal"),
  "prior's normalization": published.Setting("of all hidden layers but the first", "none", "of all hidden layers of a perceptron"),
  "recurrent layers": published.Setting("an LSTM, decoder of 4 layers", "a GRU", "an LSTM of one layer, in one direction"),
  "decoder reads the code": published.Setting("in its initial state", "in its initial state", "at every token, as ARAE's"),
  "decoded tokens": published.Setting("the most probable token", "the most probable token", "a draw; `--temperature 0` for the most probable token"),
  "dropout of inputs": published.Setting(None, "0.4, recurrent 0.2", "none"),
  "batch_size": published.Setting(64, 64),
  "mle_steps": published.Setting("100 epochs", "4 epochs", published.SHORT),
  "adversarial_steps": published.Setting("2,000 epochs", "23 epochs", published.SHORT),
}
