"""Characters: Unicode code points, white space included."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from tf_textgan.data.tokenizers import base


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Table):
  """Takes every code point as a token. Decoding restores text of known characters exactly."""

  joint: ClassVar[str] = ""

  @staticmethod
  def split(sentence: str) -> list[str]:
    return list(sentence)

  @staticmethod
  def split_graph(texts: tf.Tensor) -> tf.RaggedTensor:
    return tf.strings.unicode_split(texts, "UTF-8")
