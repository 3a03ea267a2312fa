"""Converts text to token ids and back inside a TensorFlow graph, so that an exported model takes and returns strings.

Must agree with the Python code in `tokenizers/`. Letters: N sentences, T tokens in a sequence.
"""

from collections.abc import Callable
from collections.abc import Sequence
import functools
import sys

import tensorflow as tf

# The white space of `str.split`, all of it in Unicode's first plane. `tf.strings.split` knows ASCII only, so a space replaces it first.
_WHITESPACE = "[" + "".join(f"\\x{{{code:x}}}" for code in range(2**16) if chr(code).isspace()) + "]+"


def words(texts: tf.Tensor) -> tf.RaggedTensor:
  """Words of strings `[N]`: a ragged string tensor `[N, (words)]`."""
  return tf.strings.split(tf.strings.strip(tf.strings.regex_replace(texts, _WHITESPACE, " ")))


def cut(text: str, pattern: str) -> list[str]:
  """The matches of a pattern of RE2 and what stands between them, in order. A NUL character is left out."""
  return [piece for piece in _marked(text, pattern).numpy().decode().split("\0") if piece]


def cut_all(texts: tf.Tensor, pattern: str) -> tf.RaggedTensor:
  """As `cut`, of strings `[N]`: ragged strings `[N, (pieces)]`."""
  pieces = tf.strings.split(_marked(texts, pattern), "\0")
  return tf.ragged.boolean_mask(pieces, pieces != "")


def _marked(texts, pattern):
  """Puts a NUL character before and after each match."""
  return tf.strings.regex_replace(texts, pattern, "\0\\0\0")


class Table(tf.Module):
  """`encode` and `decode` of a `tokenizers.base.Table`."""

  def __init__(
    self,
    tokens: Sequence[str],
    num_special: int,
    split: Callable[[tf.Tensor], tf.RaggedTensor],
    joint: str,
    lowercase: bool,
    pad: int,
    eos: int,
    unk: int,
  ):
    """Makes the lookup tables.

    Args:
      tokens: all tokens in the order of their ids.
      num_special: number of special tokens, which come first and which no text can spell.
      split: function from strings `[N]` to their pieces, a ragged string tensor `[N, (pieces)]`.
      joint: string between the pieces of a decoded sentence.
      lowercase: lower-case sentences first.
      pad: id of padding.
      eos: id that ends a sequence.
      unk: id of every token not in the vocabulary.
    """
    super().__init__()
    self._split, self._joint, self._lowercase, self._pad, self._eos = split, joint, lowercase, pad, eos
    self._tokens = tf.constant(tokens)
    # A table needs at least one key; the text "<unk>" is the unknown token anyway.
    keys, ids = [tokens[unk], *tokens[num_special:]], [unk, *range(num_special, len(tokens))]
    self._table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(keys), tf.constant(ids, tf.int64)), default_value=unk)

  def encode(self, texts: tf.Tensor, length: int) -> tf.Tensor:
    """Ids of strings `[N]`, as the tokenizer's `encode`: int32 `[N, length]`."""
    texts = tf.convert_to_tensor(texts)
    texts.shape.assert_has_rank(1)
    tokens = self._split(lower(texts) if self._lowercase else texts)
    return padded(tokens.with_values(tf.cast(self._table.lookup(tokens.values), tf.int32)), length, self._pad, self._eos)

  def decode(self, tokens: tf.Tensor) -> tf.Tensor:
    """Strings `[N]` of ids `[N, T]`, as the tokenizer's `decode`."""
    return tf.strings.reduce_join(pieces_of(tokens, self._tokens, self._pad, self._eos), axis=1, separator=self._joint)


def padded(ids: tf.RaggedTensor, length: int, pad: int, eos: int) -> tf.Tensor:
  """Rows of ids, ragged int32 `[N, (tokens)]`, each with the end token `eos` behind it, cut or padded: int32 `[N, length]`."""
  end = tf.RaggedTensor.from_tensor(tf.fill([ids.nrows(), 1], eos))
  return tf.concat([ids, end], axis=1).to_tensor(pad, shape=[None, length])


