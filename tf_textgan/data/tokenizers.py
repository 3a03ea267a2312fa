"""Cutting a raw sentence into words: functions from a string to a list of strings."""

import functools

import nltk.tokenize

NAMES = ("space", "nltk")

# Words that keep their full stop in the middle of a line.
_ABBREVIATIONS = {"mr.", "mrs.", "ms.", "dr.", "st.", "vs.", "jr.", "sr.", "no.", "etc."}


def space(sentence):
  """Splits at runs of whitespace."""
  return sentence.split()


def nltk_words(sentence):
  """Splits by NLTK's improved Penn Treebank rules, nearly as `nltk.word_tokenize` does.

  `word_tokenize` first cuts the text into sentences with a trained model (Punkt), which must be downloaded, and the rules then part the
  full stop from the last word of each. Here a full stop is parted from any word of two letters or more, unless it has another one inside
  (`u.s.`) or is a common abbreviation. The two differ on lines of several sentences only, in what they take for an abbreviation: eight of
  the 10,000 captions of Image COCO have such a full stop at all.
  """
  words = []
  for word in _treebank().tokenize(sentence):
    if len(word) > 2 and word.endswith(".") and "." not in word[:-1] and word.lower() not in _ABBREVIATIONS:
      words += [word[:-1], "."]
    else:
      words.append(word)
  return words


def named(name):
  """The tokenizer of one of `NAMES`."""
  return {"space": space, "nltk": nltk_words}[name]


@functools.cache
def _treebank():
  return nltk.tokenize.NLTKWordTokenizer()
