"""DDO: the generator's likelihood ratio to a frozen copy of itself is the discriminator; pairwise, SPIN.

Zheng et al., "Direct Discriminative Optimization: Your Likelihood-Based Visual Generative Model is Secretly a GAN Discriminator",
https://arxiv.org/abs/2503.01103; its code for training is not public. Chen et al., "Self-Play Fine-Tuning Converts Weak Language Models to Strong
Language Models", https://arxiv.org/abs/2401.01335, and its code, https://github.com/uclaml/SPIN.

With G_0 the frozen copy, x real, y a sample of G_0 and r = log G - log G_0 of a whole sequence,

  loss = (-log sigmoid(b r(x)) - alpha log sigmoid(-b r(y))) / max(alpha, 1),   pairwise   loss = -log sigmoid(b (r(x) - r(y))).

No gradient passes through a pick. With alpha = 1 the best of all functions r is b r = log p_real / G_0, which is G = p_real for b = 1; for b below 1
the best G lies beyond p_real, away from G_0. Training stops far from it: after a short round the copy is renewed. r is a sum over the tokens: if they
are nearly independent, its deviation grows with the square root of their number. So b is `beta` divided by the square root of the mean number of
tokens of the real sentences.
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan.algorithms.steps import likelihood_ratio
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import adversarial
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(likelihood_ratio.Config):
  """The papers' networks are far larger: DDO's draw images, SPIN's has 7 billion weights. The learning rates suit small networks."""

  # Factor of the log-ratio, for sentences of one token; it is divided by the square root of the mean number of tokens. 1 gives factors of the
  # published size at the published lengths: .06 for 256 tokens.
  beta: float = 1.0
  # Weight of the samples in the loss, beside 1 for the real sentences. Above 1 it drives G away from samples more than towards real text.
  alpha: float = 1.0
  # SPIN's loss: it compares the real sentence's ratio with the sample's.
  pairwise: bool = False

  def __post_init__(self):
    super().__post_init__()
    checks.above_zero(self, "beta")
    checks.at_least(self, 0, "alpha")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = None
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# It can learn pairs of a source and a target.
SOURCES = True


class Algorithm(likelihood_ratio.Algorithm):
  """See the module."""

  def losses(self, real: tf.Tensor, fake: tf.Tensor, real_mask: tf.Tensor, fake_mask: tf.Tensor) -> tf.Tensor:
    del fake_mask
    alpha = self.config.alpha
    beta = self.config.beta * tf.math.rsqrt(noise.average_over_replicas(tf.reduce_mean(tf.reduce_sum(real_mask, axis=1))))
    real_scores, fake_scores = (beta * tf.reduce_sum(ratio, axis=1) for ratio in (real, fake))
    if self.config.pairwise:
      return adversarial.relativistic_discriminator(real_scores, fake_scores)
    return (tf.nn.softplus(-real_scores) + alpha * tf.nn.softplus(fake_scores)) / max(alpha, 1.0)


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("DDO's paper", "SPIN's code")
PUBLISHED = {
  "task": published.Setting("images", "answers to prompts, 7B weights", "unconditional text"),
  "mle_learning_rate": published.Setting(note="SeqGAN's"),
  "generator_learning_rate": published.Setting(published.UNCHECKED, 5e-7, "for a small network"),
  "optimizer": published.Setting(None, "RMSprop", "Adam"),
  "clip_norm": published.Setting(note="as in the other algorithms"),
  **published.OUR_GENERATOR,
  "generator_dropout": published.Setting("none", "none in this loss", "none in this loss"),
  "factor of the log-ratio": published.Setting(published.UNCHECKED, 0.1, "`--beta` over the square root of the mean number of tokens"),
  "beta": published.Setting(note="ours"),
  "alpha": published.Setting(published.UNCHECKED, None, "the weight with a known optimum"),
  "round_steps": published.Setting(published.UNCHECKED, "3 epochs", "short rounds"),
  "samples of the copy": published.Setting(None, "one for each prompt, made before the round", "new in every step"),
  "pairwise": published.Setting(False, True),
}
