"""A user's own text: UTF-8 files with one sentence per line."""

import dataclasses
import itertools
import typing

import tensorflow_datasets as tfds

from tf_textgan import errors
from tf_textgan import progress
from tf_textgan.data import corpus
from tf_textgan.data import prepare
from tf_textgan.data import splitting
from tf_textgan.data import text_config
from tf_textgan.data import text_files
from tf_textgan.data.tokenizers import base as tokenizers


@dataclasses.dataclass(frozen=True)
class Config(text_config.TextConfig):
  """The files and their split."""

  # text files, separated by commas; one sentence per line
  text_files: str = ""
  # a category for each of the files, separated by commas, for algorithms conditioned on categories; empty for none
  categories: str = ""
  # fraction of the lines for validation, at least one line
  validation_share: float = .05
  # fraction of the lines for the final test, at least one line
  test_share: float = .05


@dataclasses.dataclass
class _BuilderConfig(tfds.core.BuilderConfig):
  paths: tuple[str, ...] = ()
  assign: splitting.Assignment | None = None
  labelled: bool = False


class TextLines(tfds.core.GeneratorBasedBuilder):
  """Copies the lines into the three splits."""

  VERSION = tfds.core.Version("1.1.0")
  RELEASE_NOTES: typing.ClassVar = {"1.0.0": "Initial release.", "1.1.0": "Keeps the white space at both ends of a line."}

  def _info(self):
    features = {"text": tfds.features.Text()}
    if self.builder_config and self.builder_config.labelled:
      features["label"] = tfds.features.ClassLabel(num_classes=len(self.builder_config.paths))
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
    for number, (line, file) in enumerate(_lines(config.paths)):
      if config.assign(number) == split:
        yield number, {"text": line, "label": file} if config.labelled else {"text": line}


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
    UserError: there is no file, a file cannot be read or is not UTF-8, there are too few lines, an option is out of range, or the numbers of
      categories and files differ.
  """
  text_config.check(config)
  splitting.check(config)
  paths = tuple(path.strip() for path in config.text_files.split(",") if path.strip())
  if not paths:
    raise errors.UserError("no text file given; pass --text_files with one path or several separated by commas")
  for path in paths:
    text_files.check(path)
  categories = tuple(name.strip() for name in config.categories.split(",")) if config.categories else ()
  corpus.check_categories(categories)
  if categories and len(categories) != len(paths):
    raise errors.UserError(
        f"expected one category for each of the text_files, but there are {len(categories)} categories ({', '.join(categories)}) and "
        f"{len(paths)} files")
  # The prepared data depend on the files, not on the names of their categories.
  name = f"{text_files.fingerprint(paths)}-{config.validation_share}-{config.test_share}{'-labelled' * bool(categories)}"
  num, blank = _count(paths)
  assign = splitting.assign(num, config, ", ".join(paths))
  builder_config = _BuilderConfig(name=name, paths=paths, assign=assign, labelled=bool(categories))
  builder = prepare.prepare(lambda: TextLines(data_dir=data_dir, config=builder_config))
  splits = {split: split for split in corpus.SPLITS}
  labels = {split: prepare.Labels(builder, split, "label", None) for split in splits} if categories else None
  encoded = text_config.encode(
      "text_lines", builder, splits, config, tokenizer=tokenizer, length=length, labels=labels, categories=categories)
  notes = (corpus.blank_note("text_lines", blank, num + blank),) if blank else ()
  return dataclasses.replace(encoded, notes=notes + encoded.notes)


def _count(paths):
  """Numbers of lines with text and of blank lines. Reads all files, which finds every wrong byte before anything is prepared."""
  num, blank = 0, 0
  for line in progress.reading(itertools.chain.from_iterable(text_files.lines(path, keep_blank=True) for path in paths), "text_lines: reading"):
    if line.strip():
      num += 1
    else:
      blank += 1
  if not num:
    raise errors.UserError(f"there is no line of text in {', '.join(paths)}")
  return num, blank


def _lines(paths):
  """Yields pairs of a line and the number of its file."""
  for file, path in enumerate(paths):
    for line in text_files.lines(path):
      yield line, file
