"""What the tokenizers of subwords share: `bpe` and `unigram`, whose pieces are strings of bytes, so that no text is unknown.

The bytes of a sentence's UTF-8 are spelled with GPT-2's alphabet, 256 letters that can be printed: a space is Ġ. Words are split off first, with the
space before them, and no piece crosses the end of one. Pieces are learned and found by the package tokenizers; decoding needs the table only.

Radford et al., Language Models are Unsupervised Multitask Learners, 2019, section 2.2.
"""

import abc
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import functools
import re
from typing import Any

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import schema
from tf_textgan import sequences
from tf_textgan.data import subword_ops
from tf_textgan.data.tokenizers import base

# The letter of each byte: itself if Latin-1 prints it, else one of those from U+0100 on.
_PRINTED = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = tuple(byte for byte in range(256) if byte not in _PRINTED)
ALPHABET = tuple(chr(byte) if byte in _PRINTED else chr(0x100 + _OTHERS.index(byte)) for byte in range(256))
_BYTES = {letter: byte for byte, letter in enumerate(ALPHABET)}

# A longer word is cut, which bounds the time that its pieces take. Bytes.
_LONGEST_WORD = 64

_SPACE = ALPHABET[ord(" ")]
_WHITE = "".join(ALPHABET[byte] for byte in b"\t\n\v\f\r ")
_DIGITS = "0-9"
_PUNCTUATION = re.escape("".join(chr(byte) for byte in range(0x21, 0x7F) if not chr(byte).isalnum()))
# Words in the alphabet's letters, of one kind of character each. No lookaround, so that TensorFlow finds the same words.
WORDS = "|".join((
  "'(?:[sdmt]|ll|ve|re)",
  *(f"{_SPACE}?[{kind}]{{1,{_LONGEST_WORD}}}" for kind in (f"^{_WHITE}{_DIGITS}{_PUNCTUATION}", _DIGITS, _PUNCTUATION)),
  f"[{_WHITE}]{{1,{_LONGEST_WORD}}}",
))  # fmt: skip

# The size of a vocabulary if none is given, with the special tokens.
DEFAULT_SIZE = 8000
# The special tokens and all bytes.
SMALLEST_SIZE = len(base.SPECIAL_TOKENS) + len(ALPHABET)


@dataclasses.dataclass(frozen=True)
class Subwords(base.Tokenizer):
  """Base of the tokenizers of subwords. Decoding restores any text exactly, but for lower-casing.

  Attributes:
    tokens: the four special tokens, then all pieces in `ALPHABET`, all bytes among them, in the order of their ids.
    lowercase: whether sentences are lower-cased first.
  """

  tokens: tuple[str, ...]
  lowercase: bool = False

  @abc.abstractmethod
  def model(self) -> Any:
    """The model of the package tokenizers; an id there is 4 less than here."""

  @classmethod
  def check(cls, config: Any) -> None:
    super().check(config)
    if config.max_vocab_size and config.max_vocab_size < SMALLEST_SIZE:
      raise errors.UserError(
        f"max_vocab_size is {config.max_vocab_size}; the tokenizer {config.tokenizer} needs 0 (for {DEFAULT_SIZE}) or at least {SMALLEST_SIZE}: the "
        "special tokens and all 256 bytes"
      )
    package(config.tokenizer)

  @property
  def size(self) -> int:
    return len(self.tokens)

  @property
  def unknown_token(self) -> None:
    """None: every text is made of bytes."""
    return None

  def spec(self, length: int) -> sequences.Spec:
    # The unknown token is in no text.
    return sequences.Spec(self.size, length, start_token=base.BOS, end_token=base.EOS, forbidden_tokens=(base.PAD, base.BOS, base.UNK))

  @functools.cached_property
  def _pipeline(self):
    """The words and the model in the package tokenizers."""
    pipeline = package(base.name_of(type(self))).Tokenizer(self.model())
    pipeline.pre_tokenizer = words()
    return pipeline

  def tokenize(self, sentence: str) -> list[int]:
    ids = self._pipeline.encode(sentence.lower() if self.lowercase else sentence).ids
    return [token + len(base.SPECIAL_TOKENS) for token in ids]

  @functools.cached_property
  def bytes_of(self) -> tuple[bytes, ...]:
    """The bytes of each token; none of the special ones."""
    return (b"",) * len(base.SPECIAL_TOKENS) + tuple(spelled(piece) for piece in self.tokens[len(base.SPECIAL_TOKENS) :])

  def decode(self, tokens: np.ndarray) -> list[str]:
    table = self.bytes_of
    # A sample may have bytes that are no UTF-8.
    return [b"".join(table[token] for token in row).decode(errors="replace") for row in base.before_end(tokens)]

  def to_json(self) -> dict[str, Any]:
    return dataclasses.asdict(self)

  @classmethod
  def from_json(cls, fields: dict[str, Any]) -> "Subwords":
    made = cls(**schema.arguments(cls, fields, ""))
    check_pieces(made.tokens)
    made.check_model()
    return made

  @abc.abstractmethod
  def check_model(self) -> None:
    """Raises a `ValueError` unless the fields of the model go with the pieces."""

  def graph_of(self, finder: subword_ops.Finder) -> tf.Module:
    """`encode` and `decode` as TensorFlow operations; `finder` finds the pieces of words."""
    return subword_ops.Subwords(self.bytes_of, base.PAD, base.EOS, ALPHABET, WORDS, finder, self.lowercase)


