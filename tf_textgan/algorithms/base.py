"""What an algorithm is: networks, optimizers, and a list of phases that says who is updated when."""

import abc
from collections.abc import Callable
import dataclasses
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan.sampling import noise

# Weight of the squared mean of all scores in `centring`.
_CENTRING = 1e-3


class Update(NamedTuple):
  """One kind of gradient step.

  Attributes:
    name: of the update, unique within the algorithm; it labels the update's metrics and its random numbers.
    train_step: plain function of a batch, int32 `[B, T]` (`sequences.Labelled` on a corpus with categories, if the algorithm's module has
      CATEGORIES = True), a seed, int32 `[2]`, and the progress of its phase, float32 scalar from 0 to 1; gives a dictionary of scalars.
      `training.loop` compiles and replicates it.
    repeats: how often it is made, each time on a new batch, in one round of its phase.
    compilable: whether XLA can compile it.
  """

  name: str
  train_step: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]
  repeats: int = 1
  compilable: bool = True


class Phase(NamedTuple):
  """Rounds of updates: `steps` times each of `updates` in turn."""

  name: str
  steps: int
  updates: tuple[Update, ...]


@dataclasses.dataclass(frozen=True)
class Schedule:
  """How long to train. The papers' own lengths, in hours or days, are in `recipes/`."""

  # Maximum-likelihood steps before the adversarial phase.
  mle_steps: int = 1500
  # Steps of the discriminator alone, between the two.
  discriminator_steps: int = 200
  # Adversarial rounds: one generator step and its discriminator steps.
  adversarial_steps: int = 100

  def __post_init__(self):
    checks.at_least(self, 0, "mle_steps", "discriminator_steps", "adversarial_steps")


class Algorithm(abc.ABC):
  """Base of the algorithms. A subclass builds its optimizers in `__init__` and lists them in `optimizers`.

  Attributes:
    config: the algorithm's `Config`.
    generator: see `generators.base`; the one to write with.
    discriminator: see `discriminators.base`; None if the algorithm has none.
    copies: name to what else training needs and changes, a network or a layer, such as the network that learns where `generator` is an average
      of its past.
    optimizers: name to Keras optimizer, built on the variables it updates, so that a restored checkpoint finds its slots.
  """

  def __init__(self, config, generator, discriminator):
    if discriminator is not None:
      discriminator.attach(generator)
    generator.attach(discriminator)
    self.config = config
    self.generator = generator
    self.discriminator = discriminator
    self.copies = {}
    self.optimizers = {}

  @abc.abstractmethod
  def phases(self, schedule):
    """The phases of a `Schedule`, in order: a list of `Phase`."""

  def begin(self, update):
    """Prepares for an update, named, that is about to be made for the first time: `training.loop` calls it, outside of any replica."""
    if update == "discriminator" and not self.discriminator.begun:
      self.discriminator.begin()

  @property
  def scores_log_ratios(self):
    """Whether the discriminator is trained such that `log_ratio` is what it says, as logistic and relativistic losses do; a critic's score is not."""
    return self.discriminator is not None

  def log_ratio(self, tokens):
    """The discriminator's estimate of log p(x) - log G(x), where p is the real distribution: int32 `[B, T]` to float32 `[B]`, nats, up to a constant.

    It is of the generator as it was trained against: one that has moved since, or another one, makes it a mere preference.
    """
    if self.prefix_log_ratio:
      return self.prefix_log_ratio(tokens, tokens.shape[1])
    return self.discriminator(tokens)

  @property
  def prefix_log_ratio(self):
    """Function of tokens, int32 `[B, T]`, and of how many of each row are known, giving `log_ratio` of these prefixes; None where none is learned."""
    return self._prefix_score if self.discriminator is not None and self.discriminator.per_prefix else None

  def _prefix_score(self, tokens, count):
    """The last token's score: a token is judged with all before it, so its score is the log-ratio of the prefix that it ends."""
    known = tf.minimum(tf.cast(tf.reduce_sum(self.discriminator.spec.mask(tokens), axis=1), tf.int32), count)
    return tf.gather(self.discriminator.token_scores(tokens), known - 1, batch_dims=1)

  def variables(self):
    """Everything a checkpoint holds: unique name to variable."""
    holders = {"generator": self.generator, "discriminator": self.discriminator, **self.copies, **self.optimizers}
    return {name: variable for holder_name, holder in holders.items() if holder for name, variable in variables_of(holder, holder_name).items()}


def variables_of(holder, name):
  """What a checkpoint holds of a network or an optimizer that goes by a name: unique name to variable."""
  # The variable's name rather than its path: Keras numbers the layers and optimizers in a path by what the process has made before.
  return {f"{name}/{i}/{variable.name}": variable for i, variable in enumerate(holder.variables)}


