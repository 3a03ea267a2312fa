"""DGSAN: the new generator's ratio to the old one tells real tokens from the old one's, in closed form.

Montahaei et al., "DGSAN: Discrete Generative Self-Adversarial Network", https://arxiv.org/abs/1908.09127. The loss per token is that of the toolkit
https://github.com/williamSYSU/TextGAN-PyTorch.

A discriminator G / (G + G_0) is right about real tokens x and tokens y of the old generator G_0 if it is 1 for x and 0 for y:

  loss = sum_t log(1 + G_0(x_t | ..) / G(x_t | ..)) + sum_t log(1 + G(y_t | ..) / G_0(y_t | ..)).

For G_0 = G its gradient is half that of the likelihoods' difference; its optimum is the real text. Then the old generator is renewed.
"""

import dataclasses

import tensorflow as tf

from tf_textgan import published
from tf_textgan.algorithms.steps import likelihood_ratio
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm


@dataclasses.dataclass(frozen=True)
class Config(likelihood_ratio.Config):
  """The settings of the toolkit for SeqGAN's oracle."""

  # Adam's learning rate.
  generator_learning_rate: float = 1e-2
  # Steps between two renewals of the old generator: an epoch over 10,000 sequences.
  round_steps: int = 156


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = None
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(likelihood_ratio.Algorithm):
  """See the module."""

  def losses(self, real: tf.Tensor, fake: tf.Tensor, real_mask: tf.Tensor, fake_mask: tf.Tensor) -> tf.Tensor:
    # Summed over the tokens of a sentence, averaged over the batch; the toolkit sums over both.
    return tf.reduce_sum(tf.nn.softplus(-real) * real_mask, axis=1) + tf.reduce_sum(tf.nn.softplus(fake) * fake_mask, axis=1)


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("paper", "the 2023 toolkit, oracle task")
PUBLISHED = {
  "mle_learning_rate": published.Setting(note="SeqGAN's"),
  "generator_learning_rate": published.Setting(published.UNCHECKED, 1e-2),
  "clip_norm": published.Setting(None, 5.0),
  **published.SEQGAN_GENERATOR,
  "generator_initialization": published.Setting(None, "truncated normal", "SeqGAN's"),
  "batch_size": published.Setting(None, 64),
  "mle_steps": published.Setting(published.UNCHECKED, 0, published.SHORT),
  "round_steps": published.Setting(None, 156, "an epoch over 10,000 sequences"),
  "samples of the old generator": published.Setting(None, "10,000 for an epoch", "new in every step"),
  "adversarial_steps": published.Setting(None, "200 epochs: 31,200", published.SHORT),
}
