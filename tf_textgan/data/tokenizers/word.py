"""Words separated by white space."""

import dataclasses

import tensorflow as tf

from tf_textgan.data import text_ops
from tf_textgan.data.tokenizers import base


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Table):
  """Splits at runs of white space. Decoding joins words with single spaces."""

  @staticmethod
  def split(sentence: str) -> list[str]:
    return sentence.split()

  @staticmethod
  def split_graph(texts: tf.Tensor) -> tf.RaggedTensor:
    return text_ops.words(texts)
