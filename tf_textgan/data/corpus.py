"""A corpus: three splits of token sequences, their tokenizer and, for synthetic text, the true distribution.

Letters: N sentences, T tokens in a sequence.
"""

import abc
import array as array_lib
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import functools
import hashlib
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

# A column or feature with more different values is refused as one of categories.
MOST_CATEGORIES = 1000

# Rows of an array on disk that are read together.
_ROWS = 2**16

# Token arrays of more bytes stay on disk.
RAM_LIMIT = 2**30

# Share of unknown tokens above which the user is told.
_UNKNOWN_SHARE = 0.01

# Rows read at a time, because the arrays may be on disk.
_ROWS = 2**16


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
    sources: for each of `SPLITS` the sources of its sequences, int32 `[N, S]`, of pairs of a source and a target; None for text without sources.
    notes: what the user should know of the encoding, a sentence each: how many sentences were left out and why, and how many tokens are unknown.
  """

  name: str
  spec: sequences.Spec
  tokenizer: tokenizers.Tokenizer
  tokens: Mapping[str, np.ndarray]
  truth: Truth | None = None
  categories: Mapping[str, np.ndarray] | None = None
  sources: Mapping[str, np.ndarray] | None = None
  notes: tuple[str, ...] = ()

  @functools.cached_property
  def fingerprint(self) -> str:
    """A hash of the sequences of every split, their labels or sources and the categories' names: 16 hexadecimal digits."""
    parts = [part for part in (self.tokens, self.categories, self.sources) if part]
    return fingerprint((part[split] for split in SPLITS for part in parts), repr(self.spec.categories))

  def context(self, split: str) -> np.ndarray | None:
    """What the sequences of a split are conditioned on, see `sequences.Batch`."""
    parts = self.categories or self.sources
    return parts and parts[split]

  def has_unknown(self, split: str) -> bool:
    """Whether a sequence of a split, or a source, has a token that the vocabulary does not have."""
    return any(has_unknown(part[split], self.tokenizer) for part in (self.tokens, self.sources) if part)


def fingerprint(arrays: Iterable[np.ndarray], text: str = "") -> str:
  """A hash of integer arrays, their shapes and a text: 16 hexadecimal digits."""
  digest = hashlib.blake2b(text.encode(), digest_size=8)
  for array in arrays:
    digest.update(repr(array.shape).encode())
    for first in range(0, len(array), _ROWS):
      digest.update(np.ascontiguousarray(array[first : first + _ROWS], "<i4"))
  return digest.hexdigest()


def blank_note(name: str, blank: int, total: int) -> str:
  """The note on blank lines or sentences that are left out before the text is encoded."""
  return f"{name}: {blank} of {total} lines are left out: blank"


def has_unknown(tokens: np.ndarray, tokenizer: tokenizers.Tokenizer) -> bool:
  """Whether one of the sequences, int `[N, T]`, has a token that the vocabulary does not have."""
  unknown = tokenizer.unknown_token
  return unknown is not None and any(bool(np.any(tokens[i : i + _ROWS] == unknown)) for i in range(0, len(tokens), _ROWS))


def check_categories(names: Sequence[str]) -> None:
  """Raises `UserError` if the name of a category is empty or repeated."""
  for i, name in enumerate(names):
    if not name:
      raise errors.UserError(f"the name of a category is empty: {', '.join(map(repr, names))}")
    if name in names[:i]:
      raise errors.UserError(f"two categories are named {name!r}")


def check(corpus: Corpus, name: str) -> None:
  """Checks that the parts of a corpus that was not made by `encode` agree, so that training does not fail in the middle.

  Args:
    corpus: a `Corpus`.
    name: the corpus's name in messages.

  Raises:
    UserError: an array is missing, has another type or shape, no rows, an id outside the vocabulary or a label that is no category.
  """
  spec, count = corpus.spec, len(corpus.spec.categories)
  own = corpus.tokenizer.spec(spec.length)
  if own != spec.without_context():
    raise errors.UserError(f"{name} has a spec that is not the one of its tokenizer, {own}, but {spec}")
  if bool(count) != (corpus.categories is not None):
    raise errors.UserError(f"{name} has {count} categories in its spec, but {'no' if count else 'some'} labels; expected both or neither")
  if bool(spec.source_length) != (corpus.sources is not None):
    raise errors.UserError(f"{name} has source_length {spec.source_length} in its spec, but {'no' if spec.source_length else 'some'} sources")
  if count and spec.source_length:
    raise errors.UserError(f"{name} has labels and sources; expected one of them")
  for split in SPLITS:
    parts = {"tokens": (corpus.tokens, [None, spec.length], spec.vocab_size)}
    if spec.source_length:
      parts["sources"] = corpus.sources, [len(corpus.tokens.get(split, ())), spec.source_length], spec.vocab_size
    if count:
      parts["labels"] = corpus.categories, [len(corpus.tokens.get(split, ()))], count
    for kind, (arrays, shape, size) in parts.items():
      array = arrays.get(split)
      if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu":
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise errors.UserError(f"{name} has {split} {kind} of the type {found}; expected a NumPy array of integers")
      if array.ndim != len(shape) or not len(array) or any(want not in (None, got) for want, got in zip(shape, array.shape)):
        wanted = ["N" if want is None else want for want in shape]
        raise errors.UserError(f"{name} has {split} {kind} of the shape {list(array.shape)}; expected [{', '.join(map(str, wanted))}]")
      check_ids(array, size, f"{name} ({split} {kind})" if spec.conditional else name)


