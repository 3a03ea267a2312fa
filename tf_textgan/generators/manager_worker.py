"""LeakGAN's generator: a manager maps the discriminator's features to goals, and a worker generates tokens given the goals.

Guo et al., "Long Text Generation via Adversarial Training with Leaked Information", https://arxiv.org/abs/1709.08624.

With f_t the discriminator's features of the first t tokens x_1..x_t:

  manager:  g_t = h / |h|,  h = linear(LSTM(f_t))                        the goal: a direction in feature space, F numbers
  worker:   O_t = LSTM(x_t) W + b, a matrix [V, k];  w_t = P (g_{t-1} + ... + g_{t-c});  logits = O_t w_t / |w_t|

The logits are bilinear in the worker's output h and in w: logits_v = sum_ij h_i w_j W_ijv + sum_j w_j b_jv. So they are a linear map of the products
h_i w_j and of w, k (H + 1) numbers, and the matrix O_t is never computed.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import MutableMapping
import dataclasses
from typing import Any
from typing import ClassVar
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.generators import base
from tf_textgan.layers import biased
from tf_textgan.layers import lookup


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes for the oracle task of length 20, as published."""

  # Size of a token's embedding.
  embedding_size: int = 32
  # Size of the hidden state, of the manager's and of the worker's.
  hidden_size: int = 32
  # Size of the projected goals that the worker reads (k).
  goal_size: int = 16
  # Tokens that a goal looks ahead, and goals that the worker sums (c).
  horizon: int = 4
  # Read the discriminator's features behind its highway layer, as published. Before it, generation takes half the time.
  highway: bool = True
  # Standard deviation of the initial weights.
  init_stddev: float = 0.1
  # Only the picks are random.
  latent_size: ClassVar[int] = 0

  def __post_init__(self):
    checks.sizes(self, "embedding_size", "hidden_size", "goal_size", "horizon")
    checks.at_least(self, 0, "init_stddev")


class State(NamedTuple):
  """The state before a token is picked.

  Attributes:
    worker: state of the worker's LSTM, two tensors `[B, H]`.
    manager: state of the manager's LSTM, two tensors `[B, H]`.
    goals: float `[B, c, k]`, projections of the last c goals. Their sum is the projection of the goals' sum.
    prefix: the discriminator's state after the tokens so far, see `discriminators.base.PrefixFeatures`.
  """

  worker: list
  manager: list
  goals: tf.Tensor
  prefix: NamedTuple


