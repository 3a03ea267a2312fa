"""ORGAN: SeqGAN with objectives of the user's own beside the discriminator.

Guimaraes et al., "Objective-Reinforced Generative Adversarial Networks (ORGAN) for Sequence Generation Models", https://arxiv.org/abs/1705.10843, and
its code, https://github.com/gablg1/ORGAN.

A completed sequence x earns

  R(x) = lambda D(x) + (1 - lambda) O(x) u / n,

O being the sum of `--reward`, lambda `--adversary_share`, n the number of times that its sample occurs in the batch and u the share of different
samples. Without `--reward` it is SeqGAN. Mixture and penalty are settings of every policy gradient and of guided sampling: see `runs.experiment`.
"""

import dataclasses
import functools

import tensorflow as tf

from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import policy
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm


@dataclasses.dataclass(frozen=True)
class Config(policy.Config):
  """The settings of its code, which are SeqGAN's: see `steps.policy`."""


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# It can learn pairs of a source and a target.
SOURCES = True


class Algorithm(policy.Algorithm):
  """See the module."""

  adversary_share = 0.5
  # A departure: repeats are counted among the samples of the batch, and hold for all completions of a sample; the code counts among the completions
  # of prefixes of one length, one for each sample.
  penalize_repeats = True

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator on a real batch and a new sample."""
    del phase_fraction
    return vanilla.step(self.generator, self.discriminator, self.optimizers["discriminator_optimizer"], real, seed)

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the probability of tokens by the scores and the objectives of their completions."""
    del phase_fraction
    judge = functools.partial(self.judge_by_scores, context=real.context)
    return self.policy_step(judge, tf.shape(real.tokens)[0], seed, real.context)


# See `tf_textgan.published`; docs/algorithms.md has the table.
PUBLISHED = {
  "mle_learning_rate": published.Setting(note="SeqGAN's"),
  "generator_learning_rate": published.Setting(note="SeqGAN's"),
  "discriminator_learning_rate": published.Setting(None, 1e-4),
  "clip_norm": published.Setting(note="SeqGAN's"),
  **published.SEQGAN_GENERATOR,
  "generator_init_stddev": published.Setting(note="SeqGAN's"),
  "generator_initialization": published.Setting(note="SeqGAN's"),
  **published.SEQGAN_DISCRIMINATOR,
  "batch_size": published.Setting(None, 64),
  "share of the discriminator": published.Setting(published.UNCHECKED, 0.5, "0.5: `--adversary_share`"),
  "repeated samples": published.Setting(
    "penalized", "O times the share of different ones, over the number of times", "the same factor, of the sample: `--reward_repeats`"
  ),
  "mle_steps": published.Setting(None, "240 epochs", published.SHORT),
  "discriminator_steps": published.Setting(None, "50 x 50 epochs", published.SHORT),
  "adversarial_steps": published.Setting(None, "the user's", published.SHORT),
  "generator steps per round": published.Setting(None, 2, "1"),
  "discriminator_steps_per_round": published.Setting(None, "3 x 3 epochs", "each on new samples"),
  "rollouts": published.Setting(None, 16),
  "rollout_policy_lag": published.Setting(None, 0.8, "the generator itself completes, as in seqgan"),
  "advantage": published.Setting(None, "none"),
  "rollout_chunk": published.Setting(note="a matter of speed"),
  "policy_updates": published.Setting(None, 1),
  "clip_ratio": published.Setting(note="for several policy_updates, which the code has not"),
  "kl_weight": published.Setting(note="not in the code"),
  "entropy_weight": published.Setting(note="not in the code"),
}
