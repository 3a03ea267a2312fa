"""Text with blanks that a run fills: `a man ___ a horse`.

Three underscores or more are a blank of one token, and with a number after them of so many tokens: `a man ___3 a horse`. The text on each side of a
blank is read by the run's tokenizer by itself. N texts, T tokens in a sequence.
"""

from collections.abc import Callable
from collections.abc import Sequence
import re

import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.generators import base as generator_base
from tf_textgan.runs import given_text
from tf_textgan.sampling import pickers
from tf_textgan.sampling import unrolling

# A blank, for Python and for TensorFlow; its number of tokens is the group.
_BLANK = "_{3,}([0-9]*)"
# No text has these characters. In the graph the first parts the text from the blanks, and the second stands for it.
_CUT, _STAND_IN = "\ufdd3", "\ufdd4"
# Stands for an empty place among the ids.
_EMPTY = -1


def fill(
  generator: generator_base.Generator,
  tokenizer: tokenizers.Tokenizer,
  texts: Sequence[str],
  num: int,
  seed: tf.Tensor,
  picker: Callable[..., pickers.Pick] | None = None,
) -> unrolling.Generated:
  """Fills the blanks of texts. Says on the standard error how many of a text's tokens are unknown.

  Args:
    generator: of a run, a `generators.base.Fills`.
    tokenizer: the run's.
    texts: N raw texts with blanks.
    num: ways to fill each text.
    seed: int32 `[2]`.
    picker: see `sampling.pickers`; None for the generator's own.

  Returns:
    N * num sequences, those of a text side by side.

  Raises:
    UserError: the generator fills no blanks, or a text has no blank or does not fit the run's sequences.
  """
  given_text.require(generator, generator_base.Fills, "fills no blanks", "maskgan")
  rows = [_tokens(tokenizer, generator.spec.length, text) for text in texts]
  tokens = tf.repeat(tf.constant(rows), num, axis=0)
  return tf.function(generator.fill_all, autograph=False)(*_masked(tokens), seed, picker)


def read(encode: Callable[[tf.Tensor, int], tf.Tensor], texts: tf.Tensor, spec: sequences.Spec) -> tuple[tf.Tensor, tf.Tensor]:
  """Reads texts with blanks inside a graph.

  Args:
    encode: of the tokenizer's `graph`.
    texts: string `[N]`.
    spec: of sequences with an end token. A text without a blank, or of too many tokens, fails with `InvalidArgumentError`.

  Returns:
    Tokens, int32 `[N, T]`, and where they are present, bool `[N, T]`.
  """
  cut = tf.strings.regex_replace(tf.strings.regex_replace(texts, _CUT, _STAND_IN), _BLANK, rf"{_CUT}\1{_CUT}")
  parts = tf.strings.split(cut, _CUT)  # Text, number of tokens, text, number of tokens, .., text.
  is_blank = tf.ragged.range(parts.row_lengths()).values % 2 == 1
  numbers = tf.where(is_blank & (parts.values != ""), parts.values, tf.where(is_blank, "1", "0"))
  sizes = tf.strings.to_number(numbers, tf.int64)
  ids = encode(tf.where(is_blank, "", parts.values), spec.length + 1)
  ids = tf.ragged.boolean_mask(ids, (ids != spec.end_token) & (ids != sequences.PAD))
  counts = tf.reduce_sum(parts.with_values(sizes + ids.row_lengths()), axis=1)
  checked = [
    tf.debugging.Assert(tf.reduce_all(parts.row_lengths() > 1), ["expected a blank, ___, in every text, but got", texts]),
    tf.debugging.Assert(tf.reduce_all((sizes > 0) | ~is_blank), ["expected blanks of one token or more, but got", texts]),
    tf.debugging.Assert(tf.reduce_all(counts < spec.length), [f"expected at most {spec.length - 1} tokens, but got", texts]),
  ]
  with tf.control_dependencies([check for check in checked if check is not None]):  # Eager assertions give None.
    sizes = tf.identity(sizes)
  empty = tf.RaggedTensor.from_row_lengths(tf.fill([tf.reduce_sum(sizes)], _EMPTY), sizes)
  rows = parts.with_values(tf.concat([ids, tf.cast(empty, ids.dtype)], axis=1)).merge_dims(1, 2)
  end = tf.RaggedTensor.from_tensor(tf.fill([tf.shape(texts)[0], 1], spec.end_token))
  return _masked(tf.concat([rows, end], axis=1).to_tensor(sequences.PAD, shape=[None, spec.length]))


def _tokens(tokenizer, length, text):
  """A row of T ids, `_EMPTY` in blanks."""
  first, *parts = re.split(_BLANK, text)
  if not parts:
    raise errors.UserError(f"{text[:60]!r} has no blank; expected ___ where a token is to be written, ___2 for two tokens")
  # A number of ten digits is too large in any case, and Python would not read one of thousands.
  sizes = [int(number[:10] or 1) for number in parts[::2]]
  if 0 in sizes:
    raise errors.UserError(f"{text[:60]!r} has a blank of 0 tokens; expected 1 or more")
  given = [tokenizer.tokenize(part) for part in (first, *parts[1::2])]
  known = [token for ids in given for token in ids]
  count, most = len(known) + sum(sizes), length - int(tokenizer.ends)
  if count > most or count < most and not tokenizer.ends:
    expected = f"at most {most}" if tokenizer.ends else f"exactly {most}"
    raise errors.UserError(f"{text[:60]!r} has {count} tokens with those to be written; expected {expected}, as in the run's training")
  given_text.say_unknown(text, known, tokenizer)
  row = list(given[0])
  for size, ids in zip(sizes, given[1:]):
    row += [_EMPTY] * size + ids
  row += [tokenizers.EOS] if tokenizer.ends else []
  return row + [sequences.PAD] * (length - len(row))


def _masked(tokens):
  """Tokens and where they are present, of tokens that are `_EMPTY` in blanks."""
  return tf.maximum(tokens, 0), tokens != _EMPTY
