"""CatGAN: RelGAN with categories and an evolving generator, which keeps the fittest of several children of each step.

Liu et al., "CatGAN: Category-aware Generative Adversarial Networks with Hierarchical Evolutionary Learning for Category Text Generation",
https://arxiv.org/abs/1911.06641.

The generator is conditioned on a category c. One discriminator f serves all categories: it compares a sequence with the mean score of the other
side in the same category, where r is a real and y a relaxed sample as in `relgan`:

  loss_D = -log sigmoid(f(r) - mean_c f(y)) - log sigmoid(mean_c f(r) - f(y)).

A generator step makes one child for each of several losses and each of three inverse temperatures, all from the same parent, and keeps the child
with the largest fitness, together with its optimizer's slots:

  fitness = quality_weight * mean sigmoid(f(y) - mean_c f(r)) + diversity_weight * (-log G(y)), nats per token.

Without categories it is the paper's model for general text.
"""

import dataclasses
import functools
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import relaxed
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import multi_representation
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import relational_memory
from tf_textgan.losses import adversarial
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

# Losses that can make a child, functions of real and fake scores. The average loss is not among them, because it also needs means.
_LOSSES = {name: losses[1] for name, losses in relaxed.GAMES.items() if name != "wasserstein"}
_AVERAGE = "relativistic_average"


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The settings of the authors' code for real text, which has no phase for the discriminator alone (--discriminator_steps 0)."""

  # Adam's learning rate for the generator.
  generator_learning_rate: float = 1e-4
  # Losses that make children, one or several of relativistic_average, relativistic, standard, hinge, least_squares.
  losses: tuple[str, ...] = (_AVERAGE, "relativistic")
  # Largest inverse temperature: 100 for real text, 1 for the oracle.
  max_inverse_temperature: float = 100.0
  # Growth of the inverse temperature from 1; "constant" starts with the largest.
  temperature_schedule: Literal["exponential", "linear", "logarithmic", "sigmoid", "quadratic", "square_root", "constant"] = "exponential"
  # Rounds until the largest inverse temperature. The code has 5000 and stops at 2000; 0 for all rounds of the adversarial phase.
  schedule_steps: int = 5000
  # Children also try the inverse temperatures scheduled this many rounds later and earlier; 0 for the current round's alone.
  temperature_step: int = 1
  # Batches of samples from which a child's fitness is estimated.
  evaluation_batches: int = 8
  # Weight of the quality in the fitness.
  quality_weight: float = 1.0
  # Weight of the diversity in the fitness.
  diversity_weight: float = 1e-3
  # Discriminator steps for each generator step.
  discriminator_steps_per_round: int = 3

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 0, "schedule_steps", "temperature_step", "quality_weight", "diversity_weight")
    checks.above_zero(self, "max_inverse_temperature")
    checks.at_least(self, 1, "evaluation_batches", "discriminator_steps_per_round")
    known = (_AVERAGE, *_LOSSES)
    if not self.losses or len(set(self.losses)) < len(self.losses) or not set(self.losses) <= set(known):
      raise errors.UserError(f"losses must be one or several different ones of {', '.join(known)}, not {', '.join(self.losses) or 'none'}")


