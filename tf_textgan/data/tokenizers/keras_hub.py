"""The tokenizer of a KerasHub preset, keras_hub:PRESET_OR_FOLDER: byte pairs (GPT-2, OPT, RoBERTa), SentencePiece (Llama, Gemma), WordPiece (BERT).

The preset's ids are 4 higher here. Its start and end token are the run's, ids 1 and 2, its token for unknown text is 3, and none of the three occurs
as an id of its own. The pieces stand in the run's `vocabulary.json`, so that a run reads and writes text without KerasHub.

Text is cut by the packages tokenizers and sentencepiece. KerasHub is not asked, because the byte pairs of its version 0.32 do not split words first,
as the tokenizers that the models were trained with do. Text cannot spell special tokens.
"""

import base64
from collections.abc import Iterable
import dataclasses
import functools
import json
from typing import Any

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import presets
from tf_textgan import schema
from tf_textgan import sequences
from tf_textgan.data import subword_ops
from tf_textgan.data import subwords
from tf_textgan.data.tokenizers import base

_FIRST = len(base.SPECIAL_TOKENS)
# SentencePiece's letter for a space.
_SPACE = "\u2581"


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Tokenizer):
  """See the module.

  Attributes:
    kind: "bytes", "words" or "sentencepiece": of byte pairs, WordPiece or SentencePiece.
    contents: JSON of the package tokenizers, or base64 of SentencePiece's file.
    special: the preset's ids of the start, the end and the unknown token; -1 for an unknown token that it has not.
  """

  kind: str
  contents: str
  special: tuple[int, ...]

  @classmethod
  def check(cls, config: Any) -> None:
    super().check(config)
    base.refuse_lowercase(config, "the preset says what is done to text")
    base.refuse_choice(config)
    read(config.tokenizer)

  @classmethod
  def build(cls, sentences: Iterable[str], config: Any) -> "Tokenizer":
    """Reads the preset that `config.tokenizer` names; the sentences are not read."""
    del sentences
    return read(config.tokenizer)

  def unlike(self, config: Any) -> str:
    same = read(config.tokenizer) == self
    return "" if same else f"the tokenizer {config.tokenizer}, but the existing vocabulary is that of another preset"

  @functools.cached_property
  def _model(self):
    return (_Sentences if self.kind == "sentencepiece" else _Pieces)(self.contents)

  @functools.cached_property
  def bytes_of(self) -> tuple[bytes, ...]:
    """The bytes of each token; none of the special ones, but for the unknown token's spelling."""
    table = self._model.table()
    start, end, unknown = self.special
    spelled = b"" if unknown < 0 else table[unknown]
    table = [b"" if token in (start, end) else piece for token, piece in enumerate(table)]
    return (b"", b"", b"", spelled, *table)

  @functools.cached_property
  def size(self) -> int:
    return len(self.bytes_of)

  @property
  def unknown_token(self) -> int | None:
    return None if self.special[2] < 0 else base.UNK

  def spec(self, length: int) -> sequences.Spec:
    own = sorted({token + _FIRST for token in self.special if token >= 0})
    forbidden = (base.PAD, base.BOS, *([] if self.unknown_token else [base.UNK]), *own)
    return sequences.Spec(self.size, length, start_token=base.BOS, end_token=base.EOS, forbidden_tokens=forbidden)

  def tokenize(self, sentence: str) -> list[int]:
    unknown = self.special[2]
    return [base.UNK if token == unknown else token + _FIRST for token in self._model.encode(sentence)]

  def decode(self, tokens: np.ndarray) -> list[str]:
    sentences, table = [], self.bytes_of
    for row in base.before_end(tokens):
      text = b"".join(table[token] for token in row)
      # A sample may have bytes that are no UTF-8.
      sentences.append((text.removeprefix(b" ") if self._model.spaced else text).decode(errors="replace"))
    return sentences

  def graph(self) -> tf.Module:
    """`decode` alone: the packages that cut text have no TensorFlow operations that every program could load."""
    return subword_ops.Decoder(self.bytes_of, base.PAD, base.EOS, self._model.spaced)

  def to_json(self) -> dict[str, Any]:
    return dataclasses.asdict(self)

  @classmethod
  def from_json(cls, fields: dict[str, Any]) -> "Tokenizer":
    made = cls(**schema.arguments(cls, fields, ""))
    if made.kind not in ("bytes", "words", "sentencepiece"):
      raise ValueError(f"kind is {schema.shown(made.kind)}; expected bytes, words or sentencepiece")
    count = len(made._model.table())
    if len(made.special) != 3 or not all(least <= token < count for least, token in zip((0, 0, -1), made.special)):
      raise ValueError(f"special is {schema.shown(made.special)}; expected ids below {count} of the start, the end and the unknown token, or -1")
    return made