def check_ids(ids: np.ndarray, size: int, name: str) -> None:
  """Raises a `UserError` for a number below 0, or of `size` or more, in an array of integers."""
  if not ids.size or (int(ids.min()) >= 0 and int(ids.max()) < size):
    return
  place = tuple(np.argwhere((ids < 0) | (ids >= size))[0])
  where = ", ".join(f"{axis} {index}" for axis, index in zip(("row", "column"), place))
  raise errors.UserError(f"{name} has the id {ids[place]} at {where}; expected ids from 0 to {size - 1}")


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
    sources: Mapping[str, Iterable[str]] | None = None,
) -> Corpus:
  """Makes a corpus from text.

  The text is read once to build a tokenizer and once to encode it, and may be larger than memory. Blank sentences and sentences that do not fit
  are left out, and counted in the corpus's `notes`. Of pairs both sides must fit.

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
    sources: for each of `SPLITS` an iterable of strings, one for each sentence, as `splits`; None for text without sources. Their maximum length is
      the `max_source_length` of the config.

  Raises:
    UserError: a split has no sentence that fits, or the training split fewer than two; a label is no index into `categories`; or the existing
      tokenizer differs from the config's.
  """
  check_categories(categories)
  if tokenizer is None:
    # One vocabulary for both sides of a pair.
    text = _Chained(sources["train"], splits["train"]) if sources else splits["train"]
    tokenizer = tokenizers.find(config.tokenizer).build(progress.reading(text, f"{name}: vocabulary"), config)
  elif config is not None:
    _check_tokenizer(name, tokenizer, config)
  with contextlib.ExitStack() as stack:
    stack.enter_context(files.writing(folder or tempfile.gettempdir()))

    def read_all(sides, labels, what):
      read = {}
      for split in SPLITS:
        file = stack.enter_context(tempfile.SpooledTemporaryFile(ram_limit, dir=folder))
        sentences = progress.reading(sides[split], f"{name}: encoding {what} the {split} split")
        read[split] = _tokenize(sentences, labels and labels[split], tokenizer, file)
      return read

    read = read_all(splits, labels, "")
    length = length or _length(read, config.max_length, tokenizer)
    others = read_all(sources, None, "the sources of ") if sources else {}
    source_length = _length(others, getattr(config, "max_source_length", 0), tokenizer) if sources else 0
    paired_fits = {split: part.fits(source_length, tokenizer.ends) for split, part in others.items()}
    tokens, kept, paired = {}, {}, {}
    notes = _notes(name, read, tokenizer, length) + _source_notes(name, others, paired_fits, tokenizer, source_length)
    for split, part in read.items():
      fits = part.fits(length, tokenizer.ends) & paired_fits.get(split, True)
      num, total = np.count_nonzero(fits), len(fits)
      wanted = f"1 to {length - 1}" if tokenizer.ends else f"exactly {length}"
      least = 2 if split == "train" else 1
      if num < least:
        raise errors.UserError(
            f"{name}: the {split} split needs at least {least} sentence{'s' * (least > 1)} of {wanted} tokens, but has {num} (of {total})")
      on_disk = folder is not None and 4 * num * length > ram_limit
      tokens[split] = _rows(part, fits, tokenizer, length, os.path.join(folder, f"tokens_{split}.npy") if on_disk else None)
      kept[split] = part.labels[fits] if labels is not None else None
      if sources:
        on_disk = folder is not None and 4 * num * source_length > ram_limit
        path = os.path.join(folder, f"sources_{split}.npy") if on_disk else None
        paired[split] = _rows(others[split], fits, tokenizer, source_length, path)
  spec = dataclasses.replace(tokenizer.spec(length), categories=tuple(categories), source_length=source_length)
  if labels is None:
    return Corpus(name, spec, tokenizer, tokens, sources=paired or None, notes=notes)
  for split in SPLITS:
    wrong = kept[split][(kept[split] < 0) | (kept[split] >= len(categories))]
    if len(wrong):
      raise errors.UserError(
          f"{name}: {len(wrong)} sentences of the {split} split have no category; the first of their labels is {wrong[0]}, and there are "
          f"{len(categories)} categories")
  return Corpus(name, spec, tokenizer, tokens, categories=kept, notes=notes)


