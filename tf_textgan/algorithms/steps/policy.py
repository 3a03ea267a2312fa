"""Policy gradients with Monte-Carlo rollouts: the core of SeqGAN, shared by RankGAN and ORGAN."""

from collections.abc import Callable
import dataclasses
import functools
from typing import Literal
from typing import NamedTuple

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise
from tf_textgan.sampling import rollouts

# Advantage functions of the returns, the mask and a function that sums over replicas.
ADVANTAGES = {
  "none": lambda returns, mask, total: returns,
  "baseline": policy_gradient.position_baseline,
  "leave_one_out": policy_gradient.leave_one_out,
  "normalized": policy_gradient.normalized,
}


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The settings of SeqGAN's paper and code (https://arxiv.org/abs/1609.05473)."""

  # Adam's learning rate for the policy gradient.
  generator_learning_rate: float = 1e-2
  # Completions of each prefix (N).
  rollouts: int = 16
  # Completions generated at a time, which bounds the memory; 0 for about five megabytes of logits, which stay in a processor's cache, and at most
  # 65,536 tokens, whose activations take some 256 MB.
  rollout_chunk: int = 0
  # Decay of a moving average of the generator's weights, which generates the completions. The published code has 0.8; 0 completes with the
  # generator itself.
  rollout_policy_lag: float = 0.0
  # Baseline subtracted from the returns: "none", as in the published code; "baseline", each position's mean over the batch; "leave_one_out", the mean
  # of the other sequences; "normalized" shifts and scales to mean 0 and variance 1 over the batch.
  advantage: Literal["none", "baseline", "leave_one_out", "normalized"] = "none"
  # Updates made on the same samples and rewards.
  policy_updates: int = 1
  # With several updates: PPO's epsilon, the largest relative change of a token's probability since it was sampled.
  clip_ratio: float = 0.2
  # Weight of the KL divergence from the generator at the start of the adversarial phase, in nats per sequence.
  kl_weight: float = 0.0
  # Weight of an entropy bonus, in nats per sequence.
  entropy_weight: float = 0.0
  # Discriminator steps for each generator step, each on new samples. The paper's 5 x 3 epochs over 10,000 fixed samples are 2,340.
  discriminator_steps_per_round: int = 5

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 0, "rollout_chunk", "kl_weight", "entropy_weight")
    checks.share(self, "rollout_policy_lag")
    checks.above_zero(self, "clip_ratio")
    checks.at_least(self, 1, "rollouts", "policy_updates", "discriminator_steps_per_round")


class Judge(NamedTuple):
  """The reward functions of one step.

  Attributes:
    reward: function of ids, int32 `[R, T]`, and of the samples that they complete or are, int32 `[R]`, returning float `[R]`.
    reward_completions: a cheaper function for completions, see `rollouts.rewards`; None if there is none.
    past: float `[B, T]`, what the tokens before each token of the samples have earned of these rewards, which is taken off; 0 for nothing.
  """

  reward: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
  reward_completions: Callable[..., tf.Tensor] | None = None
  past: tf.Tensor | float = 0.0


