"""CatGAN: RelGAN in categories, whose generator evolves: of several children of each step the fittest lives on.

Liu et al., "CatGAN: Category-aware Generative Adversarial Networks with Hierarchical Evolutionary Learning for Category Text Generation",
https://arxiv.org/abs/1911.06641.

The generator is told a category c, there is one discriminator f for all, and a sequence is compared with what f says of the other side in its own
category, r being a real and y a relaxed sample as in `relgan`:

  loss_D = -log sigmoid(f(r) - mean_c f(y)) - log sigmoid(mean_c f(r) - f(y)).

A generator step makes a child by each of several losses at each of three inverse temperatures, all from the same parent, and keeps the one of the
largest

  fitness = quality_weight * mean sigmoid(f(y) - mean_c f(r)) + diversity_weight * (-log G(y)), nats per token,

with its optimizer's slots. Without categories it is the paper's model for general text.
"""

import dataclasses
import functools
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
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

# What a child can be made by: the generator's loss, a function of real and fake scores. The average one also needs means, and is not here.
_LOSSES = {name: losses[1] for name, losses in relaxed.GAMES.items() if name != "wasserstein"}
_AVERAGE = "relativistic_average"


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The settings of the authors' code, for real text. It trains no discriminator between the phases (--discriminator_steps 0)."""

  # Adam's learning rate for the generator.
  generator_learning_rate: float = 1e-4
  # The generator's losses, each of which makes children: relativistic_average, relativistic, standard, hinge, least_squares.
  losses: tuple[str, ...] = (_AVERAGE, "relativistic")
  # Largest inverse temperature: 100 for real text, 1 for the oracle.
  max_inverse_temperature: float = 100.0
  # How the inverse temperature grows from 1; "constant" starts with the largest.
  temperature_schedule: Literal["exponential", "linear", "logarithmic", "sigmoid", "quadratic", "square_root", "constant"] = "exponential"
  # Rounds after which it is the largest; 0 takes the rounds there are.
  schedule_steps: int = 0
  # Children have the inverse temperature of the round at hand, and those of so many rounds later and earlier; 0 for that of the round alone.
  temperature_step: int = 1
  # Sequences from which a child's fitness is told, in batches.
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
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive
# It learns to write in the categories of a corpus that has some.
CATEGORIES = True


