"""GAD: adversarial distillation from a teacher's answers, or with real text in place of a teacher.

Ye et al., "Black-Box On-Policy Distillation of Large Language Models", https://arxiv.org/abs/2511.10643. By flag with demonstrations: Wu et al.,
"TextGAIL: Generative Adversarial Imitation Learning for Text Generation", https://arxiv.org/abs/2004.13796.

Of pairs, the source is the prompt and the target the teacher's answer y. Otherwise y is a real sentence, and its beginning, possibly empty, is
the prompt. The student G generates a group of answers x. D compares pairs (Bradley and Terry, 1952), and its score f is the reward, normalised within
the group (https://arxiv.org/abs/2402.03300):

  loss_D = -log sigmoid(f(y) - f(x)),
  loss_G = -min(r A, clip(r) A) + kl_weight KL(G || G_0),   A = (f(x) - group mean) / group deviation,   r = G / G_sampling,

with G_0 the generator at the start of the adversarial phase and G_sampling at the start of the step. Before that both are warmed up in the same
rounds: G by the likelihood of y, D by its loss. With demonstrations, G is also trained on the teacher's answers with a constant advantage, as if they
were its own; their share falls to 0.
"""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import published
from tf_textgan import sequences
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
  """The settings of both codes, except for the learning rates, which suit small networks: the papers' transformers have 1e-6 and 1e-5."""

  # Train the discriminator in the rounds of maximum likelihood, too: one step after each of the generator's. If false, only after them.
  joint_warmup: bool = True
  # Longest prompt, in tokens. Each step draws a length from 0 to this one, and its answers begin with so many real tokens. 0 for no prompts.
  longest_prompt: int = 0
  # Generated answers for each real sentence of the batch.
  group_size: int = 8
  # Unit of the probability ratio: each "token", as in GAD, or the whole "sequence", as in TextGAIL.
  ratio: Literal["token", "sequence"] = "token"
  # Largest distance of the ratio from 1 that still has a gradient (PPO's epsilon).
  clip_ratio: float = 0.2
  # Updates made on the same samples. GAD makes one; TextGAIL one, in 16 parts.
  policy_updates: int = 2
  # Weight of the KL divergence from the generator at the start of the adversarial phase; advantages are about 1 for each token.
  kl_weight: float = 0.001
  # Initial weight of the teacher's answers in the generator's loss; it falls linearly to 0. 0 for none, as in GAD; TextGAIL has 0.3.
  demonstration_share: float = 0.0
  # Advantage of the teacher's answers.
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
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# It can learn pairs of a source and a target.
SOURCES = True


