"""A corpus passed to `runs.train` from Python; it is stored, encoded, in the run's subfolder `corpus`."""

from collections.abc import Sequence
import dataclasses
import hashlib
import json
import os
import pathlib

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import files
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
  """How sentences or ids become a corpus; for a `data.corpus.Corpus` only the fingerprint counts."""

  # fraction of the sentences for validation, at least one
  validation_share: float = .05
  # fraction of the sentences for the final test, at least one
  test_share: float = .05
  # size of the vocabulary of an array of ids; 0 for the largest id plus one
  vocab_size: int = 0
  # hash of the tokens, filled in by runs.train, so that a run does not go on with another corpus
  fingerprint: str = ""


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
  return _of_sentences(_strings(data), config, tokenizer, length)


def fingerprint(corpus: corpus_lib.Corpus) -> str:
  """A hash of a corpus's tokens and labels: 16 hexadecimal digits."""
  digest = hashlib.sha256()
  for split in corpus_lib.SPLITS:
    for array in (corpus.tokens[split], *([corpus.categories[split]] if corpus.categories else [])):
      digest.update(f"{array.shape}".encode() + np.ascontiguousarray(array, np.int32).tobytes())
  return digest.hexdigest()[:16]


def save(corpus: corpus_lib.Corpus, folder: str | os.PathLike) -> None:
  """Stores a corpus, without its tokenizer and truth, in the folder of a run."""
  place = pathlib.Path(folder) / "corpus"
  place.mkdir(parents=True, exist_ok=True)
  for split in corpus_lib.SPLITS:
    for name, arrays in (("tokens", corpus.tokens), ("labels", corpus.categories)):
      if arrays is not None:
        with files.replacing(place / f"{split}_{name}.npy") as temporary, open(temporary, "wb") as file:
          np.save(file, arrays[split])
  # Last: this file marks the corpus as complete.
  files.write_json(place / "corpus.json", {"name": corpus.name, "categories": corpus.spec.categories})


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
    UserError: the folder has no stored corpus, or its files do not fit the run.
  """
  del config
  place = pathlib.Path(data_dir or ".") / "corpus"
  if tokenizer is None or not (place / "corpus.json").exists():
    raise errors.UserError(f"{place.parent} holds no corpus; the dataset {_NAME} comes from Python: runs.train(..., corpus=...)")
  about = json.loads(files.read_text(place / "corpus.json"))
  spec = dataclasses.replace(tokenizer.spec(length), categories=tuple(about["categories"]))
  tokens = {split: _read(place / f"{split}_tokens.npy") for split in corpus_lib.SPLITS}
  labels = {split: _read(place / f"{split}_labels.npy") for split in corpus_lib.SPLITS} if spec.categories else None
  corpus = corpus_lib.Corpus(about["name"], spec, tokenizer, tokens, categories=labels)
  corpus_lib.check(corpus, f"the corpus in {place}")
  return corpus


def _read(path):
  array = files.map_array(path)
  return array if array.nbytes > corpus_lib.RAM_LIMIT else np.array(array)


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
    if not 0 <= config.vocab_size <= integer.MOST:
      raise errors.UserError(f"vocab_size is {config.vocab_size}; expected 1 to {integer.MOST}, or 0 for the largest id plus one")
    tokenizer = integer.Tokenizer(config.vocab_size or min(int(ids.max()) + 1, integer.MOST))
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
  """The sentences that are not blank, a list of strings."""
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
      sentences.append((text if isinstance(text, bytes) else text.encode("utf-8")).decode("utf-8"))
    except UnicodeError as error:
      raise errors.UserError(f"corpus= has an element {number} that is not UTF-8 text") from error
    if "\0" in sentences[-1]:
      raise errors.UserError(f"corpus= has an element {number} with a NUL character")
  return [text for text in sentences if text.strip()]
