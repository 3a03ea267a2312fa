"""Texts that are all different, and none of which stands in a run's training text."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import hashlib
from typing import Any

import numpy as np

from tf_textgan.data import corpus as corpus_lib

# Rows of the training text that are decoded together.
_ROWS = 4096
# Texts that are drawn together: at least, as the last few are the rarest, and at most, for the memory.
_FEWEST, _MOST = 64, 8192


class Seen:
  """The texts that have been seen, by hashes of eight bytes: two texts of 10 million are taken for one with a probability of three in a million.

  Attributes:
    repeated: number of texts that were refused because they had been drawn before.
    copied: number of texts that were refused because they stand in the training text.
  """

  def __init__(self, training: Iterable[str]):
    """Keeps the hashes of the training text, whose strings are read once."""
    self._training = np.unique(np.fromiter(map(_hashed, training), np.uint64))
    self._drawn = set()
    self.repeated = self.copied = 0

  def is_new(self, text: str) -> bool:
    """Whether a text is in neither; it then counts as drawn."""
    hashed = _hashed(text)
    place = np.searchsorted(self._training, np.uint64(hashed))
    copied, repeated = place < len(self._training) and self._training[place] == hashed, hashed in self._drawn
    self.copied += bool(copied)
    self.repeated += repeated
    if not copied and not repeated:
      self._drawn.add(hashed)
    return not copied and not repeated


def training_text(corpus: corpus_lib.Corpus) -> Iterator[str]:
  """Yields the sentences of a corpus's training split as they are decoded, which is how a sample reads."""
  tokens = corpus.tokens["train"]
  for first in range(0, len(tokens), _ROWS):
    yield from corpus.tokenizer.decode(tokens[first : first + _ROWS])


def collect(draw: Callable[[int, int], Iterable[Any]], text_of: Callable[[Any], str], num: int, tries: int, seen: Seen) -> Iterator[Any]:
  """Yields `num` of the results whose texts are new, fewer if `tries` have been drawn before.

  Args:
    draw: function of a number and the index of the call, returning as many results or fewer; it ends the search if there are none.
    text_of: the text of a result.
    num: results to yield.
    tries: most results to draw.
    seen: knows what is not new.
  """
  found = drawn = calls = 0
  while found < num and drawn < tries:
    results = list(draw(min(max(num - found, _FEWEST), _MOST, tries - drawn), calls))
    drawn, calls = drawn + len(results), calls + 1
    if not results:
      return
    for result in results:
      if found < num and seen.is_new(text_of(result)):
        found += 1
        yield result


def _hashed(text):
  return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
