"""Tests of caption_grammar.py."""

import os

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan.data.datasets import caption_grammar
from tf_textgan.data.tokenizers import base as tokenizers


@pytest.fixture(scope="module", name="made")
def _made(tmp_path_factory):
  return caption_grammar.load(caption_grammar.Config(num_train=300, num_validation=30, num_test=20), tmp_path_factory.mktemp("data"))


def test_corpus(made):
  assert {split: tokens.shape for split, tokens in made.tokens.items()} == {"train": (300, 25), "validation": (30, 25), "test": (20, 25)}
  assert made.spec == made.tokenizer.spec(25)
  texts = made.tokenizer.decode(made.tokens["train"])
  assert all(text.endswith(" .") for text in texts)
  assert not any(tokenizers.UNK in tokens for tokens in made.tokens.values())
  assert not set(texts) & set(made.tokenizer.decode(made.tokens["test"]))


def test_truth(made):
  assert np.isfinite(made.truth.log_prob(made.tokens["train"])).all()
  samples = made.truth.sample(50, seed=1)
  assert samples.dtype == np.int32 and samples.shape == (50, 25)
  np.testing.assert_array_equal(samples, made.truth.sample(50, seed=1))
  assert (samples != made.truth.sample(50, seed=2)).any()
  log_probs = made.truth.log_prob(samples)
  assert log_probs.dtype == np.float64 and -30 < log_probs.mean() < -14


def test_impossible_sequences_have_probability_zero(made):
  good = made.tokens["train"][:1]
  end = int(np.argmax(good == tokenizers.EOS))
  unfinished, continued, padded, empty = good.copy(), good.copy(), good.copy(), np.zeros_like(good)
  unfinished[0, end] = tokenizers.PAD
  continued[0, end + 1] = good[0, 0]
  padded[0, 1] = tokenizers.PAD
  for wrong in (unfinished, continued, padded, empty):
    assert made.truth.log_prob(wrong) == -np.inf
  texts = ["a dog sits on the grass .", "a dog sit on the grass ."]
  assert np.isfinite(made.truth.log_prob(made.tokenizer.encode(texts, 25))).tolist() == [True, False]


def test_seed_decides_the_corpus(made, tmp_path):
  config = caption_grammar.Config(num_train=300, num_validation=30, num_test=20)
  np.testing.assert_array_equal(caption_grammar.load(config, tmp_path).tokens["train"], made.tokens["train"])
  other = caption_grammar.load(caption_grammar.Config(num_train=300, num_validation=30, num_test=20, corpus_seed=1), tmp_path)
  assert (other.tokens["train"] != made.tokens["train"]).any()
  assert len(os.listdir(tmp_path / "caption_grammar")) == 2


def test_errors():
  with pytest.raises(errors.UserError, match="num_train must be at least 2, not 1"):
    caption_grammar.load(caption_grammar.Config(num_train=1))
