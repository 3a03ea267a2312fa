"""Tests of text_config.py; text_lines_test.py tests the options' effect on a corpus."""

import pytest

from tf_textgan import errors
from tf_textgan.data import text_config


@pytest.mark.parametrize("options, message", [
    ({"tokenizer": "moses"}, "unknown tokenizer 'moses'; there are: bpe, char, integer, nltk, regex, smiles, unigram, word"),
    ({"min_count": 0}, "min_count must be at least 1, not 0"),
    ({"max_vocab_size": 4}, "max_vocab_size must be 0 or more than the 4 special tokens, not 4"),
    ({"max_length": 1}, "max_length must be 0, or from 2 .a token and the end token. to 65536, not "),
    ({"max_length": -1}, "max_length must be 0, or from 2 .a token and the end token. to 65536, not "),
    ({"max_vocab_size": -5}, "max_vocab_size must be 0 or more"),
])
def test_errors(options, message):
  with pytest.raises(errors.UserError, match=message):
    text_config.check(text_config.TextConfig(**options))


def test_defaults_are_fine():
  text_config.check(text_config.TextConfig())
