"""CoT: cooperative training by way of a mediator, a language model of real text and samples together.

Lu et al., "CoT: Cooperative Training for Generative Modeling of Discrete Data", https://arxiv.org/abs/1804.03782, and its code,
https://github.com/desire2020/CoT.

The mediator M is trained by maximum likelihood on as many real sentences as samples, so that it tends to (p_real + G) / 2; then KL(G || M) is half of
what the Jensen-Shannon divergence of G and the real text is made of. On samples of G, every prefix s_t has its gradient over the whole vocabulary:

  loss_M = -log M(x),   loss_G = sum_t sum_v G(v | s_t) (log G(v | s_t) - log M(v | s_t)).

No gradient passes through a pick, and nothing is estimated from single tokens.
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import likelihood as likelihood_step
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import likelihood
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config:
  """The settings of the code."""

  # Adam's learning rate for the generator.
  generator_learning_rate: float = 1e-3
  # Adam's learning rate for the mediator.
  mediator_learning_rate: float = 1e-3
  # Largest norm of either gradient.
  clip_norm: float = 5.0
  # Size of a token's embedding in the mediator.
  mediator_embedding_size: int = 64
  # Size of the mediator's hidden state.
  mediator_hidden_size: int = 64
  # Dropout rate in the mediator's own training.
  mediator_dropout: float = 0.5
  # Mediator steps for each generator step.
  mediator_steps_per_round: int = 1

  def __post_init__(self):
    checks.at_least(self, 0, "generator_learning_rate", "mediator_learning_rate", "clip_norm")
    checks.sizes(self, "mediator_embedding_size", "mediator_hidden_size")
    checks.share(self, "mediator_dropout")
    checks.at_least(self, 1, "mediator_steps_per_round")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = None
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(base.Algorithm):
  """See the module. `networks` has the mediator, an LSTM language model, beside the generator."""

  scheduled = ("adversarial_steps",)

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    # Dropout of inputs and outputs; the code has it of the outputs alone.
    sizes = lstm.Config(config.mediator_embedding_size, config.mediator_hidden_size, dropout=config.mediator_dropout)
    self.mediator = self.networks["mediator"] = lstm.Generator(self.generator.spec, sizes, seed + 1)
    self.optimizers["generator_optimizer"] = base.adam(self.generator, config.generator_learning_rate)
    self.optimizers["mediator_optimizer"] = base.adam(self.mediator, config.mediator_learning_rate)

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    # No pretraining, as in the paper.
    updates = base.Update("generator", self.generator_step), base.Update("mediator", self.mediator_step, self.config.mediator_steps_per_round)
    return [base.Phase("adversarial", schedule.adversarial_steps, updates, annealed=True)]

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Lowers the divergence of the generator's next-token distributions from the mediator's, after every prefix of new samples."""
    del phase_fraction
    generator, num = self.generator, tf.shape(real.tokens)[0]
    samples = generator.sample(num, seed)
    mask = generator.spec.mask(samples.tokens)
    reference = self.mediator(samples.tokens, tf.zeros([num, 0]))
    with tf.GradientTape() as tape:
      outputs = generator.outputs(samples.tokens, samples.latent, samples.context)
      flat = tf.reshape(outputs, [-1, outputs.shape[-1]])
      divergence = likelihood.divergence(flat, *generator.output_layer(), tf.reshape(reference, [-1, reference.shape[-1]]))
      loss = base.mean(tf.reshape(divergence, tf.shape(mask)), mask)
    norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], self.config.clip_norm)
    return {"divergence": loss, "entropy": base.mean(-samples.log_probs, mask), "gradient_norm": norm}

  def mediator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the likelihood of a real batch and of as many samples under the mediator."""
    del phase_fraction
    fake = self.generator.sample(tf.shape(real.tokens)[0], noise.fold(seed, "fake")).tokens
    # All of both; the code draws half as many from their mixture. Alternating, so that a replica's rows are a contiguous part of the global batch.
    mixed = tf.reshape(tf.stack([real.tokens, fake], axis=1), [-1, real.tokens.shape[1]])
    return likelihood_step.step(self.mediator, self.optimizers["mediator_optimizer"], sequences.Batch(mixed), seed, self.config.clip_norm)


# See `tf_textgan.published`; docs/algorithms.md has the table.
PUBLISHED = {
  "generator_learning_rate": published.Setting(published.UNCHECKED, 1e-3),
  "mediator_learning_rate": published.Setting(published.UNCHECKED, 1e-3),
  "clip_norm": published.Setting(None, 5.0),
  **published.SEQGAN_GENERATOR,
  "mediator_embedding_size": published.Setting(None, 64),
  "mediator_hidden_size": published.Setting(None, 64),
  "mediator_dropout": published.Setting(None, 0.5, "of inputs and outputs; the code's of the outputs"),
  "mediator's batch": published.Setting("half real, half samples", "64 drawn from 64 real ones and 64 samples", "all of both"),
  "batch_size": published.Setting(None, 64),
  "mle_steps": published.Setting("none", 0, "there is no such phase"),
  "adversarial_steps": published.Setting(None, 200_000, published.SHORT),
  "mediator_steps_per_round": published.Setting(None, 1),
}
