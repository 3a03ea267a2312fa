"""LeakGAN: the discriminator leaks its features to a generator that sets itself goals among them.

Guo et al., "Long Text Generation via Adversarial Training with Leaked Information", https://arxiv.org/abs/1709.08624.

With f_t the discriminator's features of the first t tokens, g_t the manager's goal there, c the horizon and Q the rank among the batch of the mean
of D over `rollouts` completions of the prefix that the goal was for:

  manager:  loss = -sum_t Q_{t+c} cos(f_{t+c} - f_t, g_t)                                           goals to where the discriminator is pleased
  worker:   loss = -sum_t r_t log G(x_t | x_1..x_{t-1}),  r_t = 1/c sum_i cos(f_t - f_{t-i}, g_{t-i})     tokens that go there

Pretraining is the same on real sentences, with Q = r = 1: the worker learns them by maximum likelihood, and the manager to tell where they go.
"""

import dataclasses
import functools
import math

import tensorflow as tf

from tf_textgan import checks
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import manager_worker
from tf_textgan.losses import goals as goal_losses
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise
from tf_textgan.sampling import rollouts


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The settings of the paper's code for the oracle task of length 20."""

  # Adam's learning rate in pretraining, of the worker and of the manager.
  mle_learning_rate: float = 1.5e-3
  # Adam's learning rate in the adversarial phase, of the worker and of the manager.
  generator_learning_rate: float = 1.5e-3
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 5e-5
  # Largest norm of the worker's gradient, and of the manager's.
  clip_norm: float = 5.0
  # Completions of each prefix (N). Every prefix of `generator_horizon` tokens more is completed.
  rollouts: int = 4
  # Discriminator steps in each round, each on new samples. The code's 5 x 3 epochs over 10,000 fixed samples are 2,344.
  discriminator_steps_per_round: int = 5
  # Maximum-likelihood steps in each round, the paper's interleaved training; 0 for none. The code has none for the oracle task, and 7 after every
  # 15th round for the captions.
  mle_steps_per_round: int = 1

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 0, "mle_steps_per_round")
    checks.at_least(self, 1, "rollouts", "discriminator_steps_per_round")


GENERATOR = ("manager_worker", manager_worker.Config())
# The code switches dropout and L2 off, though it has settings for both; the paper has dropout of 0.25 and an L2 it does not give.
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config(dropout=0.0, output_l2=0.0))
# What the generator must be.
GENERATOR_KIND = manager_worker.Generator
# The abilities of the discriminator that it needs.
DISCRIMINATOR_KIND = (discriminator_base.PrefixFeatures, discriminator_base.Completions)


