"""The options every text corpus has, and what they do to its sentences."""

import dataclasses

from tf_textgan import errors
from tf_textgan.data import corpus
from tf_textgan.data import prepare
from tf_textgan.data.tokenizers import base as tokenizers


@dataclasses.dataclass(frozen=True)
class TextConfig:
  """How sentences become tokens."""

  # what tokens are: word (split at white space), nltk (words by Penn Treebank rules), char, integer, or a tokenizer of your own,
  # my_package.my_module
  tokenizer: str = "word"
  # turn capital letters into small ones
  lowercase: bool = False
  # tokens seen fewer times in the training split become <unk>
  min_count: int = 1
  # most tokens in the vocabulary, the 4 special ones included; 0 keeps all
  max_vocab_size: int = 0
  # most tokens in a sequence, the end token included, longer sentences are dropped; 0 takes the longest sentence, but at most 256
  max_length: int = 0


def check(config):
  """Raises `UserError` if an option of a `TextConfig` is out of range."""
  tokenizers.find(config.tokenizer)
  if config.min_count < 1:
    raise errors.UserError(f"min_count must be at least 1, not {config.min_count}")
  special = len(tokenizers.SPECIAL_TOKENS)
  if config.max_vocab_size and config.max_vocab_size <= special:
    raise errors.UserError(f"max_vocab_size must be 0 or more than the {special} special tokens, not {config.max_vocab_size}")
  if config.max_length and config.max_length < 2:
    raise errors.UserError(f"max_length must be 0 or at least 2 (a token and the end token), not {config.max_length}")


def encode(name, builder, splits, config, feature="text", tokenizer=None, length=None, labels=None, categories=()):
  """Makes a corpus from a prepared text dataset.

  Args:
    name: of the corpus.
    builder: prepared TFDS builder.
    splits: for each of `corpus.SPLITS` the TFDS split or instruction to read.
    config: a `TextConfig`.
    feature: name of the feature that holds a sentence.
    tokenizer: an existing tokenizer to encode with.
    length: the sequence length that goes with it.
    labels, categories: see `corpus.encode`.

  Returns:
    A `corpus.Corpus`.
  """
  sentences = {split: prepare.Sentences(builder, instruction, feature) for split, instruction in splits.items()}
  return corpus.encode(
      name, sentences, config, tokenizer=tokenizer, length=length, folder=builder.data_path, labels=labels, categories=categories)