GENERATOR = ("relational_memory", relational_memory.Config(head_size=512))
DISCRIMINATOR = ("multi_representation", multi_representation.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# It conditions on the categories of a labelled corpus.
CATEGORIES = True


class Algorithm(pretrained.Algorithm):
  """See the module."""

  @property
  def scores_log_ratios(self) -> bool:
    return False  # Scores compared with averages have another optimum.

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    rounds = schedule.adversarial_steps
    generator = base.Update("generator", functools.partial(self.generator_step, rounds=rounds))
    discriminator = base.Update("discriminator", functools.partial(self.discriminator_step, rounds=rounds))
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor, rounds: int) -> base.Metrics:
    """Trains the discriminator on a real batch and relaxed samples in the same categories. `rounds`: length of the adversarial phase."""
    config = self.config
    tokens, categories = real
    # The scheduled inverse temperature. The code takes the fittest child's, which is at most one step off, and reuses its evaluation samples.
    inverse_temperature = self._inverse_temperatures(phase_fraction, rounds)[0]
    fake = self._sample(tf.shape(tokens)[0], noise.fold(seed, "fake"), inverse_temperature, categories).points
    groups = self._groups(tokens, categories)
    with tf.GradientTape() as tape:
      real_scores = self.discriminator(tokens, seed=noise.fold(seed, "real_dropout"))
      fake_scores = self.discriminator(fake, seed=noise.fold(seed, "fake_dropout"))
      real_means, fake_means = _group_means(real_scores, groups), _group_means(fake_scores, groups)
      # The mean over the batch; the code has a batch for each category and sums over categories.
      loss = base.mean(adversarial.relativistic_average_discriminator(real_scores, fake_scores, real_means, fake_means))
      # Not in the paper: the loss ignores a constant added to all scores, whose gradient is rounding errors, which Adam scales up to full steps.
      total = loss + 2.0 * self.discriminator.regularization() + base.centring(real_scores, fake_scores)
    norm = base.minimize(tape, total, self.discriminator, self.optimizers["discriminator_optimizer"], config.clip_norm)
    # Scores are only compared, so their sign has no meaning.
    accuracy = base.mean(adversarial.accuracy(real_scores - fake_means, fake_scores - real_means))
    return {"loss": loss, "accuracy": accuracy, "gradient_norm": norm}

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor, rounds: int) -> base.Metrics:
    """Replaces the generator by its fittest child. `rounds`: as in `discriminator_step`."""
    config, optimizer = self.config, self.optimizers["generator_optimizer"]
    tokens, categories = real
    num, groups = tf.shape(tokens)[0], self._groups(tokens, categories)
    real_scores = discriminator_base.view_scores(self.discriminator, tokens, seed=noise.fold(seed, "real_dropout"))
    # The fitness is measured without dropout; the code has dropout.
    standard = _group_means(self.discriminator(tokens), groups)
    inverse_temperatures = self._inverse_temperatures(phase_fraction, rounds)
    num_temperatures, names = len(inverse_temperatures), config.losses
    variables = [*self.generator.trainable_variables, *optimizer.variables]
    parent = [tf.convert_to_tensor(variable) for variable in variables]

    def add_child(i, fittest):
      base.assign(variables, parent)
      inverse_temperature, by = tf.stack(inverse_temperatures)[i % num_temperatures], i // num_temperatures
      samples = self._sample(num, seed, inverse_temperature, categories)
      with tf.GradientTape() as tape:
        points = relaxed.points_of_tokens(self.generator, samples, inverse_temperature)
        fake_scores = discriminator_base.view_scores(self.discriminator, points, seed=noise.fold(seed, "dropout"))
        loss = tf.stack([base.mean(_generator_loss(name, real_scores, fake_scores, groups)) for name in names])[by]
      norm = base.minimize(tape, loss, self.generator, optimizer, config.clip_norm)
      # All children are evaluated with the same noise.
      quality, diversity = self._evaluate(num, standard, categories, noise.fold(seed, "evaluation"), inverse_temperature)
      metrics = {"loss": loss, "quality": quality, "entropy": diversity, "inverse_temperature": inverse_temperature, "gradient_norm": norm}
      # Averaged over rounds: how often each loss made the fittest child.
      metrics |= {f"chose_{name}": tf.cast(tf.equal(by, place), tf.float32) for place, name in enumerate(names)}
      fitness = config.quality_weight * quality + config.diversity_weight * diversity
      child = fitness, metrics, [tf.convert_to_tensor(variable) for variable in variables]
      return i + 1, tf.nest.map_structure(functools.partial(tf.where, fitness > fittest[0]), child, fittest)

    none_yet = {name: tf.constant(float("nan")) for name in ("loss", "quality", "entropy", "inverse_temperature", "gradient_norm")}
    none_yet |= {f"chose_{name}": tf.constant(float("nan")) for name in names}
    children = 0, (tf.constant(-float("inf")), none_yet, parent)
    if noise.num_replicas() == 1:
      children = tf.while_loop(lambda i, _: i < len(names) * num_temperatures, add_child, children, parallel_iterations=1)
    else:  # Inside tf.while_loop, replicas cannot sum their gradients.
      for _ in range(len(names) * num_temperatures):
        children = add_child(*children)
    _, metrics, fittest = children[1]
    base.assign(variables, fittest)
    return metrics

  def _evaluate(self, num, standard, categories, seed, inverse_temperature):
    """The generator's quality and diversity, scalars, from `evaluation_batches` samples for each row.

    Args:
      num: rows of the batch.
      standard: float `[num]`, mean score of the real sequences in each row's category.
      categories: int32 `[num]`; None without categories.
      seed: int32 `[2]`.
      inverse_temperature: float32 scalar.
    """
    repeats = self.config.evaluation_batches
    categories = None if categories is None else tf.repeat(categories, repeats)
    samples = self._sample(num * repeats, seed, inverse_temperature, categories)
    scores = self.discriminator(samples.points)
    # The mean, which does not depend on the number of samples. The code sums over samples and views, which makes the diversity negligible. The real
    # mean that all children are compared with is of this batch; in the code of `evaluation_batches`.
    quality = base.mean(tf.sigmoid(scores - tf.repeat(standard, repeats)))
    return quality, base.mean(-samples.log_probs, self.generator.spec.mask(samples.tokens))

  def _sample(self, num, seed, inverse_temperature, categories):
    return self.generator.sample(num, seed, pickers.GumbelSoftmax(1.0 / inverse_temperature), context=categories)

  def _inverse_temperatures(self, phase_fraction, rounds):
    """The scheduled inverse temperature and its alternatives. The code also draws the schedule, from a list of one."""
    config = self.config
    total = max(config.schedule_steps or rounds, 2)
    n, step = phase_fraction * rounds, float(config.temperature_step)
    # No further children where none would differ. As in the code, there is no earlier temperature in the first rounds: a child equal to another one
    # is never fitter.
    constant = config.temperature_schedule == "constant" or config.max_inverse_temperature == 1.0
    turns = [n] if constant or not step else [n, n + step, tf.where(n > step + 0.5, n - step, n)]
    return [relaxed.inverse_temperature(turn, total, config.max_inverse_temperature, config.temperature_schedule) for turn in turns]

  def _groups(self, tokens, categories):
    """One-hot categories `[B, C]`; without categories all rows form one group."""
    if categories is None:
      return tf.ones([tf.shape(tokens)[0], 1])
    return tf.one_hot(categories, len(self.generator.spec.categories))


