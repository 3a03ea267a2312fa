"""Estimators of the gradient of an expected cost through the picks: one interface for the relaxed and the score-function families.

  g = d/d theta E_{x ~ p_theta}[f(x)]

An estimator is called as `estimator(policy, cost, num, seed) -> Estimate`; the gradient of the mean of `Estimate.surrogate` with respect to the
policy's weights is the estimate. With logits l, p = softmax(l), a drawn token b, one-hot, and Gumbel noise:

  relaxed         df(y)/dy dy/dl with a point y of the simplex in the token's place (see `pickers`): low variance, biased;
  score function  (f(b) - baseline) d log p(b)/dl: unbiased, high variance (Williams, 1992);
  control variate (f(b) - c(z~)) d log p(b)/dl + dc(z)/dl - dc(z~)/dl with z the perturbed logits that made b, and z~ others that would have: unbiased
                  for any c, and c is trained to lower the variance (REBAR, https://arxiv.org/abs/1703.07370; RELAX, https://arxiv.org/abs/1711.00123).

A sequence's logits depend on the tokens before them, so that the control variate of a token may look at those tokens, which are constants to it,
and at that token's own relaxation, and at nothing later: the form that RELAX has for reinforcement learning (section 3.3 there).
"""

import dataclasses
from typing import Any
from typing import ClassVar
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import relaxed_categorical
from tf_textgan.sampling import unrolling

# What `make` knows. Those with a control variate need a cost that scores prefixes.
RELAXED = ("gumbel_softmax", "straight_through", "straight_through_softmax", "gumbel_rao", "soft_argmax")
SCORE_FUNCTION = ("reinforce", "leave_one_out")
CONTROLLED = ("rebar", "relax")


class Estimate(NamedTuple):
  """What an estimator gives.

  Attributes:
    surrogate: float32 `[B]`; the gradient of its mean estimates that of the mean cost. Its value means something only for the relaxed family.
    costs: float32 `[B]`, of the sequences written.
    samples: `unrolling.Samples`; with points from the relaxed family only.
    square: float32 `[B]`, squared norm of each sequence's gradient at the logits, differentiable in the control variate; None without one.
  """

  surrogate: tf.Tensor
  costs: tf.Tensor
  samples: unrolling.Samples
  square: tf.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class Cost:
  """A generator's loss of a discriminator's scores, as a cost of sequences and of their prefixes.

  Attributes:
    loss: function of scores, of any shape, giving as many costs.
    discriminator: see `discriminators.base`; for prefixes it has to be a `PointScores`.
    seed: int32 `[2]` of its dropout; None for none.
  """

  loss: Any
  discriminator: Any
  seed: Any = None

  def __call__(self, inputs):
    return self.loss(self.discriminator(inputs, seed=self.seed))

  def prefixes(self, tokens, points):
    return self.loss(self.discriminator.prefixes(tokens, points, seed=self.seed))


@dataclasses.dataclass(frozen=True)
class Relaxed:
  """The gradient through a relaxing picker, at every step and through what is fed back.

  Attributes:
    picker: one of `pickers` whose `relaxed` is true.
  """

  picker: Any
  relaxed: ClassVar[bool] = True

  def __call__(self, policy, cost, num, seed):
    samples = policy.sample(num, seed, self.picker, soft_feedback=True)
    costs = cost(samples.points)
    return Estimate(costs, costs, samples)


@dataclasses.dataclass(frozen=True)
class ScoreFunction:
  """REINFORCE.

  Attributes:
    leave_one_out: subtract from each sequence's cost the mean of the others', which does not depend on it (Kool et al., 2019,
      https://openreview.net/forum?id=r1lgTGL5DE); needs two sequences in the batch.
  """

  leave_one_out: bool = False
  relaxed: ClassVar[bool] = False

  def __call__(self, policy, cost, num, seed):
    samples = _sampled(policy, num, seed)
    costs = tf.stop_gradient(cost(samples.tokens))
    advantages = costs
    if self.leave_one_out:
      # x_i - mean of the others = (x_i - mean of all) * N / (N - 1), over the global batch.
      count = tf.cast(tf.shape(costs)[0] * noise.num_replicas(), tf.float32)
      advantages = (costs - noise.average_over_replicas(tf.reduce_mean(costs))) * count / (count - 1.0)
    log_prob = tf.reduce_sum(policy.log_probs(samples.tokens, samples.latent), axis=1)
    return Estimate(advantages * log_prob, costs, samples)


