"""The options every text corpus has, and what they do to its sentences."""

import dataclasses

from tf_textgan import errors
from tf_textgan.data import corpus
from tf_textgan.data import prepare
from tf_textgan.data import tokenizers
from tf_textgan.data import vocabulary as vocabularies


@dataclasses.dataclass(frozen=True)
class TextConfig:
  """How sentences become tokens."""

  # what a token is: word or char
  level: str = "word"
  # how words are found: space (split at whitespace) or nltk (Penn Treebank rules)
  tokenizer: str = "space"
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
  for name, allowed in (("level", vocabularies.LEVELS), ("tokenizer", tokenizers.NAMES)):
    if getattr(config, name) not in allowed:
      raise errors.UserError(f"{name} must be one of {', '.join(allowed)}, not {getattr(config, name)!r}")
  if config.level == "char" and config.tokenizer != "space":
    raise errors.UserError(f"the tokenizer {config.tokenizer} finds words, so it cannot be used with level char")
  if config.min_count < 1:
    raise errors.UserError(f"min_count must be at least 1, not {config.min_count}")
  if config.max_vocab_size and config.max_vocab_size <= len(vocabularies.SPECIAL_TOKENS):
    raise errors.UserError(
        f"max_vocab_size must be 0 or more than the {len(vocabularies.SPECIAL_TOKENS)} special tokens, not {config.max_vocab_size}")
  if config.max_length and config.max_length < 2:
    raise errors.UserError(f"max_length must be 0 or at least 2 (a token and the end token), not {config.max_length}")


def encode(name, builder, splits, config, feature="text", vocabulary=None, length=None, labels=None, categories=()):
  """Makes a corpus from a prepared text dataset.

  Args:
    name: of the corpus.
    builder: prepared TFDS builder.
    splits: for each of `corpus.SPLITS` the TFDS split or instruction to read.
    config: a `TextConfig`.
    feature: name of the feature that holds a sentence.
    vocabulary: an existing vocabulary to encode with.
    length: the sequence length that goes with it.
    labels, categories: see `corpus.encode`.

  Returns:
    A `corpus.Corpus`.
  """
  sentences = {split: prepare.Sentences(builder, instruction, feature, cleaner(config)) for split, instruction in splits.items()}
  return corpus.encode(
      name, sentences, level=config.level, min_count=config.min_count, max_vocab_size=config.max_vocab_size, max_length=config.max_length,
      vocabulary=vocabulary, length=length, folder=builder.data_path, labels=labels, categories=categories)


def cleaner(config):
  """A function from a raw sentence to the sentence whose tokens a `TextConfig` asks for, both strings."""
  tokenize = tokenizers.named(config.tokenizer)

  def clean(text):
    text = text.lower() if config.lowercase else text
    return " ".join(tokenize(text)) if config.level == "word" else text.strip()

  return clean
