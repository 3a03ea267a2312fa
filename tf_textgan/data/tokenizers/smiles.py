"""Molecules in SMILES: atoms, bonds, branches and ring closures.

The tokens are those of Schwaller et al., 2019, https://doi.org/10.1021/acscentsci.9b00576: an atom in brackets is one, and so are Br, Cl and a ring
closure of two digits, %12. Any other character is a token by itself, so that decoding restores the text.
"""

import dataclasses
from typing import Any
from typing import ClassVar

import tensorflow as tf

from tf_textgan.data import text_ops
from tf_textgan.data.tokenizers import base

_PATTERN = r"\[[^\]]+\]|Br|Cl|%[0-9]{2}|(?s:.)"


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Table):
  """Splits into the tokens of SMILES."""

  joint: ClassVar[str] = ""

  @classmethod
  def check(cls, config: Any) -> None:
    super().check(config)
    base.refuse_lowercase(config, "C and c are different atoms")

  @staticmethod
  def split(sentence: str) -> list[str]:
    return text_ops.cut(sentence, _PATTERN)

  @staticmethod
  def split_graph(texts: tf.Tensor) -> tf.RaggedTensor:
    return text_ops.cut_all(texts, _PATTERN)
