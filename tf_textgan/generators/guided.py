"""A generator whose sentences a trained discriminator chooses: `sampling.guidance` for networks."""

import dataclasses
from typing import Literal

import tensorflow as tf

from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.generators import base as generator_base
from tf_textgan.sampling import chunks
from tf_textgan.sampling import guidance
from tf_textgan.sampling import noise
from tf_textgan.sampling import unrolling

# Candidates together: see `generators.base`.
_CHUNK = 512


@dataclasses.dataclass(frozen=True)
class Config:
  """Guided sampling."""

  # How the discriminator chooses among what the generator writes: rejection (exact up to a bound), resampling (one of some candidates), search
  # (choosing while they are written); none leaves the generator alone.
  guide: Literal["none", "rejection", "resampling", "search"] = "none"
  # Candidates for a sentence; with rejection at most so many.
  candidates: int = 16
  # Search: tokens written between two choices.
  search_every: int = 5
  # Rejection: accept more readily, at the price of being less guided, so that in this percentile of the generator's sentences half are accepted; 0
  # for the exact probability.
  rejection_percentile: float = 0.0
  # What the discriminator's score is multiplied by. Above 1 it counts for more than what it says of the ratio, at the price of variety: another dial
  # beside the temperature; 0 leaves the generator alone.
  guide_strength: float = 1.0
  # Folder of the run whose discriminator guides, on the same corpus; empty for the run's own.
  guide_workdir: str = ""

  def __post_init__(self):
    checks.at_least(self, 1, "candidates", "search_every")
    checks.at_least(self, 0, "guide_strength")
    if not 0 <= self.rejection_percentile < 100:
      raise errors.UserError(f"rejection_percentile must be at least 0 and below 100, not {self.rejection_percentile}")

  def make(self):
    """The guide of `sampling.guidance`."""
    if self.guide == "rejection":
      return guidance.Rejection(self.candidates, percentile=self.rejection_percentile)
    return guidance.Search(self.candidates, self.search_every) if self.guide == "search" else guidance.Resampling(self.candidates)


class Generator:
  """A generator and what guides it. To those who only read its sentences it is a generator: it has `spec`, `sample`, `write`, `draw_context`.

  Attributes:
    spec: the generator's.
  """

  def __init__(self, generator, judge, guide, strength=1.0, rewards=()):
    """Args:
    generator: see `generators.base`.
    judge: `algorithms.base.Algorithm` that trained the discriminator, mostly against this generator.
    guide: see `sampling.guidance`.
    strength: number that the discriminator's scores are multiplied by.
    rewards: functions of tokens, int32 `[B, T]`, giving float32 `[B]`: rewards of the user's, which are added to the log-weights.

    Raises:
      UserError: the judge has no discriminator, or one whose score is no logit; the generator does not write as the guide needs it, or not what the
        discriminator reads.
    """
    name = type(judge).__module__.rsplit(".", 1)[-1]
    if judge.discriminator is None:
      raise errors.UserError(f"a guide needs a discriminator, but {name} trains none; name the run of one with --guide_workdir")
    if not judge.scores_log_ratios:
      raise errors.UserError(f"a guide needs a discriminator whose score is a logit, and that of {name}, as it was trained, is none")
    if isinstance(guide, guidance.Search) and not isinstance(generator, generator_base.Autoregressive):
      raise errors.UserError("the guide search needs a generator that writes token by token; expected rejection or resampling")
    ours, theirs = (dataclasses.replace(spec, categories=()) for spec in (generator.spec, judge.discriminator.spec))
    if ours != theirs:
      raise errors.UserError("the guide's discriminator reads another vocabulary or length than the generator writes; expected runs on one corpus")
    self.spec = generator.spec
    self._generator = generator
    self._judge = judge
    self._guide = guide
    self._strength = strength
    self._rewards = list(rewards)

  def log_weight(self, tokens):
    """The log-weight of a sentence, up to a constant: int32 `[B, T]` to float32 `[B]`, nats. Its probability is multiplied by the exponential."""
    return tf.add_n([self._strength * self._judge.log_ratio(tokens), *(reward(tokens) for reward in self._rewards)])

  def _prefix_log_weight(self, tokens, count):
    return self._strength * self._judge.prefix_log_ratio(tokens, count)

  def draw_context(self, num, seed):
    """As `generators.base.Generator.draw_context`."""
    return self._generator.draw_context(num, seed)

  def sample(self, num, seed, picker=None, context=None):
    """As `write`."""
    return self.write(num, seed, picker, context)

  def write(self, num, seed, picker=None, context=None):
    """Generates any number of sequences in bounded memory: `unrolling.Generated`.

    Arguments as of `generators.base.Generator.write`; the picker is that of the proposals, which with a temperature or a cut are q.
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

    def write_rows(i, first, count):
      here = noise.fold(seed, i)
      if isinstance(guide, guidance.Search):
        beside = sequences.repeat(sequences.rows(context, slice(first, first + count)), guide.candidates)
        guided = self._search(count * guide.candidates, here, picker, beside)
      else:
        guided = guide(proposer(first), score, count, here)
      return [guided.tokens, guided.log_probs, guided.scores, guided.accepted, guided.proposals[None]]

    outputs = [(tf.int32, [self.spec.length]), (tf.float32, []), (tf.float32, []), (tf.bool, []), (tf.float32, [])]
    tokens, log_probs, scores, accepted, more = chunks.map_rows(write_rows, num, max(1, _CHUNK // guide.together), outputs)
    return unrolling.Generated(tokens, log_probs, context, scores, accepted, spent + tf.reduce_sum(more))

  def _search(self, particles, seed, picker, context):
    generator, spec = self._generator, self.spec
    prefix_log_weight = self._prefix_log_weight if self._judge.prefix_log_ratio else None
    state = generator.initial_state(*generator.draw_inputs(particles, seed, context))
    start = tf.fill([particles], spec.start_token)
    return self._guide(
      generator.step, picker or generator.picker, start, state, self.log_weight, spec.length, seed, spec.end_token, prefix_log_weight
    )
