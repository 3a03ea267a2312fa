"""GSGAN: picks relaxed with Gumbel-softmax, through which the discriminator's gradient flows to the generator.

Kusner & Hernandez-Lobato, "GANs for Sequences of Discrete Elements with the Gumbel-softmax Distribution", https://arxiv.org/abs/1611.04051.

The latent z is the LSTM's initial state, as in the paper. Each relaxed pick y = softmax((logits + g) / temperature) is fed back, and is the
discriminator's input. The value function is E[log D(x)] + E[log(1 - D(G(z)))]. `--estimator` replaces Gumbel-softmax by another estimator of the
gradient (see `sampling.estimators`); with the unbiased estimators the discriminator reads tokens.
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import recurrent
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import adversarial
from tf_textgan.sampling import estimators
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The paper anneals the temperature from large to small and does not pretrain; the numbers are ours."""

  # Adam's learning rate in pretraining. The paper starts from scratch (--mle_steps 0).
  mle_learning_rate: float = 1e-2
  # Adam's learning rate for the generator.
  generator_learning_rate: float = 1e-4
  # The generator's loss: "saturating", log(1 - D(G(z))), or "non_saturating", -log D(G(z)).
  objective: Literal["saturating", "non_saturating"] = "non_saturating"
  # Estimator of the gradient through the picks; docs/picking.md compares them.
  estimator: Literal[
    "gumbel_softmax",
    "straight_through",
    "straight_through_softmax",
    "gumbel_rao",
    "soft_argmax",
    "reinforce",
    "leave_one_out",
    "rebar",
    "relax",
  ] = "gumbel_softmax"
  # Adam's learning rate for the control variate of rebar and relax.
  control_learning_rate: float = 1e-3
  # Temperature of the relaxed picks at the beginning of the adversarial phase.
  max_temperature: float = 2.0
  # Temperature at the end of the adversarial phase; it falls geometrically.
  min_temperature: float = 0.5
  # Discriminator steps for each generator step.
  discriminator_steps_per_round: int = 1

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 0, "control_learning_rate")
    checks.above_zero(self, "max_temperature", "min_temperature")
    checks.at_least(self, 1, "discriminator_steps_per_round")


GENERATOR = ("lstm", lstm.Config(latent_size=32))
DISCRIMINATOR = ("recurrent", recurrent.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive

# Distance of the control network's seed from the discriminator's, which would otherwise start with the same weights. No ensemble reaches it.
_CONTROL_STRIDE = 10_000_000

_OBJECTIVES = {"saturating": adversarial.saturating_generator, "non_saturating": adversarial.non_saturating_generator}


class Algorithm(pretrained.Algorithm):
  """See the module."""

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    self._control = None
    if config.estimator in estimators.CONTROLLED:
      discriminator_base.require(self.discriminator, discriminator_base.PointScores, f"--estimator {config.estimator}")
      network = None
      if config.estimator == "relax":
        network = recurrent.Discriminator(self.generator.spec, recurrent.Config(dropout=0.0), seed + _CONTROL_STRIDE)
      self._control = self.modules["control"] = estimators.ControlVariate(network)
      self.optimizers["control_optimizer"] = base.adam(self._control, config.control_learning_rate)

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    generator = base.Update("generator", self.generator_step)
    discriminator = base.Update("discriminator", self.discriminator_step)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator on a real batch, ids, and samples: points for relaxed estimators, ids for the others."""
    estimator = self._estimator(phase_fraction)
    num, fake_seed = tf.shape(real.tokens)[0], noise.fold(seed, "fake")
    if estimator.relaxed:
      fake = self.generator.sample(num, fake_seed, estimator.picker, soft_feedback=True).points
    else:
      fake = self.generator.sample(num, fake_seed).tokens
    with tf.GradientTape() as tape:
      real_scores, real_weights = self.discriminator.training_scores(real.tokens, seed=noise.fold(seed, "real_dropout"))
      fake_scores, fake_weights = self.discriminator.training_scores(fake, seed=noise.fold(seed, "fake_dropout"))
      loss = base.mean(tf.nn.softplus(-real_scores), real_weights) + base.mean(tf.nn.softplus(fake_scores), fake_weights)
      total = loss + 2.0 * self.discriminator.regularization()
    norm = base.minimize(tape, total, self.discriminator, self.optimizers["discriminator_optimizer"], self.config.clip_norm)
    right = [(real_scores > 0.0, real_weights), (fake_scores < 0.0, fake_weights)]
    accuracy = 0.5 * tf.add_n([base.mean(tf.cast(flags, tf.float32), weights) for flags, weights in right])
    return {"loss": loss, "accuracy": accuracy, "gradient_norm": norm}

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Moves samples towards higher scores, through the estimator's gradient."""
    cost = estimators.Cost(_OBJECTIVES[self.config.objective], self.discriminator, noise.fold(seed, "dropout"))
    with tf.GradientTape() as tape, tf.GradientTape() as control_tape:
      estimate = self._estimator(phase_fraction)(self.generator, cost, tf.shape(real.tokens)[0], seed)
      surrogate = base.mean(estimate.surrogate)
      square = base.mean(estimate.square) if self._control else None
    norm = base.minimize(tape, surrogate, self.generator, self.optimizers["generator_optimizer"], self.config.clip_norm)
    metrics = {
      "loss": base.mean(estimate.costs),
      "entropy": base.mean(-estimate.samples.log_probs, self.generator.spec.mask(estimate.samples.tokens)),
      "gradient_norm": norm,
    }
    if self._control:
      base.minimize(control_tape, square, self._control, self.optimizers["control_optimizer"], self.config.clip_norm)
      metrics |= {"square": square, "scale": tf.convert_to_tensor(self._control.scale)}
    return metrics | {"temperature": self._temperature(phase_fraction)}

  def _estimator(self, phase_fraction):
    return estimators.make(self.config.estimator, self._temperature(phase_fraction), self._control)

  def _temperature(self, phase_fraction):
    if self._control:
      return tf.exp(tf.convert_to_tensor(self._control.log_temperature))
    config = self.config
    return config.max_temperature * (config.min_temperature / config.max_temperature) ** phase_fraction


# See `tf_textgan.published`; docs/algorithms.md has the table.
PUBLISHED = {
  "task": published.Setting("strings of 12 characters from a small grammar", None, "any corpus"),
  "mle_learning_rate": published.Setting("no pretraining", None, "--mle_steps 0 for none"),
  "generator_learning_rate": published.Setting(published.UNCHECKED, None),
  "discriminator_learning_rate": published.Setting(published.UNCHECKED, None),
  "clip_norm": published.Setting(note="as in the other algorithms"),
  **published.OUR_GENERATOR,
  "generator_latent_size": published.Setting("the LSTM's initial state", None, "through a linear map and tanh"),
  "discriminator_embedding_size": published.Setting(published.UNCHECKED, None),
  "discriminator_hidden_size": published.Setting(published.UNCHECKED, None),
  "discriminator_dropout": published.Setting(published.UNCHECKED, None),
  "objective": published.Setting("saturating", None, "its gradient fades where D is sure"),
  "estimator": published.Setting("gumbel_softmax", None),
  "control_learning_rate": published.Setting(note="for rebar and relax, which the paper has not"),
  "max_temperature": published.Setting("large", None, "ours"),
  "min_temperature": published.Setting("small", None, "falls geometrically"),
  "discriminator_steps_per_round": published.Setting(published.UNCHECKED, None),
}
