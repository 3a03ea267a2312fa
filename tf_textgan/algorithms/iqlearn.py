"""IQLearn: maximum likelihood with a temporal-difference penalty, the offline form of inverse soft Q-learning.

Garg et al., "IQ-Learn: Inverse soft-Q Learning for Imitation", https://arxiv.org/abs/2106.12142; for language models Wulfmeier et al., "Imitating
Language via Scalable Inverse Reinforcement Learning", https://arxiv.org/abs/2409.01369.

The logits are a soft Q-function: Q(s_t, x_t) is the logit of token x_t after the prefix s_t, V(s) = log sum_v exp Q(s, v), and log G = Q - V. The
reward that the data imply is r_t = Q(s_t, x_t) - gamma V(s_{t+1}) = log G(x_t | s_t) + V(s_t) - gamma V(s_{t+1}), V being 0 after the end. IQ-Learn
with the chi-squared penalty maximises E[r] - E[V(s_t) - gamma V(s_{t+1})] - E[r^2] / (4 a) on real text, which is E[log G] - E[r^2] / (4 a):

  loss = mean over tokens of -log G(x_t | s_t) + td_weight r_t^2.
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import likelihood
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """The papers' language models are pretrained and far larger; rates here are SeqGAN's for its pretraining."""

  # Adam's learning rate.
  mle_learning_rate: float = 1e-2
  # Largest norm of the gradient.
  clip_norm: float = 5.0
  # Weight of the squared reward (lambda); 0 for maximum likelihood.
  td_weight: float = 0.1
  # Discount of the value of the next prefix (gamma).
  discount: float = 1.0

  def __post_init__(self):
    checks.at_least(self, 0, "mle_learning_rate", "clip_norm", "td_weight", "discount")
    checks.at_most(self, 1, "discount")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = None
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# It can learn pairs of a source and a target.
SOURCES = True


class Algorithm(base.Algorithm):
  """See the module."""

  scheduled = ("mle_steps",)

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    self.optimizers["mle_optimizer"] = base.adam(self.generator, config.mle_learning_rate)

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    return [base.Phase("mle", schedule.mle_steps, (base.Update("mle", self.mle_step),))]

  def mle_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the likelihood of a real batch and lowers the squares of the rewards that it implies."""
    del phase_fraction
    config, generator = self.config, self.generator
    mask = generator.spec.mask(real.tokens)
    latent = generator.prior(tf.shape(real.tokens)[0], seed)
    with tf.GradientTape() as tape:
      outputs = generator.outputs(real.tokens, latent, real.context, noise.fold(seed, "dropout"))
      flat = tf.reshape(outputs, [-1, outputs.shape[-1]])
      found = likelihood.soft_values(flat, *generator.output_layer(), tf.reshape(real.tokens, [-1]))
      chosen, values = (tf.reshape(x, tf.shape(mask)) * mask for x in found)
      rewards = chosen - config.discount * tf.concat([values[:, 1:], tf.zeros_like(values[:, :1])], axis=1)
      nll, squares = base.mean(values - chosen, mask), base.mean(tf.square(rewards), mask)
      loss = nll + config.td_weight * squares
    norm = base.minimize(tape, loss, generator, self.optimizers["mle_optimizer"], config.clip_norm)
    return {"nll": nll, "squared_reward": squares, "gradient_norm": norm}


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("paper", "code")
PUBLISHED = {
  "task": published.Setting("answers to prompts; T5 and PaLM 2", None, "unconditional text; there is no code"),
  "mle_learning_rate": published.Setting(note="SeqGAN's"),
  "clip_norm": published.Setting(note="SeqGAN's"),
  **published.OUR_GENERATOR,
  "td_weight": published.Setting(published.UNCHECKED, None, "ours"),
  "discount": published.Setting(published.UNCHECKED, None, "a sentence is short"),
}