@dataclasses.dataclass(frozen=True)
class Controlled:
  """REBAR and RELAX: the score function with a learned control variate.

  Attributes:
    control: `ControlVariate`.
  """

  control: "ControlVariate"
  relaxed: ClassVar[bool] = False

  def __call__(self, policy, cost, num, seed):
    """Also wants of `cost` a method `prefixes(tokens, points) -> [B, T]`: the cost of the tokens before each position and a point there."""
    samples = _sampled(policy, num, seed)
    tokens = samples.tokens
    costs = tf.stop_gradient(cost(tokens))
    logits = tf.cast(policy(tokens, samples.latent), tf.float32)
    mask = policy.spec.mask(tokens)
    gradient = self.control.gradient(cost, costs, tokens, tf.stop_gradient(logits), mask, seed)
    # The gradient at the logits is known: what is left is linear in them.
    surrogate = tf.reduce_sum(tf.stop_gradient(gradient) * logits, axis=[1, 2])
    # A departure: the papers lower the variance of the gradient at the weights; at the logits it is known for each sequence.
    return Estimate(surrogate, costs, samples, tf.reduce_sum(tf.square(gradient), axis=[1, 2]))


class ControlVariate(keras.Model):
  """c_t(z_t) = scale * cost of the prefix with softmax(z_t / temperature) after it, plus, for RELAX, a network of the same."""

  def __init__(self, network=None):
    """Args: network: gives `prefixes(tokens, points)`, float `[B, T]`, as a cost does; None for REBAR."""
    super().__init__(name="control_variate")
    self.log_temperature = self.add_weight((), keras.initializers.Constant(0.0), name="log_temperature")
    # REBAR starts from the cost itself.
    self.scale = self.add_weight((), keras.initializers.Constant(1.0), name="scale")
    self.network = network
    self.built = True

  def call(self, perturbed, cost, tokens):
    """c of perturbed logits `[B, T, V]`: float32 `[B, T]`."""
    points = tf.nn.softmax(perturbed / tf.exp(tf.convert_to_tensor(self.log_temperature)))
    value = self.scale * cost.prefixes(tokens, points)
    if self.network is not None:
      value += self.network.prefixes(tokens, points)
    return value

  def gradient(self, cost, costs, tokens, logits, mask, seed):
    """The estimate at the logits.

    Args:
      cost: see `Controlled`.
      costs: float `[B]`, of the sequences.
      tokens: int32 `[B, T]`, drawn from softmax(logits).
      logits: float32 `[B, T, V]`.
      mask: float `[B, T]`, 0 on padding.
      seed: int32 `[2]`.

    Returns:
      float32 `[B, T, V]`, differentiable in this model's weights.
    """
    with tf.GradientTape() as tape:
      tape.watch(logits)
      relaxed = relaxed_categorical.RelaxedOneHotCategorical(1.0, logits)
      # z is logits plus noise, the noise being one that makes the tokens; z~ is another draw given the tokens, a function of the logits.
      drawn = relaxed.perturb_given(tokens, noise.fold(seed, "perturbed"))
      first = self(logits + tf.stop_gradient(drawn - logits), cost=cost, tokens=tokens)
      second = self(relaxed.perturb_given(tokens, noise.fold(seed, "conditional")), cost=cost, tokens=tokens)
      difference = tf.reduce_sum((first - second) * mask)
    pathwise = tape.gradient(difference, logits)
    score = tf.one_hot(tokens, logits.shape[-1]) - tf.nn.softmax(logits)
    return ((costs[:, None] - second) * mask)[:, :, None] * score + pathwise


def make(name, temperature=1.0, control=None):
  """The estimator of a name.

  Args:
    name: one of `RELAXED`, `SCORE_FUNCTION`, `CONTROLLED`.
    temperature: of the relaxed family, a number above 0 or a scalar tensor.
    control: `ControlVariate`, for `CONTROLLED`.

  Raises:
    ValueError: an unknown name, or no control variate where one is needed.
  """
  if name in CONTROLLED:
    if control is None:
      raise ValueError(f"{name} needs a control variate")
    return Controlled(control)
  if name in SCORE_FUNCTION:
    return ScoreFunction(leave_one_out=name == "leave_one_out")
  relaxing = {
    "gumbel_softmax": pickers.GumbelSoftmax,
    "straight_through": pickers.StraightThrough,
    "straight_through_softmax": pickers.StraightThroughSoftmax,
    "gumbel_rao": pickers.GumbelRao,
    "soft_argmax": pickers.SoftArgmax,
  }
  if name not in relaxing:
    raise ValueError(f"unknown estimator {name!r}; there are: {', '.join((*RELAXED, *SCORE_FUNCTION, *CONTROLLED))}")
  return Relaxed(relaxing[name](temperature))


def _sampled(policy, num, seed):
  """Samples whose tokens pass no gradient into the loop that generated them."""
  samples = policy.sample(num, seed)
  return samples._replace(tokens=tf.stop_gradient(samples.tokens))
