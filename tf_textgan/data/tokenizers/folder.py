"""The tokenizer of a folder with a `tokenizer.json`, as the package tokenizers saves it, and with it transformers and the Hugging Face Hub.

It has the file's own ids, 4 higher, and the whole of it stands in the run's `vocabulary.json`. The special tokens of the file are not added to
sentences, and text cannot spell them. What decoding restores depends on the file: of byte-level pieces all, of others less.
"""

from collections.abc import Iterable
import dataclasses
import functools
import json
import os
from typing import Any

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import schema
from tf_textgan import sequences
from tf_textgan.data import subword_ops
from tf_textgan.data import subwords
from tf_textgan.data.tokenizers import base

_FILE = "tokenizer.json"


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Tokenizer):
  """See the module.

  Attributes:
    contents: the file, as JSON in one form.
  """

  contents: str

  @classmethod
  def check(cls, config: Any) -> None:
    super().check(config)
    base.refuse_lowercase(config, f"its {_FILE} says what is done to text")
    base.refuse_choice(config)
    _read(config.tokenizer)

  @classmethod
  def build(cls, sentences: Iterable[str], config: Any) -> "Tokenizer":
    """Reads the folder `config.tokenizer`; the sentences are not read."""
    del sentences
    return _read(config.tokenizer)

  def unlike(self, config: Any) -> str:
    same = _read(config.tokenizer) == self
    return "" if same else f"the tokenizer {config.tokenizer}, but the existing vocabulary is that of another {_FILE}"

  @functools.cached_property
  def _pipeline(self):
    pipeline = subwords.guarded(subwords.package(_FILE).Tokenizer.from_str, self.contents)
    pipeline.no_padding()
    pipeline.no_truncation()
    pipeline.encode_special_tokens = True
    return pipeline

  @functools.cached_property
  def _vocabulary(self) -> dict[str, int]:
    return self._pipeline.get_vocab(with_added_tokens=True)

  @functools.cached_property
  def size(self) -> int:
    return len(base.SPECIAL_TOKENS) + max(self._vocabulary.values(), default=-1) + 1

  @functools.cached_property
  def _unknown(self) -> int | None:
    """The file's id for unknown pieces; None if it has none."""
    model = json.loads(self.contents)["model"]
    return model.get("unk_id", self._vocabulary.get(model.get("unk_token")))

  @property
  def unknown_token(self) -> int | None:
    return None if self._unknown is None else base.UNK

  def spec(self, length: int) -> sequences.Spec:
    forbidden = (base.PAD, base.BOS, *([base.UNK] if self._unknown is None else []))
    return sequences.Spec(self.size, length, start_token=base.BOS, end_token=base.EOS, forbidden_tokens=forbidden)

  def tokenize(self, sentence: str) -> list[int]:
    try:
      ids = subwords.guarded(self._pipeline.encode, sentence, add_special_tokens=False).ids
    except ValueError as error:
      raise errors.UserError(f"the tokenizer of a {_FILE} cannot read {sentence[:60]!r}: {error}") from error
    return [base.UNK if token == self._unknown else token + len(base.SPECIAL_TOKENS) for token in ids]

  def decode(self, tokens: np.ndarray) -> list[str]:
    sentences, first = [], len(base.SPECIAL_TOKENS)
    for row in base.before_end(tokens):
      ids = [self._unknown if token == base.UNK else token - first for token in row if token >= base.UNK]
      sentences.append(self._pipeline.decode([token for token in ids if token is not None], skip_special_tokens=False))
    return sentences

  def graph(self) -> tf.Module | None:
    """`decode` alone, if the file decodes bytes; None otherwise."""
    if (json.loads(self.contents).get("decoder") or {}).get("type") != "ByteLevel":
      return None
    table = [b""] * self.size
    for piece, token in self._vocabulary.items():
      table[token + len(base.SPECIAL_TOKENS)] = subwords.spelled(piece) if subwords.is_spelled(piece) else piece.encode()
    if self._unknown is not None:
      table[base.UNK] = table[self._unknown + len(base.SPECIAL_TOKENS)]
    return subword_ops.Decoder(table, base.PAD, base.EOS)

  def to_json(self) -> dict[str, Any]:
    return {"contents": json.loads(self.contents)}

  @classmethod
  def from_json(cls, fields: dict[str, Any]) -> "Tokenizer":
    schema.check_names(cls, fields, "")
    return _checked(fields["contents"])


def _read(folder):
  """The tokenizer in a folder; raises a `UserError`."""
  path = os.path.join(os.path.expanduser(folder), _FILE)
  try:
    return _checked(schema.read_json(path))
  except OSError as error:
    raise errors.UserError(f"the tokenizer {folder} expected a folder with a {_FILE}, but {path} cannot be read: {error.strerror}") from error
  except ValueError as error:
    raise errors.UserError(f"{path} is no tokenizer of the package tokenizers: {error}") from error


def _checked(contents):
  """The tokenizer of a file's contents; raises a `ValueError`."""
  if not isinstance(contents, dict) or not isinstance(contents.get("model"), dict):
    raise ValueError("expected an object with a model")
  tokenizer = Tokenizer(json.dumps(contents, ensure_ascii=False))
  # 0 pieces cannot be drawn from.
  if not len(base.SPECIAL_TOKENS) < tokenizer.size <= sequences.LARGEST_VOCABULARY:
    most = sequences.LARGEST_VOCABULARY - len(base.SPECIAL_TOKENS)
    raise ValueError(f"it has {tokenizer.size - len(base.SPECIAL_TOKENS)} ids; expected 1 to {most}")
  return tokenizer