def usual_phases(schedule, mle_step, discriminator, generator, discriminator_steps_per_round):
  """The phases that most papers have: maximum likelihood, the discriminator alone, then rounds of both.

  Args:
    schedule: `Schedule`.
    mle_step: the train step of the first phase.
    discriminator: `Update`, made once in each step of the second phase.
    generator: `Update`, made once in each round of the third, before the discriminator's.
    discriminator_steps_per_round: how often the discriminator's is then made.
  """
  rounds = (generator, discriminator._replace(repeats=discriminator_steps_per_round))
  return [
    Phase("mle", schedule.mle_steps, (Update("mle", mle_step),)),
    Phase("discriminator", schedule.discriminator_steps, (discriminator,)),
    Phase("adversarial", schedule.adversarial_steps, rounds),
  ]


def adam(network, learning_rate, beta_1=0.9, beta_2=0.999):
  """An Adam optimizer with its slots built for a network; epsilon is TensorFlow 1's, with which most of the papers were run."""
  optimizer = keras.optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=1e-8)
  optimizer.build(network.trainable_variables)
  return optimizer


def mean(values, mask=None):
  """The mean over the global batch, as a scalar whose average over the replicas it is.

  Args:
    values: float `[B]` or `[B, T]`.
    mask: same shape; values it marks with 0 do not count. Where none does, the mean is 0.
  """
  if mask is None:
    return tf.reduce_mean(values)
  # Replicas may hold different numbers of tokens: all divide by the same.
  count = noise.average_over_replicas(tf.reduce_sum(mask))
  return tf.math.divide_no_nan(tf.reduce_sum(values * mask), count)


def minimize(tape, loss, network, optimizer, clip_norm=None):
  """Updates a network to lower a loss.

  Args:
    tape: GradientTape that recorded the loss.
    loss: scalar, averaged over this replica's examples (see `mean`).
    network: Keras model.
    optimizer: built on the network's trainable variables.
    clip_norm: largest global norm of the gradient, which is scaled down to it; None for no limit.

  Returns:
    The gradient's norm before clipping, a scalar.
  """
  variables = network.trainable_variables
  # Zero for what the loss does not depend on; the tape's own option for that does not know Keras variables.
  gradients = [tf.zeros(v.shape, v.dtype) if g is None else tf.convert_to_tensor(g) for g, v in zip(tape.gradient(loss, variables), variables)]
  gradients = [noise.average_over_replicas(g) for g in gradients]
  norm = tf.linalg.global_norm(gradients)
  if clip_norm:
    gradients, _ = tf.clip_by_global_norm(gradients, clip_norm, use_norm=norm)
  replicas = noise.num_replicas()
  if replicas > 1:
    # Clipping needs the whole batch's gradient, so it is averaged here; Keras then sums it over the replicas once more.
    gradients = [g / replicas for g in gradients]
  optimizer.apply(gradients)
  return norm


def tell_apart(discriminator, real, fake, seed):
  """How well a discriminator tells a real batch from as many samples.

  Args:
    discriminator: see `discriminators.base`; each of its `verdicts` counts.
    real: int32 `[B, T]`.
    fake: int32 `[B, T]`.
    seed: int32 `[2]`, for the dropout.

  Returns:
    Scalars, means over the verdicts: the cross-entropy (nats; log 2 at chance) and the accuracy.
  """
  # One pass for both. A real row and a sampled one lie side by side, so that a replica's rows are a block of the whole batch's.
  pairs = tf.reshape(tf.stack([real, fake], axis=1), [-1, real.shape[1]])
  scores, weights = discriminator.verdicts(pairs, noise.fold(seed, "dropout"))
  scores *= tf.tile([[1.0], [-1.0]], [tf.shape(real)[0], 1])
  return mean(tf.nn.softplus(-scores), weights), mean(tf.cast(scores > 0.0, tf.float32), weights)


def centring(real_scores, fake_scores):
  """A penalty that holds the mean of all scores near 0, for losses that only compare scores: float `[B]` each, to a scalar."""
  return _CENTRING * tf.square(noise.average_over_replicas(tf.reduce_mean(real_scores + fake_scores)) / 2.0)


def move_towards(network, target, share):
  """Moves a network's weights towards another's: w + share * (target - w), which in step after step makes an exponential moving average.

  Args:
    network: Keras model.
    target: another of the same kind and sizes.
    share: scalar from 0 to 1.
  """
  def move(variable, target):
    return variable.assign_add(tf.cast(share, variable.dtype) * (target - variable))

  _update(move, network.trainable_variables, [tf.convert_to_tensor(variable) for variable in target.trainable_variables])


def assign(variables, values):
  """Gives Keras variables values, a tensor each, which are the same on all replicas."""
  _update(lambda variable, value: variable.assign(value), variables, values)


def _update(change, variables, values):
  """Calls `change(variable, value)` for each of some Keras variables' TensorFlow variables, on every replica."""
  variables = [variable.value for variable in variables]
  if noise.num_replicas() == 1:
    for variable, value in zip(variables, values):
      change(variable, value)
    return

  def change_all(strategy, values):
    for variable, value in zip(variables, values):
      strategy.extended.update(variable, change, args=(value,))

  # A replica may not assign what all of them share.
  tf.distribute.get_replica_context().merge_call(change_all, args=(values,))