class Algorithm(pretrained.Algorithm):
  """Policy gradients whose rewards are means over completions.

  A subclass defines `discriminator_step`, and a `generator_step` that calls `policy_step`.
  """

  rewarded = True

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    copies = {"rollout_policy": config.rollout_policy_lag, "reference_policy": config.kl_weight}
    self.modules |= {name: self.generator.clone() for name, setting in copies.items() if setting}

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    # Rollouts change their shapes with the prefix, which XLA does not allow.
    generator = base.Update("generator", self.generator_step, compilable=False)
    discriminator = base.Update("discriminator", self.discriminator_step)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def begin(self, update: str) -> None:
    super().begin(update)
    if update == "generator":
      base.copy_weights(self.generator, self.modules.values())

  def judge_by_scores(self, samples: tf.Tensor, context: tf.Tensor | None = None) -> Judge:
    """The reward of a sequence is made of the discriminator's score of it. Samples are int32 `[B, T]`, with a context as of `sequences.Batch`."""
    discriminator, factors = self.discriminator, self.repetition_factors(samples)

    def reward(tokens, rows):
      return self.reward(tokens, discriminator(tokens, context=sequences.rows(context, rows)), tf.gather(factors, rows))

    judge = Judge(reward)
    if not isinstance(discriminator, discriminator_base.Completions):
      return judge
    # Rollouts share the convolutions of their prefixes, half of the work.
    cache = discriminator.prefix_cache(samples)

    def reward_completions(tokens, rows, shared):
      return self.reward(tokens, discriminator.score_completions(cache, tokens, rows, shared), tf.gather(factors, rows))

    return judge._replace(reward_completions=reward_completions)

  def policy_step(
    self, judge: Callable[[tf.Tensor], Judge], num: tf.Tensor, seed: tf.Tensor, context: tf.Tensor | None = None
  ) -> base.Metrics:
    """One policy-gradient step with rollouts.

    Args:
      judge: function of the sampled tokens, int32 `[B, T]`, returning a `Judge`.
      num: sequences to sample, int32 scalar.
      seed: int32 `[2]`.
      context: what to condition the samples on, see `sequences.Batch`.

    Returns:
      `loss`, `reward` (mean over tokens), `entropy` (nats per token) and `gradient_norm`, scalars; with `kl_weight` also `kl` (nats per token).
    """
    config, generator, modules = self.config, self.generator, self.modules
    policy = modules.get("rollout_policy", generator)
    samples = generator.sample(num, seed, context=context, keep_history=policy is generator)
    history = samples.history if policy is generator else policy.prefill(samples.tokens, samples.latent, samples.context)
    mask = generator.spec.mask(samples.tokens)
    reward, reward_completions, past = judge(samples.tokens)
    rewards = rollouts.rewards(
      policy.step,
      functools.partial(policy.state_at, history),
      lambda tokens: reward(tokens, tf.range(num)),
      samples.tokens,
      config.rollouts,
      noise.fold(seed, "rollouts"),
      generator.spec.end_token,
      config.rollout_chunk or rollouts.bounded_rows(generator.spec.length, generator.spec.vocab_size),
      reward_completions or (lambda tokens, rows, shared: reward(tokens, rows)),
    )
    returns = rewards - past
    if config.entropy_weight:
      returns += config.entropy_weight * policy_gradient.entropy_returns(samples.log_probs, mask)
    returns = ADVANTAGES[config.advantage](returns, mask, noise.sum_over_replicas)
    reference = modules["reference_policy"].log_probs(samples.tokens, samples.latent, samples.context) if config.kl_weight else None
    metrics = {}
    for i in range(config.policy_updates):
      with tf.GradientTape() as tape:
        log_probs = generator.log_probs(samples.tokens, samples.latent, samples.context)
        if i == 0:
          # Not those of the sampling pass, whose roundings differ: the ratio is 1 at first, also in bfloat16.
          old_log_probs = tf.stop_gradient(log_probs)
        if config.policy_updates == 1:
          losses = policy_gradient.reinforce(log_probs, returns)
        else:
          losses = policy_gradient.clipped_ratio(log_probs, old_log_probs, returns, config.clip_ratio)
        if config.kl_weight:
          divergence = policy_gradient.divergence_from_reference(log_probs, reference)
          metrics["kl"] = base.mean(divergence, mask)
          losses += config.kl_weight * divergence
        # Summed over time, averaged over the batch; the published code also sums over the batch, which makes no difference to Adam.
        loss = base.mean(tf.reduce_sum(losses * mask, axis=1))
      norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], config.clip_norm)
    if policy is not generator:
      base.move_towards(policy, generator, 1.0 - config.rollout_policy_lag)
    return metrics | {
      "loss": loss,
      "reward": base.mean(rewards, mask),
      "entropy": base.mean(-log_probs, mask),
      "gradient_norm": norm,
    }
