"""A corpus passed to `runs.train` from Python; it is stored, encoded, in the run's subfolder `corpus`."""

from collections.abc import Sequence
import dataclasses
import os
import pathlib

import numpy as np
import tensorflow as tf

from tf_textgan import arrays
from tf_textgan import errors
from tf_textgan import files
from tf_textgan import schema
from tf_textgan import sequences
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data import splitting
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.data.tokenizers import integer

# Types accepted as a corpus.
Data = corpus_lib.Corpus | Sequence[str] | np.ndarray | tf.data.Dataset

_NAME = "given"
_EXPECTED = "expected a data.corpus.Corpus, a sequence of strings, an array of ids [N, T], or a finite tf.data.Dataset of strings"


@dataclasses.dataclass(frozen=True)
class Config(text_config.TextConfig):
  """How sentences or ids become a corpus; a `data.corpus.Corpus` needs none of it."""

  # fraction of the sentences for validation, at least one
  validation_share: float = .05
  # fraction of the sentences for the final test, at least one
  test_share: float = .05
  # size of the vocabulary of an array of ids; 0 for the largest id plus one
  vocab_size: int = 0


def make(
    data: Data, config: Config, tokenizer: tokenizers.Tokenizer | None = None, length: int | None = None,
) -> corpus_lib.Corpus:
  """Makes a corpus from Python data. Sentences and rows of ids are divided into splits as the lines of `text_lines`.

  Args:
    data: a `corpus.Corpus`; a sequence of strings; an integer array `[N, T]` of ids, sequences of a fixed length; or a finite `tf.data.Dataset` of
      strings, `[]` or `[B]`, which is read once.
    config: a `Config`.
    tokenizer: an existing tokenizer to encode with.
    length: the sequence length that goes with it.

  Raises:
    UserError: the data have another type or are too few; an id lies outside the vocabulary; an option is out of range.
  """
  if isinstance(data, corpus_lib.Corpus):
    return _checked(data, tokenizer, length)
  text_config.check(config)
  splitting.check(config)
  if isinstance(data, (np.ndarray, tf.Tensor)) and np.asarray(data).dtype.kind not in "OSU":
    return _of_ids(np.asarray(data), config, tokenizer, length)
  strings = _strings(data)
  sentences = [text for text in strings if text.strip()]
  made = _of_sentences(sentences, config, tokenizer, length)
  blank = len(strings) - len(sentences)
  notes = (corpus_lib.blank_note(_NAME, blank, len(strings)),) if blank else ()
  return dataclasses.replace(made, notes=notes + made.notes)


def save(corpus: corpus_lib.Corpus, folder: str | os.PathLike) -> None:
  """Stores a corpus, without its tokenizer and truth, in the folder of a run, in place of any other."""
  place = pathlib.Path(folder) / "corpus"
  place.mkdir(parents=True, exist_ok=True)
  (place / "corpus.json").unlink(missing_ok=True)
  for split in corpus_lib.SPLITS:
    for name, ids in (("tokens", corpus.tokens), ("labels", corpus.categories), ("sources", corpus.sources)):
      if ids is not None:
        with files.replacing(place / f"{split}_{name}.npy") as temporary, open(temporary, "wb") as file:
          np.save(file, np.ascontiguousarray(ids[split], np.int32))
  # Last: this file marks the corpus as complete.
  files.write_json(place / "corpus.json", {"name": corpus.name, "categories": corpus.spec.categories, "source_length": corpus.spec.source_length})


def load(
    config: Config, data_dir: str | os.PathLike | None = None, tokenizer: tokenizers.Tokenizer | None = None, length: int | None = None,
) -> corpus_lib.Corpus:
  """Reads the corpus stored in a run's folder.

  Args:
    config: a `Config`.
    data_dir: the run's folder.
    tokenizer: the run's tokenizer.
    length: the sequence length that goes with it.

  Raises:
    UserError: the folder has no stored corpus, or one of its files is damaged or does not fit the run.
  """
  del config
  place = pathlib.Path(data_dir or ".") / "corpus"
  if tokenizer is None or not (place / "corpus.json").exists():
    raise errors.UserError(f"{place.parent} holds no corpus; the dataset {_NAME} comes from Python: runs.train(..., corpus=...)")
  about = _read(place / "corpus.json", _about)
  spec = dataclasses.replace(tokenizer.spec(length), categories=about.categories, source_length=about.source_length)
  tokens, labels, sources = {}, {}, {}
  for split in corpus_lib.SPLITS:
    tokens[split] = _read(place / f"{split}_tokens.npy", _ids, spec.vocab_size, None, length)
    if spec.categories:
      labels[split] = _read(place / f"{split}_labels.npy", _ids, len(spec.categories), len(tokens[split]))
    if spec.source_length:
      sources[split] = _read(place / f"{split}_sources.npy", _ids, spec.vocab_size, len(tokens[split]), spec.source_length)
  return corpus_lib.Corpus(about.name, spec, tokenizer, tokens, categories=labels or None, sources=sources or None)


@dataclasses.dataclass(frozen=True)
class _About:
  """The contents of `corpus.json`."""

  name: str
  categories: tuple[str, ...]
  source_length: int

  def __post_init__(self):
    corpus_lib.check_categories(self.categories)
    if not 0 <= self.source_length <= sequences.LONGEST:
      raise errors.UserError(f"source_length is {self.source_length}; expected 0 to {sequences.LONGEST}")


def _read(path, read, *arguments):
  """Calls `read(path, *arguments)`; its errors become `UserError`s that name the file."""
  try:
    return read(path, *arguments)
  except OSError as error:
    raise errors.UserError(f"cannot read {path}: {error.strerror or error}") from error
  except (ValueError, errors.UserError) as error:
    raise errors.UserError(f"{path} is damaged: {error}") from error


