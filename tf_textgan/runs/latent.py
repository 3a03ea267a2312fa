"""Sentences in the latent space of a run: those between two sentences, and those near one."""

from collections.abc import Callable
from collections.abc import Sequence
import math

import tensorflow as tf

from tf_textgan import errors
from tf_textgan.generators import base as generator_base
from tf_textgan.runs import given_text
from tf_textgan.runs import run as run_lib
from tf_textgan.sampling import latents
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling


def between(
  run: run_lib.Run, first: str, second: str, steps: int, seed: tf.Tensor, picker: Callable[..., pickers.Pick]
) -> tuple[unrolling.Samples, list[float]]:
  """Decodes points on the way from one sentence's latent to another's.

  Args:
    run: its generator is a `generators.base.Encodes`.
    first, second: raw text.
    steps: number of points, 2 or more, at equal distances; the first and the last are the sentences' own.
    seed: int32 `[2]`.
    picker: see `sampling.pickers`; `Argmax` for the most probable tokens.

  Returns:
    `Samples` of `steps` sequences, and the weight of the second sentence in each, from 0 to 1.

  Raises:
    UserError: the generator cannot encode, or the run cannot represent one of the sentences.
  """
  if steps < 2:
    raise errors.UserError(f"--steps is {steps}; expected 2 or more")
  generator = encoder_of(run)
  ends = generator.encode(_tokens(run, [first, second]))
  weights = tf.linspace(0.0, 1.0, steps)
  return _decode(generator, generator.interpolation(ends[0], ends[1], weights), seed, picker), weights.numpy().tolist()


def near(run: run_lib.Run, text: str, num: int, radius: float, seed: tf.Tensor, picker: Callable[..., pickers.Pick]) -> unrolling.Samples:
  """Decodes points near a sentence's latent.

  Args:
    run: as of `between`.
    text: raw text.
    num: number of points, in random directions.
    radius: their distance, as a share of the latent's norm, at least 0.
    seed: int32 `[2]`.
    picker: see `between`.

  Raises:
    UserError: as of `between`.
  """
  if not 0 <= radius < math.inf:
    raise errors.UserError(f"--radius is {radius}; expected a finite number, 0 or more")
  generator = encoder_of(run)
  (point,) = tf.unstack(generator.encode(_tokens(run, [text])), num=1)
  return _decode(generator, latents.neighbours(point, num, radius, noise.fold(seed, "directions")), seed, picker)


def encoder_of(run: run_lib.Run) -> generator_base.Generator:
  """The run's generator; raises a `UserError` that names those that can encode, unless it can."""
  generator = run.algorithm.generator
  given_text.require(generator, generator_base.Encodes, "encodes no text", "arae")
  return generator


def _tokens(run: run_lib.Run, texts: Sequence[str]) -> tf.Tensor:
  """Encodes sentences as the training did; refuses those that do not fit. Says on the standard error how many of their tokens are unknown."""
  tokenizer, length = run.tokenizer, run.algorithm.generator.spec.length
  for text in texts:
    ids = tokenizer.tokenize(text)
    most = length - int(tokenizer.ends)
    if not 1 <= len(ids) <= most:
      raise errors.UserError(f"{text[:60]!r} has {len(ids)} tokens; expected from 1 to {most}, as in the run's training")
    given_text.say_unknown(text, ids, tokenizer)
  return tf.constant(tokenizer.encode(texts, length))


def _decode(generator, points, seed, picker):
  return tf.function(generator.decode, autograph=False)(points, seed, picker)
