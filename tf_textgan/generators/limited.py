"""A generator whose sequences have a least and a greatest length: `sampling.limits` for a network."""

from typing import Any
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan.generators import base
from tf_textgan.sampling import limits as limits_lib
from tf_textgan.sampling import unrolling


class State(NamedTuple):
  """The state before a token is picked.

  Attributes:
    position: int32 `[B]`, tokens so far.
    given: int32 `[B]`, those of them that were given.
    inner: state of the generator without limits.
  """

  position: tf.Tensor
  given: tf.Tensor
  inner: Any


class Generator(base.Autoregressive):
  """See the module. It shares the weights of the generator it limits, and is not trained.

  A token's log-probability is of the distribution of the tokens that are possible. `outputs` and `call` are of the generator without limits.

  Attributes:
    generator: the generator without limits.
    limits: a `limits.Limits`.
  """

  conditional = True
  reads_sources = True

  def __init__(self, generator: base.Autoregressive, limits: limits_lib.Limits):
    super().__init__(generator.spec, generator.config)
    self.generator = generator
    self.limits = limits
    self.picker = generator.picker
    self.built = True

  @property
  def rows_together(self) -> int:
    """See the base class."""
    return self.generator.rows_together

  def prior(self, num: int | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """See the base class."""
    return self.generator.prior(num, seed)

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> State:
    none = tf.zeros([tf.shape(latent)[0]], tf.int32)
    return State(none, none, self.generator.initial_state(latent, context))

  def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
    logits, inner = self.generator.step(inputs, state.inner)
    return self.limits(logits, state.position, state.given), State(state.position + 1, state.given, inner)

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    return self.generator.outputs(tokens, latent, context, seed)

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    return self.generator.output_layer()

  def output_variables(self) -> list[keras.Variable]:
    return self.generator.output_variables()

  def stacked(self, state: State) -> Any:
    return self.generator.stacked(state.inner)

  def prefill(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None) -> unrolling.History:
    history = self.generator.prefill(tokens, latent, context)
    read = tf.fill([tf.shape(tokens)[0]], tokens.shape[1])
    return unrolling.History(history.stacked, State(read, read, history.last))

  def state_at(self, history: unrolling.History, positions: tf.Tensor, rows: tf.Tensor | None = None) -> State:
    """See the base class. All tokens before a position count as given."""
    inner = self.generator.state_at(unrolling.History(history.stacked, history.last.inner), positions, rows)
    return State(positions, positions, inner)
