"""The options that every text corpus shares."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.data import corpus
from tf_textgan.data import prepare
from tf_textgan.data.tokenizers import base as tokenizers


@dataclasses.dataclass(frozen=True)
class TextConfig:
  """How sentences become tokens."""

  # tokenizer: word (split at white space), nltk (words by Penn Treebank rules), char, bpe and unigram (pieces of words, learned from the training
  # split), regex (a pattern of yours), smiles (molecules), integer, a folder with a tokenizer.json, that of a pretrained model,
  # keras_hub:PRESET_OR_FOLDER, which --generator and --discriminator keras_hub:... choose by themselves, or a module of your own,
  # my_package.my_module
  tokenizer: str = "word"
  # regular expression for the tokenizer regex, in the syntax of RE2: each match is a token, and so is what stands between two
  token_pattern: str = ""
  # lower-case the text
  lowercase: bool = False
  # tokens seen fewer times in the training split become <unk>
  min_count: int = 1
  # maximum size of the vocabulary, with its 4 special tokens; 0 keeps all, and is 8000 for bpe and unigram, whose size this is
  max_vocab_size: int = 0
  # maximum number of tokens in a sequence, the end token included; longer sentences are dropped; 0 for the longest sentence, but at most 256
  max_length: int = 0


def check(config: TextConfig) -> None:
  """Raises `UserError` if an option of a `TextConfig` is out of range."""
  if config.min_count < 1:
    raise errors.UserError(f"min_count must be at least 1, not {config.min_count}")
  special = len(tokenizers.SPECIAL_TOKENS)
  if config.max_vocab_size and config.max_vocab_size <= special:
    raise errors.UserError(f"max_vocab_size must be 0 or more than the {special} special tokens, not {config.max_vocab_size}")
  if config.max_length and not 2 <= config.max_length <= sequences.LONGEST:
    raise errors.UserError(f"max_length must be 0, or from 2 (a token and the end token) to {sequences.LONGEST}, not {config.max_length}")
  tokenizers.find(config.tokenizer).check(config)


def check_source_length(length: int) -> None:
  """Raises `UserError` if a dataset's `max_source_length` is out of range."""
  if length and not 2 <= length <= sequences.LONGEST:
    raise errors.UserError(f"max_source_length must be 0, or from 2 (a token and the end token) to {sequences.LONGEST}, not {length}")


def encode(
    name: str,
    builder: Any,
    splits: Mapping[str, str],
    config: TextConfig,
    feature: str = "text",
    tokenizer: tokenizers.Tokenizer | None = None,
    length: int | None = None,
    labels: Mapping[str, Iterable[int]] | None = None,
    categories: Sequence[str] = (),
    source_feature: str = "",
) -> corpus.Corpus:
  """Makes a corpus from a prepared text dataset.

  Args:
    name: the corpus's name.
    builder: prepared TFDS builder.
    splits: for each of `corpus.SPLITS` the TFDS split or instruction to read.
    config: a `TextConfig`.
    feature: name of the feature that holds a sentence.
    tokenizer: an existing tokenizer to encode with.
    length: the sequence length that goes with it.
    labels, categories: see `corpus.encode`.
    source_feature: name of the feature that holds a sentence's source; empty for none.
  """
  sentences, sources = (
      {split: prepare.Sentences(builder, instruction, name) for split, instruction in splits.items()} if name else None
      for name in (feature, source_feature))
  return corpus.encode(
      name, sentences, config, tokenizer=tokenizer, length=length, folder=builder.data_path, labels=labels, categories=categories, sources=sources)
