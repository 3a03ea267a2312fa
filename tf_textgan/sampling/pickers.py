"""Pickers: choice of one token from logits, and the gradient through the choice.

A picker is a value, called as `picker(logits, seed) -> Pick`. `Argmax`, `Categorical` and `ColdNucleus` choose a token without a gradient, because
the map from logits to a token is piecewise constant. The others, with `relaxed = True`, also return a differentiable simplex point. Temperatures are
Python numbers or scalar tensors, so that they can be annealed inside a compiled step.
"""

import dataclasses
from typing import Any
from typing import ClassVar
from typing import NamedTuple

import tensorflow as tf

from tf_textgan.sampling import categorical
from tf_textgan.sampling import noise
from tf_textgan.sampling import relaxed_categorical

# At this temperature a draw is an argmax to float32 accuracy; it stands for lower temperatures, 0 included.
_LEAST_TEMPERATURE = 1e-6
# At this temperature a draw is uniform; it stands for higher temperatures, at which the logit -1e9 of a forbidden token would be no hindrance.
_MOST_TEMPERATURE = 1e6
# Largest gap in nats between the best token and a token of the nucleus, and number of bisections of that gap.
_NUCLEUS_DEPTH = 20.0
_NUCLEUS_HALVINGS = 13


class Pick(NamedTuple):
  """Choice of a picker in each row.

  Attributes:
    tokens: int32 `[B]`.
    log_probs: float32 `[B]`, log-probabilities of the tokens under the distribution they were drawn from, nats.
    points: float32 `[B, V]`, one-hot or inside the simplex, with gradients to the logits; None for pickers without a gradient.
    policy_log_probs: float32 `[B]`, log-probabilities of the tokens under softmax(logits), for importance weights; None for pickers that are not
      `weighted`.
  """

  tokens: tf.Tensor
  log_probs: tf.Tensor
  points: tf.Tensor | None = None
  policy_log_probs: tf.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class Argmax:
  """Takes the most probable token; its log-probability is taken from softmax(logits)."""

  relaxed: ClassVar[bool] = False

  def __call__(self, logits: tf.Tensor, seed: tf.Tensor | None = None) -> Pick:
    del seed  # Nothing is drawn.
    logits.shape.assert_has_rank(2)
    tokens = tf.argmax(logits, axis=-1, output_type=tf.int32)
    return Pick(tokens, _log_probs(logits, tokens))


@dataclasses.dataclass(frozen=True)
class Categorical:
  """Draws from softmax(logits / temperature), optionally truncated to the most probable tokens.

  Attributes:
    temperature: at least 0; 0 takes the most probable token.
    top_k: number of most probable tokens to draw from (Fan et al., https://arxiv.org/abs/1805.04833); 0 for all.
    nucleus: draw from the fewest tokens with at least this total probability (Holtzman et al., https://arxiv.org/abs/1904.09751); 1 for all. With
      `top_k`, applied to the tokens that `top_k` keeps.
  """

  temperature: Any = 1.0
  top_k: int = 0
  nucleus: float = 1.0
  relaxed: ClassVar[bool] = False

  def __call__(self, logits: tf.Tensor, seed: tf.Tensor) -> Pick:
    logits.shape.assert_has_rank(2)
    # Dividing by one would be a needless pass over the logits.
    if not (isinstance(self.temperature, float) and self.temperature == 1.0):
      logits = tf.cast(logits, tf.float32) / tf.clip_by_value(tf.cast(self.temperature, tf.float32), _LEAST_TEMPERATURE, _MOST_TEMPERATURE)
    if not self.top_k and self.nucleus >= 1.0:
      return Pick(*categorical.draw(logits, seed))
    kept, tokens = tf.math.top_k(logits, min(self.top_k or logits.shape[-1], logits.shape[-1]))
    if self.nucleus < 1.0:
      probs = tf.nn.softmax(tf.cast(kept, tf.float32))
      # A token is kept if the more probable ones are below the threshold in total; the first always is.
      before = tf.cumsum(probs, axis=-1, exclusive=True)
      first = tf.range(kept.shape[-1]) == 0
      kept = tf.where((before < self.nucleus) | first, kept, tf.cast(float("-inf"), kept.dtype))
    places, log_probs = categorical.draw(kept, seed)
    return Pick(tf.gather(tokens, places, batch_dims=1), log_probs)


