"""Tests of lstm_oracle.py."""

import os

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.data import oracle
from tf_textgan.data.datasets import lstm_oracle
from tf_textgan.data.tokenizers import integer

TINY = {"length": 5, "vocab_size": 20, "num_train": 64, "num_validation": 8, "num_test": 16}


def test_corpus(tmp_path):
  made = lstm_oracle.load(lstm_oracle.Config(**TINY), tmp_path)
  assert made.spec == sequences.Spec(vocab_size=20, length=5, start_token=0)
  assert {split: tokens.shape for split, tokens in made.tokens.items()} == {"train": (64, 5), "validation": (8, 5), "test": (16, 5)}
  assert made.tokens["train"].dtype == np.int32
  assert made.tokenizer == integer.Tokenizer(20)
  expected = oracle.LstmOracle(oracle.random_parameters(20, seed=0), 5)
  np.testing.assert_array_equal(made.truth.log_prob(made.tokens["test"]), expected.log_prob(made.tokens["test"]))
  # Splits come from different random streams.
  assert (made.tokens["train"][:8] != made.tokens["validation"]).any()
  again = lstm_oracle.load(lstm_oracle.Config(**TINY), tmp_path, tokenizer=made.tokenizer, length=5)
  np.testing.assert_array_equal(again.tokens["train"], made.tokens["train"])


def test_oracle_file(tmp_path):
  path = str(tmp_path / "oracle.npz")
  for seed in (1, 2):
    parameters = oracle.random_parameters(20, seed)
    np.savez(path, **parameters)
    made = lstm_oracle.load(lstm_oracle.Config(oracle_file=path, **TINY), tmp_path)
    expected = oracle.LstmOracle(parameters, 5)
    np.testing.assert_array_equal(made.truth.log_prob(made.tokens["test"]), expected.log_prob(made.tokens["test"]))
  assert len(os.listdir(tmp_path / "lstm_oracle")) == 2  # a file with other contents is another dataset


@pytest.mark.parametrize("options, message", [
    ({"length": 0}, "length must be at least 1, not 0"),
    ({"num_train": 1}, "num_train must be at least 2, not 1"),
    ({"oracle_file": "absent.npz"}, "cannot read the oracle file absent.npz"),
])
def test_errors(tmp_path, options, message):
  with pytest.raises(errors.UserError, match=message):
    lstm_oracle.load(lstm_oracle.Config(**(TINY | options)), tmp_path)


def test_another_vocabulary(tmp_path):
  with pytest.raises(errors.UserError, match="the oracle has 20 tokens and sequences of 5, but the saved tokenizer"):
    lstm_oracle.load(lstm_oracle.Config(**TINY), tmp_path, tokenizer=integer.Tokenizer(30))
