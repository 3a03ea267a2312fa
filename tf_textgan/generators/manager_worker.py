"""LeakGAN's generator: a manager that reads the discriminator's features and sets goals, and a worker that writes what they ask for.

Guo et al., "Long Text Generation via Adversarial Training with Leaked Information", https://arxiv.org/abs/1709.08624.

With f_t the discriminator's features of the first t tokens, and x_t the last of these:

  manager:  g_t = h / |h|,  h = linear(LSTM(f_t))                        the goal: a direction among the features, F numbers
  worker:   O_t = LSTM(x_t) W + b, a matrix [V, k];  w_t = P (g_{t-1} + ... + g_{t-c});  logits = O_t w_t / |w_t|

The logits are bilinear in the worker's output h and in w: logits_v = sum_ij h_i w_j W_ijv + sum_j w_j b_jv. So they are a linear map of the products
h_i w_j and of w, k (H + 1) numbers, and no matrix O_t is ever made.
"""

import dataclasses
from typing import ClassVar
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan import checks
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.generators import base


@dataclasses.dataclass(frozen=True)
class Config:
  """Sizes for the oracle task of length 20, as published."""

  # Numbers in a token's embedding.
  embedding_size: int = 32
  # Numbers in the hidden state of the manager, and in that of the worker.
  hidden_size: int = 32
  # Numbers to which the sum of the goals is projected for the worker (k).
  goal_size: int = 16
  # Tokens for which a goal is set, and goals that the worker sums (c).
  horizon: int = 4
  # Read the discriminator's features behind its highway layer, as published. Before it, writing takes half the time.
  highway: bool = True
  # Standard deviation of the initial weights.
  init_stddev: float = 0.1
  # All the randomness is in the picks.
  latent_size: ClassVar[int] = 0

  def __post_init__(self):
    checks.at_least(self, 1, "embedding_size", "hidden_size", "goal_size", "horizon")
    checks.at_least(self, 0, "init_stddev")


class State(NamedTuple):
  """What the generator knows before it picks a token.

  Attributes:
    worker: the LSTM's state, two tensors `[B, H]`.
    manager: likewise.
    goals: float `[B, c, k]`, the last c goals, projected: the projection of their sum is the sum of these.
    prefix: what the discriminator knows of the tokens so far.
  """

  worker: list
  manager: list
  goals: tf.Tensor
  prefix: NamedTuple


class Manager(keras.layers.Layer):
  """Features to goals."""

  def __init__(self, config, feature_size, normal):
    """Args: config: `Config`; feature_size: numbers in the features (F); normal: gives an initializer at each call."""
    super().__init__(name="manager")
    self.lstm = _lstm(config, feature_size, normal)
    self.goal_kernel = self.add_weight((config.hidden_size, feature_size), normal(), name="goal_kernel")
    self.goal_bias = self.add_weight((feature_size,), normal(), name="goal_bias")
    self.built = True

  def goals(self, features):
    """The goals set at features float `[B, T, F]`, f_0 first: float32, same shape, each of length one."""
    return self._goals(self.lstm(tf.cast(features, self.compute_dtype)))

  def step(self, features, state):
    """The goal set at features `[B, F]`, and the next state."""
    output, state = self.lstm.cell(tf.cast(features, self.compute_dtype), state)
    return self._goals(output), state

  def _goals(self, outputs):
    flat = tf.matmul(tf.reshape(outputs, [-1, outputs.shape[-1]]), _cast(self.goal_kernel, self)) + _cast(self.goal_bias, self)
    goals = tf.math.l2_normalize(tf.cast(flat, tf.float32), axis=-1)
    return tf.reshape(goals, [-1, *outputs.shape[1:-1], goals.shape[-1]])


class Worker(keras.layers.Layer):
  """Tokens and goals to what the output layer sees."""

  def __init__(self, spec, config, feature_size, normal):
    """Args: spec: `sequences.Spec`; the others: see `Manager`."""
    super().__init__(name="worker")
    self.embedding = self.add_weight((spec.vocab_size, config.embedding_size), normal(), name="embedding")
    self.lstm = _lstm(config, config.embedding_size, normal)
    self.projection = self.add_weight((feature_size, config.goal_size), normal(), name="projection")
    # Stands for each of the goals before the first, projected. The code learns a goal for each row of the batch, with the manager.
    self.initial_goal = self.add_weight((config.goal_size,), normal(), name="initial_goal")
    # W of each product of a hidden number and a projected goal's, then b.
    self.output_kernel = self.add_weight(((config.hidden_size + 1) * config.goal_size, spec.vocab_size), normal(), name="output_kernel")
    self.built = True

  def embed(self, inputs):
    """ids int32 `[B]` or `[B, T]`, or points float `[B, V]`: float, with E numbers each."""
    table = _cast(self.embedding, self)
    return tf.gather(table, inputs) if inputs.dtype.is_integer else tf.matmul(tf.cast(inputs, self.compute_dtype), table)

  def project(self, goals):
    """float `[..., F]` to `[..., k]`."""
    flat = tf.matmul(tf.cast(tf.reshape(goals, [-1, goals.shape[-1]]), self.compute_dtype), _cast(self.projection, self))
    return tf.reshape(flat, [-1, *goals.shape[1:-1], flat.shape[-1]])

  def first_goals(self, num, count):
    """float `[num, count, k]`."""
    return tf.tile(_cast(self.initial_goal, self)[None, None], [num, count, 1])

  def combine(self, hidden, goals):
    """The products of all pairs, and the goals, after these have been scaled to length one: `[B, H]`, `[B, k]` to `[B, (H + 1) k]`."""
    goals = tf.math.l2_normalize(goals, axis=-1)  # In the code, not in the paper.
    products = hidden[:, :, None] * goals[:, None]
    return tf.concat([tf.reshape(products, [-1, hidden.shape[1] * goals.shape[1]]), goals], axis=-1)


