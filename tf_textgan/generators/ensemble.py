"""Several generators that write as one: the probability of the next token is the mean of theirs.

The strongest baseline that a few trainings of the same network give: an ensemble of language models.
"""

import dataclasses

import keras
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.generators import base
from tf_textgan.losses import likelihood
from tf_textgan.sampling import chunks
from tf_textgan.sampling import unrolling

# Rows of logits together: those of each member stay in a processor's cache.
_ROWS = 256


@dataclasses.dataclass(frozen=True)
class Config:
  """What a combined generator has of a generator's settings."""

  # Numbers in the latent z, those of all members.
  latent_size: int


class Generator(base.Autoregressive):
  """See the module. It is for writing and scoring: `outputs` and `output_layer`, which training needs, it has not.

  Attributes:
    members: the generators.
  """

  conditional = True

  def __init__(self, members):
    """Args:
    members: `generators.base.Autoregressive`s that write one vocabulary, two or more.

    Raises:
      UserError: there are fewer, one does not write token by token, or they differ in what they write.
    """
    if len(members) < 2:
      raise errors.UserError(f"generators are combined from two or more runs, but there is {len(members)}")
    if not all(isinstance(member, base.Autoregressive) for member in members):
      raise errors.UserError("only generators that write token by token can be combined; expected other runs")
    if any(member.spec != members[0].spec for member in members):
      raise errors.UserError("the generators to combine differ in vocabulary, length or categories; expected runs on one corpus")
    super().__init__(members[0].spec, Config(sum(member.latent_size for member in members)))
    self.members = members
    self.built = True

  def get_config(self):
    return {"members": [keras.saving.serialize_keras_object(member) for member in self.members]}

  @classmethod
  def from_config(cls, config):
    return cls([keras.saving.deserialize_keras_object(member) for member in config["members"]])

  def initial_state(self, latent, context=None):
    return [member.initial_state(part, context) for member, part in zip(self.members, self._latents(latent))]

  def step(self, inputs, state):
    results = [member.step(inputs, part) for member, part in zip(self.members, state)]
    return self._mean([logits for logits, _ in results]), [after for _, after in results]

  def stacked(self, state):
    return [member.stacked(part) for member, part in zip(self.members, state)]

  def state_at(self, history, positions, rows=None):
    parts = [unrolling.History(*part) for part in zip(history.stacked, history.last)]
    return [member.state_at(part, positions, rows) for member, part in zip(self.members, parts)]

  def outputs(self, tokens, latent, context=None, seed=None):
    raise NotImplementedError("each member has its own")

  def output_layer(self):
    raise NotImplementedError("each member has its own")

  def output_variables(self):
    raise NotImplementedError("each member has its own")

  def call(self, tokens, latent, context=None):
    return self._mean([member(tokens, part, context) for member, part in zip(self.members, self._latents(latent))])

  def log_probs(self, tokens, latent, context=None, seed=None, temperature=None):
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
    # Padding is no token of theirs: its log-probability is minus infinity, which no product with the mask would make 0.
    return tf.where(self.spec.mask(tokens) > 0, tf.reshape(scores, tf.shape(tokens)), 0.0)

  def _latents(self, latent):
    """Each member's part of z."""
    return tf.split(latent, [member.latent_size for member in self.members], axis=1)

  def _mean(self, logits):
    """The logarithm of the mean of softmaxes: float32 `[..., V]`, which as logits give that mean."""
    return tf.math.log(tf.add_n([tf.nn.softmax(tf.cast(x, tf.float32)) for x in logits]) / len(logits))
