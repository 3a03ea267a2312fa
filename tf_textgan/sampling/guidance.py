"""Guided sampling: a generator proposes sentences, and a discriminator's score chooses among them.

If f(x) is the log-ratio of the real probability of a sequence to the generator's, up to a constant, as a discriminator with the logistic loss learns
it, then the residual energy-based model (Deng et al., https://arxiv.org/abs/2004.11714)

  p(x) = q(x) exp f(x) / Z,   Z = E_q[exp f(x)],

is nearer the truth than the proposal q, the generator at its temperature and cut. Three ways to draw from p, none of which changes a weight:

  Rejection    exact up to its bound: draws p(x) proportional to q(x) exp min(f(x), bound), as long as it does not run out of candidates.
  Resampling   exact in the limit of many candidates, and no candidate is wasted.
  Search       the same limit, but choosing while the sentences are being written; for generators that write token by token.

A guide is a value. Proposals are `propose(rows, seed)`: for each of `rows`, int32 `[N]`, the sentence that a candidate is for, tokens int32 `[N, T]`
and their log-probabilities float32 `[N]`. Scores are `score(tokens)`, float32 `[N]`.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from tf_textgan.sampling import categorical
from tf_textgan.sampling import noise
from tf_textgan.sampling import unrolling


@dataclasses.dataclass(frozen=True)
class Rejection:
  """Discriminator rejection sampling (Azadi et al., https://arxiv.org/abs/1810.06758).

  A candidate is accepted with probability sigmoid(F(x) - shift), F = d - log(1 - exp d), d = min(f(x) - bound, 0), which is exp d without a shift.
  Then, given the bound, accepted sentences are independent exact draws from the model with min(f, bound) for f: from the guided model itself where
  no sentence has a higher score. With a shift it is another model: a negative one accepts more, and is nearer the proposal.

  A sentence for which no candidate was accepted is drawn among its rejected ones, by the odds exp(F - shift) of having been accepted, which corrects
  for their rejection as far as so few can.

  Attributes:
    candidates: most proposals for a sentence.
    burn_in: proposals from which `fit` takes the bound. They are not used otherwise: the bound would depend on what it is to judge.
    percentile: `fit` sets the shift to this percentile, below 100, of F in the burn-in, as in the paper; 0 sets none.
    bound: float32 scalar; None to be measured by `fit`. A departure: the paper goes on raising it, so that its first sentences are drawn by another.
    shift: float32 scalar.
  """

  candidates: int = 16
  burn_in: int = 1000
  percentile: float = 0.0
  bound: Any = None
  shift: Any = 0.0

  @property
  def together(self):
    """Candidates of a sentence that are proposed at a time."""
    return 1

  def fit(self, propose, score, seed):
    """Measures bound and shift where the bound is None.

    Args:
      propose: see the module; its rows are 0 to `burn_in` - 1.
      score: see the module.
      seed: int32 `[2]`.

    Returns:
      A guide with a bound, and the number of proposals spent, float32 scalar.
    """
    if self.bound is not None:
      return self, tf.zeros([])
    scores = score(propose(tf.range(self.burn_in), seed)[0])
    fitted = dataclasses.replace(self, bound=tf.reduce_max(scores))
    if self.percentile:
      odds = tf.sort(fitted.log_odds(scores))
      fitted = dataclasses.replace(fitted, shift=odds[int(self.percentile / 100.0 * (self.burn_in - 1))])
    return fitted, tf.constant(self.burn_in, tf.float32)

  def log_odds(self, scores):
    """Log-odds of being accepted, float32 `[N]` of scores `[N]`; infinite from the bound on."""
    below = tf.minimum(scores - self.bound, 0.0)
    return below - tf.math.log(-tf.math.expm1(below)) - self.shift

  def __call__(self, propose, score, num, seed):
    """Draws `num` sentences, an int32 scalar, with a bound that is known: `unrolling.Generated`."""

    def try_again(i, rest):
      """A candidate for each of the sentences `rest`, and how it compares with the others; an accepted one is infinitely good."""
      seed_here = noise.fold(seed, i)
      tokens, log_probs = propose(rest, noise.fold(seed_here, "proposals"))
      scores = score(tokens)
      odds = self.log_odds(scores)
      accepted = tf.math.log(noise.uniform(tf.shape(odds), noise.fold(seed_here, "accept"))) < tf.math.log_sigmoid(odds)
      # The largest of the log-odds with Gumbel noise is a draw by the odds.
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
  """Self-normalised importance resampling: of some candidates for each sentence one is drawn, with probability softmax(f).

  Deng et al., https://arxiv.org/abs/2004.11714. With one candidate it is the proposal; as their number grows, the guided model.

  Attributes:
    candidates: proposals for a sentence.
  """

  candidates: int = 16

  @property
  def together(self):
    """Candidates of a sentence that are proposed at a time."""
    return self.candidates

  def __call__(self, propose, score, num, seed):
    """Draws `num` sentences, an int32 scalar: `unrolling.Generated`."""
    rows = tf.repeat(tf.range(num), self.candidates)
    tokens, log_probs = propose(rows, noise.fold(seed, "proposals"))
    scores = score(tokens)
    return _pick(draw(scores, self.candidates, noise.fold(seed, "choice")), tokens, log_probs, scores, tf.cast(tf.size(rows), tf.float32))


@dataclasses.dataclass(frozen=True)
class Search:
  """Sequential Monte Carlo: of each sentence many particles are written side by side, and now and then the promising ones take the others' place.

  Every so many tokens the particles are resampled by what the prefix promises, s(x_1..x_t), over what it promised before; at the end one is drawn by
  exp(f - s). The promises cancel, so that the limit of many particles is the guided model whatever they are: good ones only bring it nearer. Without
  a `score_prefix` a promise is the score of a completion by the generator, which is unbiased as rollouts are.

  Naesseth et al., https://arxiv.org/abs/1903.04797, on the method and on its promises, there called twisting.

  Attributes:
    candidates: particles of a sentence.
    every: tokens written between two choices.
  """

  candidates: int = 16
  every: int = 5

  @property
  def together(self):
    """Candidates of a sentence that are proposed at a time."""
    return self.candidates

  def __call__(self, step, picker, start, state, score, length, seed, end_token=None, score_prefix=None):
    """Draws sentences.

    Args:
      step: the generator's step function, see `unrolling.unroll`.
      picker: see `pickers`; one without points.
      start: int32 `[N * candidates]`, the token before the first; the particles of a sentence are neighbours.
      state: nest of tensors `[N * candidates, ...]` from which the first token follows.
      score: see the module.
      length: tokens to write (T), an int.
      seed: int32 `[2]`.
      end_token: see `unrolling.unroll`.
      score_prefix: function of tokens int32 `[R, T]` and of how many of them are known, an int32 scalar, giving float32 `[R]`; None for completions.

    Returns:
      `unrolling.Generated` of N sentences.
    """
    size = tf.shape(start)[0]

    def write(count, written, tokens, log_probs, last, state):
      """Writes `count` further tokens."""
      block = unrolling.unroll(step, picker, last, state, count, noise.fold(seed, "tokens", written), end_token)
      tokens = tf.concat([tokens[:, :written], block.tokens, tokens[:, written + count :]], axis=1)
      return tf.ensure_shape(tokens, [None, length]), log_probs + tf.reduce_sum(block.log_probs, axis=1), block.tokens[:, -1], block.state

    def promise(written, tokens, last, state):
      if score_prefix is not None:
        return score_prefix(tokens, written)
      rest = unrolling.unroll(step, picker, last, state, length - written, noise.fold(seed, "completions", written), end_token)
      return score(tf.ensure_shape(tf.concat([tokens[:, :written], rest.tokens], axis=1), [None, length]))

    def write_and_choose(written, tokens, log_probs, last, state, promised):
      tokens, log_probs, last, state = write(self.every, written, tokens, log_probs, last, state)
      written += self.every
      promises = promise(written, tokens, last, state)
      rows = _systematic(promises - promised, self.candidates, noise.fold(seed, "survivors", written))
      return written, *tf.nest.map_structure(lambda x: tf.gather(x, rows), (tokens, log_probs, last, state, promises))

    choices = (length - 1) // self.every
    zeros = tf.zeros([size])
    start = tf.ensure_shape(start, [None])
    state = tf.nest.map_structure(lambda x: tf.ensure_shape(x, [None, *x.shape[1:]]), state)
    written, tokens, log_probs, last, state, promised = tf.while_loop(
      lambda written, *_: written < choices * self.every,
      write_and_choose,
      (tf.constant(0), tf.zeros([size, length], tf.int32), zeros, start, state, zeros),
    )
    tokens, log_probs, _, _ = write(length - choices * self.every, written, tokens, log_probs, last, state)
    scores = score(tokens)
    completed = sum(length - i * self.every for i in range(1, choices + 1)) if score_prefix is None else 0
    spent = tf.cast(size, tf.float32) * (length + completed) / length
    return _pick(draw(scores - promised, self.candidates, noise.fold(seed, "choice")), tokens, log_probs, scores, spent)


def draw(log_weights, candidates, seed):
  """Draws one candidate for each sentence.

  Args:
    log_weights: float `[N * candidates]`; the candidates of a sentence are neighbours, and one is drawn with probability softmax(log_weights).
    candidates: how many each has, an int.
    seed: int32 `[2]`.

  Returns:
    int32 `[N]`, rows of `log_weights`.
  """
  places = categorical.draw(tf.reshape(log_weights, [-1, candidates]), seed).tokens
  return tf.range(tf.shape(places)[0]) * candidates + places


def best(scores, candidates):
  """The row of the highest score among each sentence's candidates: as `draw`, but nothing is drawn."""
  places = tf.argmax(tf.reshape(scores, [-1, candidates]), axis=1, output_type=tf.int32)
  return tf.range(tf.shape(places)[0]) * candidates + places


def effective_share(log_weights, candidates):
  """What share of a sentence's candidates, with equal weights, would be as good a sample: float32 `[N]`, from 1 / candidates to 1."""
  weights = tf.nn.softmax(tf.reshape(log_weights, [-1, candidates]))
  return 1.0 / (candidates * tf.reduce_sum(tf.square(weights), axis=1))


def _pick(rows, tokens, log_probs, scores, spent):
  chosen = [tf.gather(x, rows) for x in (tokens, log_probs, scores)]
  return _generated(chosen, tf.ones_like(rows, tf.bool), spent)


def _generated(chosen, accepted, proposals):
  tokens, log_probs, scores = chosen
  return unrolling.Generated(tokens, log_probs, scores=scores, accepted=accepted, proposals=proposals)


def _systematic(log_weights, candidates, seed):
  """Draws as many particles as each sentence has, each as often as its share of the weight to the next integer: int32 rows `[N * candidates]`."""
  weights = tf.cast(tf.nn.softmax(tf.reshape(log_weights, [-1, candidates])), tf.float64)
  # In float64: with float32 the last mark may round to the end.
  ends = tf.cumsum(weights, axis=1) / tf.reduce_sum(weights, axis=1, keepdims=True)
  offsets = tf.cast(noise.uniform(tf.shape(weights)[:1], seed), tf.float64)
  marks = (offsets[:, None] + tf.range(candidates, dtype=tf.float64)) / candidates
  places = tf.reduce_sum(tf.cast(ends[:, None, :] <= marks[:, :, None], tf.int32), axis=2)
  places = tf.minimum(places, candidates - 1)
  return tf.reshape(tf.range(tf.shape(places)[0])[:, None] * candidates + places, [-1])
