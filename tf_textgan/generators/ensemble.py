"""An ensemble of generators: the probability of the next token is the mean over its members.

As an ensemble of language models it is the strongest baseline from a few training runs of the same network.
"""

from collections.abc import Sequence
import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.generators import base
from tf_textgan.losses import likelihood
from tf_textgan.sampling import chunks
from tf_textgan.sampling import unrolling

# Positions scored together: the logits of a member stay in a processor's cache.
_ROWS = 256


@dataclasses.dataclass(frozen=True)
class Config:
  """The settings of an ensemble."""

  # Size of the latent z, the sum over members.
  latent_size: int


class Generator(base.Autoregressive):
  """See the module. It samples and scores but cannot be trained: it has no `outputs` and no `output_layer`.

  Attributes:
    members: the generators.
  """

  conditional = True
  reads_sources = True

  def __init__(self, members: Sequence[base.Autoregressive]):
    """Combines generators.

    Args:
      members: two or more autoregressive generators with equal specs.

    Raises:
      UserError: there are fewer than two members, one is not autoregressive, or their specs differ.
    """
    if len(members) < 2:
      raise errors.UserError(f"generators are combined from two or more runs, but there is {len(members)}")
    if not all(isinstance(member, base.Autoregressive) for member in members):
      raise errors.UserError("only generators that generate token by token can be combined; expected other runs")
    if any(member.spec != members[0].spec for member in members):
      raise errors.UserError("the generators to combine differ in vocabulary, length or categories; expected runs on one corpus")
    super().__init__(members[0].spec, Config(sum(member.latent_size for member in members)))
    self.members = members
    self.built = True

  def get_config(self) -> dict[str, Any]:
    return {"members": [keras.saving.serialize_keras_object(member) for member in self.members]}

  @classmethod
  def from_config(cls, config: dict[str, Any]) -> "Generator":
    return cls([keras.saving.deserialize_keras_object(member) for member in config["members"]])

  @property
  def rows_together(self) -> int:
    """See the base class."""
    return min(member.rows_together for member in self.members)

  @property
  def any_length(self) -> bool:
    """See the base class."""
    return all(member.any_length for member in self.members)

  def resized(self, length: int) -> "Generator":
    """See the base class."""
    return type(self)([member.resized(length) for member in self.members])

  def initial_state(self, latent: tf.Tensor, context: tf.Tensor | None = None) -> list:
    return [member.initial_state(part, context) for member, part in zip(self.members, self._latents(latent))]

  def step(self, inputs: tf.Tensor, state: list) -> tuple[tf.Tensor, list]:
    results = [member.step(inputs, part) for member, part in zip(self.members, state)]
    return self._mean([logits for logits, _ in results]), [after for _, after in results]

  def stacked(self, state: list) -> list:
    return [member.stacked(part) for member, part in zip(self.members, state)]

  def state_at(self, history: unrolling.History, positions: tf.Tensor, rows: tf.Tensor | None = None) -> list:
    parts = [unrolling.History(*part) for part in zip(history.stacked, history.last)]
    return [member.state_at(part, positions, rows) for member, part in zip(self.members, parts)]

  def outputs(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    raise NotImplementedError("each member has its own")

  def output_layer(self) -> tuple[tf.Tensor, tf.Tensor]:
    raise NotImplementedError("each member has its own")

  def output_variables(self) -> list[keras.Variable]:
    raise NotImplementedError("each member has its own")

  def call(self, tokens: tf.Tensor, latent: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
    return self._mean([member(tokens, part, context) for member, part in zip(self.members, self._latents(latent))])

  def log_probs(
    self,
    tokens: tf.Tensor,
    latent: tf.Tensor,
    context: tf.Tensor | None = None,
    seed: tf.Tensor | None = None,
    temperature: float | tf.Tensor | None = None,
  ) -> tf.Tensor:
    """As `generators.base.Autoregressive.log_probs`; the temperature divides the logarithm of the mean."""
    outputs = [member.outputs(tokens, part, context, seed) for member, part in zip(self.members, self._latents(latent))]
    outputs = [tf.reshape(x, [-1, x.shape[-1]]) for x in outputs]
    layers = [member.output_layer() for member in self.members]
    flat = tf.reshape(tokens, [-1])
    temperature = 1.0 if temperature is None else temperature

    def score_rows(_, first, count):
      rows = slice(first, first + count)
      scaled = self._mean([likelihood.logits(x[rows], *layer) for x, layer in zip(outputs, layers)]) / temperature
      return [tf.gather(scaled, flat[rows], batch_dims=1) - tf.reduce_logsumexp(scaled, axis=1)]

    (scores,) = chunks.map_rows(score_rows, tf.size(flat), _ROWS, [(tf.float32, [])])
    # The members exclude padding: its log-probability is minus infinity, which a product with the mask would make NaN.
    return tf.where(self.spec.mask(tokens) > 0, tf.reshape(scores, tf.shape(tokens)), 0.0)

  def _latents(self, latent):
    """Splits z into the members' parts."""
    return tf.split(latent, [member.latent_size for member in self.members], axis=1)

  def _mean(self, logits):
    """The logarithm of the mean of the members' softmaxes, float32 `[..., V]`: logits of the mean distribution."""
    return tf.math.log(tf.add_n([tf.nn.softmax(tf.cast(x, tf.float32)) for x in logits]) / len(logits))
