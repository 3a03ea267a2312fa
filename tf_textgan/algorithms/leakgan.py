"""LeakGAN: the discriminator leaks its features to a hierarchical generator, whose manager sets goals in feature space.

Guo et al., "Long Text Generation via Adversarial Training with Leaked Information", https://arxiv.org/abs/1709.08624.

With f_t the discriminator's features of the first t tokens, g_t the manager's goal at t, c the horizon, and Q_t the rank within the batch of the
mean of D over `rollouts` completions of the first t tokens:

  manager:  loss = -sum_t Q_{t+c} cos(f_{t+c} - f_t, g_t)                                            goals towards high rewards
  worker:   loss = -sum_t r_t log G(x_t | x_1..x_{t-1}),  r_t = 1/c sum_i cos(f_t - f_{t-i}, g_{t-i})     tokens that follow the goals

Pretraining uses the same losses on real sentences with Q = r = 1: maximum likelihood for the worker, and goals that point to the features c tokens
later for the manager.
"""

import dataclasses
import functools
import math

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import published
from tf_textgan import sequences
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

  # Adam's learning rate in pretraining, for worker and manager.
  mle_learning_rate: float = 1.5e-3
  # Adam's learning rate in the adversarial phase, for worker and manager.
  generator_learning_rate: float = 1.5e-3
  # Adam's learning rate for the discriminator.
  discriminator_learning_rate: float = 5e-5
  # Largest norm of the worker's gradient and of the manager's, clipped separately.
  clip_norm: float = 5.0
  # Completions of each prefix (N), for prefixes whose length is a multiple of `generator_horizon`.
  rollouts: int = 4
  # Real sentences that are ranked together with the samples: this number of them more in each round, up to a batch. The code has none on the oracle
  # task and 0.5 on captions. They hold a generator back that has left the text: its samples all rank below them.
  ranked_real_growth: float = 0.0
  # Times that pretraining alternates between the discriminator and maximum likelihood. The code has 10 on the oracle task and 16 on captions; 0 for
  # as often as the two numbers of steps allow, their greatest common divisor.
  pretraining_rounds: int = 0
  # Discriminator steps in each round, each on new samples. The code's 5 x 3 epochs over 10,000 fixed samples are 2,340.
  discriminator_steps_per_round: int = 5
  # Maximum-likelihood steps in each round, the paper's interleaved training; 0 for none. The code has none on the oracle task, and 7 after every
  # 15th round on captions.
  mle_steps_per_round: int = 1

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 0, "mle_steps_per_round", "ranked_real_growth", "pretraining_rounds")
    checks.at_least(self, 1, "rollouts", "discriminator_steps_per_round")


GENERATOR = ("manager_worker", manager_worker.Config())
# The code disables its settings for dropout and L2; the paper has a dropout of 0.25 and an L2 weight that it does not give.
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config(dropout=0.0, output_l2=0.0))
# The kind of generator it trains.
GENERATOR_KIND = manager_worker.Generator
# The abilities that the discriminator needs.
DISCRIMINATOR_KIND = (discriminator_base.PrefixFeatures, discriminator_base.Completions)


