"""GAD: text generation by the recipe of adversarial distillation, with real text for a teacher.

Ye et al., "Black-Box On-Policy Distillation of Large Language Models", https://arxiv.org/abs/2511.10643, with the demonstrations of Wu et al.,
"TextGAIL: Generative Adversarial Imitation Learning for Text Generation", https://arxiv.org/abs/2004.13796.

A prompt is the beginning of a real sentence, maybe an empty one; the sentence is the teacher's answer y, and the student G writes several of its own,
a group. D compares (Bradley and Terry, 1952), and its score f is the reward, normalised within the group (https://arxiv.org/abs/2402.03300):

  loss_D = -log sigmoid(f(y) - f(x)),
  loss_G = -min(r A, clip(r) A) + weight KL(G || G at first),   A = (f(x) - mean of the group) / deviation of the group,   r = G / G of the sample.

Real sentences are among those that G learns from, as if it had written them, with a constant advantage; ever fewer of them.
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.losses import adversarial
from tf_textgan.losses import policy_gradient
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The settings of both codes, but for the rates, which are those of small networks: the papers' transformers have 1e-6 and 1e-5."""

  # Longest prompt, in tokens: each step draws a length from 0 up, and begins its sentences as real ones. 0 writes without a prompt.
  longest_prompt: int = 0
  # Answers to each prompt: the generator writes so many sentences for each real one in the batch.
  group_size: int = 8
  # What is compared with its probability before the updates: each "token", as in GAD, or the whole "sequence", as in TextGAIL.
  ratio: Literal["token", "sequence"] = "token"
  # How far that ratio may move from 1 before it no longer counts (PPO's epsilon).
  clip_ratio: float = 0.2
  # Updates made on the same samples. GAD makes one; TextGAIL one, in 16 parts.
  policy_updates: int = 2
  # Weight of the divergence from the generator as it was when the adversarial phase began, beside advantages of about 1 for each token.
  kl_weight: float = 0.001
  # Share of real sentences among those that the generator learns from, at first; it falls linearly to 0. 0 for none, as in GAD.
  demonstration_share: float = 0.3
  # Their advantage.
  demonstration_advantage: float = 2.0
  # Discriminator steps for each generator step, each on new samples.
  discriminator_steps_per_round: int = 1

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 0, "longest_prompt", "kl_weight", "demonstration_advantage")
    checks.share(self, "demonstration_share")
    checks.above_zero(self, "clip_ratio")
    checks.at_least(self, 1, "policy_updates", "discriminator_steps_per_round")
    checks.at_least(self, 2, "group_size")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# What the generator must be.
GENERATOR_KIND = generator_base.Autoregressive


