"""MMD: the distance of samples to real text in the features of a frozen model is the adversary; no network is trained against the generator.

"Representation-Space MMD for Diffusion Language Models", https://arxiv.org/abs/2610.06648, and its code, https://github.com/yandex-research/dlm-mmd.

With h_i^x the features of sequence x at its m tokens, k(a, b) = exp(-alpha |a - b|^2) and K(x, y) the mean of k(h_i^x, h_j^y) over i and j, a
candidate of B samples x_1..x_B earns

  R = 2 / B sum_b mean_real K(real, x_b) - 1 / (B (B - 1)) sum_{b != b'} K(x_b, x_b'),

which estimates a constant minus MMD^2 without bias; the loss is -sum_g (R_g - mean of the other candidates' R) log G(x_1..x_B of candidate g).
"""

from collections.abc import Callable
from collections.abc import Iterable
import dataclasses
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import alone
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import discrepancy
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise

# Real points whose distances the width of the kernel is taken from, and real sequences that they are drawn from.
_POINTS = 2000
_SEQUENCES = 500
# Real sequences embedded together.
_CHUNK = 512
_OWN = "generator"

# From tokens, int32 `[B, T]`, to points, float32 `[B, M, H]`, and their weights, float32 `[B, M]`, with sum 1 for each sequence.
Features = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


