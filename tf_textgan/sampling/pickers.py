"""How one token is chosen from logits, and what gradient flows through the choice.

A picker is a value, called as `picker(logits, seed) -> Pick`. `Argmax` and `Categorical` choose a token and pass no gradient: the map from logits
to a token is piecewise constant. The others also give a point of the simplex that has one;
their `relaxed` is true. Temperatures may be Python numbers or scalar tensors, so that they can be annealed inside a compiled step.
"""

import dataclasses
from typing import Any
from typing import ClassVar
from typing import NamedTuple

import tensorflow as tf

from tf_textgan.sampling import categorical
from tf_textgan.sampling import noise
from tf_textgan.sampling import relaxed_categorical

# Below this a draw is an argmax to float32 accuracy; it also keeps temperature 0 from dividing by zero.
_LEAST_TEMPERATURE = 1e-6
# How much less probable than the best token one in a nucleus may be, in nats, and how often that is halved to find the bound of a nucleus.
_NUCLEUS_DEPTH = 20.0
_NUCLEUS_HALVINGS = 13


class Pick(NamedTuple):
  """What a picker chose in each row.

  Attributes:
    tokens: int32 `[B]`.
    log_probs: float32 `[B]`, log-probability of the tokens under the distribution they were drawn from (nats).
    points: float32 `[B, V]`, one-hot or inside the simplex, through which gradients flow to the logits; None where none would.
  """

  tokens: tf.Tensor
  log_probs: tf.Tensor
  points: tf.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class Argmax:
  """The most probable token. Its log-probability is that under softmax(logits)."""

  relaxed: ClassVar[bool] = False

  def __call__(self, logits, seed=None):
    del seed  # Nothing is drawn.
    logits.shape.assert_has_rank(2)
    tokens = tf.argmax(logits, axis=-1, output_type=tf.int32)
    return Pick(tokens, _log_probs(logits, tokens))


@dataclasses.dataclass(frozen=True)
class Categorical:
  """A draw from softmax(logits / temperature), cut to the most probable tokens.

  Attributes:
    temperature: 0 and up; 0 takes the most probable token.
    top_k: draw among the k most probable tokens only (Fan et al., https://arxiv.org/abs/1805.04833); 0 keeps all.
    nucleus: draw among the fewest tokens that together have this probability (Holtzman et al., https://arxiv.org/abs/1904.09751); 1 keeps
      all. With `top_k`, of what that left.
  """

  temperature: Any = 1.0
  top_k: int = 0
  nucleus: float = 1.0
  relaxed: ClassVar[bool] = False

  def __call__(self, logits, seed):
    logits.shape.assert_has_rank(2)
    # Division by one is left out: it is a pass over the logits.
    if not (isinstance(self.temperature, float) and self.temperature == 1.0):
      logits = tf.cast(logits, tf.float32) / tf.maximum(tf.cast(self.temperature, tf.float32), _LEAST_TEMPERATURE)
    if not self.top_k and self.nucleus >= 1.0:
      return Pick(*categorical.draw(logits, seed))
    kept, tokens = tf.math.top_k(logits, min(self.top_k or logits.shape[-1], logits.shape[-1]))
    if self.nucleus < 1.0:
      probs = tf.nn.softmax(tf.cast(kept, tf.float32))
      # A token stays while those before it have not reached the threshold: the first always does.
      before = tf.cumsum(probs, axis=-1, exclusive=True)
      first = tf.range(kept.shape[-1]) == 0
      kept = tf.where((before < self.nucleus) | first, kept, tf.cast(float("-inf"), kept.dtype))
    places, log_probs = categorical.draw(kept, seed)
    return Pick(tf.gather(tokens, places, batch_dims=1), log_probs)


@dataclasses.dataclass(frozen=True)
class ColdNucleus:
  """A draw from share * softmax(logits / temperature) + (1 - share) * nucleus: near the modes, though no token that is possible becomes impossible.

  ColdGAN's exploration (https://arxiv.org/abs/2006.04643), token by token; the log-probability is the mixture's.

  Attributes:
    temperature: above 0, below 1 for a cold softmax.
    nucleus: the most probable tokens that have this probability together, drawn as softmax(logits) would; 1 keeps all. Unlike
      `Categorical`'s it also has those that are as probable as its last token, to a quarter of a percent.
    share: of the cold softmax.
  """

  temperature: Any
  nucleus: float
  share: float
  relaxed: ClassVar[bool] = False

  def __call__(self, logits, seed):
    logits.shape.assert_has_rank(2)
    logits = tf.cast(logits, tf.float32)
    probs = tf.nn.softmax(logits)
    inside = probs
    if self.nucleus < 1.0:
      inside = tf.where(_in_nucleus(logits, probs, self.nucleus), probs, 0.0)
      inside /= tf.reduce_sum(inside, axis=-1, keepdims=True)
    mixture = self.share * tf.nn.softmax(logits / self.temperature) + (1.0 - self.share) * inside
    tokens = categorical.invert_cdf(mixture, noise.uniform(tf.shape(logits)[:1], seed))
    return Pick(tokens, tf.math.log(tf.gather(mixture, tokens, batch_dims=1)))