class Algorithm(base.Algorithm):
  """See the module."""

  rewarded = True

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    # Manager and worker have separate optimizers and gradient clipping, as published.
    for name, part in (("manager", self.generator.manager), ("worker", self.generator.worker)):
      self.optimizers[f"mle_{name}_optimizer"] = base.adam(part, config.mle_learning_rate)
      self.optimizers[f"{name}_optimizer"] = base.adam(part, config.generator_learning_rate)
    self.optimizers["discriminator_optimizer"] = base.adam(self.discriminator, config.discriminator_learning_rate)

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    mle = base.Update("mle", self.mle_step)
    # Rollouts change their shapes with the prefix, which XLA does not allow.
    generator = base.Update("generator", functools.partial(self.generator_step, rounds=schedule.adversarial_steps), compilable=False)
    discriminator = base.Update("discriminator", self.discriminator_step)
    # Pretraining alternates between the discriminator and maximum likelihood, because the manager learns from the discriminator's features.
    wanted = ((discriminator, schedule.discriminator_steps), (mle, schedule.mle_steps))
    largest = math.gcd(schedule.mle_steps, schedule.discriminator_steps)
    rounds = self.config.pretraining_rounds if largest and self.config.pretraining_rounds else largest
    if rounds and largest % rounds:
      raise errors.UserError(
        f"pretraining_rounds is {rounds}; it must divide both mle_steps, {schedule.mle_steps}, and discriminator_steps, "
        f"{schedule.discriminator_steps}, or be 0"
      )
    pretraining = [update._replace(repeats=steps // rounds) for update, steps in wanted if steps]
    adversarial = [generator, discriminator._replace(repeats=self.config.discriminator_steps_per_round)]
    if self.config.mle_steps_per_round:
      adversarial.append(mle._replace(repeats=self.config.mle_steps_per_round))
    return [
      base.Phase("pretraining", rounds, tuple(pretraining) or (mle,)),
      base.Phase("adversarial", schedule.adversarial_steps, tuple(adversarial), annealed=True),
    ]

  def mle_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains worker and manager on a real batch, with rewards of 1."""
    del seed, phase_fraction  # Nothing is drawn.
    metrics = self._learn(real.tokens)
    return {"nll": metrics.pop("loss"), **metrics}

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator on a real batch and a new sample."""
    del phase_fraction
    return vanilla.step(self.generator, self.discriminator, self.optimizers["discriminator_optimizer"], real, seed)

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor, rounds: int = 0) -> base.Metrics:
    """Trains the manager on the ranks of rollout rewards, and the worker on its goals. `rounds`: length of the phase, for the real sentences."""
    generator, discriminator = self.generator, self.discriminator
    horizon = generator.config.horizon
    samples = generator.sample(tf.shape(real.tokens)[0], seed, keep_history=True)
    cache, factors = discriminator.prefix_cache(samples.tokens), self.repetition_factors(samples.tokens)

    def reward_completions(tokens, rows, shared):
      return self.reward(tokens, discriminator.score_completions(cache, tokens, rows, shared), tf.gather(factors, rows))

    values = rollouts.rewards(
      generator.step,
      functools.partial(generator.state_at, samples.history),
      lambda tokens: self.reward(tokens, discriminator(tokens), factors),
      samples.tokens,
      self.config.rollouts,
      noise.fold(seed, "rollouts"),
      generator.spec.end_token,
      reward_completions=reward_completions,
      every=horizon,
    )
    everyone = noise.gather_from_replicas(values)
    if self.config.ranked_real_growth:
      everyone = tf.concat([everyone, self._ranked_real(real.tokens, tf.round(phase_fraction * rounds))], axis=0)
    ranks = policy_gradient.rescaled_ranks(values, everyone)
    # A goal's reward is the one of the prefix `horizon` tokens later; goals near the end get the reward of the whole sequence.
    length = generator.spec.length
    goal_rewards = tf.gather(ranks, tf.minimum(tf.range(length) + horizon, length) - 1, axis=1)
    return {"reward": base.mean(values, generator.spec.mask(samples.tokens)), **self._learn(samples.tokens, goal_rewards)}

  def _ranked_real(self, tokens, done):
    """Rewards of real sentences for the ranking, `[N, T]`, after `done` rounds: N grows up to the global batch.

    As in the code, such a reward is the mean over as many real sentences as there are completions; a departure: they are rows of one batch, of which
    each enters several means.
    """
    rewards = noise.gather_from_replicas(self.reward(tokens, self.discriminator(tokens)))
    rewards = tf.reduce_mean([tf.roll(rewards, i, axis=0) for i in range(self.config.rollouts)], axis=0)
    count = tf.cast(tf.floor(done * self.config.ranked_real_growth), tf.int32)
    return tf.repeat(rewards[:count, None], self.generator.spec.length, axis=1)

  def _learn(self, tokens, goal_rewards=None):
    """Updates the manager, then the worker.

    Args:
      tokens: int32 `[B, T]`.
      goal_rewards: float `[B, T]`, Q of each goal; None for pretraining, where all rewards are 1.

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
      # A departure: the code averages this cosine, and the one in the worker's reward, over batch and time.
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


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("its code, captions", "its code, oracle task of length 20")
PUBLISHED = {
  "mle_learning_rate": published.Setting(1e-3, 1.5e-3),
  "generator_learning_rate": published.Setting(1e-3, 1.5e-3),
  "discriminator_learning_rate": published.Setting(5e-5, 5e-5),
  "clip_norm": published.Setting(5.0, 5.0),
  "generator_embedding_size": published.Setting(128, 32),
  "generator_hidden_size": published.Setting(128, 32),
  "generator_goal_size": published.Setting(16, 16),
  "generator_horizon": published.Setting(4, 4),
  "generator_highway": published.Setting(True, True),
  "generator_init_stddev": published.Setting(0.1, 0.1),
  "initial goal": published.Setting("one for each row of the batch", "one for each row of the batch", "one of the worker's"),
  "goals": published.Setting("summed in blocks of 4", "summed in blocks of 4", "the last 4, as in the paper"),
  "cosines": published.Setting("one number, over batch and time", "one number, over batch and time", "of each token, as in the paper"),
  **{name: published.Setting(setting.code, setting.code, setting.note) for name, setting in published.SEQGAN_DISCRIMINATOR.items()},
  "discriminator_embedding_size": published.Setting(256, 64),
  "discriminator_widths": published.Setting((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 32), (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)),
  "discriminator_filters": published.Setting("160 of width 32 as well", (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)),
  "discriminator_dropout": published.Setting(0.0, 0.0),
  "discriminator_output_l2": published.Setting(0.0, 0.0, "the code has 0.2 but does not use it"),
  "features of a prefix": published.Setting("padded to the full length", "padded to the full length", "of the windows inside the prefix"),
  "batch_size": published.Setting(64, 64),
  "pretraining_rounds": published.Setting(16, 10, "0 for as often as the numbers of steps allow"),
  "mle_steps": published.Setting("16 x 12 x a twentieth of an epoch: 1,344 of 10,000", "10 x 8 epochs: 12,480", published.SHORT),
  "discriminator_steps": published.Setting("16 x 15 epochs: 37,440", "10 x 15 epochs: 23,400", published.SHORT),
  "adversarial_steps": published.Setting(800, 800, published.SHORT),
  "discriminator_steps_per_round": published.Setting("5 x 3 epochs: 2,340", "5 x 3 epochs: 2,340", "each on new samples"),
  "mle_steps_per_round": published.Setting("a twentieth of an epoch after every 15th", 0, "in each round, against running away"),
  "rollouts": published.Setting(4, 4),
  "ranked_real_growth": published.Setting(0.5, 0.0),
  "ranks": published.Setting(
    "in the order of a dictionary, divided by 4", "in the order of a dictionary, divided by 4",
    "of the rewards; equal ones have the mean; not divided, which makes no difference to Adam but for the clipping",
  ),  # fmt: skip
  "logits in sampling": published.Setting(
    "times 0.8 for the generator's steps, 1.5 for the discriminator's and in evaluation", "times 1; 1.5 likewise", "times 1"
  ),
}