@dataclasses.dataclass(frozen=True)
class Without:
  """Another picker, of the distribution without one token: the probabilities of the others are divided by their sum before anything else.

  The log-probabilities are of that distribution. Points, if any, are zero at the token.

  Attributes:
    picker: the other picker.
    token: id of the token that is never picked.
  """

  picker: Any
  token: int

  @property
  def relaxed(self) -> bool:
    """Whether the other picker returns points."""
    return self.picker.relaxed

  def __call__(self, logits: tf.Tensor, seed: tf.Tensor) -> Pick:
    logits.shape.assert_has_rank(2)
    excluded = tf.range(logits.shape[-1]) == self.token
    return self.picker(tf.where(excluded, tf.cast(float("-inf"), logits.dtype), logits), seed)


def without(picker: Any, token: int | None) -> Any:
  """A picker that never picks a token, see `Without`; the picker itself if the token is None."""
  return picker if token is None else Without(picker, token)


@dataclasses.dataclass(frozen=True)
class ColdNucleus:
  """Draws from share * softmax(logits / temperature) + (1 - share) * nucleus: near the modes, but every token keeps a positive probability.

  ColdGAN's exploration (https://arxiv.org/abs/2006.04643), applied per token; the log-probability is taken from the mixture.

  Attributes:
    temperature: of the cold softmax, above 0 and usually below 1.
    nucleus: total probability of the most probable tokens that the second part draws from, in proportion to softmax(logits); 1 for all. Unlike in
      `Categorical`, tokens whose probability is within a quarter of a percent of the last one's are included.
    share: weight of the cold softmax.
  """

  temperature: Any
  nucleus: float
  share: float
  relaxed: ClassVar[bool] = False
  weighted: ClassVar[bool] = True

  def __call__(self, logits: tf.Tensor, seed: tf.Tensor) -> Pick:
    logits.shape.assert_has_rank(2)
    logits = tf.cast(logits, tf.float32)
    probs = tf.nn.softmax(logits)
    inside = probs
    if self.nucleus < 1.0:
      inside = tf.where(_in_nucleus(logits, probs, self.nucleus), probs, 0.0)
      inside /= tf.reduce_sum(inside, axis=-1, keepdims=True)
    mixture = self.share * tf.nn.softmax(logits / self.temperature) + (1.0 - self.share) * inside
    tokens = categorical.invert_cdf(mixture, noise.uniform(tf.shape(logits)[:1], seed))
    return Pick(tokens, tf.math.log(tf.gather(mixture, tokens, batch_dims=1)), policy_log_probs=_log_probs(logits, tokens))


@dataclasses.dataclass(frozen=True)
class GumbelSoftmax:
  """Draws a token as the argmax of logits + Gumbel noise g, and relaxes it to softmax((logits + g) / temperature)."""

  temperature: Any = 1.0
  relaxed: ClassVar[bool] = True

  def __call__(self, logits: tf.Tensor, seed: tf.Tensor) -> Pick:
    logits.shape.assert_has_rank(2)
    relaxed = relaxed_categorical.RelaxedOneHotCategorical(self.temperature, tf.cast(logits, tf.float32))
    perturbed = relaxed.perturb(seed)
    tokens = tf.argmax(perturbed, axis=-1, output_type=tf.int32)
    return Pick(tokens, _log_probs(logits, tokens), relaxed.relax(perturbed))


