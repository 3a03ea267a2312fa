"""SeqGAN: the generator as a policy, rewarded by the discriminator through Monte-Carlo rollouts.

Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", https://arxiv.org/abs/1609.05473.

The discriminator judges whole sequences only, so the worth of a token x_t is the mean of D over `rollouts` completions of x_1..x_t by the
generator itself, as it is now (the published code completes with a copy that trails it: `rollout_policy_lag`):

  loss = -sum_t Q(x_t) log G(x_t | x_1..x_{t-1}),   Q(x_t) = mean_n D(x_1..x_t, rollout_n),   Q(x_T) = D(x_1..x_T).
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms import mle
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
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
  # What is subtracted from the rewards: "none", as in the published code; "baseline", each position's mean over the batch; "leave_one_out", that
  # of the other sequences; "normalized" shifts and scales to mean 0 and variance 1 over the batch.
  advantage: Literal["none", "baseline", "leave_one_out", "normalized"] = "none"
  # Updates made on the same samples and rewards.
  policy_updates: int = 1
  # With several updates: how far a token's probability may move, as a share of what it was when it was picked (PPO's epsilon).
  clip_ratio: float = 0.2
  # Weight of the divergence from the generator as it was when the adversarial phase began, in nats per sequence.
  kl_weight: float = 0.0
  # Weight of the samples' entropy, in nats per sequence, added to what is maximised.
  entropy_weight: float = 0.0
  # Discriminator steps for each generator step, each on new samples. The paper's 5 x 3 epochs over 10,000 fixed samples are 2,344.
  discriminator_steps_per_round: int = 5

  def __post_init__(self):
    checks.at_least(self, 0, "mle_learning_rate", "generator_learning_rate", "discriminator_learning_rate", "clip_norm")
    checks.at_least(self, 0, "rollout_chunk", "kl_weight", "entropy_weight")
    checks.share(self, "rollout_policy_lag")
    checks.above_zero(self, "clip_ratio")
    checks.at_least(self, 1, "rollouts", "policy_updates", "discriminator_steps_per_round")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive

# What is made of the returns, by name: functions of returns, of the mask, and of what sums over the replicas. Those that share them, too.
ADVANTAGES = {
  "none": lambda returns, mask, total: returns,
  "baseline": policy_gradient.position_baseline,
  "leave_one_out": policy_gradient.leave_one_out,
  "normalized": policy_gradient.normalized,
}


class Algorithm(mle.Pretrained):
  """See the module."""

  def __init__(self, config, generator, discriminator):
    super().__init__(config, generator, discriminator)
    self.copies = policy_copies(config, generator)

  def phases(self, schedule):
    # Rollouts of growing prefixes have no one shape for XLA.
    generator = base.Update("generator", self.generator_step, compilable=False)
    discriminator = base.Update("discriminator", self.discriminator_step)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def discriminator_step(self, real, seed, progress):
    """Teaches the discriminator to tell a real batch from a new sample."""
    del progress
    return discriminator_step(self.generator, self.discriminator, self.optimizers["discriminator_optimizer"], real, seed)

  def generator_step(self, real, seed, progress):
    """Makes tokens more probable the better the discriminator likes what follows from them."""
    return policy_step(self, self._judge, tf.shape(real)[0], seed, progress)

  def _judge(self, tokens):
    discriminator, score_completions = self.discriminator, None
    if isinstance(discriminator, cnn_highway.Discriminator):  # Half of the convolutions' work is on prefixes, which rollouts share.
      memory = discriminator.remember(tokens)
      score_completions = lambda *completed: tf.sigmoid(discriminator.score_completions(memory, *completed))  # noqa: E731
    return lambda tokens: tf.sigmoid(discriminator(tokens)), score_completions


def policy_copies(config, generator):
  """The copies of the generator that `policy_step` needs with these settings: name to network."""
  wanted = {"rollout_policy": config.rollout_policy_lag, "reference_policy": config.kl_weight}
  return {name: generator.twin() for name, setting in wanted.items() if setting}


def policy_step(algorithm, judge, num, seed, progress):
  """One step of the policy gradient with rollouts, for this algorithm and for those that share it.

  Args:
    algorithm: its `config` has the settings of `Config`, its `copies` what `policy_copies` gave.
    judge: function of the sampled tokens, int32 `[B, T]`, giving `score` and `score_completions` of `rollouts.rewards`.
    num: sequences to sample, an int32 scalar.
    seed: int32 `[2]`.
    progress: of the phase, float32 scalar.

  Returns:
    `loss`, `reward` (mean over the tokens), `entropy` (nats per token) and `gradient_norm`, scalars; with `kl_weight` also `kl` (nats per token).
  """
  config, generator, copies = algorithm.config, algorithm.generator, algorithm.copies
  for copy in copies.values():
    # The copies are made as the adversarial phase begins.
    base.move_towards(copy, generator, tf.cast(progress <= 0.0, tf.float32))
  policy = copies.get("rollout_policy", generator)
  if policy is generator:
    samples = generator.sample(num, seed, keep_states=True)
  else:
    samples = generator.sample(num, seed)
    samples = samples._replace(states=_states(policy, samples.tokens, seed))
  mask = generator.spec.mask(samples.tokens)
  score, score_completions = judge(samples.tokens)
  rewards = rollouts.rewards(
    policy.step,
    score,
    samples,
    config.rollouts,
    noise.fold(seed, "rollouts"),
    generator.spec.end_token,
    config.rollout_chunk or rollouts.cached_rows(generator.spec.vocab_size),
    score_completions,
  )
  returns = rewards
  if config.entropy_weight:
    returns += config.entropy_weight * policy_gradient.entropy_returns(samples.log_probs, mask)
  returns = ADVANTAGES[config.advantage](returns, mask, noise.sum_over_replicas)
  # The same z as the sample's: the policy is conditioned on it.
  latent = generator.sample_latent(num, seed)
  reference = copies["reference_policy"].log_probs(samples.tokens, latent) if config.kl_weight else None
  metrics = {}
  for _ in range(config.policy_updates):
    with tf.GradientTape() as tape:
      log_probs = generator.log_probs(samples.tokens, latent)
      if config.policy_updates == 1:
        losses = policy_gradient.reinforce(log_probs, returns)
      else:
        losses = policy_gradient.clipped_ratio(log_probs, samples.log_probs, returns, config.clip_ratio)
      if config.kl_weight:
        divergence = policy_gradient.divergence_from_reference(log_probs, reference)
        metrics["kl"] = base.mean(divergence, mask)
        losses += config.kl_weight * divergence
      # Summed over time, averaged over the batch; the published code also sums over the batch, which Adam does not notice.
      loss = base.mean(tf.reduce_sum(losses * mask, axis=1))
    norm = base.minimize(tape, loss, generator, algorithm.optimizers["generator_optimizer"], config.clip_norm)
  if policy is not generator:
    base.move_towards(policy, generator, 1.0 - config.rollout_policy_lag)
  return metrics | {
    "loss": loss,
    "reward": base.mean(rewards, mask),
    "entropy": base.mean(-log_probs, mask),
    "gradient_norm": norm,
  }


def _states(policy, tokens, seed):
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
  return tell_apart(discriminator, optimizer, real, fake, seed)


def tell_apart(discriminator, optimizer, real, fake, seed):
  """One step of the vanilla discriminator on real and written sequences, int32 `[B, T]` each. What it gives is that of `discriminator_step`."""
  with tf.GradientTape() as tape:
    loss, accuracy = base.tell_apart(discriminator, real, fake, seed)
    loss *= 2.0  # -log D(real) - log(1 - D(sample)).
    total = loss + discriminator.regularization()
  norm = base.minimize(tape, total, discriminator, optimizer)
  return {"loss": loss, "accuracy": accuracy, "gradient_norm": norm}
