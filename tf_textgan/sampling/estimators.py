"""Estimators of the gradient of an expected cost through the picks: one interface for relaxed and score-function estimators.

  g = d/d theta E_{x ~ p_theta}[f(x)]

An estimator is called as `estimator(policy, cost, num, seed) -> Estimate`; the gradient of the mean of `Estimate.surrogate` with respect to the
policy's weights is the estimate. With logits l, p = softmax(l), and a drawn token b, one-hot:

  relaxed         df(y)/dy dy/dl with a point y of the simplex in place of the token (see `pickers`): low variance, biased;
  score function  (f(b) - baseline) d log p(b)/dl: unbiased, high variance (Williams, 1992);
  control variate (f(b) - c(z~)) d log p(b)/dl + dc(z)/dl - dc(z~)/dl with z = l + Gumbel noise and argmax z = b, and z~ an independent draw of z
                  given b: unbiased for any c, which is trained to lower the variance (REBAR, https://arxiv.org/abs/1703.07370; RELAX,
                  https://arxiv.org/abs/1711.00123).

In a sequence, the logits of a token depend on the tokens before it. So its control variate may read those tokens, as constants, and the token's own
relaxation, but no later token: the form of RELAX for reinforcement learning (section 3.3 there).
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

# Names for `make`. Estimators with a control variate need a cost that scores prefixes.
RELAXED = ("gumbel_softmax", "straight_through", "straight_through_softmax", "gumbel_rao", "soft_argmax")
SCORE_FUNCTION = ("reinforce", "leave_one_out")
CONTROLLED = ("rebar", "relax")


class Estimate(NamedTuple):
  """Result of an estimator.

  Attributes:
    surrogate: float32 `[B]`; the gradient of its mean estimates the gradient of the mean cost. Its value has a meaning only for relaxed estimators.
    costs: float32 `[B]`, costs of the generated sequences.
    samples: the generated sequences; with points only from relaxed estimators.
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
    loss: function of scores, returning costs of the same shape.
    discriminator: see `discriminators.base`; `prefixes` needs a `PointScores`.
    seed: int32 `[2]`, for the discriminator's dropout; None for no dropout.
  """

  loss: Any
  discriminator: Any
  seed: Any = None

  def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
    """The costs of sequences, ids `[B, T]` or points `[B, T, V]`: float32 `[B]`."""
    return self.loss(self.discriminator(inputs, seed=self.seed))

  def prefixes(self, tokens: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
    """The costs of the tokens before each position followed by a point there: int32 `[B, T]`, float `[B, T, V]` to float32 `[B, T]`."""
    return self.loss(self.discriminator.prefixes(tokens, points, seed=self.seed))


@dataclasses.dataclass(frozen=True)
class Relaxed:
  """The gradient through a relaxed picker, at every step and through the feedback.

  Attributes:
    picker: a picker with `relaxed = True`.
  """

  picker: Any
  relaxed: ClassVar[bool] = True

  def __call__(self, policy: Any, cost: Cost, num: tf.Tensor, seed: tf.Tensor) -> Estimate:
    samples = policy.sample(num, seed, self.picker, soft_feedback=True)
    costs = cost(samples.points)
    return Estimate(costs, costs, samples)


@dataclasses.dataclass(frozen=True)
class ScoreFunction:
  """REINFORCE.

  Attributes:
    leave_one_out: subtract from each sequence's cost the mean cost of the other sequences, which is independent of it (Kool et al., 2019,
      https://openreview.net/forum?id=r1lgTGL5DE); needs two or more sequences in the batch.
  """

  leave_one_out: bool = False
  relaxed: ClassVar[bool] = False

  def __call__(self, policy: Any, cost: Cost, num: tf.Tensor, seed: tf.Tensor) -> Estimate:
    samples = _sampled(policy, num, seed)
    costs = tf.stop_gradient(cost(samples.tokens))
    advantages = costs
    if self.leave_one_out:
      # x_i - mean of the others = (x_i - mean) * N / (N - 1), over the global batch.
      count = tf.cast(tf.shape(costs)[0] * noise.num_replicas(), tf.float32)
      advantages = (costs - noise.average_over_replicas(tf.reduce_mean(costs))) * count / (count - 1.0)
    log_prob = tf.reduce_sum(policy.log_probs(samples.tokens, samples.latent), axis=1)
    return Estimate(advantages * log_prob, costs, samples)


@dataclasses.dataclass(frozen=True)
class Controlled:
  """REBAR and RELAX: the score function with a trained control variate. The cost needs a method `prefixes`, see `Cost`.

  Attributes:
    control: the control variate.
  """

  control: "ControlVariate"
  relaxed: ClassVar[bool] = False

  def __call__(self, policy: Any, cost: Cost, num: tf.Tensor, seed: tf.Tensor) -> Estimate:
    samples = _sampled(policy, num, seed)
    tokens = samples.tokens
    costs = tf.stop_gradient(cost(tokens))
    logits = tf.cast(policy(tokens, samples.latent), tf.float32)
    mask = policy.spec.mask(tokens)
    gradient = self.control.gradient(cost, costs, tokens, tf.stop_gradient(logits), mask, seed)
    # A function linear in the logits with the estimated gradient.
    surrogate = tf.reduce_sum(tf.stop_gradient(gradient) * logits, axis=[1, 2])
    # A departure: the papers lower the variance of the gradient at the weights; at the logits it is available for each sequence.
    return Estimate(surrogate, costs, samples, tf.reduce_sum(tf.square(gradient), axis=[1, 2]))


class ControlVariate(keras.Model):
  """c_t(z_t) = scale * cost of the tokens before t followed by softmax(z_t / temperature), plus, for RELAX, a network of the same inputs."""

  def __init__(self, network: Any = None):
    """Creates the variables; `network` is a `discriminators.base.PointScores` for RELAX, None for REBAR."""
    super().__init__(name="control_variate")
    self.log_temperature = self.add_weight((), keras.initializers.Constant(0.0), name="log_temperature")
    # 1 as in REBAR, which starts from the cost itself.
    self.scale = self.add_weight((), keras.initializers.Constant(1.0), name="scale")
    self.network = network
    self.built = True

  def call(self, perturbed: tf.Tensor, cost: Cost, tokens: tf.Tensor) -> tf.Tensor:
    """c of perturbed logits `[B, T, V]`: float32 `[B, T]`."""
    points = tf.nn.softmax(perturbed / tf.exp(tf.convert_to_tensor(self.log_temperature)))
    value = self.scale * cost.prefixes(tokens, points)
    if self.network is not None:
      value += self.network.prefixes(tokens, points)
    return value

  def gradient(
    self, cost: Cost, costs: tf.Tensor, tokens: tf.Tensor, logits: tf.Tensor, mask: tf.Tensor, seed: tf.Tensor
  ) -> tf.Tensor:
    """Estimates the gradient at the logits.

    Args:
      cost: the cost function.
      costs: float `[B]`, costs of the sequences.
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
      # z is the logits plus constant noise that gives the tokens; z~ is another draw given the tokens, a function of the logits.
      drawn = relaxed.perturb_given(tokens, noise.fold(seed, "perturbed"))
      first = self(logits + tf.stop_gradient(drawn - logits), cost=cost, tokens=tokens)
      second = self(relaxed.perturb_given(tokens, noise.fold(seed, "conditional")), cost=cost, tokens=tokens)
      difference = tf.reduce_sum((first - second) * mask)
    pathwise = tape.gradient(difference, logits)
    score = tf.one_hot(tokens, logits.shape[-1]) - tf.nn.softmax(logits)
    return ((costs[:, None] - second) * mask)[:, :, None] * score + pathwise


def make(
  name: str, temperature: float | tf.Tensor = 1.0, control: ControlVariate | None = None
) -> Relaxed | ScoreFunction | Controlled:
  """Creates an estimator by name.

  Args:
    name: one of `RELAXED`, `SCORE_FUNCTION`, `CONTROLLED`.
    temperature: temperature of a relaxed estimator, a number above 0 or a scalar tensor.
    control: control variate of a `CONTROLLED` estimator.

  Raises:
    ValueError: the name is unknown, or the control variate is missing.
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
  """Samples whose tokens pass no gradient to the sampling loop."""
  samples = policy.sample(num, seed)
  return samples._replace(tokens=tf.stop_gradient(samples.tokens))