class Algorithm(base.Algorithm):
  """See the module."""

  rewarded = True

  def __init__(self, config, networks, seed=0):
    super().__init__(config, networks, seed)
    # Manager and worker learn apart, as published: each has its gradient clipped by itself.
    for name, part in (("manager", self.generator.manager), ("worker", self.generator.worker)):
      self.optimizers[f"mle_{name}_optimizer"] = base.adam(part, config.mle_learning_rate)
      self.optimizers[f"{name}_optimizer"] = base.adam(part, config.generator_learning_rate)
    self.optimizers["discriminator_optimizer"] = base.adam(self.discriminator, config.discriminator_learning_rate)

  def phases(self, schedule):
    mle = base.Update("mle", self.mle_step)
    # Rollouts of growing prefixes have no one shape for XLA.
    generator = base.Update("generator", self.generator_step, compilable=False)
    discriminator = base.Update("discriminator", self.discriminator_step)
    # The discriminator learns between stretches of maximum likelihood: its features are what the manager learns from. The code alternates ten or
    # sixteen times; here it is as often as the two numbers of steps allow.
    rounds = math.gcd(schedule.mle_steps, schedule.discriminator_steps)
    wanted = ((discriminator, schedule.discriminator_steps), (mle, schedule.mle_steps))
    pretraining = [update._replace(repeats=steps // rounds) for update, steps in wanted if steps]
    adversarial = [generator, discriminator._replace(repeats=self.config.discriminator_steps_per_round)]
    if self.config.mle_steps_per_round:
      adversarial.append(mle._replace(repeats=self.config.mle_steps_per_round))
    return [
      base.Phase("pretraining", rounds, tuple(pretraining) or (mle,)),
      base.Phase("adversarial", schedule.adversarial_steps, tuple(adversarial), annealed=True),
    ]

  def mle_step(self, real, seed, phase_fraction):
    """Raises the likelihood of a real batch, and teaches the manager where its sentences go."""
    del seed, phase_fraction  # Nothing is drawn.
    metrics = self._learn(real.tokens)
    return {"nll": metrics.pop("loss"), **metrics}

  def discriminator_step(self, real, seed, phase_fraction):
    """Teaches the discriminator to tell a real batch from a new sample."""
    del phase_fraction
    return vanilla.step(self.generator, self.discriminator, self.optimizers["discriminator_optimizer"], real, seed)

  def generator_step(self, real, seed, phase_fraction):
    """Sets goals where the discriminator likes what follows, and makes tokens that lead there more probable."""
    del phase_fraction
    generator, discriminator = self.generator, self.discriminator
    horizon = generator.config.horizon
    samples = generator.sample(tf.shape(real.tokens)[0], seed, keep_history=True)
    cache = discriminator.prefix_cache(samples.tokens)
    values = rollouts.rewards(
      generator.step,
      functools.partial(generator.state_at, samples.history),
      lambda tokens: self.reward(tokens, discriminator(tokens)),
      samples.tokens,
      self.config.rollouts,
      noise.fold(seed, "rollouts"),
      generator.spec.end_token,
      reward_completions=lambda tokens, *place: self.reward(tokens, discriminator.score_completions(cache, tokens, *place)),
      every=horizon,
    )
    ranks = policy_gradient.rescaled_ranks(values, noise.gather_from_replicas(values))
    # What a goal is for ends with the token `horizon` later; the goals near the end have the reward of the whole sequence.
    length = generator.spec.length
    goal_rewards = tf.gather(ranks, tf.minimum(tf.range(length) + horizon, length) - 1, axis=1)
    return {"reward": base.mean(values, generator.spec.mask(samples.tokens)), **self._learn(samples.tokens, goal_rewards)}

  def _learn(self, tokens, goal_rewards=None):
    """Updates the manager, then the worker.

    Args:
      tokens: int32 `[B, T]`.
      goal_rewards: float `[B, T]`, Q of each goal, and then the worker is rewarded for following the goals; None for pretraining.

    Returns:
      Metrics.
    """
    config, generator = self.config, self.generator
    mask, horizon, pretraining = generator.spec.mask(tokens), generator.config.horizon, goal_rewards is None
    prefix = "mle_" if pretraining else ""
    features = generator.read(tokens)
    with tf.GradientTape() as tape:
      goals = generator.manager.goals(features[:, :-1])
      agreement = goal_losses.agreement(features, goals, horizon)
      # A departure: in the code this cosine, and that of the worker's reward, is one number, the mean over batch and time.
      distance = 1.0 - agreement
      goal_loss = base.mean(distance if pretraining else goal_rewards * distance, mask)
    manager_norm = base.minimize(tape, goal_loss, generator.manager, self.optimizers[f"{prefix}manager_optimizer"], config.clip_norm)
    rewards = tf.ones_like(mask) if pretraining else goal_losses.intrinsic_rewards(features, goals, horizon)
    with tf.GradientTape() as tape:
      log_probs = generator.log_probs_of(generator.outputs_given(tokens, goals), tokens)
      loss = base.mean(policy_gradient.reinforce(log_probs, rewards), mask)
    norm = base.minimize(tape, loss, generator.worker, self.optimizers[f"{prefix}worker_optimizer"], config.clip_norm)
    metrics = {"loss": loss, "goal_loss": goal_loss, "gradient_norm": norm, "manager_gradient_norm": manager_norm}
    if pretraining:
      return metrics
    return {**metrics, "intrinsic_reward": base.mean(rewards, mask), "entropy": base.mean(-log_probs, mask)}
