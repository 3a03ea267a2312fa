"""The base of tokenizers: a tokenizer converts the text of a corpus to tokens and back.

A sentence is a string. Letters: N sentences, T tokens in a sequence.

Ids 0 to 3 are the special tokens; a tokenizer with ids of its own adds 4 to them. Only the fixed-length sequences of `integer` have no special
tokens; there 0 is an ordinary token, and nothing is padded.
"""

import abc
import collections
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import functools
import importlib
import os
import sys
from typing import Any
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import presets
from tf_textgan import registry
from tf_textgan import schema
from tf_textgan import sequences
from tf_textgan.data import text_ops

SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<unk>")
PAD, BOS, EOS, UNK = range(4)

_PACKAGE = __name__.rpartition(".")[0]
# The module of the tokenizers that are named by a path.
_FOLDER = "folder"


class Tokenizer(abc.ABC):
  """A value: equal tokenizers encode alike.

  A module that defines a tokenizer, in this package or outside it, calls its class `Tokenizer` and is found by its name.

  Attributes:
    size: number of tokens, special ones included (V).
    ends: whether sequences end with the end token and are padded; False for sequences of one fixed length.
  """

  size: int
  ends: ClassVar[bool] = True

  @classmethod
  def check(cls, config: Any) -> None:
    """Raises a `UserError` for a setting of a `text_config.TextConfig` that this tokenizer cannot follow or would ignore."""
    if config.token_pattern:
      raise errors.UserError(f"token_pattern is for the tokenizer regex, but the tokenizer is {config.tokenizer}")

  def unlike(self, config: Any) -> str:
    """What a `text_config.TextConfig` has that differs from this tokenizer, beside its name and lower-casing; empty if nothing does."""
    del config
    return ""

  @classmethod
  @abc.abstractmethod
  def build(cls, sentences: Iterable[str], config: Any) -> "Tokenizer":
    """Learns a tokenizer from the training sentences, which are read once and not held in memory.

    Args:
      sentences: raw strings.
      config: `text_config.TextConfig`.
    """

  @abc.abstractmethod
  def tokenize(self, sentence: str) -> list[int]:
    """The ids of a raw sentence, without the end token; this method does any lower-casing."""

  @abc.abstractmethod
  def decode(self, tokens: np.ndarray) -> list[str]:
    """Converts rows of ids, int `[N, T]`, up to their end token, to N strings."""

  @abc.abstractmethod
  def to_json(self) -> dict[str, Any]:
    """The fields from which `from_json` makes an equal tokenizer, as JSON values."""

  @classmethod
  @abc.abstractmethod
  def from_json(cls, fields: dict[str, Any]) -> "Tokenizer":
    """The tokenizer that `to_json` described; raises an exception for anything else, whose text `load` gives with the file's path."""

  def encode(self, sentences: Sequence[str], length: int) -> np.ndarray:
    """Converts N strings to rows of ids: the tokens, the end token, padding.

    Args:
      sentences: raw strings.
      length: T. A sentence of T or more tokens is truncated and has no end token. If sequences have no end, every sentence has T tokens.

    Returns:
      int32 array `[N, T]`.

    Raises:
      UserError: sequences have no end, and a sentence has another number of tokens.
    """
    rows = np.full([len(sentences), length], PAD, np.int32)
    for row, sentence in zip(rows, sentences):
      ids = self.tokenize(sentence)
      if self.ends:
        ids = [*ids[:length], EOS][:length]
      elif len(ids) != length:
        raise errors.UserError(f"expected {length} tokens in a sequence, but {sentence[:60]!r} has {len(ids)}")
      row[: len(ids)] = ids
    return rows

  def graph(self) -> tf.Module | None:
    """`encode` and `decode` as TensorFlow operations, for the export.

    Returns:
      A module with methods of these names, for string tensors; without `encode` where only `decode` is possible: an export then cannot score text.
      None if there is none: runs can then not be exported.
    """
    return None

  def words(self, tokens: np.ndarray) -> list[tuple[str, ...]]:
    """The words of the decoded text of rows of ids, int `[N, T]`, for metrics of words, whatever the tokens are."""
    # Interned: words repeat, and each is held once.
    return [tuple(map(sys.intern, text.split())) for text in self.decode(tokens)]

  @property
  def unknown_token(self) -> int | None:
    """The id that stands for every piece of text outside the vocabulary; None if none is: of integers, and of pieces that have all bytes."""
    return UNK if self.ends else None

  def extends(self, other: "Tokenizer") -> bool:
    """Whether every id of `other` means the same here."""
    return self == other

  def spec(self, length: int) -> sequences.Spec:
    """The `sequences.Spec` of sequences of at most `length` tokens, the end token included."""
    return sequences.Spec(self.size, length, start_token=BOS, end_token=EOS, forbidden_tokens=(PAD, BOS))

  def save(self, path: str | os.PathLike) -> None:
    """Writes the tokenizer as JSON, atomically."""
    files.write_json(path, {"tokenizer": name_of(type(self)), **self.to_json()}, indent=0)


