"""The interface of an algorithm: networks, optimizers, and a list of phases that says which network is updated when."""

import abc
import collections
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import re
from typing import Any
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise

# Weight of the squared mean of all scores in `centring`.
_CENTRING = 1e-3

Networks = Mapping[str, keras.Model]
Metrics = dict[str, tf.Tensor]
TrainStep = Callable[[sequences.Batch, tf.Tensor, tf.Tensor], Metrics]


class Update(NamedTuple):
  """One kind of gradient step.

  Attributes:
    name: unique within the algorithm; it labels the update's metrics and its random numbers.
    train_step: plain function of a `sequences.Batch` (with a context only if the algorithm's module has CATEGORIES = True and the corpus has
      categories, or SOURCES = True and it has sources), a seed, int32 `[2]`, and `phase_fraction`, float32 scalar from 0 to 1, see
      `Phase.annealed`. It returns a dictionary of scalar metrics. `training.loop` compiles and replicates it.
    repeats: gradient steps in one round of its phase, each on a new batch.
    compilable: whether XLA can compile it.
  """

  name: str
  train_step: TrainStep
  repeats: int = 1
  compilable: bool = True


class Phase(NamedTuple):
  """A phase of training.

  Attributes:
    name: unique within the algorithm.
    steps: rounds.
    updates: the updates of one round, in order.
    annealed: whether `phase_fraction` grows from 0 to 1 over this phase. In other phases it is 0, so temperatures stay at their initial values.
  """

  name: str
  steps: int
  updates: tuple[Update, ...]
  annealed: bool = False


@dataclasses.dataclass(frozen=True)
class Schedule:
  """Lengths of the phases. The papers' own, which take hours or days, are in `recipes/`."""

  # Maximum-likelihood steps before the adversarial phase.
  mle_steps: int = 1500
  # Steps that train the discriminator alone, between the maximum-likelihood and the adversarial phase.
  discriminator_steps: int = 200
  # Adversarial rounds, each of generator steps and discriminator steps.
  adversarial_steps: int = 100

  def __post_init__(self):
    checks.at_least(self, 0, "mle_steps", "discriminator_steps", "adversarial_steps")