class _Chained:
  """The strings of several iterables; every iteration begins anew."""

  def __init__(self, *parts):
    self._parts = parts

  def __iter__(self):
    return itertools.chain.from_iterable(self._parts)


def _length(read, wanted, tokenizer):
  """The maximum number of tokens in a sequence: the one that is wanted, or, if it is 0, that of the longest sentence up to a limit."""
  longest = max(part.sizes.max(initial=0) for part in read.values())
  return wanted or min(int(longest) + int(tokenizer.ends), LONGEST_BY_DEFAULT)


def _source_notes(name, read, fits, tokenizer, length):
  """The notes on the sources of pairs; `read`: split to `_Tokenized`, `fits`: split to bool `[N]`, both empty without sources."""
  if not read:
    return ()
  total = sum(map(len, fits.values()))
  left_out = total - sum(map(np.count_nonzero, fits.values()))
  counts = {split: (int(part.unknown.sum()), int(part.sizes.sum())) for split, part in read.items()}
  notes = _unknown_notes(f"{name} (sources)", counts)
  if left_out:
    longest = max(part.sizes.max() for part in read.values())
    bound = f"longer than {length - 1} tokens (the longest has {longest})" if tokenizer.ends else f"not of exactly {length} tokens"
    notes = [f"{name}: {left_out} of {total} pairs are left out: their source is {bound}, or blank", *notes]
  return tuple(notes)


def _check_tokenizer(name, tokenizer, config):
  """Raises a `UserError` if an existing tokenizer differs from a `text_config.TextConfig`, whose flags would be ignored."""
  lowercase = getattr(tokenizer, "lowercase", config.lowercase)
  if type(tokenizer) is not tokenizers.find(config.tokenizer) or lowercase != config.lowercase:
    raise errors.UserError(
        f"{name} has the tokenizer {config.tokenizer} and lowercase {config.lowercase}, but the existing vocabulary has "
        f"{tokenizers.name_of(type(tokenizer))} and lowercase {lowercase}; expected the same")
  if unlike := tokenizer.unlike(config):
    raise errors.UserError(f"{name} has {unlike}; expected the same")


class Lines(NamedTuple):
  """Sentences of a file, one on a line.

  Attributes:
    tokens: int32 `[N, T]`.
    notes: as of a `Corpus`.
  """

  tokens: np.ndarray
  notes: tuple[str, ...]


def read_lines(path: str | os.PathLike, tokenizer: tokenizers.Tokenizer, length: int) -> Lines:
  """Reads further sentences for an existing corpus from a file. Leaves out blank lines and sentences that do not fit.

  Args:
    path: UTF-8 file, such as the output of `generate.py`.
    tokenizer: the corpus's tokenizer.
    length: T.

  Raises:
    UserError: the file cannot be read or is not UTF-8, no line fits, or a line is no sequence of the corpus's integers.
  """
  text_files.check(path)
  with tempfile.SpooledTemporaryFile(RAM_LIMIT) as file:
    read = _tokenize(text_files.lines(path, keep_blank=True), None, tokenizer, file)
    total, fits = len(read.sizes), read.fits(length, tokenizer.ends)
    other = read.sizes[(read.sizes > 0) & ~fits]
    if not tokenizer.ends and len(other):
      tokenizer.encode(list(text_files.lines(path)), length)  # Its message has the first line of another length.
    if not fits.any():
      raise errors.UserError(f"{path}: expected sentences of 1 to {length - 1} tokens, one on a line, but none of its {total} lines is one")
    return Lines(_rows(read, fits, tokenizer, length, None), _notes(str(path), {"": read}, tokenizer, length))