@dataclasses.dataclass(frozen=True)
class Table(Tokenizer):
  """Base of the tokenizers that split a sentence into pieces and look them up in a table.

  Attributes:
    tokens: the four special tokens, then all pieces, most frequent first, in the order of their ids.
    lowercase: whether sentences are lower-cased first.
  """

  tokens: tuple[str, ...]
  lowercase: bool = False

  # The string between the pieces of a decoded sentence.
  joint: ClassVar[str] = " "
  # As `split`, a static method of strings `[N]` that returns their pieces, ragged `[N, (pieces)]`; None without one: no `graph` then.
  split_graph: ClassVar[Callable[[tf.Tensor], tf.RaggedTensor] | None] = None

  @staticmethod
  @abc.abstractmethod
  def split(sentence: str) -> list[str]:
    """Splits a sentence into pieces."""

  @classmethod
  def build(cls, sentences: Iterable[str], config: Any) -> "Table":
    """Counts the pieces of the training sentences and keeps the frequent ones."""
    return cls(cls.frequent(sentences, cls.split, config), config.lowercase)

  @staticmethod
  def frequent(sentences: Iterable[str], split: Callable[[str], list[str]], config: Any) -> tuple[str, ...]:
    """The special tokens, then the pieces that `split` finds in sentences and the config keeps, most frequent first."""
    counts = collections.Counter()
    for sentence in sentences:
      counts.update(split(sentence.lower() if config.lowercase else sentence))
    # A special token spelled out in the text must not end or pad its sequence.
    kept = [piece for piece, count in counts.items() if count >= config.min_count and piece not in SPECIAL_TOKENS]
    kept.sort(key=lambda piece: (-counts[piece], piece))
    if config.max_vocab_size:
      kept = kept[: config.max_vocab_size - len(SPECIAL_TOKENS)]
    return SPECIAL_TOKENS + tuple(kept)

  @property
  def size(self) -> int:
    return len(self.tokens)

  def extends(self, other: Tokenizer) -> bool:
    return type(self) is type(other) and self == dataclasses.replace(other, tokens=self.tokens) and self.tokens[: other.size] == other.tokens

  def grown(self, other: "Table", max_size: int = 0) -> "Table":
    """Adds the tokens that only `other` has after this tokenizer's, in their order there.

    Args:
      other: tokenizer of the same class.
      max_size: largest size of the result, unless this tokenizer is larger already; 0 for no limit.
    """
    known = set(self.tokens)
    tokens = (*self.tokens, *(token for token in other.tokens if token not in known))
    return dataclasses.replace(self, tokens=tokens[: max(max_size, self.size)] if max_size else tokens)

  @functools.cached_property
  def ids(self) -> dict[str, int]:
    """Piece to id, without the special tokens."""
    first = len(SPECIAL_TOKENS)
    return {piece: first + i for i, piece in enumerate(self.tokens[first:])}

  def tokenize(self, sentence: str) -> list[int]:
    ids = self.ids
    return [ids.get(piece, UNK) for piece in self.split(sentence.lower() if self.lowercase else sentence)]

  def decode(self, tokens: np.ndarray) -> list[str]:
    return [self.joint.join(self.tokens[i] for i in row if i != PAD) for row in before_end(tokens)]

  def graph(self) -> tf.Module | None:
    if self.split_graph is None:
      return None
    return text_ops.Table(self.tokens, len(SPECIAL_TOKENS), self.split_graph, self.joint, self.lowercase, pad=PAD, eos=EOS, unk=UNK)

  def to_json(self) -> dict[str, Any]:
    return {"lowercase": self.lowercase, "tokens": self.tokens}

  @classmethod
  def from_json(cls, fields: dict[str, Any]) -> "Table":
    table = cls(**schema.arguments(cls, fields, ""))
    check_special(table.tokens)
    seen = set()
    for number, token in enumerate(table.tokens):
      if token in seen:
        raise ValueError(f"tokens[{number}] is {schema.shown(token)} a second time")
      if not token or cls.joint.isspace() and token.split() != [token]:
        raise ValueError(f"tokens[{number}] is {schema.shown(token)}; expected a piece of text without white space")
      seen.add(token)
    return table


