"""Characters: Unicode code points, white space included."""

import dataclasses
from typing import Any
from typing import ClassVar

import tensorflow as tf

from tf_textgan import schema
from tf_textgan.data.tokenizers import base


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Table):
  """Takes every code point as a token. Decoding restores text of known characters exactly."""

  joint: ClassVar[str] = ""

  @staticmethod
  def split(sentence: str) -> list[str]:
    return list(sentence)

  @classmethod
  def from_json(cls, fields: dict[str, Any]) -> "Tokenizer":
    table = super().from_json(fields)
    for number, token in enumerate(table.tokens[len(base.SPECIAL_TOKENS) :], len(base.SPECIAL_TOKENS)):
      if len(token) != 1:
        raise ValueError(f"tokens[{number}] is {schema.shown(token)}; expected one character")
    return table

  @staticmethod
  def split_graph(texts: tf.Tensor) -> tf.RaggedTensor:
    return tf.strings.unicode_split(texts, "UTF-8")
