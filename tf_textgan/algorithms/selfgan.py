"""SelfGAN: maximum likelihood on the generator's own samples, chosen by the discriminator.

Scialom et al., "To Beam Or Not To Beam: That is a Question of Cooperation for Language GANs", https://arxiv.org/abs/2106.06363.

No gradient passes through a pick and no reward is needed: the discriminator chooses among candidates, on which the generator is then trained by
teacher forcing. With f the discriminator's score of K candidates x_1..x_K for a sentence,

  loss = -log G(x_i),   i drawn with probability softmax(f).

If f is the log-ratio of the real probability to the generator's, the distribution of the chosen sentences tends to the real one as K grows, and
the loss to maximum likelihood on unlimited real text. The discriminator is then trained on samples of the new generator, and so on.
"""

import dataclasses
import functools
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import published
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.algorithms.steps import likelihood
from tf_textgan.algorithms.steps import pretrained
from tf_textgan.algorithms.steps import vanilla
from tf_textgan.discriminators import cnn_highway
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import lstm
from tf_textgan.sampling import guidance
from tf_textgan.sampling import noise


@dataclasses.dataclass(frozen=True)
class Config(pretrained.Config):
  """The paper fine-tunes a pretrained transformer for conditional tasks; networks and learning rates here are SeqGAN's."""

  # Adam's learning rate on the chosen sentences.
  generator_learning_rate: float = 1e-3
  # Cooperative decoding: "resampling" draws one of the candidates by its score; "best" takes the one with the highest score, the paper's reranking;
  # "search" resamples prefixes during generation, a particle filter in place of the paper's tree search.
  decoding: Literal["resampling", "best", "search"] = "resampling"
  # Candidates for a sentence (K).
  candidates: int = 16
  # In search, tokens generated between two resampling steps.
  search_every: int = 5
  # Fraction of real sentences among the generator's training sentences.
  real_share: float = 0.0
  # Discriminator steps in each round, each on new samples. A departure: samples are drawn without the discriminator, unlike the paper's, so that the
  # score is the log-ratio to the generator itself, as resampling requires.
  discriminator_steps_per_round: int = 5

  def __post_init__(self):
    super().__post_init__()
    checks.at_least(self, 1, "search_every", "discriminator_steps_per_round")
    checks.share(self, "real_share")
    if self.candidates < 2:
      raise errors.UserError(f"candidates must be at least 2 to choose among, not {self.candidates}")


GENERATOR = ("lstm", lstm.Config())
DISCRIMINATOR = ("cnn_highway", cnn_highway.Config())
# The kind of generator it trains.
GENERATOR_KIND = generator_base.Autoregressive
# It can learn pairs of a source and a target.
SOURCES = True


class Algorithm(pretrained.Algorithm):
  """See the module."""

  rewarded = True

  def phases(self, schedule: base.Schedule) -> list[base.Phase]:
    # A search resamples prefixes of changing length, which XLA does not allow.
    generator = base.Update("generator", self.generator_step, compilable=self.config.decoding != "search")
    discriminator = base.Update("discriminator", self.discriminator_step)
    return base.usual_phases(schedule, self.mle_step, discriminator, generator, self.config.discriminator_steps_per_round)

  def discriminator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Trains the discriminator on a real batch and a new sample."""
    del phase_fraction
    return vanilla.step(self.generator, self.discriminator, self.optimizers["discriminator_optimizer"], real, seed)

  def generator_step(self, real: sequences.Batch, seed: tf.Tensor, phase_fraction: tf.Tensor) -> base.Metrics:
    """Raises the likelihood of sentences generated with the discriminator's help."""
    del phase_fraction
    config, num = self.config, tf.shape(real.tokens)[0]
    tokens, metrics = self._search(num, seed, real.context) if config.decoding == "search" else self._choose(num, seed, real.context)
    if config.real_share:
      tokens = tf.where((noise.uniform([num], noise.fold(seed, "real")) < config.real_share)[:, None], real.tokens, tokens)
    # A new z for each sentence, as in pretraining, not the one that it was generated from.
    chosen = sequences.Batch(tokens, real.context)
    return metrics | likelihood.step(self.generator, self.optimizers["generator_optimizer"], chosen, seed, config.clip_norm)

  def log_weight(self, tokens: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
    """The log-weights of candidates, the discriminator's scores plus the user's own rewards: int32 `[B, T]` to float32 `[B]`."""
    return self.reward(tokens, self.discriminator(tokens, context=context))

  def adversarial_reward(self, scores: tf.Tensor) -> tf.Tensor:
    return scores

  def _choose(self, num, seed, context):
    """Chooses one of the complete candidates for each sentence: int32 `[B, T]`, and metrics."""
    candidates = self.config.candidates
    context = sequences.repeat(context, candidates)
    tokens = self.generator.sample(num * candidates, noise.fold(seed, "candidates"), context=context).tokens
    scores = self.log_weight(tokens, context)
    if self.config.decoding == "best":
      chosen = guidance.best(scores, candidates)
    else:
      chosen = guidance.draw(scores, candidates, noise.fold(seed, "choice"))
    metrics = {
      "score": base.mean(tf.gather(scores, chosen)),
      "unguided_score": base.mean(scores),
      # Effective sample size divided by K: at 1 / K one candidate has all the weight, at 1 all have the same.
      "effective_share": base.mean(guidance.effective_share(scores, candidates)),
    }
    return tf.gather(tokens, chosen), metrics

  def _search(self, num, seed, context):
    """Generates sentences by guided search: int32 `[B, T]`, and metrics."""
    generator, spec, particles = self.generator, self.generator.spec, num * self.config.candidates
    search = guidance.Search(self.config.candidates, self.config.search_every)
    # Particles are drawn again within a sentence's own, which have one source.
    context = sequences.repeat(context, self.config.candidates)
    weight = functools.partial(self.log_weight, context=context)
    state = generator.initial_state(*generator.draw_inputs(particles, seed, context))
    start = tf.fill([particles], spec.start_token)
    guided = search(generator.step, generator.picker, start, state, weight, spec.length, noise.fold(seed, "search"), spec.end_token)
    return guided.tokens, {"score": base.mean(guided.scores)}


# See `tf_textgan.published`; docs/algorithms.md has the table.
PUBLISHED = {
  "task, networks": published.Setting("conditional; T5-small", None, "unconditional; SeqGAN's"),
  "mle_learning_rate": published.Setting(note="no code is public; SeqGAN's"),
  "generator_learning_rate": published.Setting(note="ours"),
  "discriminator_learning_rate": published.Setting(note="SeqGAN's"),
  "clip_norm": published.Setting(note="SeqGAN's"),
  **published.OUR_GENERATOR,
  **published.OUR_DISCRIMINATOR,
  "decoding": published.Setting("reranking, or Monte-Carlo tree search", None, "a draw by exp(f), which has a right answer"),
  "candidates": published.Setting(published.UNCHECKED, None),
  "search_every": published.Setting(note="of a particle filter in place of the tree search"),
  "discriminator's fakes": published.Setting("the chosen sentences", None, "plain samples: f is then the ratio to G, which a draw by exp(f) needs"),
  "real_share": published.Setting(note="not in the paper"),
  "discriminator_steps_per_round": published.Setting(published.UNCHECKED, None),
}
