"""Vocabularies: sentences to token ids and back.

A sentence is a string. At word level its tokens are separated by any run of whitespace, at character level they are its Unicode code
points. Letters: N sentences, T tokens in a sequence.
"""

import collections
import dataclasses
import functools
import json
import re

import numpy as np

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import sequences
from tf_textgan.data import text_ops

SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<unk>")
PAD, BOS, EOS, UNK = range(4)
LEVELS = ("word", "char")


def split(sentence, level):
  """Cuts a sentence into its tokens, a list of strings."""
  return sentence.split() if level == "word" else list(sentence)


@dataclasses.dataclass(frozen=True)
class Vocabulary:
  """The tokens of a text, most frequent first.

  Attributes:
    tokens: all tokens in the order of their ids, the four special ones first.
    level: `"word"` or `"char"`.
  """

  tokens: tuple[str, ...]
  level: str = "word"

  @classmethod
  def build(cls, sentences, level="word", min_count=1, max_size=0):
    """Counts the tokens of some sentences and keeps the frequent ones.

    Args:
      sentences: iterable of strings; read once, never held in memory.
      level: `"word"` or `"char"`.
      min_count: a token seen fewer times becomes `<unk>`.
      max_size: most tokens to keep, the special ones included; 0 keeps all.

    Raises:
      UserError: an unknown level, or a size too small for the special tokens and one more.
    """
    if level not in LEVELS:
      raise errors.UserError(f"the level of a vocabulary must be one of {', '.join(LEVELS)}, not {level!r}")
    if max_size and max_size <= len(SPECIAL_TOKENS):
      raise errors.UserError(f"the size of a vocabulary must be 0 or more than its {len(SPECIAL_TOKENS)} special tokens, not {max_size}")
    counts = collections.Counter()
    for sentence in sentences:
      counts.update(split(sentence, level))
    # A text may spell a special token out; it must not end or pad its own sequence.
    kept = [token for token, count in counts.items() if count >= min_count and token not in SPECIAL_TOKENS]
    kept.sort(key=lambda token: (-counts[token], token))
    if max_size:
      kept = kept[:max_size - len(SPECIAL_TOKENS)]
    return cls(SPECIAL_TOKENS + tuple(kept), level)

  @property
  def size(self):
    """Number of tokens, the special ones included."""
    return len(self.tokens)

  def spec(self, length):
    """The `sequences.Spec` of sequences of at most `length` tokens, the end token included."""
    return sequences.Spec(self.size, length, start_token=BOS, end_token=EOS, forbidden_tokens=(PAD, BOS))

  @functools.cached_property
  def _ids(self):
    first = len(SPECIAL_TOKENS)
    return {token: first + i for i, token in enumerate(self.tokens[first:])}

  def encode(self, sentences, length):
    """Writes sentences as rows of ids: the tokens, the end token, padding.

    Args:
      sentences: sequence of N strings; an unknown token becomes `<unk>`.
      length: T. A sentence of T or more tokens is cut and has no end token.

    Returns:
      int32 array `[N, T]`.
    """
    rows = np.full([len(sentences), length], PAD, np.int32)
    ids = self._ids
    for row, sentence in zip(rows, sentences):
      tokens = split(sentence, self.level)[:length]
      row[:len(tokens)] = [ids.get(token, UNK) for token in tokens]
      if len(tokens) < length:
        row[len(tokens)] = EOS
    return rows

  def decode(self, tokens):
    """Reads rows of ids up to their end token; the inverse of `encode` but for unknown tokens and runs of whitespace.

    Args:
      tokens: int array `[N, T]`.

    Returns:
      A list of N strings.
    """
    joint = " " if self.level == "word" else ""
    sentences = []
    for row in np.asarray(tokens).tolist():
      if EOS in row:
        row = row[:row.index(EOS)]
      sentences.append(joint.join(self.tokens[i] for i in row if i != PAD))
    return sentences

  def graph(self):
    """The same conversions as TensorFlow operations, to be exported with a model."""
    return text_ops.TextGraph(self.tokens, len(SPECIAL_TOKENS), self.level, pad=PAD, eos=EOS, unk=UNK)

  def save(self, path):
    """Writes the vocabulary as JSON, all of it or nothing."""
    files.write_json(path, {"level": self.level, "tokens": self.tokens}, indent=0)


@dataclasses.dataclass(frozen=True)
class IntegerVocabulary:
  """The ids 0 to `size` - 1 as they are, for corpora without words; a sentence is `"12 4093 77"`, always of the same length."""

  size: int

  def spec(self, length):
    """The `sequences.Spec` of sequences of exactly `length` tokens; the first is conditioned on token 0."""
    return sequences.Spec(self.size, length, start_token=0)

  def encode(self, sentences, length):
    """Reads N strings of exactly T integers each.

    Returns:
      int32 array `[N, T]`.

    Raises:
      UserError: another number of integers, or one that is not a token.
    """
    rows = np.empty([len(sentences), length], np.int32)
    for row, sentence in zip(rows, sentences):
      fields = sentence.split()
      if len(fields) != length:
        raise errors.UserError(f"expected {length} integers in a sequence, but {sentence[:60]!r} has {len(fields)}")
      wrong = [field for field in fields if not re.fullmatch("[0-9]{1,9}", field) or int(field) >= self.size]
      if wrong:
        raise errors.UserError(f"expected integers from 0 to {self.size - 1}, but {sentence[:60]!r} has {wrong[0]!r}")
      row[:] = [int(field) for field in fields]
    return rows

  def decode(self, tokens):
    """Writes each row of an int array `[N, T]` as a string of integers; the inverse of `encode`."""
    return [" ".join(map(str, row)) for row in np.asarray(tokens).tolist()]

  def graph(self):
    """The same conversions as TensorFlow operations, to be exported with a model."""
    return text_ops.IntegerGraph(self.size)

  def save(self, path):
    """Writes the vocabulary as JSON, all of it or nothing."""
    files.write_json(path, {"level": "integer", "size": self.size})


def load(path):
  """Reads what `save` of either vocabulary wrote.

  Raises:
    UserError: there is no such file, or it is not a vocabulary.
  """
  try:
    with open(path, encoding="utf-8") as file:
      content = json.load(file)
    if content["level"] == "integer":
      return IntegerVocabulary(int(content["size"]))
    vocabulary = Vocabulary(tuple(content["tokens"]), content["level"])
  except OSError as error:
    raise errors.UserError(f"cannot read the vocabulary {path}: {error.strerror}") from error
  except (ValueError, KeyError, TypeError) as error:
    raise errors.UserError(f"{path} is not a vocabulary written by this library: {error!r}") from error
  if vocabulary.level not in LEVELS or vocabulary.tokens[:len(SPECIAL_TOKENS)] != SPECIAL_TOKENS:
    raise errors.UserError(f"{path} is not a vocabulary written by this library: it must start with {' '.join(SPECIAL_TOKENS)}")
  return vocabulary
