"""An ensemble of discriminators with different initial weights: the mean of the scores has less variance than one member's score."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.sampling import noise

# Distance between the seeds of members, larger than the number of seeds anyone runs.
_STRIDE = 1000


class Discriminator(base.Discriminator, base.Views, base.PrefixScores):
  """See the module.

  An algorithm that trains on `training_scores` or `scores` trains each member on its own scores, with its own dropout. Other algorithms train the
  mean score.

  Attributes:
    members: the discriminators.
  """

  reads_sources = True

  def __init__(self, members: Sequence[base.Discriminator]):
    """Combines discriminators of one class and config."""
    super().__init__(members[0].spec)
    self.members = members
    self.per_prefix = members[0].per_prefix
    self.built = True

  def get_config(self) -> dict[str, Any]:
    return {"members": [keras.saving.serialize_keras_object(member) for member in self.members]}

  @classmethod
  def from_config(cls, config: dict[str, Any]) -> "Discriminator":
    return cls([keras.saving.deserialize_keras_object(member) for member in config["members"]])

  def attach(self, networks: Mapping[str, keras.Model]) -> None:
    for member in self.members:
      member.attach(networks)

  def begin(self) -> None:
    for member in self.members:
      member.begin()

  def call(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    return self._mean([member(inputs, context=context, seed=_fold(seed, i)) for i, member in enumerate(self.members)])

  def token_scores(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """The mean of the members' token scores, for `per_prefix` members. See `base.PrefixScores`."""
    return self._mean([member.token_scores(inputs, context=context, seed=_fold(seed, i)) for i, member in enumerate(self.members)])

  def training_scores(
    self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None
  ) -> tuple[tf.Tensor, tf.Tensor]:
    scores, weights = zip(*(member.training_scores(inputs, context=context, seed=_fold(seed, i)) for i, member in enumerate(self.members)))
    return tf.concat(scores, axis=1), tf.concat(weights, axis=1)

  def scores(self, inputs: tf.Tensor, *, context: tf.Tensor | None = None, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Concatenates the scores of the members, or of their views: float32 `[B, N]`. Arguments as of `call`."""
    return tf.concat([base.view_scores(member, inputs, context=context, seed=_fold(seed, i)) for i, member in enumerate(self.members)], axis=1)

  def regularization(self) -> tf.Tensor:
    """The mean of the members' penalties, because the loss is the mean over the members."""
    return self._mean([member.regularization() for member in self.members])

  def _mean(self, values):
    return tf.add_n(values) / len(values)


def make(network: type[base.Discriminator], spec: sequences.Spec, config: Any, seed: int = 0, size: int = 1) -> base.Discriminator:
  """Creates a discriminator, or an ensemble.

  Args:
    network: class of the discriminator, or of each member.
    spec: spec of the sequences.
    config: `Config` of the discriminator.
    seed: seed of the initial weights, from which the members' seeds are derived.
    size: number of members; 1 for a single discriminator.
  """
  members = [network(spec, config, seed + _STRIDE * i) for i in range(size)]
  return members[0] if size == 1 else Discriminator(members)


def _fold(seed, number):
  return None if seed is None else noise.fold(seed, "member", number)