def package(name: str) -> Any:
  """The package tokenizers; raises a `UserError` that names the tokenizer which needs it, if it is not installed."""
  try:
    import tokenizers  # An optional dependency.
  except ImportError as error:
    raise errors.UserError(
      f"the tokenizer {name} needs the package tokenizers, which cannot be imported ({error}); run pip install tokenizers"
    ) from error
  return tokenizers


def guarded(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
  """Calls a function of the package tokenizers; what it raises becomes a `ValueError` of one line."""
  try:
    return function(*arguments, **options)
  except (KeyboardInterrupt, SystemExit, GeneratorExit, errors.UserError):
    raise
  except BaseException as error:  # It raises `Exception` itself, and for a panic of its native code a class that is none.
    raise ValueError(errors.first_line(error)) from error


def words() -> Any:
  """The pre-tokenizer that splits a sentence into words in `ALPHABET`."""
  from tokenizers import Regex
  from tokenizers import pre_tokenizers

  byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
  return pre_tokenizers.Sequence([byte_level, pre_tokenizers.Split(Regex(WORDS), "isolated")])


def texts(sentences: Iterable[str], lowercase: bool) -> Iterator[str]:
  """Yields the sentences, lower-cased if asked for; raises a `UserError` if there is none."""
  sentence = None
  for sentence in sentences:
    yield sentence.lower() if lowercase else sentence
  if sentence is None:
    raise errors.UserError("expected sentences to learn from, but there is none")


def learn_merges(sentences: Iterable[str], num: int, least: int, words_given: bool = False, longest: int | None = None) -> Any:
  """Learns a BPE model with the package tokenizers.

  Args:
    sentences: text; or, if `words_given`, words in `ALPHABET`.
    num: most pieces, at least all bytes.
    least: a pair that is seen fewer times is not merged.
    words_given: see `sentences`.
    longest: most letters of a piece; None for no limit.

  Returns:
    The pieces in the order of their ids, and the merges, pairs of pieces in the order they are made in: two lists. The same for the same text.
  """
  tokenizers = package("bpe")
  learner = tokenizers.Tokenizer(tokenizers.models.BPE())
  if not words_given:
    learner.pre_tokenizer = words()
  options = {"max_token_length": longest} if longest else {}
  trainer = tokenizers.trainers.BpeTrainer(
    vocab_size=num, min_frequency=least, initial_alphabet=list(ALPHABET), special_tokens=[], show_progress=False, **options
  )
  learner.train_from_iterator(sentences, trainer)
  model = schema.parse_json(learner.to_str())["model"]
  return sorted(model["vocab"], key=model["vocab"].get), [tuple(pair) for pair in model["merges"]]


def is_spelled(piece: str) -> bool:
  """Whether a piece has letters of `ALPHABET` only."""
  return _BYTES.keys() >= set(piece)


def spelled(piece: str) -> bytes:
  """The bytes that a piece in `ALPHABET` spells."""
  return bytes(_BYTES[letter] for letter in piece)


def check_pieces(tokens: tuple[str, ...]) -> None:
  """Raises a `ValueError` unless tokens are the special ones, then different pieces in `ALPHABET`, all bytes among them."""
  base.check_special(tokens)
  seen = set()
  for number, token in enumerate(tokens[len(base.SPECIAL_TOKENS) :], len(base.SPECIAL_TOKENS)):
    if not token or not is_spelled(token):
      raise ValueError(f"tokens[{number}] is {schema.shown(token)}; expected a piece in the alphabet of bytes")
    if token in seen:
      raise ValueError(f"tokens[{number}] is {schema.shown(token)} a second time")
    seen.add(token)
  missing = [byte for byte, letter in enumerate(ALPHABET) if letter not in seen]
  if missing:
    raise ValueError(f"tokens have no piece for the byte 0x{missing[0]:02x}; expected one for each byte")
