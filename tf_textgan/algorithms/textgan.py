"""TextGAN: the generator matches the discriminator's features of real text, through soft samples; the discriminator also recovers z.

Zhang et al., "Adversarial Feature Matching for Text Generation", https://arxiv.org/abs/1706.03850; code
https://github.com/dreasysnail/textGAN_public.

With soft samples y = G(z), y_t = softmax(L logits_t), features h of the discriminator and a network R that recovers z from them:

  discriminator: minimise -log D(x) - log(1 - D(y)) + lambda_r |R(h(y)) - z|^2 - lambda_m MMD^2(h(y), h(x));
  generator:     minimise MMD^2(h(y), h(x)), or the distance of the means of the features, + weight * -log D(y).
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
from tf_textgan.layers import feedforward
from tf_textgan.losses import adversarial
from tf_textgan.losses import matching
from tf_textgan.sampling import noise

# Distance of the seeds of R from those of the networks.
_RECOVERY_SEED = 7_000


@dataclasses.dataclass(frozen=True)
class Config(soft_argmax.Config):
  """The settings of the paper's first code, in Theano."""

  # Adam's learning rate for the generator.
  generator_learning_rate: float = 5e-5
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 1e-4
  # Factor of the logits in the soft samples (L): the larger, the nearer to tokens, and the smaller the gradient.
  inverse_temperature: float = 1000.0
  # What the generator matches of the features: "mmd", their distribution, or "mean", their mean.
  matching: Literal["mmd", "mean"] = "mmd"
  # Deviation of the kernel that compares features; 0 for the median distance between those of real text.
  kernel_deviation: float = 20.0
  # Weight of -log D(y) in the generator's loss; 0 follows the discriminator through its features alone.
  adversarial_weight: float = 1.0
  # Weight of the recovery of z in the discriminator's loss (lambda_r).
  recovery_weight: float = 0.001
  # Weight of the discrepancy of the features, which the discriminator enlarges (lambda_m).
  matching_weight: float = 0.001
  # Numbers in the hidden layer of the network that recovers z.
  recovery_size: int = 900
  # Discriminator steps for each generator step.
  discriminator_steps_per_round: int = 1

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 0, "kernel_deviation", "adversarial_weight", "recovery_weight", "matching_weight")
    checks.sizes(self, "recovery_size")
    checks.at_least(self, 1, "discriminator_steps_per_round")


GENERATOR = ("autoencoder", autoencoder.Config(hidden_size=500, latent_size=900, code="gaussian", prior="normal"))
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config(embedding_size=300, widths=(3, 4, 5), filters=(300, 300, 300), dropout=0.0, output_l2=0.0))
# The kind of generator it trains.
GENERATOR_KIND = autoencoder.Generator
# The ability that the discriminator needs: features are matched.
DISCRIMINATOR_KIND = discriminator_base.Features


