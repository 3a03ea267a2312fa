"""Characters: Unicode code points, white space included."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from tf_textgan.data.tokenizers import base


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Table):
  """Takes every code point for a token. Text of known characters comes back as it was."""

  joint: ClassVar[str] = ""

  @staticmethod
  def split(sentence):
    return list(sentence)

  @staticmethod
  def split_graph(texts):
    return tf.strings.unicode_split(texts, "UTF-8")
