"""Tests of tf_textgan.data.tokenizers.regex."""

import json
import re

import numpy as np
import pytest

from tests.data.tokenizers import hostile
from tf_textgan import errors
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base
from tf_textgan.data.tokenizers import regex

# Without NUL, which no corpus has, and special tokens spelled out, which no table has.
TEXTS = [text.replace("\0", "") for text in hostile.TEXTS if "<eos>" not in text]
PATTERNS = (r"\w+", r" ?\pL+|\pN", r"(?i)the|[aeiou]", r"[^ ]+ ?", "é|😀", r"\bthe\b", "(t)(h)(e)")


def _config(pattern, **settings):
  return text_config.TextConfig(tokenizer="regex", token_pattern=pattern, **settings)


def _built(pattern, sentences, **settings):
  config = _config(pattern, **settings)
  text_config.check(config)
  return regex.Tokenizer.build(iter(sentences), config)


def test_matches_and_what_stands_between_them_are_tokens():
  tokenizer = _built(r"\w+", ["the cat, the dog", "the!"])
  assert tokenizer.tokens[4:] == ("the", " ", "!", ", ", "cat", "dog")
  assert tokenizer.decode(tokenizer.encode(["the dog, the cat!", "a cat"], 9)) == ["the dog, the cat!", "<unk> cat"]
  assert _built(r"\w+", ["THE Cat"], lowercase=True).tokens[4:] == (" ", "cat", "the")


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("lowercase", [False, True])
def test_text_is_restored_and_the_graph_agrees(pattern, lowercase):
  tokenizer = _built(pattern, TEXTS, lowercase=lowercase)
  expected = [text.lower() if lowercase else text for text in TEXTS]
  assert tokenizer.decode(tokenizer.encode(TEXTS, 60)) == expected
  graph, texts = tokenizer.graph(), [*hostile.TEXTS, "the unknown Zebra"]
  for length in (1, 60):
    tokens = graph.encode(texts, length)
    np.testing.assert_array_equal(tokens, tokenizer.encode(texts, length))
    assert [text.decode() for text in graph.decode(tokens).numpy()] == tokenizer.decode(tokens)


@pytest.mark.parametrize(
  ("pattern", "message"),
  [
    ("", "token_pattern is '', which is empty; expected a regular expression whose matches are the tokens"),
    ("(a", "token_pattern is '(a', which is no regular expression of RE2: missing ): (a"),
    ("(?=a)b", "token_pattern is '(?=a)b', which is no regular expression of RE2: invalid perl operator: (?="),
    (r"(a)\1", r"token_pattern is '(a)\\1', which is no regular expression of RE2: invalid escape sequence: \1"),
    ("((a{100}){100}){100}", "token_pattern is '((a{100}){100}){100}', which is no regular expression of RE2: invalid repetition size: {100}"),
    ("a*", "token_pattern is 'a*', which matches the empty text; expected matches of one character or more"),
    ("x|", "token_pattern is 'x|', which matches the empty text"),
    ("zebra", "token_pattern 'zebra' matches nothing in the training text that is kept; expected the pattern of its tokens"),
  ],
)
def test_a_pattern_of_no_use_is_refused(pattern, message, capfd):
  with pytest.raises(errors.UserError, match=f"^{re.escape(message)}"):
    _built(pattern, ["the cat", "the dog"])
  assert capfd.readouterr().err == ""


def test_no_pattern_takes_long():
  """Of the kind on which a matcher that backtracks takes longer than anyone lives."""
  tokenizer = _built("(a+)+b|(a|aa)+c|a", ["a" * 5000])
  assert tokenizer.tokens[4:] == ("a",)
  assert len(tokenizer.tokenize("a" * 5000)) == 5000


def test_the_pattern_is_part_of_the_tokenizer(tmp_path):
  tokenizer = _built(r"\w+", ["the cat"])
  path = tmp_path / "vocabulary.json"
  tokenizer.save(path)
  assert base.load(path) == tokenizer != regex.Tokenizer(tokenizer.tokens, False, r"\w")
  assert tokenizer.grown(_built(r"\w+", ["a dog"])).pattern == r"\w+"
  assert not tokenizer.extends(regex.Tokenizer(tokenizer.tokens, False, r"\w"))
  assert tokenizer.unlike(_config(r"\w+")) == ""
  assert tokenizer.unlike(_config(r"\w")) == r"the token_pattern '\\w', but the existing vocabulary has '\\w+'"
  fields = json.loads(path.read_text())
  path.write_text(json.dumps({**fields, "pattern": "(a"}))
  with pytest.raises(errors.UserError, match=re.escape(f"{path} is not a tokenizer written by this library: pattern is '(a', which is no regular")):
    base.load(path)