class Algorithm(pretrained.Algorithm):
  """See the module. One phase comes after the other; GAD warms both networks up in the same steps."""

  rewarded = True

  def __init__(self, config, networks, seed=0):
    super().__init__(config, networks, seed)
    if config.kl_weight:
      self.modules["reference_policy"] = self.generator.clone()

  def phases(self, schedule):
    # What is left of the sentences after their prompts has no one shape for XLA.
    compilable = not self.config.longest_prompt
    generator = base.Update("generator", self.generator_step, compilable=compilable)
    discriminator = base.Update("discriminator", self.discriminator_step, compilable=compilable)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def begin(self, update):
    super().begin(update)
    if update == "generator":
      base.copy_weights(self.generator, self.modules.values())

  def adversarial_reward(self, scores):
    return scores

  def discriminator_step(self, real, seed, phase_fraction):
    """Teaches the discriminator to prefer each sentence of a real batch to an answer of the generator's."""
    del phase_fraction
    config, discriminator = self.config, self.discriminator
    fake, _ = self._answers(real.tokens, noise.fold(seed, "fake"))
    pairs, _ = vanilla.paired(real, fake.tokens)
    with tf.GradientTape() as tape:
      real_scores, fake_scores = tf.unstack(tf.reshape(discriminator(pairs, seed=noise.fold(seed, "dropout")), [-1, 2]), axis=1)
      loss = base.mean(adversarial.relativistic_discriminator(real_scores, fake_scores))
      # Not in the paper, as in `catgan`: what is added to all scores changes no loss, and would be moved by rounding errors.
      total = loss + discriminator.regularization() + base.centring(real_scores, fake_scores)
    norm = base.minimize(tape, total, discriminator, self.optimizers["discriminator_optimizer"], config.clip_norm)
    # Pairs in the right order: of a score that is only compared, zero means nothing.
    return {"loss": loss, "accuracy": base.mean(tf.cast(real_scores > fake_scores, tf.float32)), "gradient_norm": norm}

  def generator_step(self, real, seed, phase_fraction):
    """Makes those answers more probable that score higher than the others to the same prompt, and real sentences."""
    config, generator, spec, real = self.config, self.generator, self.generator.spec, real.tokens
    answers, written = self._answers(tf.repeat(real, config.group_size, axis=0), seed)
    num = tf.shape(answers.tokens)[0]
    scores = self.reward(answers.tokens, self.discriminator(answers.tokens))[:, None]
    advantages = policy_gradient.normalized(scores, tf.ones_like(scores), group_size=config.group_size)
    # The same z as the samples', and others for the real sentences.
    latents = [answers.latent, generator.prior(tf.shape(real)[0], noise.fold(seed, "demonstrations"))]
    tokens, latent = tf.concat([answers.tokens, real], axis=0), tf.concat(latents, axis=0)
    mask = tf.concat([written, spec.mask(real)], axis=0)
    advantages = tf.concat([advantages, tf.fill([tf.shape(real)[0], 1], config.demonstration_advantage)], axis=0)
    share = config.demonstration_share * (1.0 - phase_fraction)
    metrics = {}
    if config.kl_weight:
      reference = self.modules["reference_policy"].log_probs(answers.tokens, answers.latent)
    for i in range(config.policy_updates):
      with tf.GradientTape() as tape:
        log_probs = generator.log_probs(tokens, latent) * mask
        if i == 0:
          old_log_probs = tf.stop_gradient(log_probs)
        losses = self._policy_losses(log_probs, old_log_probs, advantages, mask)
        # Shares of the loss rather than numbers of sentences: the same in the mean, and no sample is left out for a demonstration.
        loss = (1.0 - share) * base.mean(losses[:num]) + share * base.mean(losses[num:])
        if config.kl_weight:
          divergence = policy_gradient.divergence_from_reference(log_probs[:num], reference * written)
          metrics["kl"] = base.mean(divergence, written)
          loss += config.kl_weight * base.mean(tf.reduce_sum(divergence, axis=1))
      norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], config.clip_norm)
    return metrics | {
      "loss": loss,
      "reward": base.mean(scores[:, 0]),
      "entropy": base.mean(-old_log_probs[:num], written),
      "demonstration_share": share,
      "gradient_norm": norm,
    }

  def _policy_losses(self, log_probs, old_log_probs, advantages, mask):
    """Of each sequence `[N]`: log-probabilities and mask `[N, T]`, advantages `[N, 1]`."""
    epsilon = self.config.clip_ratio
    if self.config.ratio == "sequence":
      log_probs, old_log_probs = (tf.reduce_sum(x, axis=1, keepdims=True) for x in (log_probs, old_log_probs))
      return policy_gradient.clipped_ratio(log_probs, old_log_probs, advantages, epsilon)[:, 0]
    # Summed over time, averaged over the sequences; GAD's code averages over the tokens.
    return tf.reduce_sum(policy_gradient.clipped_ratio(log_probs, old_log_probs, advantages * mask, epsilon) * mask, axis=1)

  def _answers(self, sentences, seed):
    """Answers to prompts that are beginnings of sentences, int32 `[N, T]`: `unrolling.Samples`, and a mask of the generated tokens.

    They are generated at temperature 1; GAD's code has 0.8, and TextGAIL's a nucleus, which makes another policy than the one that is evaluated.
    """
    generator, spec = self.generator, self.generator.spec
    if not self.config.longest_prompt:
      answers = generator.sample(tf.shape(sentences)[0], seed)
      return answers, spec.mask(answers.tokens)
    # One length for all, and on all replicas: not `noise.uniform`, which would give each its own.
    longest = min(self.config.longest_prompt, spec.length - 1)
    given = tf.random.stateless_uniform([], noise.fold(seed, "prompt"), 0, longest + 1, tf.int32)
    answers = generator.complete(sentences, given, seed)
    return answers, spec.mask(answers.tokens) * tf.cast(tf.range(spec.length) >= given, tf.float32)
