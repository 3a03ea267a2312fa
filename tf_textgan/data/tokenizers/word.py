"""Words separated by white space."""

import dataclasses

from tf_textgan.data.tokenizers import base


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Table):
  """Splits at runs of white space. Decoding joins words with single spaces."""

  @staticmethod
  def split(sentence: str) -> list[str]:
    return sentence.split()
