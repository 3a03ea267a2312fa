"""Text that a run goes on with: prompts, and the ways to go on.

N prompts, T tokens in a sequence, n tokens in the longest prompt and one more, or T.
"""

import bisect
from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import os.path
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.generators import base as generator_base
from tf_textgan.generators import limited
from tf_textgan.runs import given_text
from tf_textgan.sampling import beams
from tf_textgan.sampling import chunks
from tf_textgan.sampling import contrastive
from tf_textgan.sampling import limits as limits_lib
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling


class Prompts(NamedTuple):
  """Prompts of one run.

  Attributes:
    texts: the N raw texts.
    tokens: int32 `[N, n]`, 0 after the given ones.
    count: int32 `[N]`, numbers of given tokens.
  """

  texts: Sequence[str]
  tokens: np.ndarray
  count: np.ndarray

  def only(self, i: int) -> "Prompts":
    """One of the prompts."""
    return Prompts(self.texts[i : i + 1], self.tokens[i : i + 1], self.count[i : i + 1])


class Completion(NamedTuple):
  """A text that begins with a prompt.

  Attributes:
    text: prompt and continuation, as the tokenizer decodes them.
    log_prob: log-probability of the continuation's tokens, nats. Of a text that ends at a stop, up to the token that completes the stop.
    prompt: the raw prompt.
    context: what it was conditioned on: the index of a category, int32 scalar, or a source, int32 `[S]`; None without either.
  """

  text: str
  log_prob: float
  prompt: str
  context: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class Draws:
  """Draws each token.

  Attributes:
    picker: see `sampling.pickers`; None for the generator's own.
  """

  picker: Callable[..., pickers.Pick] | None = None

  def __call__(
    self,
    generator: generator_base.Autoregressive,
    limits: limits_lib.Limits,
    tokens: tf.Tensor,
    count: tf.Tensor,
    num: tf.Tensor,
    seed: tf.Tensor,
    context: tf.Tensor | None,
  ) -> unrolling.Samples:
    """Goes on with each prompt in `num` ways.

    Args:
      generator: see `generators.base`.
      limits: of the sequences.
      tokens, count: see `Prompts`.
      num: int32 scalar.
      seed: int32 `[2]`.
      context: of the prompts: a category, int32 scalar or `[N]`, or sources, int32 `[S]` or `[N, S]`. None draws a category for each sequence.

    Returns:
      N * num sequences, those of a prompt side by side: their tokens, log-probabilities and context.
    """
    writer = limited.Generator(generator, limits) if limits else generator
    context = None if context is None else sequences.repeat(generator.contexts(tf.shape(tokens)[0], seed, context), num)
    return writer.complete_all(tf.repeat(tokens, num, axis=0), tf.repeat(count, num), seed, self.picker, context)


@dataclasses.dataclass(frozen=True)
class Beams:
  """Beam search: the most probable sequences, see `sampling.beams`. Nothing is drawn but a latent, if there is one, and a category.

  Attributes:
    beams: sequences that are kept of each prompt at each position.
    penalty: power of the length that log-probabilities are divided by.
  """

  beams: int
  penalty: float = 0.0

  def __call__(self, generator, limits, tokens, count, num, seed, context):
    """As of `Draws`; `num` is at most `beams`. The log-probabilities of a sequence that there is not are minus infinity."""
    spec, limits = generator.spec, _without_forbidden(limits, generator.spec)

    def search(given, count, latent, context):
      start, state = tf.fill(tf.shape(count), spec.start_token), generator.initial_state(latent, context)
      found = beams.search(generator.step, start, state, given, count, self.beams, spec.end_token, self.penalty, limits)
      exists = tf.math.is_finite(found.log_probs)[:, :, None]
      best = found.tokens[:, :num], tf.where(exists, found.steps, float("-inf"))[:, :num]
      return [tf.reshape(x, [-1, spec.length]) for x in best]

    samples = _search(generator, tokens, count, seed, context, search, self.beams)
    return samples._replace(context=sequences.repeat(samples.context, num))


@dataclasses.dataclass(frozen=True)
class Contrastive:
  """Contrastive search, see `sampling.contrastive`: one continuation of each prompt. Nothing is drawn but a latent, if there is one, and a category.

  Attributes:
    candidates: tokens to choose from.
    penalty: weight of the likeness to what stands before.
  """

  candidates: int
  penalty: float = 0.6

  def __call__(self, generator, limits, tokens, count, num, seed, context):
    """As of `Draws`; `num` is 1. The generator is no ensemble, which has no representations of its own."""
    del num
    spec, limits = generator.spec, _without_forbidden(limits, generator.spec)

    def search(given, count, latent, context):
      def outputs(tokens):
        times = tf.shape(tokens)[0] // tf.shape(latent)[0]
        return generator.outputs(tokens, tf.repeat(latent, times, axis=0), sequences.repeat(context, times))

      return contrastive.search(outputs, generator.output_layer(), given, count, self.candidates, self.penalty, spec.end_token, limits)

    return _search(generator, tokens, count, seed, context, search, self.candidates)


