"""The pieces of words inside a TensorFlow graph, for the export: `subwords.py` as TensorFlow operations.

TensorFlow's own operations only, so that a SavedModel loads without a further package. Letters: N sentences, T tokens in a sequence, V vocabulary;
W words, L letters in the longest word, M letters in the longest piece.
"""

import abc
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_textgan.data import text_ops

# Between words; no letter of the alphabet.
_BREAK = "\n"


class Finder(tf.Module, abc.ABC):
  """Finds the pieces of words."""

  @abc.abstractmethod
  def __call__(self, letters: tf.RaggedTensor) -> tf.RaggedTensor:
    """The ids of the pieces of words, ragged `[W, (letters)]`, strings of one letter: ragged int32 `[W, (pieces)]`."""


class Decoder(tf.Module):
  """`decode` of a tokenizer whose tokens are strings of bytes."""

  def __init__(self, table: Sequence[bytes], pad: int, eos: int, spaced: bool = False):
    """Keeps the table.

    Args:
      table: the bytes of each token, V in all.
      pad: id of padding.
      eos: id that ends a sequence.
      spaced: whether a space before the first piece is no part of the text.
    """
    super().__init__()
    self._table, self._pad, self._eos, self._spaced = tf.constant(table), pad, eos, spaced

  def decode(self, tokens: tf.Tensor) -> tf.Tensor:
    """Strings `[N]` of ids `[N, T]`, as the tokenizer's `decode`. Bytes that are no UTF-8 become U+FFFD."""
    joined = tf.strings.reduce_join(text_ops.pieces_of(tokens, self._table, self._pad, self._eos), axis=1)
    if self._spaced:
      joined = tf.strings.regex_replace(joined, "^ ", "")
    return tf.strings.unicode_transcode(joined, "UTF-8", "UTF-8", errors="replace")


class Subwords(Decoder):
  """`encode` and `decode` of a `subwords.Subwords`."""

  def __init__(self, table: Sequence[bytes], pad: int, eos: int, alphabet: Sequence[str], words: str, finder: Finder, lowercase: bool):
    """Keeps the tables.

    Args:
      table, pad, eos: see `Decoder`.
      alphabet: the letters of the 256 bytes.
      words: regular expression of RE2 for the words in these letters.
      finder: the pieces of words.
      lowercase: lower-case sentences first.
    """
    super().__init__(table, pad, eos)
    self._alphabet, self._words, self._finder, self._lowercase = tf.constant(alphabet), words, finder, lowercase

  def encode(self, texts: tf.Tensor, length: int) -> tf.Tensor:
    """Ids of strings `[N]`, as the tokenizer's `encode`: int32 `[N, length]`."""
    texts = tf.convert_to_tensor(texts)
    texts.shape.assert_has_rank(1)
    found = self._split(text_ops.lower(texts) if self._lowercase else texts)
    # Words repeat: each is cut into pieces once.
    different, places = tf.unique(found.values)
    pieces = self._finder(tf.strings.unicode_split(different, "UTF-8"))
    return text_ops.padded(found.with_values(tf.gather(pieces, places)).merge_dims(1, 2), length, self._pad, self._eos)

  def _split(self, texts):
    """The words of strings `[N]`, spelled with the letters of their bytes: ragged strings `[N, (words)]`."""
    singles = tf.strings.bytes_split(texts)
    values = tf.reshape(tf.io.decode_raw(singles.values, tf.uint8, fixed_length=1), [-1])
    spelled = tf.strings.reduce_join(singles.with_values(tf.gather(self._alphabet, tf.cast(values, tf.int32))), axis=1)
    parts = tf.strings.split(tf.strings.regex_replace(spelled, self._words, rf"\0{_BREAK}"), _BREAK)
    return tf.ragged.boolean_mask(parts, parts != "")


