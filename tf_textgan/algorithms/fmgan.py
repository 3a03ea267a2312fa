"""FM-GAN: optimal transport between the discriminator's features of soft samples and of real text, the feature-mover's distance.

Chen et al., "Adversarial Text Generation via Feature-Mover's Distance", https://arxiv.org/abs/1809.06297; code https://github.com/vijini/FM-GAN.

With soft samples y = G(z), y_t = softmax(L logits_t), features h of the discriminator, costs C_ij = 1 - cos(h(y_i), h(x_j)) and P a transport plan
between both batches,

  W(y, x) = sum_ij P_ij C_ij,   P of least cost (IPOT), or of least cost and large entropy (Sinkhorn), then 2 W(y, x) - W(y, y) - W(x, x);
  discriminator: maximise it;  generator: minimise it.
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import soft_argmax
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import autoencoder
from tf_textgan.losses import adversarial
from tf_textgan.losses import transport
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(soft_argmax.Config):
  """The settings of the paper's code for news."""

  # How the plan is found: "ipot", the optimal one by proximal point iterations, or "sinkhorn", one with entropy.
  transport: Literal["ipot", "sinkhorn"] = "ipot"
  # Strength of IPOT's proximal term (beta), or of Sinkhorn's entropy (epsilon).
  transport_strength: float = 1.0
  # Iterations of either.
  transport_iterations: int = 50
  # Discriminator steps for each generator step.
  discriminator_steps_per_round: int = 5

  def __post_init__(self):
    super().__post_init__()
    checks.above_zero(self, "transport_strength")
    checks.at_least(self, 1, "transport_iterations", "discriminator_steps_per_round")


GENERATOR = ("autoencoder", autoencoder.Config(hidden_size=100, latent_size=128, code="gaussian", prior="normal"))
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config(embedding_size=300, widths=(3, 4, 5), filters=(300, 300, 300), dropout=0.0, output_l2=0.0))
# The kind of generator it trains.
GENERATOR_KIND = autoencoder.Generator
# The ability that the discriminator needs: features are transported.
DISCRIMINATOR_KIND = discriminator_base.Features


class Algorithm(soft_argmax.Algorithm):
  """See the module."""

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Moves the features of real text and of soft samples apart."""
    del phase_fraction
    fake = self.soft_samples(tf.shape(real.tokens)[0], noise.fold(seed, "fake")).points
    with tf.GradientTape() as tape:
      real_features = self.features(real.tokens, noise.fold(seed, "real_dropout"))
      fake_features = self.features(fake, noise.fold(seed, "fake_dropout"))
      distance = self._distance(fake_features, real_features)
      # The distance does not use the output layer. It is trained as a classifier on the fixed features, for evaluation and export.
      real_scores, fake_scores = (self.scores_of(tf.stop_gradient(features)) for features in (real_features, fake_features))
      classifier_loss = base.mean(adversarial.discriminator(real_scores, fake_scores)) + 2.0 * self.discriminator.regularization()
      total = classifier_loss - distance
    norm = base.minimize(tape, total, self.discriminator, self.optimizers["discriminator_optimizer"])
    right = tf.cast(tf.concat([real_scores > 0.0, fake_scores < 0.0], axis=0), tf.float32)
    return {"distance": distance, "classifier_loss": classifier_loss, "accuracy": base.mean(right), "gradient_norm": norm}

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Moves the features of soft samples to those of real text."""
    del phase_fraction
    real_features = self.features(real.tokens)
    with tf.GradientTape() as tape:
      fake = self.soft_samples(tf.shape(real.tokens)[0], seed).points
      distance = self._distance(self.features(fake), real_features)
    norm = base.minimize(tape, distance, self.generator.autoencoder, self.optimizers["generator_optimizer"], self.config.clip_norm)
    return {"distance": distance, "sharpness": soft_argmax.sharpness(fake), "gradient_norm": norm}

  def _distance(self, fake_features, real_features):
    """The feature-mover's distance of the global batch, a scalar."""
    fake, real = noise.gather_from_replicas(fake_features), noise.gather_from_replicas(real_features)
    plan, config = getattr(transport, self.config.transport), self.config

    def cost(first, second):
      costs = transport.cosine_costs(first, second)
      return transport.cost(costs, plan(costs, config.transport_strength, config.transport_iterations))

    if config.transport == "ipot":
      return cost(fake, real)
    # A plan with entropy has a cost between equal samples too, which is taken off.
    return 2.0 * cost(fake, real) - cost(fake, fake) - cost(real, real)


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("its code, news", "its code, captions")
PUBLISHED = {
  "mle_learning_rate": published.Setting(1e-4, 1e-4),
  "divergence_weight": published.Setting(1.0, 1.0),
  "generator_learning_rate": published.Setting(1e-5, 1e-5, "without the decay by .99 in 3,000 steps"),
  "discriminator_learning_rate": published.Setting(1e-5, 1e-5, "without the decay by .99 in 3,000 steps"),
  "clip_norm": published.Setting(None, None, "as in the other algorithms"),
  "inverse_temperature": published.Setting(100.0, 100.0),
  "transport": published.Setting("ipot", "sinkhorn"),
  "transport_strength": published.Setting(1.0, 1.0),
  "transport_iterations": published.Setting(50, 40),
  "gradient of the plan": published.Setting("through all iterations", "through all iterations", "none: at the optimum it adds nothing"),
  "generator_embedding_size": published.Setting(300, 300),
  "generator_hidden_size": published.Setting(100, 100),
  "generator_latent_size": published.Setting(128, 128),
  "generator_code": published.Setting("gaussian", "gaussian"),
  **soft_argmax.PRIOR,
  "generator_init_range": published.Setting(note="ARAE's"),
  "encoding network": published.Setting("three layers of convolutions", "three layers of convolutions", "an LSTM"),
  "decoder reads z": published.Setting("at every token and in its initial state", "at every token and in its initial state", "at every token"),
  "soft samples": published.Setting("the most probable token is fed back", "the most probable token is fed back", "the soft sample is fed back"),
  "discriminator_embedding_size": published.Setting(300, 300),
  "discriminator_widths": published.Setting("three layers of width 5", "three layers of width 5", "TextGAN's"),
  "discriminator_filters": published.Setting("300, 600, 128", "300, 600, 128", "TextGAN's"),
  "discriminator_dropout": published.Setting(0.0, 0.0),
  "discriminator_output_l2": published.Setting(0.0, 0.0),
  "batch_size": published.Setting(1000, 320, "`--batch_size 320`; in recipes/"),
  "discriminator_steps_per_round": published.Setting(5, "one for 3 of the generator"),
  "mle_steps": published.Setting("100 epochs", "100 epochs", published.SHORT),
  "discriminator_steps": published.Setting(0, 0, "--discriminator_steps 0 for the paper's"),
  "adversarial_steps": published.Setting(published.UNCHECKED, "60 epochs", published.SHORT),
}
