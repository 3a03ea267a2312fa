"""A corpus: three splits of token sequences, their tokenizer and, for synthetic text, the true distribution.

Letters: N sentences, T tokens in a sequence.
"""

import abc
import array
import collections
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import itertools
import os
from typing import Any

from absl import logging
import numpy as np

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import sequences
from tf_textgan.data import text_files
from tf_textgan.data.tokenizers import base as tokenizers

SPLITS = ("train", "validation", "test")

# Upper limit of the default sequence length: memory and time grow with the longest sentence, which may be an outlier.
LONGEST_BY_DEFAULT = 256

# Token arrays of more bytes stay on disk.
RAM_LIMIT = 2**30

_CHUNK = 8192


class Truth(abc.ABC):
  """The exact distribution of a synthetic corpus.

  Attributes:
    full_support: whether every sequence has a probability above zero.
  """

  full_support: bool = False

  @abc.abstractmethod
  def log_prob(self, tokens: np.ndarray) -> np.ndarray:
    """Log-probabilities of sequences, int32 `[N, T]`: float64 `[N]`, nats; -inf for impossible sequences."""

  @abc.abstractmethod
  def sample(self, num: int, seed: Any) -> np.ndarray:
    """Draws `num` fresh sequences, int32 `[num, T]`, as a function of the seed: an integer or a tuple of integers."""


@dataclasses.dataclass(frozen=True)
class Corpus:
  """Token sequences ready for training.

  Attributes:
    name: the corpus's name in messages.
    spec: shape and special tokens of the sequences.
    tokenizer: turns text into tokens and back.
    tokens: for each of `SPLITS` an int32 array `[N, T]`, possibly memory-mapped.
    truth: the distribution of the sequences; None if unknown.
    categories: for each of `SPLITS` the labels of its sequences, int32 `[N]`, indices into `spec.categories`; None without labels.
  """

  name: str
  spec: sequences.Spec
  tokenizer: tokenizers.Tokenizer
  tokens: Mapping[str, np.ndarray]
  truth: Truth | None = None
  categories: Mapping[str, np.ndarray] | None = None


def check_categories(names: Sequence[str]) -> None:
  """Raises `UserError` if the name of a category is empty or repeated."""
  for i, name in enumerate(names):
    if not name:
      raise errors.UserError(f"the name of a category is empty: {', '.join(map(repr, names))}")
    if name in names[:i]:
      raise errors.UserError(f"two categories are named {name!r}")


def encode(
    name: str,
    splits: Mapping[str, Iterable[str]],
    config: Any = None,
    *,
    tokenizer: tokenizers.Tokenizer | None = None,
    length: int | None = None,
    folder: str | os.PathLike | None = None,
    ram_limit: int = RAM_LIMIT,
    labels: Mapping[str, Iterable[int]] | None = None,
    categories: Sequence[str] = (),
) -> Corpus:
  """Makes a corpus from text.

  The text is read a few times and encoded in chunks, so it may be larger than memory. Drops empty sentences and sentences that do not fit.

  Args:
    name: the corpus's name in messages.
    splits: for each of `SPLITS` an iterable of strings that can be iterated over more than once.
    config: `text_config.TextConfig`: the tokenizer to build from the training split, and the maximum length; None with an existing tokenizer
      and length.
    tokenizer: an existing tokenizer to encode with; None builds one.
    length: T that goes with an existing tokenizer; None for the config's.
    folder: where arrays above the limit are kept; None keeps all in memory.
    ram_limit: bytes above which the tokens of a split are memory-mapped from a file in `folder`.
    labels: for each of `SPLITS` an iterable of integers, one for each sentence, indices into `categories`; None without labels.
    categories: names of the categories.

  Raises:
    UserError: a split has no sentence that fits, or the training split fewer than two; a label is no index into `categories`; or the existing
      tokenizer differs from the config's.
  """
  check_categories(categories)
  if tokenizer is None:
    tokenizer = tokenizers.find(config.tokenizer).build(splits["train"], config)
  elif config is not None:
    _check_tokenizer(name, tokenizer, config)
  lengths = {split: collections.Counter(map(tokenizer.count, splits[split])) for split in SPLITS}
  if length is None:
    longest = max((max(counts, default=0) for counts in lengths.values()), default=0)
    length = config.max_length or min(longest + int(tokenizer.ends), LONGEST_BY_DEFAULT)
  tokens, kept = {}, {}
  for split in SPLITS:
    total = sum(lengths[split].values())
    fitting = sum(count for size, count in lengths[split].items() if (0 < size < length if tokenizer.ends else size == length))
    if fitting < total:
      logging.info("%s: dropped %d of %d %s sentences, which are empty or longer than %d tokens", name, total - fitting, total, split,
                   length - 1)
    least = 2 if split == "train" else 1
    if fitting < least:
      raise errors.UserError(
          f"{name}: the {split} split needs at least {least} sentence{'s' * (least > 1)} of 1 to {length - 1} tokens, but has {fitting} "
          f"(of {total})")
    on_disk = folder is not None and 4 * fitting * length > ram_limit
    path = os.path.join(folder, f"tokens_{split}.npy") if on_disk else None
    kept[split] = array.array("i")
    sentences = _fitting(splits[split], labels and labels[split], kept[split], tokenizer, length)
    tokens[split] = _encode_split(tokenizer, sentences, length, fitting, path)
  spec = dataclasses.replace(tokenizer.spec(length), categories=tuple(categories))
  if labels is None:
    return Corpus(name, spec, tokenizer, tokens)
  for split in SPLITS:
    wrong = [label for label in kept[split] if not 0 <= label < len(categories)]
    if wrong:
      raise errors.UserError(
          f"{name}: {len(wrong)} sentences of the {split} split have no category; the first of their labels is {wrong[0]}, and there are "
          f"{len(categories)} categories")
  return Corpus(name, spec, tokenizer, tokens, categories={split: np.array(kept[split], np.int32) for split in SPLITS})


