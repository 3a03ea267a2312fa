"""A generator guided by a trained discriminator: `sampling.guidance` for networks."""

from collections.abc import Callable
import dataclasses
from typing import Any
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.generators import base as generator_base
from tf_textgan.sampling import chunks
from tf_textgan.sampling import guidance
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling


@dataclasses.dataclass(frozen=True)
class Config:
  """Settings of guided sampling."""

  # How the discriminator chooses sentences: rejection (exact up to a bound), resampling (one of several candidates), search (resampling of prefixes
  # during generation), or none.
  guide: Literal["none", "rejection", "resampling", "search"] = "none"
  # Candidates for a sentence; with rejection the most.
  candidates: int = 16
  # Search: tokens generated between two resampling steps.
  search_every: int = 5
  # Rejection: accept half of the sentences at this percentile of the scores; lower percentiles accept more and guide less. 0 for the exact
  # acceptance probability.
  rejection_percentile: float = 0.0
  # Factor of the discriminator's score. Above 1 it guides more strongly and lowers the diversity, like a low temperature; 0 does not guide.
  guide_strength: float = 1.0
  # Folder of the run that the guiding discriminator is taken from, on the same corpus; empty for the run itself.
  guide_workdir: str = ""

  def __post_init__(self):
    checks.at_least(self, 1, "candidates", "search_every")
    checks.at_least(self, 0, "guide_strength")
    if not 0 <= self.rejection_percentile < 100:
      raise errors.UserError(f"rejection_percentile must be at least 0 and below 100, not {self.rejection_percentile}")

  def make(self) -> guidance.Rejection | guidance.Resampling | guidance.Search:
    """Creates the guide."""
    if self.guide == "rejection":
      return guidance.Rejection(self.candidates, percentile=self.rejection_percentile)
    return guidance.Search(self.candidates, self.search_every) if self.guide == "search" else guidance.Resampling(self.candidates)


class Generator:
  """A guided generator. It has the methods of a generator that sampling needs: `spec`, `picker`, `sample`, `write`, `draw_context`.

  Attributes:
    spec: the spec of the generator.
    picker: the default picker of the generator.
  """

  def __init__(
    self,
    generator: generator_base.Generator,
    judge: Any,
    guide: guidance.Rejection | guidance.Resampling | guidance.Search,
    strength: float = 1.0,
    rewarder: Any = None,
  ):
    """Combines a generator with a guide.

    Args:
      generator: proposes sentences.
      judge: `algorithms.base.Algorithm` with the discriminator, usually trained against this generator.
      guide: see `sampling.guidance`.
      strength: factor of the discriminator's log-ratios.
      rewarder: `algorithms.base.Algorithm` whose user's rewards are mixed with the log-ratios; None for none.

    Raises:
      UserError: the judge has no discriminator or its score is not a logit; the guide does not suit the generator; generator and discriminator
        differ in vocabulary or length.
    """
    name = registry.name_of(judge)
    if generator.spec.source_length:
      raise errors.UserError("a guide chooses among sentences without sources; expected a run that is not of pairs")
    if judge.discriminator is None:
      raise errors.UserError(f"a guide needs a discriminator, but {name} trains none; name the run of one with --guide_workdir")
    if not judge.scores_log_ratios:
      raise errors.UserError(f"a guide needs a discriminator whose score is a logit, and {name} was not trained with such a loss")
    if isinstance(guide, guidance.Search) and not isinstance(generator, generator_base.Autoregressive):
      raise errors.UserError("the guide search needs a generator that generates token by token; expected rejection or resampling")
    ours, theirs = (dataclasses.replace(spec, categories=()) for spec in (generator.spec, judge.discriminator.spec))
    if ours != theirs:
      raise errors.UserError("the guide's discriminator and the generator have different vocabularies or lengths; expected runs on one corpus")
    self.spec = generator.spec
    self.picker = generator.picker
    self._generator = generator
    self._judge = judge
    self._guide = guide
    self._strength = strength
    self._rewarder = rewarder if rewarder is not None and rewarder.extra_rewards else None

  def log_weight(self, tokens: tf.Tensor) -> tf.Tensor:
    """The log-weights of sentences, up to a constant: int32 `[B, T]` to float32 `[B]`, nats. Probabilities are multiplied by their exponentials."""
    log_ratios = self._strength * self._judge.log_ratio(tokens)
    return log_ratios if self._rewarder is None else self._rewarder.mixed(log_ratios, self._rewarder.own_reward(tokens))

  def _prefix_log_weight(self, tokens, count):
    return self._strength * self._judge.prefix_log_ratio(tokens, count)

  def draw_context(self, num: int | tf.Tensor, seed: tf.Tensor) -> tf.Tensor | None:
    """As `generators.base.Generator.draw_context`."""
    return self._generator.draw_context(num, seed)

  def sample(
    self, num: int | tf.Tensor, seed: tf.Tensor, picker: Callable[..., pickers.Pick] | None = None, context: tf.Tensor | None = None
  ) -> unrolling.Generated:
    """As `write`."""
    return self.write(num, seed, picker, context)

  def write(
    self, num: int | tf.Tensor, seed: tf.Tensor, picker: Callable[..., pickers.Pick] | None = None, context: tf.Tensor | None = None
  ) -> unrolling.Generated:
    """Generates any number of sequences in bounded memory.

    Arguments as of `generators.base.Generator.write`; the picker draws the proposals.
    """
    num = tf.convert_to_tensor(num)
    generator, guide, score = self._generator, self._guide, self.log_weight
    context = generator.contexts(num, seed, context)

    def proposer(first):
      def propose(rows, seed):
        proposed = generator.write(tf.size(rows), seed, picker, sequences.rows(context, (first + rows) % num))
        return proposed.tokens, proposed.log_probs

      return propose

    spent = tf.zeros([])
    if isinstance(guide, guidance.Rejection):
      guide, spent = guide.fit(proposer(0), score, noise.fold(seed, "bound"))

    def sample_rows(i, first, count):
      here = noise.fold(seed, i)
      if isinstance(guide, guidance.Search):
        beside = sequences.repeat(sequences.rows(context, slice(first, first + count)), guide.candidates)
        guided = self._search(count * guide.candidates, here, picker, beside)
      else:
        guided = guide(proposer(first), score, count, here)
      return [guided.tokens, guided.log_probs, guided.scores, guided.accepted, guided.proposals[None]]

    outputs = [(tf.int32, [self.spec.length]), (tf.float32, []), (tf.float32, []), (tf.bool, []), (tf.float32, [])]
    tokens, log_probs, scores, accepted, more = chunks.map_rows(sample_rows, num, max(1, generator.rows_together // guide.together), outputs)
    return unrolling.Generated(tokens, log_probs, context, scores, accepted, spent + tf.reduce_sum(more))

  def _search(self, particles, seed, picker, context):
    generator, spec = self._generator, self.spec
    prefix_log_weight = self._prefix_log_weight if self._judge.prefix_log_ratio else None
    state = generator.initial_state(*generator.draw_inputs(particles, seed, context))
    start = tf.fill([particles], spec.start_token)
    return self._guide(
      generator.step, picker or generator.picker, start, state, self.log_weight, spec.length, seed, spec.end_token, prefix_log_weight
    )
