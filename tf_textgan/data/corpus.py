"""A corpus: three splits of token sequences, their tokenizer and, for synthetic text, the true distribution.

Letters: N sentences, T tokens in a sequence.
"""

import abc
import array
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import itertools
import os
import tempfile
from typing import IO
from typing import Any
from typing import NamedTuple

from absl import logging
import numpy as np

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import progress
from tf_textgan import sequences
from tf_textgan.data import text_files
from tf_textgan.data.tokenizers import base as tokenizers

SPLITS = ("train", "validation", "test")

# Upper limit of the default sequence length: memory and time grow with the longest sentence, which may be an outlier.
LONGEST_BY_DEFAULT = 256

# Token arrays of more bytes stay on disk.
RAM_LIMIT = 2**30


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

  The text is read once to build a tokenizer and once to encode it, and may be larger than memory. Blank sentences and sentences that do not fit
  are dropped.

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
    tokenizer = tokenizers.find(config.tokenizer).build(progress.reading(splits["train"], f"{name}: vocabulary"), config)
  elif config is not None:
    _check_tokenizer(name, tokenizer, config)
  with contextlib.ExitStack() as stack:
    read = {}
    for split in SPLITS:
      file = stack.enter_context(tempfile.SpooledTemporaryFile(ram_limit, dir=folder))
      sentences = progress.reading(splits[split], f"{name}: encoding the {split} split")
      read[split] = _tokenize(sentences, labels and labels[split], tokenizer, file)
    if length is None:
      longest = max(part.sizes.max(initial=0) for part in read.values())
      length = config.max_length or min(int(longest) + int(tokenizer.ends), LONGEST_BY_DEFAULT)
    tokens, kept = {}, {}
    for split, part in read.items():
      fits = (part.sizes > 0) & (part.sizes < length) if tokenizer.ends else part.sizes == length
      num, total = np.count_nonzero(fits), len(fits)
      wanted = f"1 to {length - 1}" if tokenizer.ends else f"exactly {length}"
      if num < total:
        logging.info("%s: dropped %d of %d %s sentences, which do not have %s tokens", name, total - num, total, split, wanted)
      least = 2 if split == "train" else 1
      if num < least:
        raise errors.UserError(
            f"{name}: the {split} split needs at least {least} sentence{'s' * (least > 1)} of {wanted} tokens, but has {num} (of {total})")
      on_disk = folder is not None and 4 * num * length > ram_limit
      tokens[split] = _rows(part, fits, tokenizer, length, os.path.join(folder, f"tokens_{split}.npy") if on_disk else None)
      kept[split] = part.labels[fits] if labels is not None else None
  spec = dataclasses.replace(tokenizer.spec(length), categories=tuple(categories))
  if labels is None:
    return Corpus(name, spec, tokenizer, tokens)
  for split in SPLITS:
    wrong = kept[split][(kept[split] < 0) | (kept[split] >= len(categories))]
    if len(wrong):
      raise errors.UserError(
          f"{name}: {len(wrong)} sentences of the {split} split have no category; the first of their labels is {wrong[0]}, and there are "
          f"{len(categories)} categories")
  return Corpus(name, spec, tokenizer, tokens, categories=kept)


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
  fitting = [sentence for sentence in sentences if not tokenizer.ends or 0 < len(tokenizer.tokenize(sentence)) < length]
  if not fitting:
    raise errors.UserError(f"{path}: expected sentences of 1 to {length - 1} tokens, one on a line, but none of its {len(sentences)} lines is one")
  if len(fitting) < len(sentences):
    logging.info("%s: dropped %d of %d sentences, which are longer than %d tokens", path, len(sentences) - len(fitting), len(sentences), length - 1)
  return tokenizer.encode(fitting, length)


class _Tokenized(NamedTuple):
  """A split as ids.

  Attributes:
    file: int32 ids, one sentence after the other.
    sizes: int32 `[N]`, the number of ids of each sentence.
    labels: int32 `[N]`, empty without labels.
  """

  file: IO[bytes]
  sizes: np.ndarray
  labels: np.ndarray


def _tokenize(sentences, labels, tokenizer, file):
  """Reads a split once, with its labels if it has some, into a file: `_Tokenized`. A blank sentence has no ids."""
  sizes, kept = array.array("i"), array.array("i")
  for sentence, label in zip(sentences, itertools.repeat(None) if labels is None else labels, strict=labels is not None):
    ids = array.array("i", tokenizer.tokenize(sentence) if sentence.strip() else ())
    file.write(ids.tobytes())
    sizes.append(len(ids))
    if labels is not None:
      kept.append(label)
  return _Tokenized(file, np.array(sizes, np.int32), np.array(kept, np.int32))


def _rows(part, fits, tokenizer, length, path):
  """The sentences of a `_Tokenized` that fit: int32 `[N, length]`, memory-mapped from the file `path`, or in memory if it is None."""
  shape = int(np.count_nonzero(fits)), length
  if path is None:
    tokens = np.zeros(shape, np.int32)
    _fill(tokens, part, fits, tokenizer.ends)
    return tokens
  with files.replacing(path) as temporary:
    tokens = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.int32, shape=shape)
    _fill(tokens, part, fits, tokenizer.ends)
    tokens.flush()
  return np.load(path, mmap_mode="r")


def _fill(tokens, part, fits, ends):
  """Writes the sentences that fit into an array of zeros, which are the padding."""
  part.file.seek(0)
  rows = iter(tokens)
  for size, fit in zip(part.sizes.tolist(), fits.tolist()):
    ids = np.frombuffer(part.file.read(4 * size), np.int32)
    if fit:
      row = next(rows)
      row[:size] = ids
      if ends:
        row[size] = tokenizers.EOS