def _about(path):
  return _About(**schema.arguments(_About, schema.read_json(path), ""))


def _ids(path, size, num, *row):
  """Reads `num` rows of ids below `size`, int32 `[N, *row]`; any number of rows above 0 if it is None."""
  ids = arrays.load(path, mmap=path.stat().st_size > corpus_lib.RAM_LIMIT)
  wanted = [num or "N", *row]
  if ids.dtype != np.int32 or ids.ndim != len(wanted) or ids.shape[1:] != row or not len(ids) or num not in (None, len(ids)):
    raise ValueError(f"it holds {ids.dtype} {list(ids.shape)}; expected int32 [{', '.join(map(str, wanted))}]")
  if ids.min() < 0 or ids.max() >= size:
    raise ValueError(f"it holds the ids {ids.min()} to {ids.max()}; expected ids from 0 to {size - 1}")
  return ids


def _checked(corpus, tokenizer, length):
  """Returns the corpus if its parts agree with each other and with the run; else raises a `UserError`."""
  corpus_lib.check(corpus, "corpus=")
  spec = corpus.spec
  if tokenizer is not None and (tokenizer != corpus.tokenizer or length != spec.length):
    raise errors.UserError(f"corpus= has another vocabulary or length than the run's, which is {length}")
  return corpus


def _of_ids(ids, config, tokenizer, length):
  if ids.ndim != 2 or ids.dtype.kind not in "iu" or not ids.size:
    raise errors.UserError(f"corpus= is an array {ids.dtype} {list(ids.shape)}; expected integers [N, T]")
  if tokenizer is None:
    if not 0 <= config.vocab_size <= sequences.LARGEST_VOCABULARY:
      raise errors.UserError(f"vocab_size is {config.vocab_size}; expected 1 to {sequences.LARGEST_VOCABULARY}, or 0 for the largest id plus one")
    size = config.vocab_size or int(ids.max()) + 1
    if size > sequences.LARGEST_VOCABULARY or ids.shape[1] > sequences.LONGEST:
      raise errors.UserError(
        f"corpus= has a vocabulary of {size} and sequences of {ids.shape[1]}; expected at most {sequences.LARGEST_VOCABULARY} and {sequences.LONGEST}"
      )
    tokenizer = integer.Tokenizer(size)
  if not isinstance(tokenizer, integer.Tokenizer) or length not in (None, ids.shape[1]):
    raise errors.UserError(f"corpus= is an array of ids {list(ids.shape)}, but the run's sequences are {length} tokens of {_described(tokenizer)}")
  corpus_lib.check_ids(ids, tokenizer.size, "corpus=")
  assign = splitting.assign(len(ids), config, "corpus=")
  places = np.array([corpus_lib.SPLITS.index(assign(number)) for number in range(len(ids))])
  tokens = {split: ids[places == i].astype(np.int32) for i, split in enumerate(corpus_lib.SPLITS)}
  return corpus_lib.Corpus(_NAME, tokenizer.spec(ids.shape[1]), tokenizer, tokens)


def _described(tokenizer):
  return f"a vocabulary of {tokenizer.spec(1).vocab_size} {'ids' if isinstance(tokenizer, integer.Tokenizer) else 'words'}"


def _of_sentences(sentences, config, tokenizer, length):
  if isinstance(tokenizer, integer.Tokenizer) and config.tokenizer != "integer":
    raise errors.UserError(f"corpus= holds sentences, but the run has {_described(tokenizer)}")
  assign = splitting.assign(len(sentences), config, "corpus=")
  splits = {split: [] for split in corpus_lib.SPLITS}
  for number, sentence in enumerate(sentences):
    splits[assign(number)].append(sentence)
  return corpus_lib.encode(_NAME, splits, config, tokenizer=tokenizer, length=length)


def _strings(data):
  """The sentences, a list of strings."""
  if isinstance(data, tf.data.Dataset):
    spec = data.element_spec
    if not isinstance(spec, tf.TensorSpec) or spec.dtype != tf.string or spec.shape.rank not in (0, 1):
      raise errors.UserError(f"corpus= is a tf.data.Dataset of {spec}; expected one of strings, a scalar or [B] each")
    if data.cardinality() == tf.data.INFINITE_CARDINALITY:
      raise errors.UserError("corpus= is a tf.data.Dataset that never ends; expected one without repeat()")
    data = [text for element in data.as_numpy_iterator() for text in np.atleast_1d(element)]
  elif isinstance(data, (np.ndarray, tf.Tensor)):
    if data.ndim != 1:
      raise errors.UserError(f"corpus= is an array of strings {list(data.shape)}; expected [N]")
    data = np.asarray(data).tolist()
  if isinstance(data, (str, bytes)) or not isinstance(data, Sequence):
    raise errors.UserError(f"corpus= is {'a string' if isinstance(data, (str, bytes)) else 'of the type ' + type(data).__name__}; {_EXPECTED}")
  sentences = []
  for number, text in enumerate(data):
    if not isinstance(text, (str, bytes)):
      raise errors.UserError(f"corpus= has a {type(text).__name__} as its element {number}; {_EXPECTED}")
    try:
      sentences.append((text.encode("utf-8") if isinstance(text, str) else text).decode("utf-8"))
    except UnicodeError as error:
      raise errors.UserError(f"corpus= has an element {number} that is not UTF-8 text") from error
    if "\0" in sentences[-1]:
      raise errors.UserError(f"corpus= has an element {number} with a NUL character")
  return sentences