@dataclasses.dataclass(frozen=True)
class GumbelSoftmax:
  """A draw, and its relaxation softmax((logits + g) / temperature), whose argmax it is."""

  temperature: Any = 1.0
  relaxed: ClassVar[bool] = True

  def __call__(self, logits, seed):
    logits.shape.assert_has_rank(2)
    relaxed = relaxed_categorical.RelaxedOneHotCategorical(self.temperature, tf.cast(logits, tf.float32))
    perturbed = relaxed.perturb(seed)
    tokens = tf.argmax(perturbed, axis=-1, output_type=tf.int32)
    return Pick(tokens, _log_probs(logits, tokens), relaxed.relax(perturbed))


@dataclasses.dataclass(frozen=True)
class StraightThrough:
  """A draw as an exact one-hot forward, with the gradient of its Gumbel-softmax relaxation backward."""

  temperature: Any = 1.0
  relaxed: ClassVar[bool] = True

  def __call__(self, logits, seed):
    pick = GumbelSoftmax(self.temperature)(logits, seed)
    return pick._replace(points=_straight_through(pick.tokens, pick.points))


@dataclasses.dataclass(frozen=True)
class StraightThroughSoftmax:
  """A draw as an exact one-hot forward, with the gradient of softmax(logits / temperature), without noise, backward.

  Bengio et al., https://arxiv.org/abs/1308.3432.
  """

  temperature: Any = 1.0
  relaxed: ClassVar[bool] = True

  def __call__(self, logits, seed):
    logits.shape.assert_has_rank(2)
    tokens, log_probs = categorical.draw(logits, seed)
    return Pick(tokens, log_probs, _straight_through(tokens, tf.nn.softmax(tf.cast(logits, tf.float32) / self.temperature)))


@dataclasses.dataclass(frozen=True)
class GumbelRao:
  """Straight-through whose gradient is averaged over the noise that would have given the same draw: the same bias, less variance.

  Paulus et al., https://arxiv.org/abs/2010.04838.

  Attributes:
    temperature: above 0.
    draws: how many times the noise is drawn anew; the cost grows with it.
  """

  temperature: Any = 1.0
  draws: int = 10
  relaxed: ClassVar[bool] = True

  def __call__(self, logits, seed):
    logits.shape.assert_has_rank(2)
    tokens, log_probs = categorical.draw(logits, noise.fold(seed, "token"))
    logits = tf.cast(logits, tf.float32)
    relaxed = relaxed_categorical.RelaxedOneHotCategorical(self.temperature, logits)
    # The noise is a constant, though which noise gives the token depends on the logits: the gradient averaged is that of logits plus noise.
    noises = [tf.stop_gradient(relaxed.perturb_given(tokens, noise.fold(seed, i)) - logits) for i in range(self.draws)]
    points = [relaxed.relax(logits + each) for each in noises]
    return Pick(tokens, log_probs, _straight_through(tokens, tf.add_n(points) / self.draws))


@dataclasses.dataclass(frozen=True)
class SoftArgmax:
  """The most probable token, and softmax(logits / temperature): no noise (Zhang et al., https://arxiv.org/abs/1706.03850)."""

  temperature: Any = 1.0
  relaxed: ClassVar[bool] = True

  def __call__(self, logits, seed=None):
    pick = Argmax()(logits, seed)
    return pick._replace(points=tf.nn.softmax(tf.cast(logits, tf.float32) / self.temperature))


def _in_nucleus(logits, probs, nucleus):
  """Marks each row's nucleus, and what is as probable as its last token to a quarter of a percent: float `[B, V]` both, to bool `[B, V]`.

  The bound is found by halving, which takes a third of the time of sorting a vocabulary.
  """
  high = tf.reduce_max(logits, axis=-1, keepdims=True)
  low = high - _NUCLEUS_DEPTH
  for _ in range(_NUCLEUS_HALVINGS):
    middle = (low + high) / 2.0
    enough = tf.reduce_sum(tf.where(logits >= middle, probs, 0.0), axis=-1, keepdims=True) >= nucleus
    low, high = tf.where(enough, middle, low), tf.where(enough, high, middle)
  return logits >= low


def _straight_through(tokens, points):
  """One-hot tokens `[B, V]` with the gradient of the points."""
  return points + tf.stop_gradient(tf.one_hot(tokens, points.shape[-1]) - points)


def _log_probs(logits, tokens):
  """Log-probabilities `[B]` of tokens `[B]` under softmax of logits `[B, V]`."""
  return -tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, tf.cast(logits, tf.float32))
