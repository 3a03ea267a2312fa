"""Guided sampling: a generator proposes sentences, and a discriminator's score chooses among them.

A discriminator with the logistic loss learns f(x), the log-ratio of a sequence's real probability to the generator's, up to a constant. Then the
residual energy-based model (Deng et al., https://arxiv.org/abs/2004.11714)

  p(x) = q(x) exp f(x) / Z,   Z = E_q[exp f(x)],

is nearer the real distribution than the proposal q, the generator at its temperature and truncation. Three guides draw from p, without training:

  Rejection    exact up to its bound: draws from p(x) proportional to q(x) exp min(f(x), bound), unless it runs out of candidates.
  Resampling   exact in the limit of many candidates; every sentence takes the same number of candidates.
  Search       the same limit, but resamples prefixes during generation; for autoregressive generators.

A guide is a value. It calls `propose(rows, seed)`, where `rows`, int32 `[N]`, are the indices of the sentences that candidates are for, to get tokens
int32 `[N, T]` and their log-probabilities float32 `[N]`, and `score(tokens)` to get float32 `[N]`.
"""

from collections.abc import Callable
import dataclasses
from typing import Any

import tensorflow as tf

from tf_textgan.sampling import categorical
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling

Propose = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
Score = Callable[[tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Rejection:
  """Discriminator rejection sampling (Azadi et al., https://arxiv.org/abs/1810.06758).

  A candidate is accepted with probability sigmoid(F(x) - shift), F = d - log(1 - exp d), d = min(f(x) - bound, 0), which is exp d without a shift.
  Then accepted sentences are independent exact draws from the model with min(f, bound) in place of f, which is the guided model if no score exceeds
  the bound. A shift changes the distribution: a negative shift accepts more, and is nearer the proposal.

  If no candidate for a sentence is accepted, one of the rejected is drawn, with odds exp(F - shift) of acceptance as weights. This approximates the
  accepted distribution.

  Attributes:
    candidates: most proposals for a sentence.
    burn_in: proposals from which `fit` measures the bound. They are not reused as candidates, because the bound depends on them.
    percentile: `fit` sets the shift to this percentile, below 100, of F over the burn-in, as in the paper; 0 sets no shift.
    bound: float32 scalar; None to measure it in `fit`. A departure: the paper keeps raising the bound, so early samples use a lower bound.
    shift: float32 scalar.
  """

  candidates: int = 16
  burn_in: int = 1000
  percentile: float = 0.0
  bound: Any = None
  shift: Any = 0.0

  @property
  def together(self) -> int:
    """Candidates of a sentence that are proposed together."""
    return 1

  def fit(self, propose: Propose, score: Score, seed: tf.Tensor) -> tuple["Rejection", tf.Tensor]:
    """Measures bound and shift, if the bound is None.

    Args:
      propose: see the module; called with rows 0 to `burn_in` - 1.
      score: see the module.
      seed: int32 `[2]`.

    Returns:
      A guide with a bound, and the number of proposals made, float32 scalar.
    """
    if self.bound is not None:
      return self, tf.zeros([])
    scores = score(propose(tf.range(self.burn_in), seed)[0])
    fitted = dataclasses.replace(self, bound=tf.reduce_max(scores))
    if self.percentile:
      odds = tf.sort(fitted.log_odds(scores))
      fitted = dataclasses.replace(fitted, shift=odds[int(self.percentile / 100.0 * (self.burn_in - 1))])
    return fitted, tf.constant(self.burn_in, tf.float32)

  def log_odds(self, scores: tf.Tensor) -> tf.Tensor:
    """Log-odds of acceptance, float32 `[N]`, of scores `[N]`; infinite for scores at or above the bound."""
    below = tf.minimum(scores - self.bound, 0.0)
    return below - tf.math.log(-tf.math.expm1(below)) - self.shift

  def __call__(self, propose: Propose, score: Score, num: tf.Tensor, seed: tf.Tensor) -> unrolling.Generated:
    """Draws `num` sentences, an int32 scalar. The bound must be set."""

    def try_again(i, rest):
      """Draws a candidate for each of the sentences `rest`, and a key: the candidate with the largest key is kept. Accepted: infinity."""
      seed_here = noise.fold(seed, i)
      tokens, log_probs = propose(rest, noise.fold(seed_here, "proposals"))
      scores = score(tokens)
      odds = self.log_odds(scores)
      accepted = tf.math.log(noise.uniform(tf.shape(odds), noise.fold(seed_here, "accept"))) < tf.math.log_sigmoid(odds)
      # Gumbel-max: the largest noisy log-odds are a draw with the odds as weights.
      key = tf.where(accepted, float("inf"), odds + noise.gumbel(tf.shape(odds), noise.fold(seed_here, "rejected")))
      return key, tokens, log_probs, scores

    def improve(i, spent, kept):
      rest = tf.cast(tf.where(kept[0] < float("inf"))[:, 0], tf.int32)
      new = try_again(i, rest)
      better = tf.where(new[0] > tf.gather(kept[0], rest))[:, 0]
      places = tf.gather(rest, better)[:, None]
      kept = tuple(tf.tensor_scatter_nd_update(old, places, tf.gather(x, better)) for old, x in zip(kept, new))
      return i + 1, spent + tf.cast(tf.size(rest), tf.float32), kept

    _, spent, (key, *chosen) = tf.while_loop(
      lambda i, _, kept: (i < self.candidates) & tf.reduce_any(kept[0] < float("inf")),
      improve,
      (tf.constant(1), tf.cast(num, tf.float32), try_again(0, tf.range(num))),
    )
    return _generated(chosen, tf.math.is_inf(key), spent)


@dataclasses.dataclass(frozen=True)
class Resampling:
  """Self-normalised importance resampling: draws one of several candidates for each sentence, with probability softmax(f).

  Deng et al., https://arxiv.org/abs/2004.11714. One candidate gives the proposal; many candidates approach the guided model.

  Attributes:
    candidates: proposals for a sentence.
  """

  candidates: int = 16

  @property
  def together(self) -> int:
    """Candidates of a sentence that are proposed together."""
    return self.candidates

  def __call__(self, propose: Propose, score: Score, num: tf.Tensor, seed: tf.Tensor) -> unrolling.Generated:
    """Draws `num` sentences, an int32 scalar."""
    rows = tf.repeat(tf.range(num), self.candidates)
    tokens, log_probs = propose(rows, noise.fold(seed, "proposals"))
    scores = score(tokens)
    return _pick(draw(scores, self.candidates, noise.fold(seed, "choice")), tokens, log_probs, scores, tf.cast(tf.size(rows), tf.float32))


@dataclasses.dataclass(frozen=True)
class Search:
  """Sequential Monte Carlo: many particles for each sentence, resampled by the scores of their prefixes during generation.

  Every `every` tokens the particles are resampled with weights exp(s(x_1..x_t) - s_before), where s scores a prefix and s_before is the prefix score
  at the previous resampling; at the end one particle is drawn with weights exp(f - s_before). The prefix scores cancel, so the limit of many
  particles is the guided model for any s; a good s needs fewer particles. Without a `score_prefix`, s is the score of a completion by the generator,
  as unbiased as rollouts.

  Naesseth et al., https://arxiv.org/abs/1903.04797, on the method and on prefix scores, there called twisting functions.

  Attributes:
    candidates: particles of a sentence.
    every: tokens generated between two resampling steps.
  """

  candidates: int = 16
  every: int = 5

  @property
  def together(self) -> int:
    """Candidates of a sentence that are proposed together."""
    return self.candidates

  def __call__(
    self,
    step: unrolling.Step,
    picker: Callable[..., pickers.Pick],
    start: tf.Tensor,
    state: Any,
    score: Score,
    length: int,
    seed: tf.Tensor,
    end_token: int | None = None,
    score_prefix: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
  ) -> unrolling.Generated:
    """Draws sentences.

    Args:
      step: the generator's step function, see `unrolling.unroll`.
      picker: see `pickers`; without points.
      start: int32 `[N * candidates]`, the token before the first; the particles of a sentence are adjacent.
      state: nest of tensors `[N * candidates, ...]`, the state before `start` is read.
      score: see the module.
      length: tokens to generate (T), an int.
      seed: int32 `[2]`.
      end_token: see `unrolling.unroll`.
      score_prefix: function of tokens int32 `[R, T]` and the prefix length, int32 scalar, returning float32 `[R]`; None scores completions.

    Returns:
      N sentences.
    """
    size = tf.shape(start)[0]

    def generate(count, done, tokens, log_probs, last, state):
      """Generates `count` further tokens after the first `done`."""
      block = unrolling.unroll(step, picker, last, state, count, noise.fold(seed, "tokens", done), end_token)
      tokens = tf.concat([tokens[:, :done], block.tokens, tokens[:, done + count :]], axis=1)
      return tf.ensure_shape(tokens, [None, length]), log_probs + tf.reduce_sum(block.log_probs, axis=1), block.tokens[:, -1], block.state

    def prefix_scores(done, tokens, last, state):
      if score_prefix is not None:
        return score_prefix(tokens, done)
      rest = unrolling.unroll(step, picker, last, state, length - done, noise.fold(seed, "completions", done), end_token)
      return score(tf.ensure_shape(tf.concat([tokens[:, :done], rest.tokens], axis=1), [None, length]))

    def generate_and_resample(done, tokens, log_probs, last, state, before):
      tokens, log_probs, last, state = generate(self.every, done, tokens, log_probs, last, state)
      done += self.every
      scores = prefix_scores(done, tokens, last, state)
      rows = _systematic(scores - before, self.candidates, noise.fold(seed, "survivors", done))
      return done, *tf.nest.map_structure(lambda x: tf.gather(x, rows), (tokens, log_probs, last, state, scores))

    resamplings = (length - 1) // self.every
    zeros = tf.zeros([size])
    start = tf.ensure_shape(start, [None])
    state = tf.nest.map_structure(lambda x: tf.ensure_shape(x, [None, *x.shape[1:]]), state)
    done, tokens, log_probs, last, state, before = tf.while_loop(
      lambda done, *_: done < resamplings * self.every,
      generate_and_resample,
      (tf.constant(0), tf.zeros([size, length], tf.int32), zeros, start, state, zeros),
    )
    tokens, log_probs, _, _ = generate(length - resamplings * self.every, done, tokens, log_probs, last, state)
    scores = score(tokens)
    completed = sum(length - i * self.every for i in range(1, resamplings + 1)) if score_prefix is None else 0
    spent = tf.cast(size, tf.float32) * (length + completed) / length
    return _pick(draw(scores - before, self.candidates, noise.fold(seed, "choice")), tokens, log_probs, scores, spent)


def draw(log_weights: tf.Tensor, candidates: int, seed: tf.Tensor) -> tf.Tensor:
  """Draws one candidate for each sentence, with probability softmax(log_weights).

  Args:
    log_weights: float `[N * candidates]`; the candidates of a sentence are adjacent.
    candidates: candidates of a sentence.
    seed: int32 `[2]`.

  Returns:
    int32 `[N]`, indices into `log_weights`.
  """
  places = categorical.draw(tf.reshape(log_weights, [-1, candidates]), seed).tokens
  return tf.range(tf.shape(places)[0]) * candidates + places


def best(scores: tf.Tensor, candidates: int) -> tf.Tensor:
  """The index of the highest score among each sentence's candidates. Arguments and result as of `draw`."""
  places = tf.argmax(tf.reshape(scores, [-1, candidates]), axis=1, output_type=tf.int32)
  return tf.range(tf.shape(places)[0]) * candidates + places


def effective_share(log_weights: tf.Tensor, candidates: int) -> tf.Tensor:
  """Effective sample size of a sentence's candidates, divided by their number: float32 `[N]`, from 1 / candidates to 1."""
  weights = tf.nn.softmax(tf.reshape(log_weights, [-1, candidates]))
  return 1.0 / (candidates * tf.reduce_sum(tf.square(weights), axis=1))


def _pick(rows, tokens, log_probs, scores, spent):
  chosen = [tf.gather(x, rows) for x in (tokens, log_probs, scores)]
  return _generated(chosen, tf.ones_like(rows, tf.bool), spent)


def _generated(chosen, accepted, proposals):
  tokens, log_probs, scores = chosen
  return unrolling.Generated(tokens, log_probs, scores=scores, accepted=accepted, proposals=proposals)


def _systematic(log_weights, candidates, seed):
  """Systematic resampling of each sentence's particles: int32 rows `[N * candidates]`."""
  weights = tf.cast(tf.nn.softmax(tf.reshape(log_weights, [-1, candidates])), tf.float64)
  # In float64: in float32 the last mark may round to the end.
  ends = tf.cumsum(weights, axis=1) / tf.reduce_sum(weights, axis=1, keepdims=True)
  offsets = tf.cast(noise.uniform(tf.shape(weights)[:1], seed), tf.float64)
  marks = (offsets[:, None] + tf.range(candidates, dtype=tf.float64)) / candidates
  places = tf.reduce_sum(tf.cast(ends[:, None, :] <= marks[:, :, None], tf.int32), axis=2)
  places = tf.minimum(places, candidates - 1)
  return tf.reshape(tf.range(tf.shape(places)[0])[:, None] * candidates + places, [-1])
