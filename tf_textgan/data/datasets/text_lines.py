"""A user's own text: UTF-8 files with one sentence per line, or with columns, CSV and JSON lines."""

from collections.abc import Iterator
import dataclasses
import hashlib
import typing

import tensorflow_datasets as tfds

from tf_textgan import errors
from tf_textgan import progress
from tf_textgan.data import corpus
from tf_textgan.data import prepare
from tf_textgan.data import splitting
from tf_textgan.data import text_columns
from tf_textgan.data import text_config
from tf_textgan.data import text_files
from tf_textgan.data.tokenizers import base as tokenizers


@dataclasses.dataclass(frozen=True)
class Config(text_config.TextConfig):
  """The files and their split."""

  # text files, separated by commas; one sentence per line, or .csv files with a header and .jsonl files, of one object per line
  text_files: str = ""
  # column of .csv and .jsonl files that holds a sentence
  text_field: str = ""
  # column of .csv and .jsonl files that holds a sentence's category, for algorithms conditioned on categories; empty for none
  label_field: str = ""
  # a category for each of the files, separated by commas, for algorithms conditioned on categories; empty for none
  categories: str = ""
  # fraction of the lines for validation, at least one line
  validation_share: float = .05
  # fraction of the lines for the final test, at least one line
  test_share: float = .05


@dataclasses.dataclass(frozen=True)
class _Source:
  """Files, and what of them is read.

  Attributes:
    paths: the files.
    text: name of the column of text; empty for lines.
    label: name of the column of labels; empty for none.
    names: the labels in the order of their numbers: the files' paths without a column of labels.
  """

  paths: tuple[str, ...]
  text: str
  label: str
  names: tuple[str, ...] = ()

  def sentences(self) -> Iterator[tuple[str, str]]:
    """Yields pairs of a sentence, which may be blank, and its label."""
    for path in self.paths:
      if self.text:
        for record in text_columns.records(path, [self.text], [self.label] if self.label else []):
          yield record if self.label else (*record, path)
      else:
        for line in text_files.lines(path, keep_blank=True):
          yield line, path


@dataclasses.dataclass
class _BuilderConfig(tfds.core.BuilderConfig):
  source: "_Source | None" = None
  assign: splitting.Assignment | None = None
  labels: int = 0


class TextLines(tfds.core.GeneratorBasedBuilder):
  """Copies the lines into the three splits."""

  VERSION = tfds.core.Version("1.1.0")
  RELEASE_NOTES: typing.ClassVar = {"1.0.0": "Initial release.", "1.1.0": "Keeps the white space at both ends of a line."}

  def _info(self):
    features = {"text": tfds.features.Text()}
    if self.builder_config and self.builder_config.labels:
      features["label"] = tfds.features.ClassLabel(num_classes=self.builder_config.labels)
    return tfds.core.DatasetInfo(
        builder=self,
        description="Lines of a user's text files.",
        features=tfds.features.FeaturesDict(features),
        homepage="https://www.tensorflow.org/datasets",
        citation="",
        disable_shuffling=True)

  def _split_generators(self, dl_manager):
    return {split: self._generate_examples(split) for split in corpus.SPLITS}

  def _generate_examples(self, split):
    """Yields the lines of one split; reads the files once per split."""
    config = self.builder_config
    numbers = {name: number for number, name in enumerate(config.source.names)}
    for number, (text, label) in enumerate(pair for pair in config.source.sentences() if pair[0].strip()):
      if config.assign(number) == split:
        yield number, {"text": text, "label": numbers[label]} if config.labels else {"text": text}


def load(
    config: Config, data_dir: str | None = None, tokenizer: tokenizers.Tokenizer | None = None, length: int | None = None,
) -> corpus.Corpus:
  """Reads the files' text, preparing it unless files of the same contents are already prepared.

  Args:
    config: a `Config`.
    data_dir: where TFDS keeps prepared datasets; None for its default.
    tokenizer: an existing tokenizer to encode with.
    length: the sequence length that goes with it.

  Returns:
    A `corpus.Corpus`.

  Raises:
    UserError: there is no file, a file cannot be read or is not UTF-8, a file with columns is wrong (see `text_columns.records`), there are too few
      lines, an option is out of range, or the numbers of categories and files differ.
  """
  text_config.check(config)
  splitting.check(config)
  paths = text_files.named(config.text_files)
  _check_columns(config, paths)
  categories = tuple(name.strip() for name in config.categories.split(",")) if config.categories else ()
  corpus.check_categories(categories)
  if categories and len(categories) != len(paths):
    raise errors.UserError(
        f"expected one category for each of the text_files, but there are {len(categories)} categories ({', '.join(categories)}) and "
        f"{len(paths)} files")
  source = _Source(paths, config.text_field, config.label_field)
  num, blank, labels = _count(source)
  if config.label_field:
    categories = labels
  source = dataclasses.replace(source, names=labels if config.label_field else paths)
  # The prepared data depend on the files, not on the names of their categories.
  name = f"{text_files.fingerprint(paths)}-{config.validation_share}-{config.test_share}{'-labelled' * bool(categories)}"
  if config.text_field:
    name += f"-{hashlib.sha256(repr((config.text_field, config.label_field)).encode()).hexdigest()[:16]}"
  assign = splitting.assign(num, config, ", ".join(paths))
  builder_config = _BuilderConfig(name=name, source=source, assign=assign, labels=len(categories))
  builder = prepare.prepare(lambda: TextLines(data_dir=data_dir, config=builder_config))
  splits = {split: split for split in corpus.SPLITS}
  labels = {split: prepare.Labels(builder, split, "label", None) for split in splits} if categories else None
  encoded = text_config.encode(
      "text_lines", builder, splits, config, tokenizer=tokenizer, length=length, labels=labels, categories=categories)
  notes = (corpus.blank_note("text_lines", blank, num + blank),) if blank else ()
  return dataclasses.replace(encoded, notes=notes + encoded.notes)


def _check_columns(config, paths):
  """Raises a `UserError` unless all files have columns and one is named, or none has; and unless labels have one source at most."""
  for path in paths:
    if text_columns.has_columns(path) and not config.text_field:
      raise errors.UserError(f"{path} has columns; pass --text_field with the name of the one that holds the sentences")
    if config.text_field and not text_columns.has_columns(path):
      raise errors.UserError(f"text_field is for files named .csv or .jsonl, but is {config.text_field!r} with {path}")
  if config.label_field and not config.text_field:
    raise errors.UserError(f"label_field is {config.label_field!r}, but there is no text_field; expected both")
  if config.label_field and config.categories:
    raise errors.UserError("label_field and categories both name the sentences' categories; expected one of them")


def _count(source):
  """Numbers of sentences and of blank ones, and the sorted labels. Reads all files, which finds every mistake before anything is prepared."""
  num, blank, labels = 0, 0, set()
  for text, label in progress.reading(source.sentences(), "text_lines: reading"):
    if not text.strip():
      blank += 1
      continue
    num += 1
    labels.add(label)
    if source.label and len(labels) > corpus.MOST_CATEGORIES:
      raise errors.UserError(f"the label_field {source.label!r} has more than {corpus.MOST_CATEGORIES} different values, so it holds no categories")
  if not num:
    raise errors.UserError(f"there is no line of text in {', '.join(source.paths)}")
  return num, blank, tuple(sorted(labels))
