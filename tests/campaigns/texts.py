"""Gives the text corpora files of hostile text, with each tokenizer, lower-cased and not.

Each file must be refused in one line, or keep what is promised: every line of text is in one of the splits, or left out because it is too long; what
is encoded decodes to the sentence as the tokenizer splits it (`char`, `bpe`, `unigram`: to the sentence itself), but for words that spell out a
special token; and the operations in a graph encode as Python does.
"""

from collections.abc import Callable
import dataclasses
import itertools
import pathlib
import random
import shutil

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.campaigns import common
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data.datasets import text_lines
from tf_textgan.data.tokenizers import base as tokenizers

# Seconds for a file with all tokenizers.
_LIMIT = 120
TOKENIZERS = ("word", "nltk", "char", "bpe", "unigram")

_WORDS = (
  "a", "man", "Dog", "SEES", "the", "it's", "can't", "(well)", "e.g.", "$5.00", "--", "\u2014", "``quoted''", '"so"', "...", "I\u0130\u0131",
  "\u00df",
)  # fmt: skip
_ODD = {
  "separators": "\u2028\u2029\x85\x1c\x1d\x1e\x1f\x0b\x0c",
  "spaces": "\u00a0\u2003\u3000\u200b\u1680\ufeff\t",
  "combining": "e\u0301\u0308\u0300a\u0489\u20dd\u0f77",
  "right to left": "\u05e9\u05dc\u05d5\u05dd \u202e\u0645\u0631\u062d\u0628\u0627\u202c",
  "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308 \U0001f44d\U0001f3fd",
  "controls": "".join(map(chr, (*range(1, 10), *range(14, 32), 127, *range(128, 160)))),
  "non-characters": "\ufdd0\ufffe\uffff\U0010ffff\ufffd\ue000",
  "special tokens": " <pad> <bos> <eos> <unk> <PAD> <Eos> <eos>s",
  "case": "\u0130\u1e9e\u01c5\ufb03\u03a3\u03c2 \u0130stanbul",
}


def _line(draws, odd=""):
  words = [draws.choice(_WORDS) for _ in range(draws.randint(1, 9))]
  if odd:
    start = draws.randrange(len(odd))
    words.insert(draws.randint(0, len(words)), odd[start : start + draws.randint(1, 8)])
  return draws.choice((" ", " ", "  ")).join(words)


def _lines(draws, odd="", num=60):
  return [_line(draws, odd if draws.random() < 0.5 else "") for _ in range(num)]


def _text(draws, lines, ends=("\n",)):
  return "".join(line + draws.choice(ends) for line in lines).encode("utf-8", "surrogatepass")


def _with(odd: str) -> Callable[[random.Random], bytes]:
  return lambda draws: _text(draws, _lines(draws, odd))


def _invalid(draws):
  content = bytearray(_text(draws, _lines(draws, draws.choice(list(_ODD.values())), 20)))
  wrong = draws.choice((b"\xff", b"\xc3", b"\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf", b"\xe2\x28"))
  place = draws.choice((0, len(content), draws.randrange(len(content))))
  return bytes(content[:place] + wrong + content[place:])


def _other_encoding(draws):
  encoding = draws.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "latin-1", "cp1252", "utf-7", "shift-jis"))
  return "\n".join(_lines(draws, "\u00e9\u00fc")).encode(encoding, "replace")


def _cut(draws):
  """Cut anywhere, as by a full disk."""
  content = _text(draws, _lines(draws, _ODD["emoji"]))
  return content[: draws.randrange(len(content))]


def _nuls(draws):
  content = bytearray(_text(draws, _lines(draws)))
  for _ in range(draws.randint(1, 5)):
    content.insert(draws.randrange(len(content)), 0)
  return bytes(content)


def _long(draws):
  """Lines around the longest sequence that is kept by default, and one very long."""
  lines = _lines(draws, num=30)
  for size in (254, 255, 256, 257, draws.randint(1000, 100_000)):
    lines.append("ab" * size if draws.random() < 0.3 else " ".join(draws.choice("abcde") for _ in range(size)))
  draws.shuffle(lines)
  return _text(draws, lines)


def _blank(draws):
  return _text(draws, [draws.choice(("", " ", "\t", "\u00a0", "\u2028", "\x1f", "\u200b", _line(draws))) for _ in range(80)])


def _few(draws):
  return _text(draws, _lines(draws, draws.choice(["", *_ODD.values()]), draws.randint(0, 4)), ("\n", ""))


def _alphabet(draws):
  """Every letter is another one."""
  letters = [chr(point) for point in draws.sample([p for p in range(0x100, 0x2FFFF) if not 0xD800 <= p < 0xE000], 4000)]
  return _text(draws, ["".join(letters[i : i + 40]) for i in range(0, 4000, 40)])


def _marks(draws):
  """Byte order marks, at the start and elsewhere."""
  lines = _lines(draws, "\ufeff")
  return draws.choice((b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2, b"")) + _text(draws, lines)


