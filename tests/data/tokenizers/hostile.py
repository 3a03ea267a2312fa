"""Text for tests of tokenizers: plain sentences, hostile text, and tokenizers learned from it."""

import unicodedata

from tests.campaigns import common
from tests.campaigns import texts as campaign
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base

SENTENCES = ["the cat sees the dog", "a dog  sees\tthe\u00a0cat ", "the bird"]
# Possible contents of a text file: all kinds of white space, names of special tokens, letters of many bytes, combining marks, bidirectional marks.
TEXTS = [
  "the cat sees", "", "  the\t\tdog\n", "an unknown thing", "the the the the the the the", "<eos> the <pad> <unk> <bos>",
  "the\u00a0cat\u3000dog\x1cthe\u2028cat", "naïve 😀 \u3000", "e\u0301 \u200f\u05d0\u05d1 \ufeff", "A\x00B \x7f", "👩‍👩‍👧 ok", "''say'' ``it''.",
  "ẞ straße İ ΟΔΟΣ ΣΑΣ Ǆ",
]  # fmt: skip
# To learn pieces from.
LEARNED = [*SENTENCES, "the cats see 12 birds, don't they?", "  a cat's \t home", "naïve 😀 秦川"] * 3


def build(name, sentences=LEARNED, **settings):
  """A tokenizer learned from sentences, of 300 tokens unless the settings have another `max_vocab_size`."""
  config = text_config.TextConfig(tokenizer=name, **{"max_vocab_size": 300, **settings})
  text_config.check(config)
  return base.find(name).build(iter(sentences), config)


def lines():
  """Lines of all kinds of odd text, several hundred."""
  draws = common.draws(campaign.Options(), 0)
  found = [line for odd in campaign._ODD.values() for line in campaign._lines(draws, odd, 10)]
  found += ["".join(chr(draws.choice((draws.randrange(1, 0xD800), draws.randrange(0xE000, 0x110000)))) for _ in range(40)) for _ in range(100)]
  found += [unicodedata.normalize("NFD", line) for line in found[::7]]
  return [*found, *TEXTS, " ", "   ", " a", "a  b   c ", "x" * 500, "秦" * 200, " " * 200, "\u200d\ufe0f", *map(chr, range(1, 256))]


def emoji():
  """300 lines of words and emoji."""
  return campaign._lines(common.draws(campaign.Options(), 1), campaign._ODD["emoji"], 300)
