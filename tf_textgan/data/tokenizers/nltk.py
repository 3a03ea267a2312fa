"""Words by NLTK's improved Penn Treebank rules: punctuation and clitics are tokens of their own."""

import dataclasses
import functools
import re

import nltk.tokenize
import tensorflow as tf

from tf_textgan.data import treebank_ops
from tf_textgan.data.tokenizers import base

# Words that keep their full stop in the middle of a line.
_ABBREVIATIONS = frozenset({"mr.", "mrs.", "ms.", "dr.", "st.", "vs.", "jr.", "sr.", "no.", "etc."})
# The rules' closing quotation mark. Standing alone, they would read it as an opening one, so a character that no text contains replaces it.
_CLOSING = re.compile(r"(?<!\S)''(?!\S)")
_STAND_IN = "\ufdd0"


@dataclasses.dataclass(frozen=True)
class Tokenizer(base.Table):
  """Splits nearly as `nltk.word_tokenize` does. Leaves text that is already split unchanged, but for rare words such as `'ye`.

  `word_tokenize` first splits the text into sentences with a trained model (Punkt), which must be downloaded; the rules then split the full stop
  from the last word of each sentence. Here a full stop is split from any word of two letters or more, unless the word contains another one (`u.s.`)
  or is a common abbreviation. The two differ only in abbreviations on lines of several sentences: eight of the 10,000 captions of Image COCO have
  such a full stop at all.
  """

  @staticmethod
  def split(sentence: str) -> list[str]:
    words = []
    # Stripped of what Python takes for white space: the rules' engine knows fewer characters, and would not see that a full stop is the last.
    for word in _treebank().tokenize(_CLOSING.sub(_STAND_IN, sentence.strip())):
      if len(word) > 2 and word.endswith(".") and "." not in word[:-1] and word.lower() not in _ABBREVIATIONS:
        words += [word[:-1], "."]
      else:
        words.append("''" if word == _STAND_IN else word)
    return words

  @staticmethod
  def split_graph(texts: tf.Tensor) -> tf.RaggedTensor:
    return treebank_ops.words(texts, _ABBREVIATIONS)


@functools.cache
def _treebank():
  return nltk.tokenize.NLTKWordTokenizer()