class Algorithm(soft_argmax.Algorithm):
  """See the module."""

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    size, latent_size = self.discriminator.score.kernel.shape[0], self.generator.latent_size
    self.modules["recovery"] = feedforward.Perceptron(
      size, (config.recovery_size,), latent_size, _RECOVERY_SEED + 10_000 * seed, "recovery", dtype="float32"
    )
    self.optimizers["recovery_optimizer"] = base.adam(self.modules["recovery"], config.discriminator_learning_rate)

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator to tell real text from soft samples, to recover their z, and to keep the features of both apart."""
    del phase_fraction
    config, recovery = self.config, self.modules["recovery"]
    fake = self.soft_samples(tf.shape(real.tokens)[0], noise.fold(seed, "fake"))
    with tf.GradientTape() as tape, tf.GradientTape() as recovery_tape:
      real_features = self.features(real.tokens, noise.fold(seed, "real_dropout"))
      fake_features = self.features(fake.points, noise.fold(seed, "fake_dropout"))
      real_scores, fake_scores = self.scores_of(real_features), self.scores_of(fake_features)
      loss = base.mean(adversarial.discriminator(real_scores, fake_scores))
      recovered = base.mean(tf.reduce_sum(tf.square(recovery(fake_features) - fake.latent), axis=1))
      discrepancy = self._matching(real_features, fake_features, "mmd")
      total = loss + config.recovery_weight * recovered - config.matching_weight * discrepancy + 2.0 * self.discriminator.regularization()
    norm = base.minimize(tape, total, self.discriminator, self.optimizers["discriminator_optimizer"])
    base.minimize(recovery_tape, recovered, recovery, self.optimizers["recovery_optimizer"])
    right = tf.cast(tf.concat([real_scores > 0.0, fake_scores < 0.0], axis=0), tf.float32)
    return {"loss": loss, "accuracy": base.mean(right), "recovery": recovered, "discrepancy": discrepancy, "gradient_norm": norm}

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Moves the features of soft samples to those of real text, and their scores up."""
    del phase_fraction
    config, generator = self.config, self.generator
    real_features = self.features(real.tokens)
    with tf.GradientTape() as tape:
      fake = self.soft_samples(tf.shape(real.tokens)[0], seed)
      fake_features = self.features(fake.points)
      distance = self._matching(real_features, fake_features, config.matching)
      adversarial_loss = base.mean(adversarial.non_saturating_generator(self.scores_of(fake_features)))
      loss = distance + config.adversarial_weight * adversarial_loss
    norm = base.minimize(tape, loss, generator.autoencoder, self.optimizers["generator_optimizer"], config.clip_norm)
    sharpness = soft_argmax.sharpness(fake.points)
    return {"loss": loss, "distance": distance, "adversarial_loss": adversarial_loss, "sharpness": sharpness, "gradient_norm": norm}

  def _matching(self, real_features, fake_features, kind):
    """The distance of the features of the global batch, a scalar."""
    real_features, fake_features = noise.gather_from_replicas(real_features), noise.gather_from_replicas(fake_features)
    if kind == "mean":
      return matching.mean_distance(fake_features, real_features)
    return matching.squared_mmd(fake_features, real_features, self.config.kernel_deviation or matching.median_deviation(real_features))


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("its Theano code", "its TensorFlow code")
PUBLISHED = {
  "mle_learning_rate": published.Setting(published.UNCHECKED, 1e-4),
  "divergence_weight": published.Setting(note="FM-GAN's"),
  "generator_learning_rate": published.Setting(5e-5, 1e-5),
  "discriminator_learning_rate": published.Setting(1e-4, 1e-5),
  "clip_norm": published.Setting(None, None, "as in the other algorithms"),
  "inverse_temperature": published.Setting(1000.0, 1000.0),
  "matching": published.Setting("mmd", "mean", "squared; the codes minimise the root"),
  "kernel_deviation": published.Setting(20.0, 2.0),
  "adversarial_weight": published.Setting(0.0, 0.0, "the generator also follows the discriminator's verdict"),
  "recovery_weight": published.Setting(0.001, None),
  "matching_weight": published.Setting(0.001, None),
  "recovery_size": published.Setting(900, None),
  "recovery of z": published.Setting("cross-entropy, z uniform from -1 to 1", "none", "squared error, as in the paper; z normal"),
  "generator_embedding_size": published.Setting(300, 300),
  "generator_hidden_size": published.Setting(500, 100),
  "generator_latent_size": published.Setting(900, 128),
  "generator_code": published.Setting(published.UNCHECKED, "plain", "so that normal z are codes; FM-GAN's"),
  **soft_argmax.PRIOR,
  "generator_init_range": published.Setting(note="ARAE's"),
  "decoder reads z": published.Setting("at every token", "at every token and in its initial state", "at every token"),
  "discriminator_embedding_size": published.Setting(300, 300),
  "discriminator_widths": published.Setting((3, 4, 5), (5, 5), "of three layers with strides in the TensorFlow code"),
  "discriminator_filters": published.Setting((300, 300, 300), (300, 600), "of three layers with strides in the TensorFlow code"),
  "discriminator_dropout": published.Setting(0.0, 0.0),
  "discriminator_output_l2": published.Setting(0.0, 0.0),
  "discriminator after its features": published.Setting(
    "a hidden layer of 200", "a hidden layer of 300", "none; `cnn_highway`'s highway layer before them"
  ),
  "batch_size": published.Setting(256, 256, "`--batch_size 256`; in recipes/"),
  "discriminator_steps_per_round": published.Setting(1, "one for 10 of the generator"),
  "mle_steps": published.Setting(published.UNCHECKED, published.UNCHECKED, published.SHORT),
  "discriminator_steps": published.Setting("pretrained to tell permuted sentences", None, "as later; short by default"),
  "adversarial_steps": published.Setting("16 epochs", "100 epochs", published.SHORT),
}