_KINDS = {
  **{name: _with(odd) for name, odd in _ODD.items()},
  "endings": lambda draws: _text(draws, _lines(draws), ("\n", "\r\n", "\r", "\n\r", "\r\r\n", "\n\n")),
  "lone carriage returns": lambda draws: _text(draws, _lines(draws), ("\r",)),
  "no last ending": lambda draws: _text(draws, _lines(draws)).rstrip(b"\n"),
  "byte order marks": _marks,
  "invalid bytes": _invalid,
  "another encoding": _other_encoding,
  "cut": _cut,
  "NULs": _nuls,
  "long lines": _long,
  "blank lines": _blank,
  "few lines": _few,
  "large alphabet": _alphabet,
  "duplicates": lambda draws: _text(draws, _lines(draws, num=3) * 30),
  "random bytes": lambda draws: draws.randbytes(2000),
  "random letters": lambda draws: _text(draws, ["".join(chr(draws.choice((draws.randrange(1, 0xD800), draws.randrange(0xE000, 0x110000))))
                                                        for _ in range(draws.randint(1, 30))) for _ in range(60)]),
}  # fmt: skip


def sentences_in(content: bytes) -> list[str]:
  """The lines of a UTF-8 file that are not blank."""
  lines = content.decode("utf-8").removeprefix("\ufeff").split("\n")
  return [line for line in (line.rstrip("\r") for line in lines) if line.strip()]


def broken_promises(content: bytes, corpus: corpus_lib.Corpus, lowercase: bool) -> list[str]:
  """What a corpus does not keep of its promises about a file's text: a list of sentences."""
  tokenizer, length, found = corpus.tokenizer, corpus.spec.length, []
  expected, raw, left_out = [], [], 0
  for sentence in sentences_in(content):
    lowered = sentence.lower() if lowercase else sentence
    pieces = tokenizer.split(lowered) if isinstance(tokenizer, tokenizers.Table) else tokenizer.tokenize(sentence)
    if 0 < len(pieces) < length:
      expected.append(pieces if isinstance(tokenizer, tokenizers.Table) else lowered)
      raw.append(sentence)
    else:
      left_out += 1
  rows = np.concatenate([corpus.tokens[split] for split in corpus_lib.SPLITS])
  if len(rows) != len(expected):
    found.append(f"{len(rows)} sentences are in the corpus, and {left_out} left out, of {len(expected) + left_out} lines")
  # The splits mix the lines, and the vocabulary is that of the training split.
  wanted = sorted(expected)
  if isinstance(tokenizer, tokenizers.Table):
    known = set(tokenizer.tokens) - set(tokenizers.SPECIAL_TOKENS)
    wanted = sorted(tokenizer.joint.join(piece if piece in known else "<unk>" for piece in pieces) for pieces in expected)
  decoded = tokenizer.decode(rows)
  if sorted(decoded) != wanted:
    odd = next(pair for pair in itertools.zip_longest(sorted(decoded), wanted) if pair[0] != pair[1])
    found.append(f"decoded {odd[0]!r}, expected {odd[1]!r}")
  whole = [i for i, row in enumerate(rows) if tokenizers.UNK not in row]
  again = tokenizer.encode([decoded[i] for i in whole], length)
  if not np.array_equal(again, rows[whole]):
    odd = next(i for i, row in enumerate(again) if not np.array_equal(row, rows[whole][i]))
    found.append(f"{decoded[whole[odd]]!r} is encoded otherwise after it was decoded: {tokenizer.decode(again[odd : odd + 1])[0]!r}")
  graph = tokenizer.graph()
  if graph is not None and raw:
    by_python, by_graph = tokenizer.encode(raw, length), graph.encode(tf.constant(raw), tf.constant(length)).numpy()
    if not np.array_equal(by_python, by_graph):
      odd = next(i for i, row in enumerate(by_python) if not np.array_equal(row, by_graph[i]))
      found.append(f"the graph encodes {raw[odd]!r} otherwise")
    by_graph = [text.decode() for text in graph.decode(tf.constant(rows)).numpy()]
    if by_graph != decoded:
      found.append(f"the graph decodes otherwise: {next(pair for pair in zip(by_graph, decoded) if pair[0] != pair[1])}")
  return found


@dataclasses.dataclass(frozen=True)
class Options(common.Options):
  """Options of the campaign; --num is the number of files."""

  num: int = 300


class Cases:
  """See the module."""

  def __init__(self, options: Options, folder: pathlib.Path):
    self._options, self._folder = options, folder
    tfds.disable_progress_bar()

  def __call__(self, number: int) -> common.Outcome:
    kind = list(_KINDS)[number % len(_KINDS)]
    content = _KINDS[kind](common.draws(self._options, number))
    place = common.clean(self._folder / "place")
    (place / "text.txt").write_bytes(content)
    results = set()
    for name, lowercase in itertools.product(TOKENIZERS, (False, True)):
      config = text_lines.Config(text_files=str(place / "text.txt"), tokenizer=name, lowercase=lowercase)
      corpora = []
      result, detail = common.attempt(lambda config=config, corpora=corpora: corpora.append(text_lines.load(config, str(place / "data"))))
      if result == "done" and (found := broken_promises(content, corpora[0], lowercase)):
        result, detail = "differs", "; ".join(found)
      if result not in common.FINE:
        shutil.copy(place / "text.txt", self._folder / f"case_{number}.txt")
        return common.Outcome(kind, result, f"{name}{', lowercase' * lowercase}: {detail}")
      results.add(result)
    return common.Outcome(kind, "done" if "done" in results else "refused", detail)


if __name__ == "__main__":
  common.run("texts", __doc__, Options, Cases, _LIMIT)