class Merges(Finder):
  """Byte-pair encoding: merges the pair of lowest rank, the first of several, until there is none."""

  def __init__(self, ids: dict[str, int], merges: Sequence[tuple[str, str]]):
    """Makes the tables.

    Args:
      ids: piece to id, all letters among the pieces.
      merges: pairs of pieces in the order of their rank.
    """
    super().__init__()
    self._ids = _table(list(ids), list(ids.values()), -1, tf.int32)
    # A pair of ids is one number.
    self._factor = max(ids.values()) + 1
    pairs = [ids[left] * self._factor + ids[right] for left, right in merges]
    self._none = len(merges)
    # A table needs a key.
    self._ranks = _table(pairs or [-1], range(len(merges)) if merges else [self._none], self._none, tf.int64)
    self._merged = tf.constant([ids[left + right] for left, right in merges] or [0], tf.int32)

  def __call__(self, letters):
    ids = letters.with_values(self._ids.lookup(letters.values)).to_tensor(-1)
    width = tf.shape(ids, tf.int64)[1]
    places = tf.range(width)
    none = self._none * width

    def best(ids):
      """The pair to merge in each word, as rank * L + place."""
      following = tf.concat([ids[:, 1:], tf.fill([tf.shape(ids)[0], 1], -1)], axis=1)
      pairs = tf.where(following < 0, tf.constant(-1, tf.int64), tf.cast(ids, tf.int64) * self._factor + tf.cast(following, tf.int64))
      return tf.reduce_min(self._ranks.lookup(pairs) * width + places, axis=1)

    def merge(ids, chosen):
      found = chosen < none
      rank = tf.where(found, tf.math.floordiv(chosen, tf.maximum(width, 1)), 0)
      place = tf.where(found, chosen - rank * width, width)[:, None]
      shifted = tf.concat([ids[:, 1:], tf.fill([tf.shape(ids)[0], 1], -1)], axis=1)
      ids = tf.where(places == place, tf.gather(self._merged, rank)[:, None], tf.where(places > place, shifted, ids))
      return ids, best(ids)

    ids, _ = tf.while_loop(lambda ids, chosen: tf.reduce_any(chosen < none), merge, [ids, best(ids)])
    return tf.ragged.boolean_mask(ids, ids >= 0)


class Viterbi(Finder):
  """The most probable pieces of a word under a unigram model; of equal ways the one whose last piece is longest, then the one before it."""

  def __init__(self, ids: dict[str, int], scores: Sequence[float]):
    """Makes the tables.

    Args:
      ids: piece to id, all letters among the pieces.
      scores: log-probability of each piece, nats.
    """
    super().__init__()
    pieces = list(ids)
    self._places = _table(pieces, range(len(pieces)), len(pieces), tf.int64)
    self._tokens = tf.constant([*ids.values(), -1], tf.int32)
    self._scores = tf.constant([*scores, -np.inf], tf.float64)
    self._longest = max(map(len, pieces))

  def __call__(self, letters):
    sizes = letters.row_lengths()
    letters = letters.to_tensor("")
    num, width = tf.shape(letters)[0], tf.shape(letters)[1]
    # [W, L, M], the longest first: the piece of each size that ends at each letter.
    found, ending = [], letters
    for size in range(1, self._longest + 1):
      if size > 1:
        ending = tf.strings.join([tf.pad(ending, [[0, 0], [1, 0]], constant_values="")[:, :width], letters])
      places = self._places.lookup(ending)
      # Before the first letters there is none.
      found.append(tf.where(tf.range(width) + 1 >= size, places, tf.cast(tf.shape(self._scores)[0] - 1, tf.int64)))
    places = tf.stack(found[::-1], axis=2)
    scores = tf.gather(self._scores, places)
    order = tf.range(self._longest)

    def forward(t, last, chosen):
      """`last`: `[W, M]`, the best scores of what ends before the letter t, M letters ago first; `chosen`: for each letter the place in `order`."""
      candidates = last + scores[:, t]
      best = tf.reduce_max(candidates, axis=1, keepdims=True)
      first = tf.reduce_min(tf.where(candidates == best, order, self._longest - 1), axis=1)
      return t + 1, tf.concat([last[:, 1:], best], axis=1), chosen.write(t, first)

    start = tf.concat([tf.fill([num, self._longest - 1], tf.constant(-np.inf, tf.float64)), tf.zeros([num, 1], tf.float64)], axis=1)
    chosen = tf.TensorArray(tf.int32, width, element_shape=[None])
    _, _, chosen = tf.while_loop(lambda t, *_: t < width, forward, (0, start, chosen), maximum_iterations=width)
    chosen = tf.transpose(tf.reshape(chosen.stack(), [width, num]))
    ids = tf.gather(self._tokens, tf.gather(places, chosen, axis=2, batch_dims=2))

    def back(t, end, kept):
      """From the last letter to the first: a letter is kept if a piece of the best way ends at it. `end`: `[W]`, where the next such piece ends."""
      ends = tf.equal(end, t + 1)
      return t - 1, tf.where(ends, end - (self._longest - chosen[:, t]), end), kept.write(t, ends)

    kept = tf.TensorArray(tf.bool, width, element_shape=[None])
    _, _, kept = tf.while_loop(lambda t, *_: t >= 0, back, (width - 1, tf.cast(sizes, tf.int32), kept), maximum_iterations=width)
    return tf.ragged.boolean_mask(ids, tf.transpose(tf.reshape(kept.stack(), [width, num])))


def _table(keys, values, default, dtype):
  """A lookup table of keys, strings or integers, with values of a type."""
  keys = tf.constant(keys) if isinstance(keys[0], str) else tf.constant(keys, tf.int64)
  return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, tf.constant(list(values), dtype)), default)