def pieces_of(tokens: tf.Tensor, table: tf.Tensor, pad: int, eos: int) -> tf.RaggedTensor:
  """The pieces of ids `[N, T]` up to their end, without padding: ragged strings `[N, (pieces)]`; `table`: strings `[V]`, the pieces by their id."""
  tokens = tf.convert_to_tensor(tokens)
  tokens.shape.assert_has_rank(2)
  ended = tf.cumsum(tf.cast(tf.equal(tokens, eos), tf.int32), axis=1) > 0
  shown = tf.logical_not(tf.logical_or(ended, tf.equal(tokens, pad)))
  return tf.ragged.boolean_mask(tf.gather(table, tokens), shown)


def lower(texts: tf.Tensor) -> tf.Tensor:
  """Lower-cases strings `[N]` as Python does."""
  # TensorFlow would stop at a NUL. Two code points that are no characters stand in for it, and the first of them is spelled with a third.
  texts = tf.strings.regex_replace(texts, "\ufdd0", "\ufdd0\ufdd1")
  texts = tf.strings.regex_replace(texts, r"\x00", "\ufdd0\ufdd2")
  texts = tf.strings.lower(_lower_newer_letters(texts), encoding="utf-8")
  texts = tf.strings.regex_replace(texts, "\ufdd0\ufdd2", "\0")
  return tf.strings.regex_replace(texts, "\ufdd0\ufdd1", "\ufdd0")


def _lower_newer_letters(texts):
  """Lower-cases the letters that Python knows and TensorFlow, with an older version of Unicode, does not."""
  letters, lowered = _newer_letters()
  if not letters:
    return texts
  codes = tf.strings.unicode_decode(texts, "UTF-8")
  places = tf.minimum(tf.searchsorted(letters, codes.values), len(letters) - 1)
  lowered_codes = tf.where(tf.equal(tf.gather(letters, places), codes.values), tf.gather(lowered, places), codes.values)
  return tf.strings.unicode_encode(codes.with_values(lowered_codes), "UTF-8")


@functools.cache
def _newer_letters() -> tuple[list[int], list[int]]:
  """Code points of the letters that TensorFlow does not lower-case, in ascending order, and of what Python makes of them."""
  upper = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).lower() != chr(code)]
  with tf.init_scope():
    unchanged = (tf.strings.lower(upper, encoding="utf-8") == upper).numpy()
  letters = [letter for letter, same in zip(upper, unchanged) if same]
  return [ord(letter) for letter in letters], [ord(letter.lower()) for letter in letters]


class Integers(tf.Module):
  """`encode` and `decode` of a `tokenizers.integer.Tokenizer`."""

  def __init__(self, size: int):
    super().__init__()
    self._size = size

  def encode(self, texts: tf.Tensor, length: int) -> tf.Tensor:
    """Ids of strings `[N]` of `length` integers each, int32 `[N, length]`; anything else fails with `InvalidArgumentError`."""
    texts = tf.convert_to_tensor(texts)
    texts.shape.assert_has_rank(1)
    fields = words(texts)
    counted = tf.debugging.Assert(
        tf.reduce_all(tf.equal(fields.row_lengths(), length)), [f"expected {length} integers in every sequence, but got", texts])
    numeric = tf.debugging.Assert(
        tf.reduce_all(tf.strings.regex_full_match(fields.values, "[0-9]{1,9}")),
        [f"expected integers from 0 to {self._size - 1}, but got", texts])
    with tf.control_dependencies([op for op in (counted, numeric) if op is not None]):  # eager assertions give None
      ids = tf.strings.to_number(fields.values, tf.int32)
    in_range = tf.debugging.Assert(
        tf.reduce_all(ids < self._size), [f"expected integers from 0 to {self._size - 1}, but got", texts])
    with tf.control_dependencies([op for op in (in_range,) if op is not None]):
      return tf.reshape(ids, [-1, length])

  def decode(self, tokens: tf.Tensor) -> tf.Tensor:
    """Strings `[N]` of ids `[N, T]`."""
    tokens = tf.convert_to_tensor(tokens)
    tokens.shape.assert_has_rank(2)
    return tf.strings.reduce_join(tf.strings.as_string(tokens), axis=1, separator=" ")