@dataclasses.dataclass(frozen=True)
class Config(alone.Config):
  """The groups are the code's; the learning rates suit small networks."""

  # Frozen model whose features are compared: "generator", the generator itself at the start of the adversarial phase; run:FOLDER, the generator of
  # another run with the same vocabulary, at its best checkpoint; or a sentence encoder, named as for evaluate.py --encoder.
  features: str = _OWN
  # Candidates for each real sentence of the batch (G).
  group_size: int = 4
  # Samples in a candidate (B).
  draws: int = 2
  # Reward of a sample: that of its "candidate", as in the paper, or what depends on the "sequence" itself, which has the same mean and less variance.
  credit: Literal["candidate", "sequence"] = "candidate"
  # Squared distance at which the kernel is 1/e, in medians of the squared distances of real features. Below 1 it tells more sequences apart.
  kernel_scale: float = 1.0
  # Real text that samples are compared with: the "batch", or "all" of the training text, embedded once, by an approximation of the kernel.
  real_side: Literal["batch", "all"] = "batch"
  # With all of the training text: random frequencies of the approximation, whose error falls with their square root.
  frequencies: int = 1024

  def __post_init__(self):
    super().__post_init__()
    checks.path(self, "features")
    checks.at_least(self, 1, "group_size")
    checks.at_least(self, 2, "draws")
    checks.above_zero(self, "kernel_scale")
    checks.sizes(self, "frequencies")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = None
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(alone.Algorithm):
  """See the module.

  Attributes:
    features: the frozen features, see `Features`.
  """

  rewarded = True

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    self.features: Features = self._own_features
    if config.features == _OWN:
      self.modules["feature_model"] = self.generator.clone()
    self.modules["kernel"] = Kernel(config.frequencies if config.real_side == "all" else 0)

  @property
  def external_features(self) -> str:
    return "" if self.config.features == _OWN else self.config.features

  def begin(self, update: str) -> None:
    super().begin(update)
    if update == "generator":
      if not self.external_features:
        base.copy_weights(self.generator, [self.modules["feature_model"]])
      if self.training_data is not None:
        self.measure(self.training_data.tokens)

  def resume(self, begun: Iterable[str]) -> None:
    kernel = self.modules["kernel"]
    if "generator" in begun and self.external_features and not np.allclose(self._probe(), kernel.probe, rtol=1e-3, atol=1e-5):
      raise errors.UserError(
        f"--features {self.external_features} gives other features than when the run began; restore it as it was, or begin another run in a new "
        "--workdir"
      )

  def _probe(self):
    """The mean and the mean square of the features of some fixed sequences, by which a model is known again: float32 `[2]`."""
    spec = self.generator.spec
    points, _ = self.features(tf.reshape((tf.range(4 * spec.length) + 4) % spec.vocab_size, [4, spec.length]))
    return np.array([np.mean(points), np.mean(np.square(points))], np.float32)

  def measure(self, tokens: np.ndarray) -> None:
    """Sets the width of the kernel and, if it is to be used, the mean embedding of all real sequences, int32 `[N, T]`."""
    kernel, features = self.modules["kernel"], tf.function(self.features, autograph=False, reduce_retracing=True)
    kernel.probe.assign(self._probe())
    random = np.random.default_rng(self.seed)
    points, weights = features(tf.constant(tokens[random.permutation(len(tokens))[:_SEQUENCES]]))
    points = points.numpy()[weights.numpy() > 0.0]
    if len(points) < 2:
      raise errors.UserError("--algorithm mmd compares features of real sentences, but the training text has only one; expected more text")
    # The median heuristic: the code's alpha is for its own features.
    median = discrepancy.median_squared_distance(tf.constant(random.permutation(points)[:_POINTS]))
    kernel.scale.assign(self.config.kernel_scale * median)
    if self.config.real_side == "all":
      embed = tf.function(lambda tokens: tf.reduce_sum(self._embeddings(*self.features(tokens)), axis=0), autograph=False, reduce_retracing=True)
      total = tf.add_n([embed(tf.constant(tokens[first : first + _CHUNK])) for first in range(0, len(tokens), _CHUNK)])
      kernel.mean_embedding.assign(total / len(tokens))

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    return scores

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Lowers the discrepancy of samples from real text by REINFORCE with a leave-one-out baseline."""
    del phase_fraction
    config, generator = self.config, self.generator
    samples = generator.sample(tf.shape(real.tokens)[0] * (config.group_size * config.draws), seed)
    rewards, squared = self.witness(samples.tokens, real.tokens)
    rewards = self.reward(samples.tokens, rewards)
    advantages = self._minus_other_candidates(rewards)
    mask = generator.spec.mask(samples.tokens)
    loss, gradients = self._policy_gradient(samples, advantages[:, None] * mask)
    norm = base.descend(gradients, self.optimizers["generator_optimizer"], config.clip_norm)
    return {
      "loss": loss,
      "reward": base.mean(rewards),
      "squared_discrepancy": squared,
      "entropy": base.mean(-samples.log_probs, mask),
      "gradient_norm": norm,
    }

  def _policy_gradient(self, samples, returns):
    """The loss and its gradients, from as many samples at a time as there are real sentences, in the memory of a maximum-likelihood step."""
    generator, parts = self.generator, self.config.group_size * self.config.draws
    tokens, latent, returns = (tf.reshape(x, tf.concat([[parts, -1], tf.shape(x)[1:]], axis=0)) for x in (samples.tokens, samples.latent, returns))
    tokens, latent = (tf.ensure_shape(x, [parts, None, *y.shape[1:]]) for x, y in ((tokens, samples.tokens), (latent, samples.latent)))

    def add(i, total, sums):
      with tf.GradientTape() as tape:
        log_probs = generator.log_probs(tokens[i], latent[i])
        # Summed over time, averaged over the samples: the gradient of MMD^2. The code divides by the number of tokens, the same but for Adam's
        # epsilon.
        loss = base.mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, returns[i]), axis=1)) / parts
      return i + 1, total + loss, [x + y for x, y in zip(sums, base.gradients_of(tape, loss, generator))]

    start = (tf.constant(0), tf.constant(0.0), [tf.zeros(variable.shape) for variable in generator.trainable_variables])
    # No parallel iterations: they would need the memory that the parts save.
    return tf.while_loop(lambda i, *_: i < parts, add, start, parallel_iterations=1)[1:]

  def witness(self, tokens: tf.Tensor, real: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Rewards samples.

    Args:
      tokens: int32 `[F, T]`, adjacent rows being candidates of `draws` samples.
      real: int32 `[N, T]`.

    Returns:
      Rewards, float32 `[F]`: B times the candidate's, or 2 mean_real K(real, x_b) - 2 / (B - 1) sum_{b' != b} K(x_b, x_b'). In both cases the mean of
      reward times gradient of log G is minus the gradient of MMD^2. And this replica's share of an estimate of MMD^2, a scalar.
    """
    draws = self.config.draws
    points, weights = self.features(tokens)
    if self.config.real_side == "all":
      embedded, mean = self._embeddings(points, weights), tf.convert_to_tensor(self.modules["kernel"].mean_embedding)
      grouped = tf.reshape(embedded, [-1, draws, embedded.shape[1]])
      beside = (tf.reduce_sum(grouped, axis=1, keepdims=True) - grouped) / (draws - 1.0)
      cross, within = tf.linalg.matvec(embedded, mean), tf.reshape(tf.reduce_sum(grouped * beside, axis=2), [-1])
      constant = tf.reduce_sum(tf.square(mean))
    else:
      scale = tf.convert_to_tensor(self.modules["kernel"].scale)
      # A departure: all real sentences of the batch for every sample. The paper's samples are answers to one masked sentence and compared with it.
      others, other_weights = (noise.gather_from_replicas(x) for x in self.features(real))
      cross = discrepancy.mean_kernel(points, weights, others, other_weights, scale)
      # A departure: tokens at the same position count as all others. The code leaves them out here, and not above: no MMD then.
      grouped = [tf.reshape(x, tf.concat([[-1, draws], tf.shape(x)[1:]], axis=0)) for x in (points, weights)]
      grouped[0] = tf.ensure_shape(grouped[0], [None, draws, *points.shape[1:]])
      within = tf.reshape(discrepancy.mean_kernel_within(*grouped, scale), [-1])
      constant = tf.reduce_mean(discrepancy.mean_kernel_within(others[None], other_weights[None], scale))
    squared = constant - 2.0 * base.mean(cross) + base.mean(within)
    rewards = 2.0 * cross - 2.0 * within
    if self.config.credit == "candidate":
      rewards = self._repeated_sums(2.0 * cross - within)
    return rewards, squared

  def _repeated_sums(self, values):
    """The sum over each candidate, for each of its samples: `[F]`."""
    return tf.repeat(tf.reduce_sum(tf.reshape(values, [-1, self.config.draws]), axis=1), self.config.draws)

  def _minus_other_candidates(self, rewards):
    """Subtracts the mean reward of all other candidates of the global batch, which do not depend on this one."""
    total = noise.sum_over_replicas(tf.reduce_sum(rewards))
    count = noise.sum_over_replicas(tf.cast(tf.size(rewards), tf.float32)) - self.config.draws
    return rewards - tf.math.divide_no_nan(total - self._repeated_sums(rewards), count)

  def _own_features(self, tokens):
    """What the frozen generator hands to its output layer after each token, with the mean for a latent."""
    model, latent = self.modules["feature_model"], tf.zeros([tf.shape(tokens)[0], self.generator.latent_size])
    return model_features(model, tokens, latent)

  def _embeddings(self, points, weights):
    # The same on all replicas, so not `noise.normal`.
    shape = [points.shape[2], self.config.frequencies]
    normal = tf.random.stateless_normal(shape, noise.fold(noise.seed(self.seed), "frequencies"))
    return discrepancy.embeddings(points, weights, normal * tf.sqrt(2.0 / tf.convert_to_tensor(self.modules["kernel"].scale)))


