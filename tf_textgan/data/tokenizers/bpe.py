"""Byte-pair encoding on bytes: frequent pairs of pieces are merged, from single bytes on.

Sennrich et al., 2016, https://arxiv.org/abs/1508.07909; on bytes as GPT-2, see `subwords.py`.
"""

from collections.abc import Iterable
import dataclasses
from typing import Any

import tensorflow as tf

from tf_textgan import schema
from tf_textgan.data import subword_ops
from tf_textgan.data import subwords
from tf_textgan.data.tokenizers import base


@dataclasses.dataclass(frozen=True)
class Tokenizer(subwords.Subwords):
  """Merges pairs in the order in which they were learned.

  Attributes:
    merges: pairs of pieces, a space between the two, in that order.
  """

  merges: tuple[str, ...] = ()

  @classmethod
  def build(cls, sentences: Iterable[str], config: Any) -> "Tokenizer":
    """Learns merges until the vocabulary has `max_vocab_size` tokens, or no pair is left that is seen `min_count` times."""
    num = (config.max_vocab_size or subwords.DEFAULT_SIZE) - len(base.SPECIAL_TOKENS)
    pieces, merges = subwords.learn_merges(subwords.texts(sentences, config.lowercase), num, config.min_count)
    return cls((*base.SPECIAL_TOKENS, *pieces), config.lowercase, tuple(map(" ".join, merges)))

  def _pairs(self):
    return [tuple(merge.split(" ")) for merge in self.merges]

  def model(self) -> Any:
    ids = {piece: number for number, piece in enumerate(self.tokens[len(base.SPECIAL_TOKENS) :])}
    return subwords.package("bpe").models.BPE(ids, self._pairs())

  def check_model(self) -> None:
    pieces, seen = set(self.tokens[len(base.SPECIAL_TOKENS) :]), set()
    for number, merge in enumerate(self.merges):
      pair = merge.split(" ")
      if len(pair) != 2 or not pieces >= {*pair, "".join(pair)} or merge in seen:
        raise ValueError(f"merges[{number}] is {schema.shown(merge)}; expected two pieces whose union is a piece, and each pair once")
      seen.add(merge)

  def graph(self) -> tf.Module:
    ids = {piece: number for number, piece in enumerate(self.tokens) if number >= len(base.SPECIAL_TOKENS)}
    return self.graph_of(subword_ops.Merges(ids, self._pairs()))