@dataclasses.dataclass(frozen=True)
class StraightThrough:
  """Draws an exact one-hot in the forward pass, with the gradient of its Gumbel-softmax relaxation in the backward pass."""

  temperature: Any = 1.0
  relaxed: ClassVar[bool] = True

  def __call__(self, logits: tf.Tensor, seed: tf.Tensor) -> Pick:
    pick = GumbelSoftmax(self.temperature)(logits, seed)
    return pick._replace(points=_straight_through(pick.tokens, pick.points))


@dataclasses.dataclass(frozen=True)
class StraightThroughSoftmax:
  """Draws an exact one-hot in the forward pass, with the gradient of softmax(logits / temperature), without noise, in the backward pass.

  Bengio et al., https://arxiv.org/abs/1308.3432.
  """

  temperature: Any = 1.0
  relaxed: ClassVar[bool] = True

  def __call__(self, logits: tf.Tensor, seed: tf.Tensor) -> Pick:
    logits.shape.assert_has_rank(2)
    tokens, log_probs = categorical.draw(logits, seed)
    return Pick(tokens, log_probs, _straight_through(tokens, tf.nn.softmax(tf.cast(logits, tf.float32) / self.temperature)))


@dataclasses.dataclass(frozen=True)
class GumbelRao:
  """Straight-through Gumbel-softmax with its gradient averaged over noise conditioned on the drawn token: same bias, less variance.

  Paulus et al., https://arxiv.org/abs/2010.04838.

  Attributes:
    temperature: above 0.
    draws: number of noise samples averaged; the cost is proportional to it.
  """

  temperature: Any = 1.0
  draws: int = 10
  relaxed: ClassVar[bool] = True

  def __call__(self, logits: tf.Tensor, seed: tf.Tensor) -> Pick:
    logits.shape.assert_has_rank(2)
    tokens, log_probs = categorical.draw(logits, noise.fold(seed, "token"))
    logits = tf.cast(logits, tf.float32)
    relaxed = relaxed_categorical.RelaxedOneHotCategorical(self.temperature, logits)
    # The noise is a constant, although its conditional distribution depends on the logits: only logits + noise is differentiated.
    noises = [tf.stop_gradient(relaxed.perturb_given(tokens, noise.fold(seed, i)) - logits) for i in range(self.draws)]
    points = [relaxed.relax(logits + each) for each in noises]
    return Pick(tokens, log_probs, _straight_through(tokens, tf.add_n(points) / self.draws))


@dataclasses.dataclass(frozen=True)
class SoftArgmax:
  """Takes the most probable token, with softmax(logits / temperature) as its point, no noise (Zhang et al., https://arxiv.org/abs/1706.03850)."""

  temperature: Any = 1.0
  relaxed: ClassVar[bool] = True

  def __call__(self, logits: tf.Tensor, seed: tf.Tensor | None = None) -> Pick:
    pick = Argmax()(logits, seed)
    return pick._replace(points=tf.nn.softmax(tf.cast(logits, tf.float32) / self.temperature))


def _in_nucleus(logits, probs, nucleus):
  """Marks each row's nucleus and tokens within a quarter of a percent of its last one's probability: float `[B, V]` both, to bool `[B, V]`.

  The threshold is found by bisection, in a third of the time of sorting a vocabulary.
  """
  high = tf.reduce_max(logits, axis=-1, keepdims=True)
  low = high - _NUCLEUS_DEPTH
  for _ in range(_NUCLEUS_HALVINGS):
    middle = (low + high) / 2.0
    enough = tf.reduce_sum(tf.where(logits >= middle, probs, 0.0), axis=-1, keepdims=True) >= nucleus
    low, high = tf.where(enough, middle, low), tf.where(enough, high, middle)
  return logits >= low


def _straight_through(tokens, points):
  """Returns one-hot tokens `[B, V]` with the gradient of the points."""
  return points + tf.stop_gradient(tf.one_hot(tokens, points.shape[-1]) - points)


def _log_probs(logits, tokens):
  """Computes log-probabilities `[B]` of tokens `[B]` under softmax of logits `[B, V]`."""
  return -tf.nn.sparse_softmax_cross_entropy_with_logits(tokens, tf.cast(logits, tf.float32))