def read_samples(path: str | os.PathLike, tokenizer: tokenizers.Tokenizer, length: int) -> Lines:
  """Reads the sentences of a file as samples to score: a blank line is an empty sentence, and a sentence that does not fit is cut.

  Args:
    path, tokenizer, length: as of `read_lines`.

  Raises:
    UserError: the file cannot be read or is not UTF-8, has no text or fewer than two lines, or a line is no sequence of the corpus's integers.
  """
  sentences = text_files.samples(path)
  tokens = tokenizer.encode(sentences, length)
  notes = []
  if tokenizer.ends:
    cut = int(np.count_nonzero(np.all(tokens != tokenizers.EOS, axis=1)))
    if cut:
      notes.append(f"{path}: {cut} of {len(sentences)} sentences are longer than {length - 1} tokens and are cut after {length}")
    total = int(np.count_nonzero(tokens) - np.count_nonzero(tokens == tokenizers.EOS))
    notes += _unknown_notes(str(path), {"": (int(np.count_nonzero(tokens == tokenizer.unknown_token)), total)})
  return Lines(tokens, tuple(notes))


class _Tokenized(NamedTuple):
  """A split as ids.

  Attributes:
    file: int32 ids, one sentence after the other.
    sizes: int32 `[N]`, the number of ids of each sentence.
    unknown: int32 `[N]`, the number of unknown tokens among them.
    labels: int32 `[N]`, empty without labels.
  """

  file: IO[bytes]
  sizes: np.ndarray
  unknown: np.ndarray
  labels: np.ndarray

  def fits(self, length: int, ends: bool) -> np.ndarray:
    """Whether each sentence fits into sequences of `length` tokens, with or without an end: bool `[N]`."""
    return (self.sizes > 0) & (self.sizes < length) if ends else self.sizes == length


def _tokenize(sentences, labels, tokenizer, file):
  """Reads a split once, with its labels if it has some, into a file: `_Tokenized`. A blank sentence has no ids."""
  sizes, unknown, kept = array_lib.array("i"), array_lib.array("i"), array_lib.array("i")
  unknown_token = tokenizer.unknown_token
  for sentence, label in zip(sentences, itertools.repeat(None) if labels is None else labels, strict=labels is not None):
    ids = tokenizer.tokenize(sentence) if sentence.strip() else []
    file.write(array_lib.array("i", ids).tobytes())
    sizes.append(len(ids))
    unknown.append(ids.count(unknown_token))
    if labels is not None:
      kept.append(label)
  return _Tokenized(file, *(np.array(column, np.int32) for column in (sizes, unknown, kept)))


def _notes(name, read, tokenizer, length):
  """The notes of a corpus; `read`: split to `_Tokenized`."""
  sizes = np.concatenate([part.sizes for part in read.values()])
  fits = {split: part.fits(length, tokenizer.ends) for split, part in read.items()}
  blank, left_out = int(np.count_nonzero(sizes == 0)), len(sizes) - sum(map(np.count_nonzero, fits.values()))
  notes = []
  if left_out:
    unfit = f"longer than {length - 1} tokens (the longest has {sizes.max()})" if tokenizer.ends else f"not of exactly {length} tokens"
    reasons = ", ".join(f"{num} {reason}" for num, reason in ((left_out - blank, unfit), (blank, "blank")) if num)
    places = ", ".join(f"{split} {np.count_nonzero(~fit)} of {len(fit)}" for split, fit in fits.items() if split and not fit.all())
    notes.append(f"{name}: {left_out} of {len(sizes)} sentences are left out: {reasons}{f' ({places})' if places else ''}")
  if tokenizer.unknown_token is not None:
    counts = {split: (int(part.unknown[fits[split]].sum()), int(part.sizes[fits[split]].sum())) for split, part in read.items()}
    notes += _unknown_notes(name, counts)
  for note in notes:
    logging.info(note)
  return tuple(notes)


def _unknown_notes(name, counts):
  """A note if many tokens are unknown, else none; logs every share. `counts`: split to a pair, the numbers of unknown tokens and of all."""
  shares = {split: unknown / max(total, 1) for split, (unknown, total) in counts.items()}
  for split, share in shares.items():
    logging.info("%s: %.2f%% of the tokens %sare <unk>", name, 100 * share, f"of the {split} split " if split else "")
  found = ", ".join(f"{share:.1%}{f' of {split}' if split else ''}" for split, share in shares.items() if share > _UNKNOWN_SHARE)
  return [f"{name}: tokens that the vocabulary does not have, read as <unk>: {found}"] if found else []


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
  return files.map_array(path)


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
