"""SeqGAN: the generator as a policy, rewarded by the discriminator through Monte-Carlo rollouts.

Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", https://arxiv.org/abs/1609.05473.

The discriminator scores complete sequences only, so the reward of a token x_t is the mean of D over `rollouts` completions of x_1..x_t, sampled from
the current generator (the published code samples from a moving average of its weights: `rollout_policy_lag`):

  loss = -sum_t Q(x_t) log G(x_t | x_1..x_{t-1}),   Q(x_t) = mean_n D(x_1..x_t, rollout_n),   Q(x_T) = D(x_1..x_T).
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
  """The settings of the paper and its code, see `steps.policy`."""


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# It can learn pairs of a source and a target.
SOURCES = True


class Algorithm(policy.Algorithm):
  """See the module."""

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator on a real batch and a new sample."""
    del phase_fraction
    return vanilla.step(self.generator, self.discriminator, self.optimizers["discriminator_optimizer"], real, seed)

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the probability of tokens by the scores of their completions."""
    del phase_fraction
    judge = functools.partial(self.judge_by_scores, context=real.context)
    return self.policy_step(judge, tf.shape(real.tokens)[0], seed, real.context)


# See `tf_textgan.published`; docs/algorithms.md has the table.
PUBLISHED = {
  "mle_learning_rate": published.Setting(None, 1e-2),
  "generator_learning_rate": published.Setting(None, 1e-2),
  "discriminator_learning_rate": published.Setting(None, 1e-4),
  "clip_norm": published.Setting(None, 5.0, "of a mean over the batch; the code's loss is a sum, so that it clips earlier"),
  **published.SEQGAN_GENERATOR,
  **published.SEQGAN_DISCRIMINATOR,
  "batch_size": published.Setting(None, 64),
  "mle_steps": published.Setting(None, "120 epochs: 18,720", published.SHORT),
  "discriminator_steps": published.Setting(None, "50 x 3 epochs: 23,400", published.SHORT),
  "adversarial_steps": published.Setting(None, 200, published.SHORT),
  "discriminator_steps_per_round": published.Setting(None, "5 x 3 epochs over 10,000 fixed samples: 2,340", "each on new samples"),
  "rollouts": published.Setting(16, 16),
  "rollout_policy_lag": published.Setting(None, 0.8, "the generator itself completes, nearly the same policy and a set of weights less"),
  "advantage": published.Setting("none", "none"),
  "rollout_chunk": published.Setting(note="a matter of speed"),
  "policy_updates": published.Setting(1, 1),
  "clip_ratio": published.Setting(note="for several policy_updates, which the paper has not"),
  "kl_weight": published.Setting(note="not in the paper"),
  "entropy_weight": published.Setting(note="not in the paper"),
}
