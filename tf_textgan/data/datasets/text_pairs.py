"""A user's own pairs of a source and a target: UTF-8 files with two columns, separated by a tab, or CSV files and JSON lines with named columns."""

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
  """The files and their split. Both sides have one vocabulary; `max_length` is of the targets."""

  # files, separated by commas; a source, a tab and its target on each line, or .csv files with a header and .jsonl files, of one object per line
  text_files: str = ""
  # column of .csv and .jsonl files that holds a source
  source_field: str = ""
  # column of .csv and .jsonl files that holds a target
  target_field: str = ""
  # maximum number of tokens in a source, the end token included; pairs with longer ones are dropped; 0 for the longest one, but at most 256
  max_source_length: int = 0
  # fraction of the pairs for validation, at least one pair
  validation_share: float = .05
  # fraction of the pairs for the final test, at least one pair
  test_share: float = .05


@dataclasses.dataclass(frozen=True)
class _Source:
  """Files, and what of them is read.

  Attributes:
    paths: the files.
    fields: names of the columns of sources and targets; both empty for lines with a tab.
  """

  paths: tuple[str, ...]
  fields: tuple[str, str]

  def pairs(self) -> Iterator[tuple[str, str]]:
    """Yields pairs of a source and a target; raises a `UserError` for a line that is none."""
    for path in self.paths:
      read = text_columns.numbered(path, self.fields) if any(self.fields) else text_columns.separated(path, 2)
      for number, pair in read:
        for side, text in zip(("source", "target"), pair):
          if not text.strip():
            raise errors.UserError(f"{path}: line {number} has an empty {side}; expected text on both sides of a pair")
        yield pair


@dataclasses.dataclass
class _BuilderConfig(tfds.core.BuilderConfig):
  source: "_Source | None" = None
  assign: splitting.Assignment | None = None


class TextPairs(tfds.core.GeneratorBasedBuilder):
  """Copies the pairs into the three splits."""

  VERSION = tfds.core.Version("1.0.0")
  RELEASE_NOTES: typing.ClassVar = {"1.0.0": "Initial release."}

  def _info(self):
    return tfds.core.DatasetInfo(
        builder=self,
        description="Pairs of a user's text files.",
        features=tfds.features.FeaturesDict({"source": tfds.features.Text(), "target": tfds.features.Text()}),
        homepage="https://www.tensorflow.org/datasets",
        citation="",
        disable_shuffling=True)

  def _split_generators(self, dl_manager):
    return {split: self._generate_examples(split) for split in corpus.SPLITS}

  def _generate_examples(self, split):
    """Yields the pairs of one split; reads the files once per split."""
    config = self.builder_config
    for number, (source, target) in enumerate(config.source.pairs()):
      if config.assign(number) == split:
        yield number, {"source": source, "target": target}


def load(
    config: Config, data_dir: str | None = None, tokenizer: tokenizers.Tokenizer | None = None, length: int | None = None,
) -> corpus.Corpus:
  """Reads the files' pairs, preparing them unless files of the same contents are already prepared.

  Args:
    config: a `Config`.
    data_dir: where TFDS keeps prepared datasets; None for its default.
    tokenizer: an existing tokenizer to encode with.
    length: the length of the targets that goes with it.

  Returns:
    A `corpus.Corpus` with sources.

  Raises:
    UserError: there is no file, a file cannot be read or is not UTF-8, a line is no pair (see `text_columns`), a side is empty, there are too few
      pairs, or an option is out of range.
  """
  text_config.check(config)
  text_config.check_source_length(config.max_source_length)
  splitting.check(config)
  paths = text_files.named(config.text_files)
  _check_columns(config, paths)
  source = _Source(paths, (config.source_field, config.target_field))
  # Reads all files, which finds every mistake before anything is prepared.
  num = sum(1 for _ in progress.reading(source.pairs(), "text_pairs: reading"))
  name = f"{text_files.fingerprint(paths)}-{config.validation_share}-{config.test_share}"
  if config.source_field:
    name += f"-{hashlib.sha256(repr(source.fields).encode()).hexdigest()[:16]}"
  builder_config = _BuilderConfig(name=name, source=source, assign=splitting.assign(num, config, ", ".join(paths)))
  builder = prepare.prepare(lambda: TextPairs(data_dir=data_dir, config=builder_config))
  splits = {split: split for split in corpus.SPLITS}
  return text_config.encode("text_pairs", builder, splits, config, "target", tokenizer, length, source_feature="source")


def _check_columns(config, paths):
  """Raises a `UserError` unless all files have columns and both are named, or none has."""
  for path in paths:
    if text_columns.has_columns(path) and not (config.source_field and config.target_field):
      raise errors.UserError(f"{path} has columns; pass --source_field and --target_field with the names of those of the sources and the targets")
    if not text_columns.has_columns(path) and (config.source_field or config.target_field):
      raise errors.UserError(
          f"source_field and target_field are for files named .csv or .jsonl, but are {config.source_field!r} and {config.target_field!r} with "
          f"{path}")