class Algorithm(pretrained.Algorithm):
  """See the module."""

  rewarded = True

  def __init__(self, config: Config, networks: base.Networks, seed: int = 0):
    super().__init__(config, networks, seed)
    if config.kl_weight:
      self.modules["reference_policy"] = self.generator.clone()

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    # The number of tokens after a prompt changes from step to step, which XLA does not allow.
    compilable = not self.config.longest_prompt
    generator = base.Update("generator", self.generator_step, compilable=compilable)
    discriminator = base.Update("discriminator", self.discriminator_step, compilable=compilable)
    mle, *rest = base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)
    if self.config.joint_warmup:
      mle = mle._replace(updates=(*mle.updates, discriminator))
    return [mle, *rest]

  def begin(self, update: str) -> None:
    super().begin(update)
    if update == "generator":
      base.copy_weights(self.generator, self.modules.values())

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    return scores

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator to score each real sentence above a generated answer to its prompt."""
    del phase_fraction
    config, discriminator = self.config, self.discriminator
    fake, *_ = self._answers(real, noise.fold(seed, "fake"))
    pairs, context = vanilla.paired(real, fake.tokens)
    with tf.GradientTape() as tape:
      scores = discriminator(pairs, context=context, seed=noise.fold(seed, "dropout"))
      real_scores, fake_scores = tf.unstack(tf.reshape(scores, [-1, 2]), axis=1)
      loss = base.mean(adversarial.relativistic_discriminator(real_scores, fake_scores))
      # Not in the paper, as in `catgan`: the loss ignores a constant added to all scores, which rounding errors would move.
      total = loss + discriminator.regularization() + base.centring(real_scores, fake_scores)
    norm = base.minimize(tape, total, discriminator, self.optimizers["discriminator_optimizer"], config.clip_norm)
    # Pairs in the right order: scores are only compared, so their sign has no meaning.
    return {"loss": loss, "accuracy": base.mean(tf.cast(real_scores > fake_scores, tf.float32)), "gradient_norm": norm}

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the probability of answers that score above others to the same prompt, and of demonstrations."""
    config, generator = self.config, self.generator
    repeated = sequences.Batch(tf.repeat(real.tokens, config.group_size, axis=0), sequences.repeat(real.context, config.group_size))
    answers, generated, after_prompt = self._answers(repeated, seed)
    num = tf.shape(answers.tokens)[0]
    scores = self.reward(answers.tokens, self.discriminator(answers.tokens, context=answers.context))[:, None]
    advantages = policy_gradient.normalized(scores, tf.ones_like(scores), group_size=config.group_size)
    tokens, latent, context, mask = answers.tokens, answers.latent, answers.context, generated
    metrics = {}
    if config.kl_weight:
      reference = self.modules["reference_policy"].log_probs(tokens, latent, context)
    if config.demonstration_share:
      tokens, latent, context, mask, advantages = self._with_demonstrations(answers, generated, advantages, real, after_prompt, seed)
      metrics["demonstration_share"] = share = config.demonstration_share * (1.0 - phase_fraction)
    for i in range(config.policy_updates):
      with tf.GradientTape() as tape:
        log_probs = generator.log_probs(tokens, latent, context) * mask
        if i == 0:
          old_log_probs = tf.stop_gradient(log_probs)
        losses = self._policy_losses(log_probs, old_log_probs, advantages, mask)
        loss = base.mean(losses[:num])
        if config.demonstration_share:
          # Weights of the loss rather than numbers of sentences: the same on average, and every sample is used.
          loss = (1.0 - share) * loss + share * base.mean(losses[num:])
        if config.kl_weight:
          divergence = policy_gradient.divergence_from_reference(log_probs[:num], reference * generated)
          metrics["kl"] = base.mean(divergence, generated)
          loss += config.kl_weight * base.mean(tf.reduce_sum(divergence, axis=1))
      norm = base.minimize(tape, loss, generator, self.optimizers["generator_optimizer"], config.clip_norm)
    return metrics | {
      "loss": loss,
      "reward": base.mean(scores[:, 0]),
      "entropy": base.mean(-old_log_probs[:num], generated),
      "gradient_norm": norm,
    }

  def _with_demonstrations(self, answers, generated, advantages, real, after_prompt, seed):
    """Tokens, z, contexts, mask and advantages of the answers and, behind them, of the real batch."""
    num = tf.shape(real.tokens)[0]
    # The samples' own z, and new ones for the demonstrations.
    latent = tf.concat([answers.latent, self.generator.prior(num, noise.fold(seed, "demonstrations"))], axis=0)
    context = None if real.context is None else tf.concat([answers.context, real.context], axis=0)
    # A demonstration is an answer too: its prompt has no loss.
    mask = tf.concat([generated, self.generator.spec.mask(real.tokens) * after_prompt], axis=0)
    advantages = tf.concat([advantages, tf.fill([num, 1], self.config.demonstration_advantage)], axis=0)
    return tf.concat([answers.tokens, real.tokens], axis=0), latent, context, mask, advantages

  def _policy_losses(self, log_probs, old_log_probs, advantages, mask):
    """The loss of each sequence, `[N]`, from log-probabilities and mask `[N, T]` and advantages `[N, 1]`."""
    epsilon = self.config.clip_ratio
    if self.config.ratio == "sequence":
      log_probs, old_log_probs = (tf.reduce_sum(x, axis=1, keepdims=True) for x in (log_probs, old_log_probs))
      return policy_gradient.clipped_ratio(log_probs, old_log_probs, advantages, epsilon)[:, 0]
    # Summed over time, averaged over the sequences; GAD's code averages over the tokens.
    return tf.reduce_sum(policy_gradient.clipped_ratio(log_probs, old_log_probs, advantages * mask, epsilon) * mask, axis=1)

  def _answers(self, sentences, seed):
    """Completes beginnings of sentences, a `sequences.Batch`.

    Answers are sampled at temperature 1. GAD's code has 0.8, and TextGAIL's 0.9 and a nucleus of 0.9: policies other than the one in the loss.

    Returns:
      `unrolling.Samples`; the mask of the generated tokens, float32 `[N, T]`; and of the positions after the prompt, float32 `[T]`.
    """
    generator, spec = self.generator, self.generator.spec
    if not self.config.longest_prompt:
      answers = generator.sample(tf.shape(sentences.tokens)[0], seed, context=sentences.context)
      return answers, spec.mask(answers.tokens), tf.ones([spec.length])
    # One length for all replicas: not `noise.uniform`, which would give each its own.
    longest = min(self.config.longest_prompt, spec.length - 1)
    given = tf.random.stateless_uniform([], noise.fold(seed, "prompt"), 0, longest + 1, tf.int32)
    answers = generator.complete(sentences.tokens, given, seed, context=sentences.context)
    after_prompt = tf.cast(tf.range(spec.length) >= given, tf.float32)
    return answers, spec.mask(answers.tokens) * after_prompt, after_prompt


