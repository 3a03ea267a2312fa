"""The ids 0 to V - 1 as they are, for corpora without words: a sentence is `12 4093 77`, always of the same length."""

import dataclasses
import re
from typing import ClassVar

import numpy as np

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.data import text_ops
from tf_textgan.data.tokenizers import base


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Tokenizer):
  """Reads and writes integers between white space. There are no special tokens, and nothing is padded."""

  size: int
  ends: ClassVar[bool] = False

  @classmethod
  def build(cls, sentences, config):
    """Takes the largest integer for the last token; `config` has nothing to say here."""
    del config
    largest = -1
    for sentence in sentences:
      largest = max(largest, *_integers(sentence), -1)
    if largest < 0:
      raise errors.UserError("expected integers to learn from, but there is no sentence")
    return cls(largest + 1)

  def count(self, sentence):
    return len(sentence.split())

  def fits(self, sentence, length):
    return self.count(sentence) == length

  def spec(self, length):
    """The `sequences.Spec` of sequences of exactly `length` tokens; the first is conditioned on token 0."""
    return sequences.Spec(self.size, length, start_token=0)

  def encode(self, sentences, length):
    """Reads N strings of exactly T integers each, int32 `[N, T]`; raises a `UserError` for anything else."""
    rows = np.empty([len(sentences), length], np.int32)
    for row, sentence in zip(rows, sentences):
      integers = _integers(sentence)
      if len(integers) != length:
        raise errors.UserError(f"expected {length} integers in a sequence, but {sentence[:60]!r} has {len(integers)}")
      wrong = [integer for integer in integers if integer >= self.size]
      if wrong:
        raise errors.UserError(f"expected integers from 0 to {self.size - 1}, but {sentence[:60]!r} has '{wrong[0]}'")
      row[:] = integers
    return rows

  def decode(self, tokens):
    return [" ".join(map(str, row)) for row in np.asarray(tokens).tolist()]

  def graph(self):
    return text_ops.Integers(self.size)

  def to_json(self):
    return {"size": self.size}

  @classmethod
  def from_json(cls, fields):
    return cls(int(fields["size"]))


def _integers(sentence):
  """The integers of a sentence; a `UserError` if there is something else in it."""
  fields = sentence.split()
  wrong = [field for field in fields if not re.fullmatch("[0-9]{1,9}", field)]
  if wrong:
    raise errors.UserError(f"expected integers from 0 up, but {sentence[:60]!r} has {wrong[0]!r}")
  return [int(field) for field in fields]