class Algorithm(abc.ABC):
  """Base of the algorithms. A subclass builds its optimizers in `__init__` and lists them in `optimizers`.

  Attributes:
    config: the algorithm's `Config`.
    networks: name to network: "generator", which samples are drawn from; "discriminator", if the algorithm has one; others by their own names.
    seed: integer from which the initial weights of further networks are derived.
    modules: name to a further network or layer that training changes, such as a copy of the generator for rollouts or a replay buffer.
    optimizers: name to Keras optimizer, built on the variables it updates, so that its slots exist before a checkpoint is restored.
    extra_rewards: the user's own rewards, which `reward` adds: functions of int32 `[B, T]` returning float32 `[B]`.
    adversary_share: L in L D + (1 - L) R, how the adversarial reward D and the user's own R are mixed (`--adversary_share`); None for D + R.
    penalize_repeats: whether own rewards of a sample that is drawn several times are divided by that number (`--reward_repeats`).
    training_data: the whole training split, arrays, for what is measured on it once; None outside of a training.
    rewarded: whether training uses `reward`, so that the user's own rewards have an effect.
    scheduled: the settings of `Schedule` that `phases` uses.
  """

  rewarded = False
  adversary_share: float | None = None
  penalize_repeats = False
  scheduled: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(Schedule))

  def __init__(self, config: Any, networks: Networks, seed: int = 0):
    # The generator last: one that reads the discriminator needs the discriminator's variables.
    for name in sorted(networks, key=lambda name: name == "generator"):
      networks[name].attach(networks)
    self.config = config
    self.networks = dict(networks)
    self.seed = seed
    self.modules: dict[str, keras.layers.Layer] = {}
    self.optimizers: dict[str, keras.optimizers.Optimizer] = {}
    self.extra_rewards: list[Callable[[tf.Tensor], tf.Tensor]] = []
    self.training_data: sequences.Batch | None = None

  @property
  def generator(self) -> keras.Model:
    """The network that samples are drawn from, see `generators.base`."""
    return self.networks["generator"]

  @property
  def discriminator(self) -> keras.Model | None:
    """The discriminator, see `discriminators.base`; None if the algorithm has none."""
    return self.networks.get("discriminator")

  @property
  def external_features(self) -> str:
    """Frozen features that training needs from outside, see `runs.features`: it is given them as the attribute `features`. Empty for none."""
    return ""

  @abc.abstractmethod
  def phases(self, schedule: Schedule) -> list[Phase]:
    """The phases of a schedule, in order."""

  def begin(self, update: str) -> None:
    """Prepares for the first step of the named update. `training.loop` calls it, outside of any replica."""
    if update == "discriminator" and not self.discriminator.begun:
      self.discriminator.begin()

  def resume(self, begun: Iterable[str]) -> None:
    """Checks after a checkpoint was restored that what training needs from outside of it is as it was. `training.loop` calls it.

    Args:
      begun: names of the updates that have been made.

    Raises:
      UserError: it changed.
    """
    del begun

  def warnings(self, metrics: dict[str, float]) -> list[str]:
    """Warnings about training metrics, such as "generator/loss", averaged since the last evaluation: a sentence for each; by default none."""
    del metrics
    return []

  def reward(self, tokens: tf.Tensor, scores: tf.Tensor, factors: tf.Tensor | None = None) -> tf.Tensor:
    """Rewards for a policy gradient: `adversarial_reward` of the scores, mixed with the user's own rewards, if there are any.

    Args:
      tokens: int32 `[B, T]`.
      scores: the discriminator's scores: of sequences, float `[B]`, or of tokens, float `[B, T]`. The user's rewards are for every score.
      factors: float `[B]`, of the user's rewards; None for the `repetition_factors` of the tokens. Completions have those of their samples.

    Returns:
      float32, of the shape of the scores.
    """
    rewards = self.adversarial_reward(scores)
    if not self.extra_rewards:
      return rewards
    own = self.own_reward(tokens, factors)
    return self.mixed(rewards, own if rewards.shape.rank == 1 else own[:, None])

  def own_reward(self, tokens: tf.Tensor, factors: tf.Tensor | None = None) -> tf.Tensor:
    """The sum of the user's own rewards, at least one, times the factors: float32 `[B]`. Arguments as of `reward`."""
    return tf.add_n([extra(tokens) for extra in self.extra_rewards]) * (self.repetition_factors(tokens) if factors is None else factors)

  def repetition_factors(self, samples: tf.Tensor) -> tf.Tensor:
    """Factors of the user's own rewards of samples, int32 `[B, T]`: float32 `[B]`, 1 unless repeats are penalized. Not to be called in a loop."""
    if not self.penalize_repeats:
      return tf.ones(tf.shape(samples)[:1])
    return policy_gradient.repetition_factors(samples, noise.gather_from_replicas(samples))

  def mixed(self, adversarial: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    """Mixes two rewards as `adversary_share` says."""
    share = self.adversary_share
    return adversarial + own if share is None else share * adversarial + (1.0 - share) * own

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    """Maps the discriminator's scores to rewards of the same shape: by default their sigmoid, the probability of being real."""
    return tf.sigmoid(scores)

  @property
  def scores_log_ratios(self) -> bool:
    """Whether `log_ratio` estimates a log-ratio: true of logistic and relativistic losses, false of a critic."""
    return self.discriminator is not None

  def log_ratio(self, tokens: tf.Tensor) -> tf.Tensor:
    """The discriminator's estimate of log p(x) - log G(x), p the real distribution, up to a constant: int32 `[B, T]` to float32 `[B]`, nats.

    It holds for the generator that the discriminator was trained against. For a generator that has been updated since, or another one, it is
    only a preference.
    """
    return self.prefix_log_ratio(tokens, tokens.shape[1]) if self.prefix_log_ratio else self.discriminator(tokens)

  @property
  def prefix_log_ratio(self) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None:
    """Function of tokens, int32 `[B, T]`, and a prefix length, int32 scalar, returning log-ratios of the prefixes, `[B]`; None if none is learned."""
    return self._prefix_score if self.discriminator is not None and self.discriminator.per_prefix else None

  def _prefix_score(self, tokens, count):
    """Scores prefixes by their last token: its score, given all tokens before it, is the log-ratio of the prefix."""
    known = tf.minimum(tf.cast(tf.reduce_sum(self.discriminator.spec.mask(tokens), axis=1), tf.int32), count)
    return tf.gather(self.discriminator.token_scores(tokens), known - 1, batch_dims=1)

  def variables(self) -> dict[str, keras.Variable]:
    """All variables of a checkpoint: unique name to variable."""
    holders = self.networks | self.modules | self.optimizers
    return {name: variable for holder_name, holder in holders.items() for name, variable in variables_of(holder, holder_name).items()}


def variables_of(holder: keras.layers.Layer | keras.optimizers.Optimizer, name: str) -> dict[str, keras.Variable]:
  """The variables of a network, layer or optimizer in a checkpoint, under the holder's name: unique name to variable."""
  variables = holder.variables
  if isinstance(holder, keras.optimizers.Optimizer):
    places = _slots(variables)
  else:
    places = [f"{i}/{_without_numbers(variable.name)}" for i, variable in enumerate(variables)]
  return {f"{name}/{place}": variable for place, variable in zip(places, variables, strict=True)}


def _slots(variables):
  """Names of an optimizer's variables, such as "3/momentum": number of the updated variable and kind of slot."""
  counts = collections.Counter()
  for variable in variables:
    # A slot's own name begins with the path of the updated variable.
    kind = variable.name if variable.name in ("iteration", "learning_rate") else variable.name.rsplit("_", 1)[-1]
    yield f"{counts[kind]}/{kind}"
    counts[kind] += 1


def _without_numbers(name):
  """A variable's name without Keras's numbers of unnamed layers, which depend on the layers that the process has built before."""
  return re.sub(r"_\d+(?=_|$)", "", name)


def usual_phases(
  schedule: Schedule, mle_step: TrainStep, discriminator: Update, generator: Update, discriminator_steps_per_round: int
) -> list[Phase]:
  """The phases of most papers: maximum likelihood, the discriminator alone, adversarial rounds.

  Args:
    schedule: lengths of the phases.
    mle_step: train step of the maximum-likelihood phase.
    discriminator: update of the discriminator's own phase, and of the adversarial rounds.
    generator: update of the adversarial rounds, before the discriminator's.
    discriminator_steps_per_round: repeats of the discriminator's update in an adversarial round.
  """
  rounds = (generator, discriminator._replace(repeats=discriminator_steps_per_round))
  return [
    Phase("mle", schedule.mle_steps, (Update("mle", mle_step),)),
    Phase("discriminator", schedule.discriminator_steps, (discriminator,)),
    Phase("adversarial", schedule.adversarial_steps, rounds, annealed=True),
  ]


def adam(network: keras.layers.Layer, learning_rate: float, beta_1: float = 0.9, beta_2: float = 0.999) -> keras.optimizers.Adam:
  """An Adam optimizer with its slots built for a network. Epsilon is TensorFlow 1's, 1e-8, which most of the papers used."""
  optimizer = keras.optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=1e-8)
  optimizer.build(network.trainable_variables)
  return optimizer


