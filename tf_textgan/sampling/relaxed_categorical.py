"""Relaxed one-hot categorical (Concrete) distribution, with the interface of TFP's distribution of the same name.

Maddison et al., "The Concrete Distribution", https://arxiv.org/abs/1611.00712; Jang et al., "Categorical Reparameterization with
Gumbel-Softmax", https://arxiv.org/abs/1611.01144.
"""

import tensorflow as tf

from tf_textgan.sampling import noise


class RelaxedOneHotCategorical:
  """Distribution of simplex points y = softmax((logits + g) / temperature) with Gumbel noise g.

  A sample is a differentiable function of logits and temperature. As the temperature approaches zero, it approaches a one-hot draw from
  softmax(logits).
  """

  def __init__(self, temperature: float | tf.Tensor, logits: tf.Tensor):
    """Creates the distribution.

    Args:
      temperature: positive scalar.
      logits: float `[..., V]`.
    """
    self.temperature = tf.convert_to_tensor(temperature, logits.dtype)
    self.logits = logits

  def sample(self, seed: tf.Tensor) -> tf.Tensor:
    """Draws one point per row of logits: `[..., V]`, positive, with rows that sum to 1."""
    return self.relax(self.perturb(seed))

  def perturb(self, seed: tf.Tensor) -> tf.Tensor:
    """Adds Gumbel noise to the logits, `[..., V]`; the argmax of the result is an exact draw from softmax(logits)."""
    return self.logits + tf.cast(noise.gumbel(tf.shape(self.logits), seed), self.logits.dtype)

  def perturb_given(self, tokens: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws perturbed logits conditioned on their argmax (Maddison et al., 2014, https://arxiv.org/abs/1411.0030).

    With the argmax drawn from softmax(logits), the result has the distribution of `perturb`.

    Args:
      tokens: int32 `[...]`, the argmax.
      seed: int32 `[2]`.

    Returns:
      `[..., V]`, differentiable in the logits.
    """
    gumbel = tf.cast(noise.gumbel(tf.shape(self.logits), seed), self.logits.dtype)
    chosen = tf.one_hot(tokens, self.logits.shape[-1], on_value=True, off_value=False)
    # The maximum is Gumbel with location logsumexp(logits); the others are Gumbel truncated at it, -log(exp(-x) + exp(-top)).
    top = tf.reduce_logsumexp(self.logits, axis=-1, keepdims=True) + tf.reduce_sum(tf.where(chosen, gumbel, 0.0), axis=-1, keepdims=True)
    return tf.where(chosen, top, top - tf.nn.softplus(top - (gumbel + self.logits)))

  def relax(self, perturbed: tf.Tensor) -> tf.Tensor:
    """Maps perturbed logits to the simplex, `[..., V]`."""
    return tf.nn.softmax(perturbed / self.temperature)

  def log_prob(self, points: tf.Tensor) -> tf.Tensor:
    """Computes the log-density at points inside the simplex.

    log p(y) = log (V-1)! + (V-1) log t + sum_i [l_i - (t + 1) log y_i] - V log sum_i exp(l_i - t log y_i), with logits l, temperature t.

    Args:
      points: `[..., V]`, positive, with rows that sum to 1.

    Returns:
      `[...]`, nats.
    """
    size = tf.cast(tf.shape(self.logits)[-1], self.logits.dtype)
    log_points = tf.math.log(points)
    normaliser = tf.math.lgamma(size) + (size - 1.0) * tf.math.log(self.temperature)
    # log_softmax subtracts the log-sum-exp from each of the V terms, V times in all.
    terms = tf.nn.log_softmax(self.logits - self.temperature * log_points) - log_points
    return normaliser + tf.reduce_sum(terms, axis=-1)