class Kernel(keras.layers.Layer):
  """What is measured once.

  Attributes:
    scale: squared distance at which the kernel is 1/e, scalar.
    probe: what the features are known by, `[2]`.
    mean_embedding: of all real sequences, `[2 D]`; None if D is 0.
  """

  def __init__(self, frequencies: int):
    super().__init__(name="kernel")
    self.scale = self.add_weight((), "ones", trainable=False, name="scale")
    self.probe = self.add_weight((2,), "zeros", trainable=False, name="probe")
    self.mean_embedding = self.add_weight((2 * frequencies,), "zeros", trainable=False, name="mean_embedding") if frequencies else None
    self.built = True


def model_features(model: generator_base.Autoregressive, tokens: tf.Tensor, latent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Features of a generator: the inputs of its output layer after each token, int32 `[B, T]` to `Features`."""
  # One more step: the first output has read the start token only, and the last token is to be read.
  points = model.outputs(tf.pad(tokens, [[0, 0], [0, 1]]), latent)[:, 1:]
  mask = model.spec.mask(tokens)
  return tf.cast(points, tf.float32), tf.math.divide_no_nan(mask, tf.reduce_sum(mask, axis=1, keepdims=True))


# See `tf_textgan.published`; docs/algorithms.md has the table.
PUBLISHED = {
  "model trained": published.Setting("masked diffusion models", "masked diffusion models", "writes token by token"),
  "mle_learning_rate": published.Setting(note="SeqGAN's"),
  "generator_learning_rate": published.Setting(None, 1e-4, "for a small network"),
  "clip_norm": published.Setting(None, "none", "as in the other algorithms"),
  **published.OUR_GENERATOR,
  "features": published.Setting("a middle block of the pretrained model", "block 3", "the last layer: the generator has one"),
  "group_size": published.Setting(None, 4),
  "draws": published.Setting(None, 2),
  "credit": published.Setting("candidate", "candidate"),
  "kernel alpha": published.Setting(None, 2e-5, "1 / the median squared distance of real features"),
  "kernel_scale": published.Setting(note="ours"),
  "tokens compared": published.Setting(None, "those that were masked", "all of a sentence"),
  "tokens at the same position": published.Setting(None, "left out between samples, not between sample and text", "as all others"),
  "real_side": published.Setting(None, "the masked sentence itself", "nothing is masked; every sample meets the whole batch"),
  "frequencies": published.Setting(note="ours"),
  "batch_size": published.Setting(None, "8, with 8 GPUs", "as in the other algorithms"),
  "adversarial_steps": published.Setting(None, 4000, published.SHORT),
}
