"""Tests of tf_textgan.data.tokenizers.integer."""

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import integer


def test_integers():
  tokenizer = integer.Tokenizer(100)
  tokens = tokenizer.encode(["0 99 5", " 7 7  7"], 3)
  np.testing.assert_array_equal(tokens, [[0, 99, 5], [7, 7, 7]])
  assert tokenizer.decode(tokens) == ["0 99 5", "7 7 7"]
  assert tokenizer.words(tokens) == [("0", "99", "5"), ("7", "7", "7")]
  assert tokenizer.spec(3) == sequences.Spec(100, 3, start_token=0)


def test_no_integer_is_left_out():
  for settings in ({"min_count": 2}, {"max_vocab_size": 9}):
    with pytest.raises(errors.UserError, match="the tokenizer integer keeps them all; expected 1 and 0"):
      integer.Tokenizer.build(["1 2"], text_config.TextConfig(**settings))


def test_the_largest_integer_is_the_last_token():
  assert integer.Tokenizer.build(iter(["3 4", "17 0"]), text_config.TextConfig()) == integer.Tokenizer(18)
  for sentences, message in ((["1 x"], "expected integers from 0 up, but '1 x' has 'x'"), ([], "there is no sentence")):
    with pytest.raises(errors.UserError, match=message):
      integer.Tokenizer.build(sentences, text_config.TextConfig())


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("1 2", "expected 3 tokens in a sequence, but '1 2' has 2"),
    ("1 2 100", "expected integers from 0 to 99, but '1 2 100' has '100'"),
    ("1 -2 3", "has '-2'"),
    ("1 two 3", "has 'two'"),
  ],
)
def test_integer_errors(text, message):
  with pytest.raises(errors.UserError, match=message):
    integer.Tokenizer(100).encode([text], 3)