def _check_tokenizer(name, tokenizer, config):
  """Raises a `UserError` if an existing tokenizer differs from a `text_config.TextConfig`, whose flags would be ignored."""
  lowercase = getattr(tokenizer, "lowercase", config.lowercase)
  if type(tokenizer) is not tokenizers.find(config.tokenizer) or lowercase != config.lowercase:
    raise errors.UserError(
        f"{name} has the tokenizer {config.tokenizer} and lowercase {config.lowercase}, but the existing vocabulary has "
        f"{tokenizers.name_of(type(tokenizer))} and lowercase {lowercase}; expected the same")


def read_lines(path: str | os.PathLike, tokenizer: tokenizers.Tokenizer, length: int) -> np.ndarray:
  """Reads further sentences for an existing corpus from a file, one on a line. Drops sentences that do not fit.

  Args:
    path: UTF-8 file, such as the output of `generate.py`.
    tokenizer: the corpus's tokenizer.
    length: T.

  Returns:
    int32 array `[N, T]`.

  Raises:
    UserError: the file cannot be read or is not UTF-8, no line fits, or a line is no sequence of the corpus's integers.
  """
  text_files.check(path)
  sentences = list(text_files.lines(path))
  # For fixed-length sequences the tokenizer's own message names the line of another length.
  fitting = list(_fitting(sentences, None, None, tokenizer, length)) if tokenizer.ends else sentences
  if not fitting:
    raise errors.UserError(f"{path}: expected sentences of 1 to {length - 1} tokens, one on a line, but none of its {len(sentences)} lines is one")
  if len(fitting) < len(sentences):
    logging.info("%s: dropped %d of %d sentences, which are longer than %d tokens", path, len(sentences) - len(fitting), len(sentences), length - 1)
  return tokenizer.encode(fitting, length)


def _fitting(sentences, labels, kept, tokenizer, length):
  """Yields the sentences that fit and appends their labels, if any, to `kept`."""
  for sentence, label in zip(sentences, itertools.repeat(None) if labels is None else labels, strict=labels is not None):
    if tokenizer.fits(sentence, length):
      if labels is not None:
        kept.append(label)
      yield sentence


def _encode_split(tokenizer, fitting, length, num, path):
  """Encodes the `num` sentences that fit: int32 `[num, length]`, memory-mapped from the file `path`, or in memory if it is None."""
  if path is None:
    tokens = np.empty([num, length], np.int32)
    _fill(tokens, tokenizer, fitting)
    return tokens
  with files.replacing(path) as temporary:
    tokens = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.int32, shape=(num, length))
    _fill(tokens, tokenizer, fitting)
    tokens.flush()
  return np.load(path, mmap_mode="r")


def _fill(tokens, tokenizer, sentences):
  start = 0
  while chunk := list(itertools.islice(sentences, _CHUNK)):
    tokens[start:start + len(chunk)] = tokenizer.encode(chunk, tokens.shape[1])
    start += len(chunk)
  if start != len(tokens):
    raise ValueError(f"the text gave {len(tokens)} sentences when it was first read, but {start} the second time")