class Algorithm(pretrained.Algorithm):
  """See the module."""

  @property
  def scores_log_ratios(self):
    return False  # A score compared with an average has another optimum.

  def phases(self, schedule):
    rounds = schedule.adversarial_steps
    generator = base.Update("generator", functools.partial(self.generator_step, rounds=rounds))
    discriminator = base.Update("discriminator", functools.partial(self.discriminator_step, rounds=rounds))
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def discriminator_step(self, real, seed, phase_fraction, rounds):
    """Teaches the discriminator to tell a real batch from relaxed samples in the same categories. `rounds`: of the adversarial phase."""
    config = self.config
    tokens, categories = real
    # The round's own inverse temperature: the code takes the fittest child's, which is at most a round off, and the samples of its evaluation.
    inverse_temperature = self._inverse_temperatures(phase_fraction, rounds)[0]
    fake = self._sample(tf.shape(tokens)[0], noise.fold(seed, "fake"), inverse_temperature, categories).points
    groups = self._groups(tokens, categories)
    with tf.GradientTape() as tape:
      real_scores = self.discriminator(tokens, seed=noise.fold(seed, "real_dropout"))
      fake_scores = self.discriminator(fake, seed=noise.fold(seed, "fake_dropout"))
      real_means, fake_means = _group_means(real_scores, groups), _group_means(fake_scores, groups)
      # The mean over the batch; the code has a batch for each category, and sums.
      loss = base.mean(adversarial.relativistic_average_discriminator(real_scores, fake_scores, real_means, fake_means))
      # Not in the paper. The loss does not depend on what is added to all scores: the gradient of that is rounding errors, of which Adam makes steps.
      total = loss + self.discriminator.regularization() + base.centring(real_scores, fake_scores)
    norm = base.minimize(tape, total, self.discriminator, self.optimizers["discriminator_optimizer"], config.clip_norm)
    # Of a score that is only compared, zero means nothing.
    accuracy = base.mean(adversarial.accuracy(real_scores - fake_means, fake_scores - real_means))
    return {"loss": loss, "accuracy": accuracy, "gradient_norm": norm}

  def generator_step(self, real, seed, phase_fraction, rounds):
    """Makes the generator the fittest of its children. `rounds`: as in `discriminator_step`."""
    config, optimizer = self.config, self.optimizers["generator_optimizer"]
    tokens, categories = real
    num, groups = tf.shape(tokens)[0], self._groups(tokens, categories)
    real_scores = discriminator_base.view_scores(self.discriminator, tokens, seed=noise.fold(seed, "real_dropout"))
    # The judge of the children leaves nothing out; the code's does.
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
      # All children are judged by the same noise.
      quality, diversity = self._judge(num, standard, categories, noise.fold(seed, "evaluation"), inverse_temperature)
      metrics = {"loss": loss, "quality": quality, "entropy": diversity, "inverse_temperature": inverse_temperature, "gradient_norm": norm}
      # How often each loss made the fittest child.
      metrics |= {f"chose_{name}": tf.cast(tf.equal(by, place), tf.float32) for place, name in enumerate(names)}
      fitness = config.quality_weight * quality + config.diversity_weight * diversity
      child = fitness, metrics, [tf.convert_to_tensor(variable) for variable in variables]
      return i + 1, tf.nest.map_structure(functools.partial(tf.where, fitness > fittest[0]), child, fittest)

    none_yet = {name: tf.constant(float("nan")) for name in ("loss", "quality", "entropy", "inverse_temperature", "gradient_norm")}
    none_yet |= {f"chose_{name}": tf.constant(float("nan")) for name in names}
    children = 0, (tf.constant(-float("inf")), none_yet, parent)
    if noise.num_replicas() == 1:
      children = tf.while_loop(lambda i, _: i < len(names) * num_temperatures, add_child, children, parallel_iterations=1)
    else:  # In a loop of the graph's, replicas cannot add up their gradients.
      for _ in range(len(names) * num_temperatures):
        children = add_child(*children)
    _, metrics, fittest = children[1]
    base.assign(variables, fittest)
    return metrics

  def _judge(self, num, standard, categories, seed, inverse_temperature):
    """The generator's quality and diversity, scalars, from `evaluation_batches` samples for each of `num` categories; standard: float `[num]`."""
    repeats = self.config.evaluation_batches
    categories = None if categories is None else tf.repeat(categories, repeats)
    samples = self._sample(num * repeats, seed, inverse_temperature, categories)
    scores = self.discriminator(samples.points)
    # The mean, which does not depend on how many there are. The code sums, over the views too: next to that the diversity is nothing.
    quality = base.mean(tf.sigmoid(scores - tf.repeat(standard, repeats)))
    return quality, base.mean(-samples.log_probs, self.generator.spec.mask(samples.tokens))

  def _sample(self, num, seed, inverse_temperature, categories):
    return self.generator.sample(num, seed, pickers.GumbelSoftmax(1.0 / inverse_temperature), context=categories)

  def _inverse_temperatures(self, phase_fraction, rounds):
    """That of the round at hand, then those it may change to; the code also draws the schedule, from a list of one."""
    config = self.config
    total = max(config.schedule_steps or rounds, 2)
    n, step = phase_fraction * rounds, float(config.temperature_step)
    turns = [n, n + step, tf.maximum(n - step, 0.0)] if step else [n]
    return [relaxed.inverse_temperature(turn, total, config.max_inverse_temperature, config.temperature_schedule) for turn in turns]

  def _groups(self, tokens, categories):
    """One-hot categories `[B, C]`; without categories all are in one."""
    if categories is None:
      return tf.ones([tf.shape(tokens)[0], 1])
    return tf.one_hot(categories, len(self.generator.spec.categories))


def _group_means(scores, groups):
  """For each of the scores `[B]` the mean of those of its group, over the global batch; groups: one-hot float `[B, C]`."""
  sums = noise.average_over_replicas(tf.linalg.matvec(groups, scores, transpose_a=True))
  counts = noise.average_over_replicas(tf.reduce_sum(groups, axis=0))
  return tf.linalg.matvec(groups, tf.math.divide_no_nan(sums, counts))


def _generator_loss(name, real_scores, fake_scores, groups):
  """The loss called `name` of scores `[B]` or `[B, R]`: float, one for each, or of their mean over the views, as the code has it, `[B]`."""
  if name != _AVERAGE:
    return _LOSSES[name](real_scores, fake_scores)
  real_scores, fake_scores = (tf.reduce_mean(x, axis=1) if x.shape.rank == 2 else x for x in (real_scores, fake_scores))
  means = _group_means(real_scores, groups), _group_means(fake_scores, groups)
  return adversarial.relativistic_average_generator(real_scores, fake_scores, *means)
