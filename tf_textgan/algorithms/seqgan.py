"""SeqGAN: the generator as a policy, rewarded by the discriminator through Monte-Carlo rollouts.

Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", https://arxiv.org/abs/1609.05473.

The discriminator judges whole sequences only, so the worth of a token x_t is the mean of D over `rollouts` completions of x_1..x_t by the
generator itself, as it is now (the published code completes with a copy that trails it: `rollout_policy_lag`):

  loss = -sum_t Q(x_t) log G(x_t | x_1..x_{t-1}),   Q(x_t) = mean_n D(x_1..x_t, rollout_n),   Q(x_T) = D(x_1..x_T).
"""

import dataclasses

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import mle
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import adversarial
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise
from tf_textgan.sampling import rollouts
from tf_textgan.sampling import unrolling


@dataclasses.dataclass(frozen=True)
class Config:
  """The settings of the paper and its code."""

  # Adam's learning rate in pretraining.
  mle_learning_rate: float = 1e-2
  # Adam's learning rate for the policy gradient.
  generator_learning_rate: float = 1e-2
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 1e-4
  # Largest norm of the generator's gradient.
  clip_norm: float = 5.0
  # Completions of each prefix (N).
  rollouts: int = 16
  # Rows completed together, which bounds the memory; 0 for as many as have some five megabytes of logits, about what a cache holds.
  rollout_chunk: int = 0
  # Share of its old weights that a copy of the generator keeps at each step; it is the copy that completes. The published code has 0.8; 0
  # completes with the generator itself.
  rollout_policy_lag: float = 0.0
  # Subtract each position's mean reward over the batch. The published code has no baseline.
  baseline: bool = False
  # Discriminator steps for each generator step, each on new samples. The paper's 5 x 3 epochs over 10,000 fixed samples are 2,344.
  discriminator_steps_per_round: int = 5

  def __post_init__(self):
    checks.at_least(self, 0, "mle_learning_rate", "generator_learning_rate", "discriminator_learning_rate", "clip_norm")
    checks.at_least(self, 0, "rollout_chunk")
    checks.share(self, "rollout_policy_lag")
    checks.at_least(self, 1, "rollouts", "discriminator_steps_per_round")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive

_CACHED_LOGITS = 1_280_000


