"""MaliGAN: maximum likelihood on the generator's own samples, with the discriminator's odds as importance weights.

Che et al., "Maximum-Likelihood Augmented Discrete Generative Adversarial Networks", https://arxiv.org/abs/1702.07983.

For an optimal D, D / (1 - D) is the ratio of a sequence's real probability to the generator's, and samples weighted with it give the gradient of
the likelihood of real text. The weights are normalised over the batch, which bounds them, and their mean is subtracted:

  loss = -sum_i (r_i / sum_j r_j - b) log G(x_i),   r = D / (1 - D) = exp f,   b the mean weight.

In mixed training (section 3.3) the first N tokens are taken from real sentences and trained on by maximum likelihood; only the rest is generated. N
falls from the whole length to 0.
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """There is no official code; networks and learning rates are SeqGAN's, as in the 2023 toolkit."""

  # Adam's learning rate for the weighted likelihood.
  generator_learning_rate: float = 1e-2
  # Generator steps in each round. The 2023 toolkit makes 50 on the oracle task and 1 on real text.
  generator_steps_per_round: int = 1
  # Batches sampled in each generator step; the weights are normalised over all of them. More batches lower the variance of the gradient.
  generator_batches: int = 1
  # Discriminator steps in each round, each on new samples. The toolkit's 3 epochs over 10,000 fixed samples are 468.
  discriminator_steps_per_round: int = 5
  # The paper's mixed training: sentences begin with real tokens, fewer and fewer of them.
  mixed: bool = False
  # In mixed training, completions of each real beginning; the weights are normalised over them.
  continuations: int = 4

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 1, "generator_steps_per_round", "generator_batches", "discriminator_steps_per_round")
    checks.at_least(self, 2, "continuations")
    if self.mixed and self.generator_batches > 1:
      raise errors.UserError(f"in mixed training continuations sets the number of samples; generator_batches must be 1, not {self.generator_batches}")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# It can learn pairs of a source and a target.
SOURCES = True


class Algorithm(pretrained.Algorithm):
  """See the module."""

  rewarded = True

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    return scores  # Log-weights: with a user's own reward r the target distribution is p(x) exp r(x).

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    # In mixed training the number of generated tokens changes from step to step, which XLA does not allow.
    generator = base.Update("generator", self.generator_step, self.config.generator_steps_per_round, compilable=not self.config.mixed)
    discriminator = base.Update("discriminator", self.discriminator_step)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator on a real batch and a new sample."""
    del phase_fraction
    return vanilla.step(self.generator, self.discriminator, self.optimizers["discriminator_optimizer"], real, seed)

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the likelihood of samples with weights above the mean, and lowers it for the others."""
    generator, length, discriminator = self.generator, self.generator.spec.length, self.discriminator
    context = sequences.repeat(real.context, self.config.continuations if self.config.mixed else self.config.generator_batches)
    if self.config.mixed:
      given = tf.cast(tf.math.round((1.0 - phase_fraction) * length), tf.int32)
      beginnings = tf.repeat(real.tokens, self.config.continuations, axis=0)
      samples = generator.complete(beginnings, given, seed, context=context)
      rewards = self.reward(samples.tokens, discriminator(samples.tokens, context=context))
      weights = tf.reshape(policy_gradient.importance_weights(tf.reshape(rewards, [-1, self.config.continuations])), [-1])
    else:
      given = tf.zeros([], tf.int32)
      samples = generator.sample(tf.shape(real.tokens)[0] * self.config.generator_batches, seed, context=context)
      rewards = self.reward(samples.tokens, discriminator(samples.tokens, context=context))
      # Normalised over the samples of all replicas. The largest is subtracted, so that no exponential overflows.
      odds = tf.exp(rewards - tf.reduce_max(noise.gather_from_replicas(rewards)))
      weights = odds / noise.average_over_replicas(tf.reduce_mean(odds))
    weights = tf.stop_gradient(weights)
    generated = tf.range(length) >= given
    tokens, mask = samples.tokens, generator.spec.mask(samples.tokens)
    # Given tokens have weight 1, as in maximum likelihood; generated tokens have their sentence's weight minus the mean, which is 1.
    returns = tf.where(generated[None, :], weights[:, None] - 1.0, 1.0)
    with tf.GradientTape() as tape:
      log_probs = generator.log_probs(tokens, samples.latent, samples.context)
      loss = base.mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, returns) * mask, axis=1))
    norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], self.config.clip_norm)
    return {
      "loss": loss,
      # Effective sample size divided by N: at 1 / N one sequence has all the weight.
      "effective_share": 1.0 / noise.average_over_replicas(tf.reduce_mean(tf.square(weights))),
      "entropy": base.mean(-log_probs, mask),
      "given": tf.cast(given, tf.float32),
      "gradient_norm": norm,
    }


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("paper", "the 2023 toolkit, oracle task")
PUBLISHED = {
  "mle_learning_rate": published.Setting(None, 1e-2),
  "generator_learning_rate": published.Setting(None, 1e-2),
  "discriminator_learning_rate": published.Setting(None, 1e-4),
  "clip_norm": published.Setting(
    None, "5 in pretraining and for the discriminator, none for the generator in the rounds", "for the generator in all phases"
  ),
  **published.SEQGAN_GENERATOR,
  "generator_init_stddev": published.Setting(None, "1 / sqrt(rows)", "SeqGAN's"),
  **published.SEQGAN_DISCRIMINATOR,
  "discriminator_output_l2": published.Setting(None, 0.0, "SeqGAN's"),
  "discriminator_start": published.Setting(None, "U(-0.05, 0.05), one matrix for highway and gate", "SeqGAN's"),
  "baseline": published.Setting("rising", "mean weight", "the mean weight"),
  "batch_size": published.Setting(None, 64),
  "mle_steps": published.Setting(None, "80 epochs: 12,480", published.SHORT),
  "discriminator_steps": published.Setting(None, "4 x 2 epochs: 1,250", published.SHORT),
  "adversarial_steps": published.Setting(None, 200, published.SHORT),
  "generator_steps_per_round": published.Setting(None, 50, "1 on text in the toolkit"),
  "generator_batches": published.Setting(1, 1),
  "discriminator_steps_per_round": published.Setting(None, "3 epochs over 10,000 fixed samples: 468", "each on new samples"),
  "mixed": published.Setting(published.UNCHECKED, False),
  "continuations": published.Setting(published.UNCHECKED, None),
}