def check_special(tokens: Sequence[str]) -> None:
  """Raises a `ValueError` unless tokens start with the special ones."""
  if tuple(tokens[: len(SPECIAL_TOKENS)]) != SPECIAL_TOKENS:
    raise ValueError(f"tokens must start with {' '.join(SPECIAL_TOKENS)}")


def name_of(cls: type[Tokenizer]) -> str:
  """The name by which `find` finds a tokenizer: a module of this package, or the dotted name of a user's module."""
  return cls.__module__.removeprefix(f"{_PACKAGE}.")


def find(name: str) -> type[Tokenizer]:
  """The class of a tokenizer by its name, a folder's path or a preset of KerasHub; raises a `UserError` that lists all if the name is unknown."""
  if name == presets.MODULE or presets.named_in(name):
    return importlib.import_module(f"{_PACKAGE}.{presets.MODULE}").Tokenizer
  if name == _FOLDER or is_path(name):
    return importlib.import_module(f"{_PACKAGE}.{_FOLDER}").Tokenizer
  if os.path.isdir(name) and not registry.is_outside(name) and name not in registry.names(_PACKAGE):
    raise errors.UserError(f"unknown tokenizer {name!r}; a folder with a tokenizer.json is named by a path with a /, such as ./{name}")
  return registry.load(_PACKAGE, name).Tokenizer


def is_path(name: str) -> bool:
  """Whether a tokenizer's name is the path of a folder with a `tokenizer.json`: it has a /, or starts with ~."""
  return "/" in name or name.startswith("~")


def before_end(tokens: np.ndarray) -> Iterator[list[int]]:
  """Yields rows of ids, int `[N, T]`, up to their end token."""
  for row in np.asarray(tokens).tolist():
    yield row[: row.index(EOS)] if EOS in row else row


def refuse_choice(config: Any) -> None:
  """Raises a `UserError` if a `text_config.TextConfig` chooses among the tokens of a tokenizer that was made elsewhere."""
  if config.min_count != 1 or config.max_vocab_size:
    raise errors.UserError(f"min_count and max_vocab_size choose among tokens, but {config.tokenizer} has its own; expected 1 and 0")


def refuse_lowercase(config: Any, reason: str) -> None:
  """Raises a `UserError`, with a reason, if a `text_config.TextConfig` asks for lower-casing."""
  if config.lowercase:
    raise errors.UserError(f"lowercase is true, but the tokenizer is {config.tokenizer}: {reason}")


def name_in(path: str | os.PathLike) -> str:
  """The name of the tokenizer in a file from `Tokenizer.save`; imports nothing. Raises as `load`."""
  return _fields(path)["tokenizer"]


def load(path: str | os.PathLike) -> Tokenizer:
  """Reads a file from `Tokenizer.save`.

  Raises:
    UserError: the file cannot be read or describes no tokenizer.
  """
  fields = _fields(path)
  try:
    cls = find(fields.pop("tokenizer"))
    return cls.from_json(fields)
  except Exception as error:  # A user's tokenizer may raise any.
    text = str(error) if isinstance(error, (errors.UserError, ValueError)) else repr(error)
    raise errors.UserError(f"{path} is not a tokenizer written by this library: {' '.join(text.split())}") from error


def _fields(path):
  try:
    fields = schema.read_json(path)
    if not isinstance(fields, dict) or not isinstance(fields.get("tokenizer"), str):
      raise ValueError("expected an object with the tokenizer's name")
    return fields
  except OSError as error:
    raise errors.UserError(f"cannot read the tokenizer {path}: {error.strerror}") from error
  except ValueError as error:
    raise errors.UserError(f"{path} is not a tokenizer written by this library: {error}") from error
