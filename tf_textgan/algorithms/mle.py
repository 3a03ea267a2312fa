"""Maximum likelihood: the language model that text GANs are pretrained with and compared to.

Minimises -log p(x) of real sequences by teacher forcing; on a labelled corpus -log p(x | c), a conditional language model.
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import likelihood
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm


@dataclasses.dataclass(frozen=True)
class Config:
  """The settings of SeqGAN's pretraining (https://arxiv.org/abs/1609.05473)."""

  # Adam's learning rate.
  mle_learning_rate: float = 1e-2
  # Largest norm of the gradient.
  clip_norm: float = 5.0
  # Weight of the squared norm of the generator's weights, added to the loss.
  weight_decay: float = 0.0
  # Decay of a moving average of the weights, with which samples are generated; 0 generates with the weights themselves.
  weight_average: float = 0.0

  def __post_init__(self):
    checks.at_least(self, 0, "mle_learning_rate", "clip_norm", "weight_decay")
    checks.share(self, "weight_average")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = None
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# It can learn pairs of a source and a target.
SOURCES = True
# It conditions on the categories of a labelled corpus.
CATEGORIES = True


class Algorithm(base.Algorithm):
  """See the module."""

  scheduled = ("mle_steps",)

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    self._learner = self.generator
    self.optimizers["mle_optimizer"] = base.adam(self._learner, config.mle_learning_rate)
    if config.weight_average:
      self.networks["generator"] = self._learner.clone()
      self.modules["learner"] = self._learner

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    return [base.Phase("mle", schedule.mle_steps, (base.Update("mle", self.mle_step),))]

  def mle_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the likelihood of a real batch."""
    del phase_fraction
    config, optimizer = self.config, self.optimizers["mle_optimizer"]
    metrics = likelihood.step(self._learner, optimizer, real, seed, config.clip_norm, config.weight_decay)
    if config.weight_average:
      # As in TensorFlow's moving average, the decay grows over the first steps, whose weights are still near the initial ones.
      steps = tf.cast(tf.convert_to_tensor(optimizer.iterations), tf.float32)
      base.move_towards(self.generator, self._learner, 1.0 - tf.minimum(config.weight_average, steps / (9.0 + steps)))
    return metrics


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("SeqGAN's pretraining", "its code")
PUBLISHED = {
  "mle_learning_rate": published.Setting(None, 1e-2),
  "clip_norm": published.Setting(None, 5.0),
  "batch_size": published.Setting(None, 64),
  **published.SEQGAN_GENERATOR,
  "mle_steps": published.Setting(None, "120 epochs: 18,720", published.SHORT),
  "weight_decay": published.Setting(None, 0.0),
  "weight_average": published.Setting(None, 0.0),
}