def _group_means(scores, groups):
  """The mean score of each row's group over the global batch: scores `[B]`, one-hot groups float `[B, C]`, to `[B]`."""
  sums = noise.average_over_replicas(tf.linalg.matvec(groups, scores, transpose_a=True))
  counts = noise.average_over_replicas(tf.reduce_sum(groups, axis=0))
  return tf.linalg.matvec(groups, tf.math.divide_no_nan(sums, counts))


def _generator_loss(name, real_scores, fake_scores, groups):
  """The named loss of scores `[B]` or `[B, R]`, of the same shape. The average loss is of the mean over views, `[B]`, as in the code."""
  if name != _AVERAGE:
    return _LOSSES[name](real_scores, fake_scores)
  real_scores, fake_scores = (tf.reduce_mean(x, axis=1) if x.shape.rank == 2 else x for x in (real_scores, fake_scores))
  means = _group_means(real_scores, groups), _group_means(fake_scores, groups)
  return adversarial.relativistic_average_generator(real_scores, fake_scores, *means)


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("paper", "the authors' code")
PUBLISHED = {
  "mle_learning_rate": published.Setting(None, 1e-2),
  "generator_learning_rate": published.Setting(None, 1e-4),
  "discriminator_learning_rate": published.Setting(None, 1e-4),
  "clip_norm": published.Setting(None, 5.0),
  **{name: published.Setting(None, setting.code, setting.note) for name, setting in published.RELGAN_GENERATOR.items()},
  "generator_head_size": published.Setting(None, 512, "256 without categories in the code"),
  "generator's initial weights": published.Setting(None, "truncated normal, variance 1 / rows, biases too", "RelGAN's"),
  **{name: published.Setting(None, setting.code, setting.note) for name, setting in published.RELGAN_DISCRIMINATOR.items()},
  "discriminator's initial weights": published.Setting(None, "U(-0.05, 0.05); one matrix for highway and gate, with a bias", "RelGAN's"),
  "batch_size": published.Setting(None, "64 of each category", "of all categories"),
  "losses": published.Setting(None, ("relativistic_average", "relativistic")),
  "parents": published.Setting(None, "1", "1"),
  "max_inverse_temperature": published.Setting(None, "100 on text, 1 on the oracle", "for text"),
  "temperature_schedule": published.Setting(None, "exponential"),
  "schedule_steps": published.Setting(None, 5000),
  "temperature_step": published.Setting(None, 1, "later, and earlier from the third round on"),
  "evaluation_batches": published.Setting(None, "8 of each category, against 8 of real text", "against the round's one of real text"),
  "quality": published.Setting(None, "a sum over samples and views", "the mean"),
  "quality_weight": published.Setting(None, 1.0),
  "diversity_weight": published.Setting(None, 1e-3),
  "discriminator's samples": published.Setting(None, "those that the fittest child was judged by", "new ones at the round's own temperature"),
  "mle_steps": published.Setting(None, "150 epochs", published.SHORT),
  "discriminator_steps": published.Setting(None, 0, "--discriminator_steps 0 for the code's"),
  "adversarial_steps": published.Setting(None, 2_000, published.SHORT),
  "discriminator_steps_per_round": published.Setting(None, 3),
}