class Generator(base.Autoregressive):
  """See the module. Its variables are made when it is attached to the discriminator that it reads.

  Attributes:
    manager: `Manager`.
    worker: `Worker`.
  """

  def __init__(self, spec, config, seed=0):
    """Args: spec: `sequences.Spec`; config: `Config`; seed: integer, for the initial weights."""
    super().__init__(spec, config, seed)
    # None where no token is excluded: the addition is a pass over the logits.
    self._excluded = spec.exclusion() if spec.forbidden_tokens else None

  def attach(self, networks):
    """See the base. The discriminator is a `discriminators.base.PrefixFeatures`."""
    discriminator = networks.get("discriminator")
    discriminator_base.require(discriminator, discriminator_base.PrefixFeatures, "the generator manager_worker")
    super().attach(networks)
    if self.built:  # Attached to another one: the weights are kept.
      return
    seeds = iter(range(self.seed * 100, self.seed * 100 + 100))
    normal = lambda: keras.initializers.RandomNormal(0.0, self.config.init_stddev, seed=next(seeds))  # noqa: E731
    self.manager = Manager(self.config, discriminator.feature_size, normal)
    self.worker = Worker(self.spec, self.config, discriminator.feature_size, normal)
    self.built = True

  def attachment(self):
    """The discriminator: without its features nothing can be generated."""
    return keras.saving.serialize_keras_object(self._discriminator())

  def restore_attachment(self, attachment):
    self.attach({"generator": self, "discriminator": keras.saving.deserialize_keras_object(attachment)})

  def save_own_variables(self, store):
    """Keras calls it to write a file, which holds the discriminator's weights too."""
    super().save_own_variables(store)
    for i, variable in enumerate(self._discriminator().variables):
      store[f"discriminator_{i}"] = variable.numpy()

  def load_own_variables(self, store):
    """Keras calls it to read a file: the discriminator gets its weights back too."""
    super().load_own_variables({name: store[name] for name in store.keys() if not name.startswith("discriminator_")})
    for i, variable in enumerate(self._discriminator().variables):
      variable.assign(store[f"discriminator_{i}"])

  def initial_state(self, latent, context=None):
    del context  # It is not conditional.
    num = tf.shape(latent)[0]
    zeros = lambda: [tf.zeros([num, self.config.hidden_size], self.compute_dtype)] * 2  # noqa: E731
    return State(zeros(), zeros(), self.worker.first_goals(num, self.config.horizon), self._discriminator().unread(num))

  def step(self, inputs, state):
    discriminator, manager, worker = self._discriminator(), self.manager, self.worker
    prefix = discriminator.extend(state.prefix, inputs)
    goal, manager_state = manager.step(discriminator.features_of(prefix, self.config.highway), state.manager)
    hidden, worker_state = worker.lstm.cell(worker.embed(inputs), state.worker)
    output = worker.combine(hidden, tf.reduce_sum(state.goals, axis=1))
    # Not `likelihood.logits`, which puts kernel and bias into one: this kernel is too large to be copied at each step.
    logits = tf.matmul(output, _cast(worker.output_kernel, self))
    if self._excluded is not None:
      logits += tf.cast(self._excluded, self.compute_dtype)
    goals = tf.concat([state.goals[:, 1:], worker.project(goal)[:, None]], axis=1)
    return logits, State(worker_state, manager_state, goals, prefix)

  def outputs(self, tokens, latent, context=None, seed=None):
    del latent, context, seed  # It has no latent and no dropout, and is not conditional.
    return self.outputs_given(tokens, self.manager.goals(self.read(tokens)[:, :-1]))

  def read(self, tokens):
    """The discriminator's features of every prefix, the empty one first: int32 `[B, T]` to float32 `[B, T + 1, F]`."""
    return self._discriminator().prefix_features(tokens, self.config.highway)

  def outputs_given(self, tokens, goals):
    """`outputs`, given the goals as well: int32 `[B, T]`, float `[B, T, F]` to `[B, T, (H + 1) k]`."""
    worker, num, length, horizon = self.worker, tf.shape(tokens)[0], tokens.shape[1], self.config.horizon
    start = tf.fill([num, 1], self.spec.start_token)
    hidden = worker.lstm(worker.embed(tf.concat([start, tokens[:, :-1]], axis=1)))
    before = tf.concat([worker.first_goals(num, horizon), worker.project(goals)[:, :-1]], axis=1)
    sums = tf.add_n([before[:, i : i + length] for i in range(horizon)])
    flat = worker.combine(tf.reshape(hidden, [-1, hidden.shape[-1]]), tf.reshape(sums, [-1, sums.shape[-1]]))
    return tf.reshape(flat, [-1, length, flat.shape[-1]])

  def output_layer(self):
    bias = tf.zeros([self.spec.vocab_size]) if self._excluded is None else self._excluded
    return _cast(self.worker.output_kernel, self), tf.cast(bias, self.compute_dtype)

  def output_variables(self):
    return [self.worker.output_kernel]


def _lstm(config, input_size, normal):
  lstm = keras.layers.LSTM(
    config.hidden_size,
    kernel_initializer=normal(),
    recurrent_initializer=normal(),
    bias_initializer=normal(),
    unit_forget_bias=False,  # As published.
    return_sequences=True,
    seed=0,  # Unused, but a variable: two runs should not differ in it.
    name="lstm",
  )
  lstm.build((None, None, input_size))
  return lstm


def _cast(variable, layer):
  return tf.cast(tf.convert_to_tensor(variable), layer.compute_dtype)
