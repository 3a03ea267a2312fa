"""Several discriminators of one kind that begin apart and learn side by side: their mean score has less of the noise that each has learned alone."""

import tensorflow as tf

from tf_textgan.discriminators import base
from tf_textgan.sampling import noise

# Between the seeds of members: more than anyone runs seeds.
_STRIDE = 1000


class Discriminator(base.Discriminator):
  """See the module. An algorithm that trains on `verdicts` or `scores` holds each member to its own, with its own dropout; any other trains the mean.

  Attributes:
    members: the discriminators.
  """

  def __init__(self, members):
    """Args: members: discriminators of one kind."""
    super().__init__(members[0].spec)
    self.members = members
    self.per_prefix = members[0].per_prefix
    self.built = True

  def attach(self, generator):
    for member in self.members:
      member.attach(generator)

  def begin(self):
    for member in self.members:
      member.begin()

  def call(self, inputs, seed=None):
    return self._mean([member(inputs, _fold(seed, i)) for i, member in enumerate(self.members)])

  def token_scores(self, inputs, seed=None):
    """The mean of the members', if these are `per_prefix`: see the base."""
    return self._mean([member.token_scores(inputs, _fold(seed, i)) for i, member in enumerate(self.members)])

  def verdicts(self, inputs, seed=None):
    scores, weights = zip(*(member.verdicts(inputs, _fold(seed, i)) for i, member in enumerate(self.members)))
    return tf.concat(scores, axis=1), tf.concat(weights, axis=1)

  def scores(self, inputs, seed=None):
    """The members' scores, or those of their views, side by side, for `algorithms.relgan`: arguments as of `call`, to float32 `[B, N]`."""
    scores = [getattr(member, "scores", member)(inputs, _fold(seed, i)) for i, member in enumerate(self.members)]
    return tf.concat([x if x.shape.rank == 2 else x[:, None] for x in scores], axis=1)

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
