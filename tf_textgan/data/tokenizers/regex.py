"""A regular expression of the user's: its matches are tokens, and so is what stands between them, so that decoding restores the text.

The expression is in the syntax of RE2, https://github.com/google/re2/wiki/Syntax, by which TensorFlow matches, in Python as in the graph. RE2 never
backtracks: no expression takes longer than in proportion to the text.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import dataclasses
import os
import sys
from typing import Any
from typing import ClassVar

import tensorflow as tf

from tf_textgan import errors
from tf_textgan.data import text_ops
from tf_textgan.data.tokenizers import base


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Table):
  """Splits at the borders of matches.

  Attributes:
    pattern: the regular expression.
  """

  pattern: str = ""

  joint: ClassVar[str] = ""

  @classmethod
  def check(cls, config: Any) -> None:
    try:
      check_pattern(config.token_pattern)
    except ValueError as error:
      raise errors.UserError(f"token_pattern is {config.token_pattern!r}, {error}") from error

  @classmethod
  def build(cls, sentences: Iterable[str], config: Any) -> "Tokenizer":
    """Keeps the frequent matches, and pieces between matches; raises a `UserError` if there is no match in the text."""
    pattern = config.token_pattern
    tokens = cls.frequent(sentences, lambda sentence: text_ops.cut(sentence, pattern), config)
    pieces = tokens[len(base.SPECIAL_TOKENS) :]
    if not pieces or not tf.reduce_any(tf.strings.regex_full_match(pieces, pattern)):
      raise errors.UserError(f"token_pattern {pattern!r} matches nothing in the training text that is kept; expected the pattern of its tokens")
    return cls(tokens, config.lowercase, pattern)

  def unlike(self, config: Any) -> str:
    same = config.token_pattern == self.pattern
    return "" if same else f"the token_pattern {config.token_pattern!r}, but the existing vocabulary has {self.pattern!r}"

  def split(self, sentence: str) -> list[str]:
    return text_ops.cut(sentence, self.pattern)

  def split_graph(self, texts: tf.Tensor) -> tf.RaggedTensor:
    return text_ops.cut_all(texts, self.pattern)

  def to_json(self) -> dict[str, Any]:
    return {**super().to_json(), "pattern": self.pattern}

  @classmethod
  def from_json(cls, fields: dict[str, Any]) -> "Tokenizer":
    table = super().from_json(fields)
    try:
      check_pattern(table.pattern)
    except ValueError as error:
      raise ValueError(f"pattern is {table.pattern!r}, {error}") from error
    return table


def check_pattern(pattern: str) -> None:
  """Raises a `ValueError` unless a pattern can be used: not empty, in the syntax of RE2, and never a match of the empty text."""
  if not pattern:
    raise ValueError("which is empty; expected a regular expression whose matches are the tokens")
  try:
    with _native_messages_held_back():
      empty = tf.strings.regex_full_match(["", "a"], pattern).numpy()[0]
  except (tf.errors.InvalidArgumentError, ValueError) as error:
    reason = error.message.rpartition("error: ")[2].partition(" [Op:")[0] if isinstance(error, tf.errors.OpError) else str(error)
    raise ValueError(f"which is no regular expression of RE2: {reason}") from error
  if empty:
    raise ValueError("which matches the empty text; expected matches of one character or more")


@contextlib.contextmanager
def _native_messages_held_back() -> Iterator[None]:
  """Sends what native code writes to the standard error to the null device: RE2 writes there what is in its exception, too."""
  sys.stderr.flush()
  kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
  os.dup2(null, 2)
  try:
    yield
  finally:
    os.dup2(kept, 2)
    os.close(kept)
    os.close(null)
