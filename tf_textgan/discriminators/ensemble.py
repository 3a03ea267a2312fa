"""Several discriminators of one kind that begin apart and learn side by side: their mean score has less of the noise that each has learned alone."""

import keras
import tensorflow as tf

from tf_textgan.discriminators import base
from tf_textgan.sampling import noise

# Between the seeds of members: more than anyone runs seeds.
_STRIDE = 1000


class Discriminator(base.Discriminator, base.Views, base.PrefixScores):
  """See the module.

  An algorithm that trains on `training_scores` or `scores` trains each member on its own scores, with its own dropout; any other trains their mean.

  Attributes:
    members: the discriminators.
  """

  def __init__(self, members):
    """Args: members: discriminators of one kind."""
    super().__init__(members[0].spec)
    self.members = members
    self.per_prefix = members[0].per_prefix
    self.built = True

  def get_config(self):
    return {"members": [keras.saving.serialize_keras_object(member) for member in self.members]}

  @classmethod
  def from_config(cls, config):
    return cls([keras.saving.deserialize_keras_object(member) for member in config["members"]])

  def attach(self, networks):
    for member in self.members:
      member.attach(networks)

  def begin(self):
    for member in self.members:
      member.begin()

  def call(self, inputs, *, context=None, seed=None):
    return self._mean([member(inputs, context=context, seed=_fold(seed, i)) for i, member in enumerate(self.members)])

  def token_scores(self, inputs, *, context=None, seed=None):
    """The mean of the members' token scores, if these are `per_prefix`: see the base."""
    return self._mean([member.token_scores(inputs, context=context, seed=_fold(seed, i)) for i, member in enumerate(self.members)])

  def training_scores(self, inputs, *, context=None, seed=None):
    scores, weights = zip(*(member.training_scores(inputs, context=context, seed=_fold(seed, i)) for i, member in enumerate(self.members)))
    return tf.concat(scores, axis=1), tf.concat(weights, axis=1)

  def scores(self, inputs, *, context=None, seed=None):
    """The scores of the members, or of their views, side by side: arguments as of `call`, to float32 `[B, N]`."""
    return tf.concat([base.view_scores(member, inputs, context=context, seed=_fold(seed, i)) for i, member in enumerate(self.members)], axis=1)

  def regularization(self):
    """The mean of the members': the loss is one over all their verdicts."""
    return self._mean([member.regularization() for member in self.members])

  def _mean(self, values):
    return tf.add_n(values) / len(values)


def make(network, spec, config, seed=0, size=1):
  """Makes a discriminator, or an ensemble of `size` of them.

  Args:
    network: class of the discriminator, or of each member.
    spec: `sequences.Spec`.
    config: its `Config`.
    seed: integer, for the initial weights; members differ in theirs.
    size: integer above 0.
  """
  members = [network(spec, config, seed + _STRIDE * i) for i in range(size)]
  return members[0] if size == 1 else Discriminator(members)


def _fold(seed, number):
  return None if seed is None else noise.fold(seed, "member", number)