# See `tf_textgan.published`; docs/algorithms.md has the table.
COLUMNS = ("GAD and its code", "TextGAIL and its code")
PUBLISHED = {
  "student; discriminator": published.Setting("language models of up to 14 billion weights, both", "GPT-2; RoBERTa", "`lstm`; `cnn_highway`"),
  "optimizer": published.Setting("AdamW", "AdamW, weight decay 0.01", "Adam"),
  "mle_learning_rate": published.Setting(note="SeqGAN's"),
  "generator_learning_rate": published.Setting(1e-6, 1e-5, "for a small network"),
  "discriminator_learning_rate": published.Setting(1e-6, 1e-5, "for a small network"),
  "clip_norm": published.Setting(0.2, "none", "SeqGAN's"),
  **published.OUR_GENERATOR,
  **published.OUR_DISCRIMINATOR,
  "prompt; answer": published.Setting("a question; the teacher's answer", "none; a text", "source and target of `text_pairs`; else as TextGAIL's"),
  "discriminator begins as": published.Setting("the student", "RoBERTa", "random weights; the student with `--discriminator_from_generator`"),
  "longest_prompt": published.Setting(None, 0),
  "joint_warmup": published.Setting(True, False),
  "group_size": published.Setting(8, 1),
  "reward": published.Setting("f(x)", "softmax of f(x) against f(y)", "f(x)"),
  "normalised over": published.Setting("the group", "a running mean and deviation, at most 2", "the group"),
  "ratio": published.Setting("token", "sequence"),
  "clip_ratio": published.Setting("0.2, its library's default", "0.1 (captions), 0.2 (news)", "GAD's"),
  "policy_updates": published.Setting(1, "1, in 16 parts", "with one the ratio is 1 and nothing is ever clipped"),
  "kl_weight": published.Setting(0.001, 0.0),
  "demonstration_share": published.Setting(0.0, 0.3, "TextGAIL's falls to 0"),
  "demonstration_advantage": published.Setting(None, 2.0),
  "sampled at": published.Setting("temperature 0.8", "temperature 0.9, nucleus 0.9", "temperature 1: the policy that is trained and evaluated"),
  "loss": published.Setting("mean over tokens", "of the sequence", "sum over the tokens of a sequence, mean over sequences"),
  "batch_size": published.Setting(256, "32 (captions), 8 (news)", "as in the other algorithms"),
  "mle_steps": published.Setting("1 epoch, some 800, with the discriminator's", None, published.SHORT),
  "discriminator_steps": published.Setting("10, before the warm-up of both", 100, "after the warm-up: it begins with random weights"),
  "adversarial_steps": published.Setting("2 epochs, some 1,600 (code: up to 4)", "200 (captions), 1,000 (news)", published.SHORT),
  "discriminator_steps_per_round": published.Setting(1, "1 for each part", "on new answers"),
}