def mean(values: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
  """This replica's share of a mean: averaged over replicas it is the mean over the global batch, a scalar.

  Args:
    values: float `[B]` or `[B, T]`.
    mask: weights of the same shape, 0 or 1; None for all 1. If all are 0, the mean is 0.
  """
  if mask is None:
    return tf.reduce_mean(values)
  # Replicas may hold different numbers of tokens: all divide by the global number.
  count = noise.average_over_replicas(tf.reduce_sum(mask))
  return tf.math.divide_no_nan(tf.reduce_sum(values * mask), count)


def minimize(
  tape: tf.GradientTape, loss: tf.Tensor, network: keras.layers.Layer, optimizer: keras.optimizers.Optimizer, clip_norm: float | None = None
) -> tf.Tensor:
  """Makes one gradient step.

  Args:
    tape: recorded the loss.
    loss: scalar, averaged over this replica's examples (see `mean`).
    network: the network to update.
    optimizer: built on the network's trainable variables.
    clip_norm: largest global norm of the gradient, averaged over replicas; a larger gradient is scaled down to it. None or 0 for no limit.

  Returns:
    The gradient's norm before clipping, a scalar.
  """
  return descend(gradients_of(tape, loss, network), optimizer, clip_norm)


def gradients_of(tape: tf.GradientTape, loss: tf.Tensor, network: keras.layers.Layer) -> list[tf.Tensor]:
  """The gradients of a loss by a network's trainable variables, for `descend`. Arguments as of `minimize`."""
  variables = network.trainable_variables
  # Zero for variables that the loss does not depend on; the tape's own option for it does not know Keras variables.
  return [tf.zeros(v.shape, v.dtype) if g is None else tf.convert_to_tensor(g) for g, v in zip(tape.gradient(loss, variables), variables)]


def descend(gradients: Sequence[tf.Tensor], optimizer: keras.optimizers.Optimizer, clip_norm: float | None = None) -> tf.Tensor:
  """Makes one step along gradients of this replica. Other arguments and the result as of `minimize`."""
  gradients = [noise.average_over_replicas(g) for g in gradients]
  norm = tf.linalg.global_norm(gradients)
  if clip_norm:
    gradients, _ = tf.clip_by_global_norm(gradients, clip_norm, use_norm=norm)
  replicas = noise.num_replicas()
  if replicas > 1:
    # Clipping needs the global batch's gradient, so it is averaged above; Keras then sums over the replicas once more.
    gradients = [g / replicas for g in gradients]
  optimizer.apply(gradients)
  return norm


def centring(real_scores: tf.Tensor, fake_scores: tf.Tensor) -> tf.Tensor:
  """A penalty that holds the mean of all scores near 0, for losses that only compare scores: float `[B]` each, to a scalar."""
  return _CENTRING * tf.square(noise.average_over_replicas(tf.reduce_mean(real_scores + fake_scores)) / 2.0)


def move_towards(network: keras.Model, target: keras.Model, share: float | tf.Tensor) -> None:
  """Moves a network's weights towards a target's: w <- w + share (target - w). Repeated, it is an exponential moving average.

  Args:
    network: the network to change.
    target: a network of the same class and sizes.
    share: scalar from 0 to 1.
  """
  def move(variable, target):
    return variable.assign_add(tf.cast(share, variable.dtype) * (target - variable))

  _update(move, network.trainable_variables, [tf.convert_to_tensor(variable) for variable in target.trainable_variables])


def copy_weights(source: keras.Model, targets: Iterable[keras.Model]) -> None:
  """Copies the weights of a network to others of the same class and sizes. Called outside of any replica."""
  for target in targets:
    for variable, value in zip(target.variables, source.variables, strict=True):
      variable.assign(value)


def assign(variables: Sequence[keras.Variable], values: Sequence[tf.Tensor]) -> None:
  """Assigns a tensor to each Keras variable; the tensors are the same on all replicas."""
  _update(lambda variable, value: variable.assign(value), variables, values)


def _update(change, variables, values):
  """Calls `change(variable, value)` for the TensorFlow variable of each Keras variable, on every replica."""
  variables = [variable.value for variable in variables]
  if noise.num_replicas() == 1:
    for variable, value in zip(variables, values):
      change(variable, value)
    return

  def change_all(strategy, values):
    for variable, value in zip(variables, values):
      strategy.extended.update(variable, change, args=(value,))

  # A replica may not assign a variable that all replicas share.
  tf.distribute.get_replica_context().merge_call(change_all, args=(values,))