class Algorithm(base.Algorithm):
  """See the module."""

  def __init__(self, config, generator, discriminator):
    super().__init__(config, generator, discriminator)
    self.optimizers["mle_optimizer"] = base.adam(generator, config.mle_learning_rate)
    self.optimizers["generator_optimizer"] = base.adam(generator, config.generator_learning_rate)
    self.optimizers["discriminator_optimizer"] = base.adam(discriminator, config.discriminator_learning_rate)
    if config.rollout_policy_lag:
      self.copies["rollout_policy"] = generator.twin()

  def phases(self, schedule):
    # Rollouts of growing prefixes have no one shape for XLA.
    generator = base.Update("generator", self.generator_step, compilable=False)
    discriminator = base.Update("discriminator", self.discriminator_step)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def mle_step(self, real, seed, progress):
    """Raises the likelihood of a real batch."""
    del progress
    return mle.step(self.generator, self.optimizers["mle_optimizer"], real, seed, self.config.clip_norm)

  def discriminator_step(self, real, seed, progress):
    """Teaches the discriminator to tell a real batch from a new sample."""
    del progress
    return discriminator_step(self.generator, self.discriminator, self.optimizers["discriminator_optimizer"], real, seed)

  def generator_step(self, real, seed, progress):
    """Makes tokens more probable the better the discriminator likes what follows from them."""
    config, generator, discriminator = self.config, self.generator, self.discriminator
    num = tf.shape(real)[0]
    policy = self.copies.get("rollout_policy", generator)
    if policy is generator:
      samples = generator.sample(num, seed, keep_states=True)
    else:
      # The copy is made as the adversarial phase begins.
      base.move_towards(policy, generator, tf.cast(progress <= 0.0, tf.float32))
      samples = generator.sample(num, seed)
      samples = samples._replace(states=self._states(policy, samples.tokens, seed))
    mask = generator.spec.mask(samples.tokens)
    score_completions = None
    if isinstance(discriminator, cnn_highway.Discriminator):  # Half of the convolutions' work is on prefixes, which rollouts share.
      memory = discriminator.remember(samples.tokens)
      score_completions = lambda *completed: tf.sigmoid(discriminator.score_completions(memory, *completed))  # noqa: E731
    rewards = rollouts.rewards(
      policy.step,
      lambda tokens: tf.sigmoid(discriminator(tokens)),
      samples,
      config.rollouts,
      noise.fold(seed, "rollouts"),
      generator.spec.end_token,
      config.rollout_chunk or max(1, _CACHED_LOGITS // generator.spec.vocab_size),
      score_completions,
    )
    returns = rewards
    if config.baseline:
      total = noise.average_over_replicas(tf.reduce_sum(rewards * mask, axis=0))
      returns -= tf.math.divide_no_nan(total, noise.average_over_replicas(tf.reduce_sum(mask, axis=0)))
    with tf.GradientTape() as tape:
      # The same z as the sample's: the policy is conditioned on it.
      log_probs = generator.log_probs(samples.tokens, generator.sample_latent(num, seed))
      # Summed over time, averaged over the batch; the published code also sums over the batch, which Adam does not notice.
      loss = base.mean(tf.reduce_sum(policy_gradient.reinforce(log_probs, returns) * mask, axis=1))
    norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], config.clip_norm)
    if policy is not generator:
      base.move_towards(policy, generator, 1.0 - config.rollout_policy_lag)
    return {
      "loss": loss,
      "reward": base.mean(rewards, mask),
      "entropy": base.mean(-log_probs, mask),
      "gradient_norm": norm,
    }

  def _states(self, policy, tokens, seed):
    """The states from which a policy would have picked each of the tokens, every tensor `[B, T, ...]`."""
    num, spec = tf.shape(tokens)[0], policy.spec
    state = (tf.zeros([num], tf.int32), policy.initial_state(policy.sample_latent(num, seed)))
    step = unrolling.after_given(policy.step, tokens, spec.length)
    start = tf.fill([num], spec.start_token)
    return unrolling.unroll(step, policy.picker, start, state, spec.length, seed, spec.end_token, keep_states=True).states[1]


def discriminator_step(generator, discriminator, optimizer, real, seed):
  """One step of the vanilla discriminator on a real batch and as many new samples, for this algorithm and for those that share it.

  Args:
    generator: see `generators.base`.
    discriminator: see `discriminators.base`.
    optimizer: built on the discriminator.
    real: int32 `[B, T]`, or `sequences.Labelled`: the samples are then in the same categories.
    seed: int32 `[2]`.

  Returns:
    `loss`, `accuracy` (on the batch it trains on) and `gradient_norm`, scalars.
  """
  real, categories = sequences.split(real)
  told = {} if categories is None else {"category": categories}
  fake = generator.sample(tf.shape(real)[0], noise.fold(seed, "fake"), **told).tokens
  # One pass for both. A real row and a sampled one lie side by side, so that a replica's rows are a block of the whole batch's.
  pairs = tf.reshape(tf.stack([real, fake], axis=1), [-1, real.shape[1]])
  with tf.GradientTape() as tape:
    real_scores, fake_scores = tf.unstack(tf.reshape(discriminator(pairs, noise.fold(seed, "dropout")), [-1, 2]), axis=1)
    loss = base.mean(adversarial.discriminator(real_scores, fake_scores))
    total = loss + discriminator.regularization()
  norm = base.minimize(tape, total, discriminator, optimizer)
  return {"loss": loss, "accuracy": base.mean(adversarial.accuracy(real_scores, fake_scores)), "gradient_norm": norm}
