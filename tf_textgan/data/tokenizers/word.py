"""Words between white space."""

import dataclasses

from tf_textgan.data.tokenizers import base


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Table):
  """Splits at runs of white space. Text comes back with single spaces."""

  @staticmethod
  def split(sentence):
    return sentence.split()