class Manager(keras.layers.Layer):
  """Maps features to goals."""

  def __init__(self, config: Config, feature_size: int, normal: Callable[[], keras.initializers.Initializer]):
    """Creates the variables, for features of size F; `normal` returns a new initializer at each call."""
    super().__init__(name="manager")
    self.lstm = _lstm(config, feature_size, normal)
    self.goal_kernel = self.add_weight((config.hidden_size, feature_size), normal(), name="goal_kernel")
    self.goal_bias = self.add_weight((feature_size,), normal(), name="goal_bias")
    self.built = True

  def goals(self, features: tf.Tensor) -> tf.Tensor:
    """Maps features of all positions, float `[B, T, F]`, f_0 first, to goals: float32 `[B, T, F]`, each of norm 1."""
    return self._goals(self.lstm(tf.cast(features, self.compute_dtype)))

  def step(self, features: tf.Tensor, state: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Maps features of one position `[B, F]` and a state to a goal `[B, F]` and the next state."""
    output, state = self.lstm.cell(tf.cast(features, self.compute_dtype), state)
    return self._goals(output), state

  def _goals(self, outputs):
    flat = tf.matmul(tf.reshape(outputs, [-1, outputs.shape[-1]]), _cast(self.goal_kernel, self)) + _cast(self.goal_bias, self)
    goals = tf.math.l2_normalize(tf.cast(flat, tf.float32), axis=-1)
    return tf.reshape(goals, [-1, *outputs.shape[1:-1], goals.shape[-1]])


class Worker(keras.layers.Layer):
  """Maps tokens and goals to the inputs of the output layer."""

  def __init__(self, spec: sequences.Spec, config: Config, feature_size: int, normal: Callable[[], keras.initializers.Initializer]):
    """Creates the variables. Arguments as of `Manager`."""
    super().__init__(name="worker")
    self.embedding = self.add_weight((spec.vocab_size, config.embedding_size), normal(), name="embedding")
    self.lstm = _lstm(config, config.embedding_size, normal)
    self.projection = self.add_weight((feature_size, config.goal_size), normal(), name="projection")
    # In place of the projected goals before the first. The code trains an initial goal for each row of the batch, with the manager.
    self.initial_goal = self.add_weight((config.goal_size,), normal(), name="initial_goal")
    # W, a row for each product h_i w_j, then b.
    self.output_kernel = self.add_weight(((config.hidden_size + 1) * config.goal_size, spec.vocab_size), normal(), name="output_kernel")
    self.built = True

  def embed(self, inputs: tf.Tensor) -> tf.Tensor:
    """Embeds ids int32 `[B]` or `[B, T]`, or points float `[B, V]`: float `[B, E]` or `[B, T, E]`."""
    return lookup.embed(inputs, _cast(self.embedding, self))

  def project(self, goals: tf.Tensor) -> tf.Tensor:
    """Projects goals, float `[..., F]` to `[..., k]`."""
    flat = tf.matmul(tf.cast(tf.reshape(goals, [-1, goals.shape[-1]]), self.compute_dtype), _cast(self.projection, self))
    return tf.reshape(flat, [-1, *goals.shape[1:-1], flat.shape[-1]])

  def first_goals(self, num: int | tf.Tensor, count: int) -> tf.Tensor:
    """The projected goals before the first: float `[num, count, k]`."""
    return tf.tile(_cast(self.initial_goal, self)[None, None], [num, count, 1])

  def combine(self, hidden: tf.Tensor, goals: tf.Tensor) -> tf.Tensor:
    """Scales goals to norm 1 and concatenates all products h_i w_j and the goals: `[B, H]`, `[B, k]` to `[B, (H + 1) k]`."""
    goals = tf.math.l2_normalize(goals, axis=-1)  # In the code, not in the paper.
    products = hidden[:, :, None] * goals[:, None]
    return tf.concat([tf.reshape(products, [-1, hidden.shape[1] * goals.shape[1]]), goals], axis=-1)


class Generator(base.Autoregressive):
  """See the module. Its variables are created when it is attached to the discriminator.

  Attributes:
    manager: `Manager`.
    worker: `Worker`.
  """

  def __init__(self, spec: sequences.Spec, config: Config, seed: int = 0):
    """Creates the variables; `seed` determines their initial values."""
    super().__init__(spec, config, seed)
    # None if no token is excluded, which saves a pass over the logits.
    self._excluded = spec.exclusion() if spec.forbidden_tokens else None

  def attach(self, networks: Mapping[str, keras.Model]) -> None:
    """See the base class. The discriminator must be a `discriminators.base.PrefixFeatures`."""
    discriminator = networks.get("discriminator")
    discriminator_base.require(discriminator, discriminator_base.PrefixFeatures, "the generator manager_worker")
    super().attach(networks)
    if self.built:  # Attached to another discriminator: the weights are kept.
      return
    seeds = iter(range(self.seed * 100, self.seed * 100 + 100))
    normal = lambda: keras.initializers.RandomNormal(0.0, self.config.init_stddev, seed=next(seeds))  # noqa: E731
    self.manager = Manager(self.config, discriminator.feature_size, normal)
    self.worker = Worker(self.spec, self.config, discriminator.feature_size, normal)
    self.built = True

  def attachment(self) -> dict[str, Any]:
    """The discriminator, without which nothing can be generated."""
    return keras.saving.serialize_keras_object(self._discriminator())

  def restore_attachment(self, attachment: dict[str, Any]) -> None:
    self.attach({"generator": self, "discriminator": keras.saving.deserialize_keras_object(attachment)})

  def save_own_variables(self, store: MutableMapping[str, np.ndarray]) -> None:
    """Saves the weights, the discriminator's too, to a Keras file."""
    super().save_own_variables(store)
    for i, variable in enumerate(self._discriminator().variables):
      store[f"discriminator_{i}"] = variable.numpy()

  def load_own_variables(self, store: Mapping[str, np.ndarray]) -> None:
    """Loads the weights, the discriminator's too, from a Keras file."""
    super().load_own_variables({name: store[name] for name in store.keys() if not name.startswith("discriminator_")})
    for i, variable in enumerate(self._discriminator().variables):
      variable.assign(store[f"discriminator_{i}"])

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> State:
    del context  # It is not conditional.
    num = tf.shape(latent)[0]
    zeros = lambda: [tf.zeros([num, self.config.hidden_size], self.compute_dtype)] * 2  # noqa: E731
    return State(zeros(), zeros(), self.worker.first_goals(num, self.config.horizon), self._discriminator().unread(num))

  def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
    discriminator, manager, worker = self._discriminator(), self.manager, self.worker
    prefix = discriminator.extend(state.prefix, inputs)
    goal, manager_state = manager.step(discriminator.features_of(prefix, self.config.highway), state.manager)
    hidden, worker_state = worker.lstm.cell(worker.embed(inputs), state.worker)
    output = worker.combine(hidden, tf.reduce_sum(state.goals, axis=1))
    # Not `likelihood.logits`, which concatenates kernel and bias: this kernel is too large to copy at each step.
    logits = tf.matmul(output, _cast(worker.output_kernel, self))
    if self._excluded is not None:
      logits += tf.cast(self._excluded, self.compute_dtype)
    goals = tf.concat([state.goals[:, 1:], worker.project(goal)[:, None]], axis=1)
    return logits, State(worker_state, manager_state, goals, prefix)

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    del latent, context, seed  # It has no latent and no dropout, and is not conditional.
    return self.outputs_given(tokens, self.manager.goals(self.read(tokens)[:, :-1]))

  def read(self, tokens: tf.Tensor) -> tf.Tensor:
    """The discriminator's features of every prefix, the empty one first: int32 `[B, T]` to float32 `[B, T + 1, F]`."""
    return self._discriminator().prefix_features(tokens, self.config.highway)

  def outputs_given(self, tokens: tf.Tensor, goals: tf.Tensor) -> tf.Tensor:
    """As `outputs`, from given goals: int32 `[B, T]`, float `[B, T, F]` to `[B, T, (H + 1) k]`."""
    worker, num, length, horizon = self.worker, tf.shape(tokens)[0], tokens.shape[1], self.config.horizon
    start = tf.fill([num, 1], self.spec.start_token)
    hidden = worker.lstm(worker.embed(tf.concat([start, tokens[:, :-1]], axis=1)))
    before = tf.concat([worker.first_goals(num, horizon), worker.project(goals)[:, :-1]], axis=1)
    sums = tf.add_n([before[:, i : i + length] for i in range(horizon)])
    flat = worker.combine(tf.reshape(hidden, [-1, hidden.shape[-1]]), tf.reshape(sums, [-1, sums.shape[-1]]))
    return tf.reshape(flat, [-1, length, flat.shape[-1]])

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    bias = tf.zeros([self.spec.vocab_size]) if self._excluded is None else self._excluded
    return _cast(self.worker.output_kernel, self), tf.cast(bias, self.compute_dtype)

  def output_variables(self) -> list[keras.Variable]:
    return [self.worker.output_kernel]


def _lstm(config, input_size, normal):
  lstm = biased.LSTM(
    config.hidden_size,
    kernel_initializer=normal(),
    recurrent_initializer=normal(),
    bias_initializer=normal(),
    unit_forget_bias=False,  # As published.
    return_sequences=True,
    seed=0,  # Unused, but Keras makes it a variable, which should not differ between two runs.
    name="lstm",
  )
  lstm.build((None, None, input_size))
  return lstm


def _cast(variable, layer):
  return tf.cast(tf.convert_to_tensor(variable), layer.compute_dtype)
