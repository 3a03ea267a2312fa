"""A unigram language model of pieces on bytes: a word is cut into the pieces whose product of probabilities is largest.

Kudo, 2018, https://arxiv.org/abs/1804.10959; on bytes, see `subwords.py`. The seed vocabulary is of byte-pair encoding, as section 3.2 allows. The
package tokenizers finds the pieces; its trainer is not used: it adds numbers in the order of a hash table, and gives another model each time
(https://github.com/huggingface/tokenizers/pull/762).
"""

import collections
from collections.abc import Iterable
import dataclasses
import itertools
import math
from typing import Any

import tensorflow as tf

from tf_textgan import schema
from tf_textgan.data import subword_ops
from tf_textgan.data import subwords
from tf_textgan.data import unigram_model
from tf_textgan.data.tokenizers import base

# Pieces to prune from, for each one that is wanted.
_SEEDS = 4
# Letters of the longest piece, as in SentencePiece.
_LONGEST = 16


@dataclasses.dataclass(frozen=True)
class Tokenizer(subwords.Subwords):
  """Cuts words into their most probable pieces.

  Attributes:
    scores: the log-probability of each piece, nats.
  """

  scores: tuple[float, ...] = ()

  @classmethod
  def build(cls, sentences: Iterable[str], config: Any) -> "Tokenizer":
    """Learns `max_vocab_size` tokens, or as many as there are pieces seen `min_count` times; the most probable ones first."""
    pre, counts = subwords.words(), collections.Counter()
    for sentence in subwords.texts(sentences, config.lowercase):
      counts.update(word for word, _ in pre.pre_tokenize_str(sentence))
    counts = dict(sorted(counts.items()))
    num = (config.max_vocab_size or subwords.DEFAULT_SIZE) - len(base.SPECIAL_TOKENS)
    seeds, _ = subwords.learn_merges(
      itertools.chain.from_iterable(itertools.repeat(word, count) for word, count in counts.items()), _SEEDS * num, config.min_count, True, _LONGEST
    )
    model = unigram_model.learn(counts, seeds, num)
    pieces = sorted(model, key=lambda piece: (-model[piece], piece))
    return cls((*base.SPECIAL_TOKENS, *pieces), config.lowercase, tuple(model[piece] for piece in pieces))

  def model(self) -> Any:
    return subwords.package("unigram").models.Unigram(list(zip(self.tokens[len(base.SPECIAL_TOKENS) :], self.scores)))

  def check_model(self) -> None:
    num = len(self.tokens) - len(base.SPECIAL_TOKENS)
    if len(self.scores) != num:
      raise ValueError(f"there are {len(self.scores)} scores; expected one for each of the {num} pieces")
    for number, score in enumerate(self.scores):
      if not (math.isfinite(score) and score <= 0):
        raise ValueError(f"scores[{number}] is {schema.shown(score)}; expected a log-probability")

  def graph(self) -> tf.Module:
    ids = {piece: number for number, piece in enumerate(self.tokens) if number >= len(base.SPECIAL_TOKENS)}
    return self.graph_of(subword_ops.Viterbi(ids, self.scores))
