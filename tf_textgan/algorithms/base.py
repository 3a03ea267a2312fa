"""What an algorithm is: networks, optimizers, and a list of phases that says who is updated when."""

import abc
import collections
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import re
from typing import Any
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.sampling import noise

# Weight of the squared mean of all scores in `centring`.
_CENTRING = 1e-3

TrainStep = Callable[[sequences.Batch, tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]


class Update(NamedTuple):
  """One kind of gradient step.

  Attributes:
    name: of the update, unique within the algorithm; it labels the update's metrics and its random numbers.
    train_step: plain function of a `sequences.Batch` (without context unless the algorithm's module has CATEGORIES = True and the corpus some), a
      seed, int32 `[2]`, and the fraction of the annealed phase that is over, float32 scalar from 0 to 1; gives a dictionary of scalars.
      `training.loop` compiles and replicates it.
    repeats: how often it is made, each time on a new batch, in one round of its phase.
    compilable: whether XLA can compile it.
  """

  name: str
  train_step: TrainStep
  repeats: int = 1
  compilable: bool = True


class Phase(NamedTuple):
  """Rounds of updates: `steps` times each of `updates` in turn.

  Attributes:
    annealed: whether `phase_fraction` grows from 0 to 1 over this phase. In the others it is 0, so that temperatures stay at their start.
  """

  name: str
  steps: int
  updates: tuple[Update, ...]
  annealed: bool = False


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
    networks: name to network: "generator", the one to generate with, and, if there is one, "discriminator"; further ones by names of their own.
    seed: integer that the initial weights of further networks follow from.
    modules: name to a further network or layer that training needs and changes, such as a copy of the generator that completes its sentences.
    optimizers: name to Keras optimizer, built on the variables it updates, so that a restored checkpoint finds its slots.
    extra_rewards: functions of int32 `[B, T]` giving float32 `[B]`, the user's own rewards, which `reward` adds.
  """

  # Whether `reward` takes part in training, so that a user's own rewards can.
  rewarded = False

  def __init__(self, config: Any, networks: Mapping[str, keras.Model], seed: int = 0):
    # The generator last: one that reads the discriminator needs it with its variables.
    for name in sorted(networks, key=lambda name: name == "generator"):
      networks[name].attach(networks)
    self.config = config
    self.networks = dict(networks)
    self.seed = seed
    self.modules: dict[str, keras.layers.Layer] = {}
    self.optimizers: dict[str, keras.optimizers.Optimizer] = {}
    self.extra_rewards: list[Callable[[tf.Tensor], tf.Tensor]] = []

  @property
  def generator(self):
    """The network to generate with: see `generators.base`."""
    return self.networks["generator"]

  @property
  def discriminator(self):
    """See `discriminators.base`; None if the algorithm has none."""
    return self.networks.get("discriminator")

  @abc.abstractmethod
  def phases(self, schedule: Schedule) -> list[Phase]:
    """The phases of a `Schedule`, in order."""

  def begin(self, update: str) -> None:
    """Prepares for an update, named, that is about to be made for the first time: `training.loop` calls it, outside of any replica."""
    if update == "discriminator" and not self.discriminator.begun:
      self.discriminator.begin()

  def reward(self, tokens: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """The reward of sequences in a policy gradient: `adversarial_reward` of their scores plus the user's own rewards.

    Args:
      tokens: int32 `[B, T]`.
      scores: what the discriminator says of them, float `[B]`; or float `[B, T]` of their tokens, each of which then earns the user's rewards.

    Returns:
      float32, like the scores.
    """
    rewards = self.adversarial_reward(scores)
    for extra in self.extra_rewards:
      rewards += extra(tokens) if rewards.shape.rank == 1 else extra(tokens)[:, None]
    return rewards

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    """The reward for the discriminator's scores, of the same shape: their sigmoid, the probability of being real."""
    return tf.sigmoid(scores)

  @property
  def scores_log_ratios(self) -> bool:
    """Whether `log_ratio` estimates a log-ratio, as logistic and relativistic losses make it; the score of a critic does not."""
    return self.discriminator is not None

  def log_ratio(self, tokens: tf.Tensor) -> tf.Tensor:
    """The discriminator's estimate of log p(x) - log G(x), where p is the real distribution: int32 `[B, T]` to float32 `[B]`, nats, up to a constant.

    It is about the generator that the discriminator was trained against: of one that has moved since, or of another one, it is a mere preference.
    """
    return self.prefix_log_ratio(tokens, tokens.shape[1]) if self.prefix_log_ratio else self.discriminator(tokens)

  @property
  def prefix_log_ratio(self) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None:
    """Function of tokens, int32 `[B, T]`, and of the length of a prefix, giving the log-ratios of these prefixes; None where none is learned."""
    return self._prefix_score if self.discriminator is not None and self.discriminator.per_prefix else None

  def _prefix_score(self, tokens, count):
    """The last token's score: a token is judged with all before it, so its score is the log-ratio of the prefix that it ends."""
    known = tf.minimum(tf.cast(tf.reduce_sum(self.discriminator.spec.mask(tokens), axis=1), tf.int32), count)
    return tf.gather(self.discriminator.token_scores(tokens), known - 1, batch_dims=1)

  def variables(self) -> dict[str, keras.Variable]:
    """Everything a checkpoint holds: unique name to variable."""
    holders = self.networks | self.modules | self.optimizers
    return {name: variable for holder_name, holder in holders.items() for name, variable in variables_of(holder, holder_name).items()}


def variables_of(holder, name):
  """What a checkpoint holds of a network or an optimizer that goes by a name: unique name to variable."""
  variables = holder.variables
  if isinstance(holder, keras.optimizers.Optimizer):
    places = _slots(variables)
  else:
    places = [f"{i}/{_without_numbers(variable.name)}" for i, variable in enumerate(variables)]
  return {f"{name}/{place}": variable for place, variable in zip(places, variables, strict=True)}


def _slots(variables):
  """The names of an optimizer's variables, such as "3/momentum": the number of the updated variable and the kind of slot."""
  counts = collections.Counter()
  for variable in variables:
    # A slot's own name begins with the path of the updated variable.
    kind = variable.name if variable.name in ("iteration", "learning_rate") else variable.name.rsplit("_", 1)[-1]
    yield f"{counts[kind]}/{kind}"
    counts[kind] += 1


def _without_numbers(name):
  """A variable's name without Keras's numbers of unnamed layers and variables, which depend on what the process has made before."""
  return re.sub(r"_\d+(?=_|$)", "", name)


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
    Phase("adversarial", schedule.adversarial_steps, rounds, annealed=True),
  ]


def adam(network, learning_rate, beta_1=0.9, beta_2=0.999):
  """An Adam optimizer with its slots built for a network; epsilon is TensorFlow 1's, with which most of the papers were run."""
  optimizer = keras.optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=1e-8)
  optimizer.build(network.trainable_variables)
  return optimizer


def mean(values, mask=None):
  """This replica's share of the mean over the global batch, a scalar: averaged over the replicas it is that mean.

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


def copy_weights(source: keras.Model, targets: Iterable[keras.Model]) -> None:
  """Gives networks the weights of another of the same kind and sizes. Called outside of any replica."""
  for target in targets:
    for variable, value in zip(target.variables, source.variables, strict=True):
      variable.assign(value)


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