class Completer:
  """Goes on with prompts."""

  def __init__(
    self,
    generator: generator_base.Autoregressive,
    tokenizer: tokenizers.Tokenizer,
    decoding: Draws | Beams | Contrastive,
    limits: limits_lib.Limits | None = None,
    stops: Sequence[str] = (),
  ):
    """Compiles the way to go on.

    Args:
      generator: of a run.
      tokenizer: the run's.
      decoding: how tokens are chosen.
      limits: of the sequences; None for none.
      stops: a continuation ends before the first of these strings in it.
    """
    self._tokenizer, self._stops = tokenizer, tuple(stops)
    limits = limits or limits_lib.Limits(generator.spec.end_token)

    def complete(tokens, count, num, seed, context):
      samples = decoding(generator, limits, tokens, count, num, seed, context)
      return samples.tokens, samples.log_probs, samples.context

    self._complete = tf.function(complete, autograph=False)

  def __call__(self, prompts: Prompts, num: int, seed: tf.Tensor, context: tf.Tensor | None = None) -> list[Completion]:
    """Goes on with each prompt in `num` ways; fewer where beam search finds fewer. Arguments as of `Draws`."""
    found = self._complete(tf.constant(prompts.tokens), tf.constant(prompts.count), tf.constant(num), seed, context)
    tokens, log_probs, contexts = (None if x is None else x.numpy() for x in found)
    texts = self._tokenizer.decode(tokens)
    completions = []
    for i in np.flatnonzero(np.isfinite(log_probs).all(axis=1)):
      prompt, count = prompts.texts[i // num], prompts.count[i // num]
      text, end = self._cut(texts[i], tokens[i], count)
      completions.append(Completion(text, float(log_probs[i, :end].sum()), prompt, None if contexts is None else contexts[i]))
    return completions

  def _cut(self, text, tokens, count):
    """A text up to the first stop in its continuation, and the number of tokens that it took to complete that stop."""
    begin = len(os.path.commonprefix([text, self._decoded(tokens, count)])) if self._stops else 0
    places = [place for stop in self._stops if (place := text.find(stop, begin)) >= 0]
    if not places:
      return text, len(tokens)

    def stopped(size):
      return any(self._decoded(tokens, size).find(stop, begin) >= 0 for stop in self._stops)

    return text[: min(places)], bisect.bisect_left(range(len(tokens)), True, lo=count, key=stopped)

  def _decoded(self, tokens, size):
    """The text of the first tokens of a sequence."""
    return self._tokenizer.decode(tokens[None, :size])[0]


def ids_of(tokenizer: tokenizers.Tokenizer, texts: Sequence[str]) -> list[list[int]]:
  """The tokens of prompts. Says on the standard error how many of a prompt's tokens are unknown. Raises a `UserError` for one without tokens."""
  prompts = [tokenizer.tokenize(text) for text in texts]
  for text, ids in zip(texts, prompts):
    if not ids:
      raise errors.UserError(f"the prompt {text[:60]!r} has no tokens; expected text to go on with")
    given_text.say_unknown(text, ids, tokenizer)
  return prompts


def pack(texts: Sequence[str], ids: Sequence[Sequence[int]], length: int) -> Prompts:
  """Puts the tokens of prompts into an array; raises a `UserError` for one that leaves nothing to write in a sequence of `length` tokens."""
  for text, row in zip(texts, ids):
    if len(row) >= length:
      raise errors.UserError(f"the prompt {text[:60]!r} has {len(row)} tokens; expected fewer than {length}, the greatest length of a sequence")
  count = np.array([len(row) for row in ids], np.int32)
  tokens = np.full([len(ids), max(count) + 1], sequences.PAD, np.int32)
  for place, row in zip(tokens, ids):
    place[: len(row)] = row
  return Prompts(texts, tokens, count)


def read(encode: Callable[[tf.Tensor, int], tf.Tensor], texts: tf.Tensor, spec: sequences.Spec) -> tuple[tf.Tensor, tf.Tensor]:
  """Reads prompts inside a graph.

  Args:
    encode: of the tokenizer's `graph`.
    texts: string `[N]`.
    spec: of sequences with an end token. A prompt without tokens, or of T or more, fails with `InvalidArgumentError`.

  Returns:
    Tokens, int32 `[N, T]`, and the numbers of given ones, int32 `[N]`.
  """
  tokens = encode(texts, spec.length)
  tokens = tf.ensure_shape(tf.where(tokens == spec.end_token, sequences.PAD, tokens), [None, spec.length])
  count = tf.math.count_nonzero(tokens, axis=1, dtype=tf.int32)
  fits = tf.reduce_all((count > 0) & (count < spec.length))
  check = tf.debugging.Assert(fits, [f"expected prompts of 1 to {spec.length - 1} tokens, but got", texts])
  with tf.control_dependencies([] if check is None else [check]):  # An eager assertion gives None.
    return tokens, tf.identity(count)


def _search(
  generator: generator_base.Autoregressive,
  tokens: tf.Tensor,
  count: tf.Tensor,
  seed: tf.Tensor,
  context: tf.Tensor | None,
  search: Callable[..., Any],
  together: int,
) -> unrolling.Samples:
  """Searches continuations of prompts in bounded memory.

  Args:
    generator, tokens, count, seed, context: see `Draws`.
    search: function of whole sequences `[R, T]`, their numbers of given tokens, latents and contexts of R prompts. Returns tokens and their
      log-probabilities, as many rows for each prompt.
    together: sequences that the search holds of each prompt.

  Returns:
    Tokens and log-probabilities, and the contexts of the prompts.
  """
  length, num = generator.spec.length, tf.shape(tokens)[0]
  context = generator.contexts(num, seed, context)
  given = tf.pad(tokens, [[0, 0], [0, length - tokens.shape[1]]])

  def search_rows(i, first, size):
    rows = slice(first, first + size)
    return search(given[rows], count[rows], *generator.draw_inputs(size, noise.fold(seed, i), sequences.rows(context, rows)))

  outputs = [(tf.int32, [length]), (tf.float32, [length])]
  found = chunks.map_rows(search_rows, num, max(1, generator.rows_together // together), outputs)
  return unrolling.Samples(*found, context=context)


def _without_forbidden(limits, spec):
  """Limits that also exclude what no sequence may have, whose logits are low but finite."""
  return dataclasses.replace(limits, excluded=(*limits.excluded, *spec.forbidden_tokens))