class _Pieces:
  """A tokenizer of the package tokenizers, of byte pairs or WordPiece."""

  def __init__(self, contents: str):
    self._pipeline = subwords.guarded(subwords.package(presets.SPELLING).Tokenizer.from_str, contents)
    # Bytes have their spaces; words are joined by one.
    self.spaced = json.loads(contents)["model"]["type"] == "WordPiece"

  def encode(self, sentence):
    return self._pipeline.encode(sentence, add_special_tokens=False).ids

  def table(self):
    vocabulary = self._pipeline.get_vocab()
    table = [b""] * (max(vocabulary.values()) + 1)
    for piece, token in vocabulary.items():
      table[token] = self._spell(piece)
    return table

  def _spell(self, piece):
    if self.spaced:
      return (piece[2:] if piece.startswith("##") else f" {piece}").encode()
    return subwords.spelled(piece) if subwords.is_spelled(piece) else piece.encode()


class _Sentences:
  """A file of SentencePiece."""

  def __init__(self, contents: str):
    import sentencepiece  # Comes with KerasHub.

    sentencepiece.set_min_log_level(1)  # No line on the terminal for a file without rules of normalization.
    self._processor = sentencepiece.SentencePieceProcessor(model_proto=base64.b64decode(contents, validate=True))
    self.spaced = "".join(self._processor.encode("a", out_type=str)).startswith(_SPACE)

  def encode(self, sentence):
    return self._processor.encode(sentence, out_type=int)

  def table(self):
    return [self._spell(token) for token in range(self._processor.vocab_size())]

  def _spell(self, token):
    piece = self._processor.id_to_piece(token)
    if self._processor.is_control(token):
      return b""
    return bytes([int(piece[3:5], 16)]) if self._processor.is_byte(token) else piece.replace(_SPACE, " ").encode()


def read(name: str) -> Tokenizer:
  """The tokenizer that a name, keras_hub:PRESET_OR_FOLDER, means; raises a `UserError`."""
  preset, who = presets.named_in(name), f"the tokenizer {name}"
  if not preset:
    raise errors.UserError(f"{who} is of a preset: expected {presets.SPELLING}")
  found = presets.tokenizer(who, preset)
  return presets.load(who, "a tokenizer of byte pairs, SentencePiece or WordPiece with a start and an end token", _converted, found)


def _converted(found):
  """The tokenizer that does what one of KerasHub does. Raises a `ValueError` for other kinds."""
  kind = type(found).__name__.removesuffix("Tokenizer")
  if kind in ("GPT2", "OPT", "Roberta"):
    made = ("bytes", _byte_pairs(found.vocabulary, found.merges))
  elif kind in ("Llama", "Gemma"):
    made = ("sentencepiece", base64.b64encode(found.proto).decode())
  elif kind in ("Bert", "DistilBert", "Electra"):
    made = ("words", _word_pieces(found))
  else:
    raise ValueError(f"it is KerasHub's {type(found).__name__}, which is not supported")
  return Tokenizer(*made, presets.special_ids(found)[:3])


def _byte_pairs(vocabulary, merges):
  """GPT-2's words and bytes. As JSON."""
  tokenizers = subwords.package(presets.SPELLING)
  pairs = [tuple(merge.split(" ")) for merge in merges if not merge.startswith("#version:")]
  pipeline = tokenizers.Tokenizer(tokenizers.models.BPE(dict(vocabulary), pairs))
  pipeline.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
  return pipeline.to_str()


def _word_pieces(found):
  """BERT's words. As JSON."""
  tokenizers = subwords.package(presets.SPELLING)
  ids = {piece: token for token, piece in enumerate(found.vocabulary)}
  pipeline = tokenizers.Tokenizer(tokenizers.models.WordPiece(ids, unk_token=found.oov_token, continuing_subword_prefix=found.suffix_indicator))
  accents = found.lowercase or found.strip_accents
  pipeline.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=found.lowercase, strip_accents=accents)
  pipeline.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
  pipeline.add_special_tokens([found.oov_token])  # As decoded text has it, it is read again.
  return pipeline.to_str()
