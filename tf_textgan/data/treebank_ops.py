"""NLTK's word rules inside a TensorFlow graph: `tokenizers/nltk.py` as regular expressions without lookaround, which TensorFlow's RE2 lacks.

The rules are those of `nltk.tokenize.NLTKWordTokenizer` and of `tokenizers/nltk.py`, in their order. A neighbour that Python only looks at is matched
here and put back; where two matches may share it, the rule is applied twice. Letters, digits and white space are those of the engine that NLTK uses:
its own from version 3.10 on, but Python's for contractions.
"""

import functools
import re
from typing import Any

import nltk
import tensorflow as tf

from tf_textgan.data import text_ops

# Characters that no text contains: for a closing quotation mark that stands alone, and for an apostrophe that is not split off.
_CLOSING, _APOSTROPHE = "\ufdd0", "\ufdd1"


def words(texts: tf.Tensor, abbreviations: frozenset[str]) -> tf.RaggedTensor:
  """Splits strings `[N]` into words: a ragged string tensor `[N, (words)]`.

  Args:
    texts: strings.
    abbreviations: lower-case words that keep their full stop.
  """
  for pattern, rewrite, times in _rules():
    for _ in range(times):
      texts = tf.strings.regex_replace(texts, pattern, rewrite)
  found = text_ops.words(texts)
  kept = tf.reduce_any(tf.strings.lower(found.values, encoding="utf-8")[:, None] == tf.constant(sorted(abbreviations)), axis=1)
  stops = tf.strings.regex_full_match(found.values, r"[^.]{2,}\.") & ~kept
  pieces = tf.strings.split(tf.where(stops, tf.strings.regex_replace(found.values, r"\.$", " ."), found.values))
  pieces = pieces.with_values(tf.where(pieces.values == _CLOSING, "''", pieces.values))
  return found.with_values(pieces).merge_dims(1, 2)


@functools.cache
def _rules():
  """Triples of a pattern, what replaces it, and how often it is applied."""
  engine = getattr(nltk, "redos", re)
  # RE2's own classes know ASCII only.
  space, word, digit = (_class(pattern, engine) for pattern in (r"\s", r"\w", r"\d"))
  python_space, python_word, end = _class(r"\s", re), _class(r"\w", re), r"\z"
  suffixes = "|".join(_any_case(suffix, engine) for suffix in ("re", "ve", "ll", "m", "t", "s", "d", "n"))

  def contraction(first, second, before=rf"(^|[^{python_word}])", after=rf"([^{python_word}]|{end})", times=2):
    return rf"{before}({_any_case(first, re)})({_any_case(second, re)}){after}", r"\1 \2 \3 \4", times

  return (
    (rf"^[{python_space}]+|[{python_space}]+{end}", "", 1),
    (rf"(^|[{python_space}])''([{python_space}]|{end})", rf"\1{_CLOSING}\2", 2),
    # Opening quotation marks.
    (r"([«“‘„]|[`]+)", r" \1 ", 1),
    (r'^"', "``", 1),
    (r"(``)", r" \1 ", 1),
    (r"([ (\[{<])(\"|'')", r"\1 `` ", 1),
    (rf"([{word}])'", rf"\1{_APOSTROPHE}", 1),
    (rf"'({suffixes})([^{word}]|{end})", rf"{_APOSTROPHE}\1\2", 1),
    (rf"'([{word}])", r"' \1", 1),
    (_APOSTROPHE, "'", 1),
    # Punctuation. Python's $ is also before a line feed at the end.
    (rf"([^.])(\.)([\])}}>\"'»”’ ]*)[{space}]*{end}", r"\1 \2 \3 ", 1),
    (rf"([:,])([^{digit}])", r" \1 \2", 1),
    (rf"([:,])(\n?){end}", r" \1 \2", 1),
    (r"\.{2,}", r" \0 ", 1),
    (r"[;@#$%&]", r" \0 ", 1),
    (r"[\x{2012}-\x{2015}]", r" \0 ", 1),
    (rf"([^.])(\.)([\])}}>\"']*)[{space}]*{end}", r"\1 \2\3 ", 1),
    (r"[?!]", r" \0 ", 1),
    (r"([^'])' ", r"\1 ' ", 1),
    (r"[*]", r" \0 ", 1),
    (r"[\]\[(){}<>]", r" \0 ", 1),
    (r"--", r" -- ", 1),
    # Closing quotation marks and clitics.
    (r"^", " ", 1),
    (end, " ", 1),
    (r"([»”’])", r" \1 ", 1),
    (r"''", r" '' ", 1),
    (r'"', r" '' ", 1),
    (rf"[{space}]+", " ", 1),
    (r"([^' ])('[sSmMdD]?) ", r"\1 \2 ", 1),  # One class: RE2 reads [sS]|[mM] as letters in any case, \u017f among them.
    (r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", r"\1 \2 ", 1),
    # Contractions.
    contraction("can", "not"),
    contraction("d", "'ye"),
    contraction("gim", "me"),
    contraction("gon", "na"),
    contraction("got", "ta"),
    contraction("lem", "me"),
    contraction("more", "'n"),
    contraction("wan", "na", after=rf"([{python_space}])"),
    # A second time would find what the first has split off. Two spaces are enough for two matches.
    (" ", "  ", 1),
    contraction("'t", "is", before="( )", times=1),
    contraction("'t", "was", before="( )", times=1),
  )


@functools.cache
def _characters():
  """All characters."""
  return "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))  # The others are surrogates.


def _any_case(text: str, engine: Any) -> str:
  """A pattern of a lower-case text that matches without regard to case, as an engine with the functions of `re` does."""
  return "".join(f"[{''.join(engine.findall(f'(?i){letter}', _characters()))}]" if letter.isalpha() else letter for letter in text)


def _class(pattern: str, engine: Any) -> str:
  """The inside of a character class of RE2: all characters that match a pattern."""
  ranges = []
  for code in map(ord, engine.findall(pattern, _characters())):
    if ranges and ranges[-1][1] == code - 1:
      ranges[-1][1] = code
    else:
      ranges.append([code, code])
  return "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in ranges)
