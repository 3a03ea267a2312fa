"""A user's own text: UTF-8 files with one sentence per line."""

import dataclasses
import hashlib
import typing

import tensorflow_datasets as tfds

from tf_textgan import errors
from tf_textgan.data import corpus
from tf_textgan.data import prepare
from tf_textgan.data import text_config
from tf_textgan.data import text_files


@dataclasses.dataclass(frozen=True)
class Config(text_config.TextConfig):
  """The files and how they are split."""

  # the files, separated by commas; one sentence per line
  text_files: str = ""
  # a category for each of the files, separated by commas, for algorithms that learn to write in categories; empty for none
  categories: str = ""
  # share of the lines kept for validation, at least one line
  validation_share: float = .05
  # share of the lines kept for the final test, at least one line
  test_share: float = .05


@dataclasses.dataclass
class _BuilderConfig(tfds.core.BuilderConfig):
  paths: tuple[str, ...] = ()
  assign: "_Assignment | None" = None
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
        description="Lines of text files of the user's own.",
        features=tfds.features.FeaturesDict(features),
        homepage="https://www.tensorflow.org/datasets",
        citation="",
        disable_shuffling=True)

  def _split_generators(self, dl_manager):
    return {split: self._generate_examples(split) for split in corpus.SPLITS}

  def _generate_examples(self, split):
    """Yields the lines of one split; the files are streamed once for each."""
    config = self.builder_config
    for number, (line, file) in enumerate(_lines(config.paths)):
      if config.assign(number) == split:
        yield number, {"text": line, "label": file} if config.labelled else {"text": line}


@dataclasses.dataclass(frozen=True)
class _Assignment:
  """Which split a line belongs to, decided by a hash of its number: the same for the same file, and spread over all of it.

  The hashes lie in [0, 1): the lowest go to the validation split, the highest to the test split. The lowest and the highest of all do
  so even if the shares are too small for any line.
  """

  validation_share: float
  test_share: float
  lowest: int
  highest: int

  def __call__(self, number):
    if number == self.lowest or number != self.highest and _hash(number) < self.validation_share:
      return "validation"
    return "test" if number == self.highest or _hash(number) >= 1 - self.test_share else "train"


def load(config, data_dir=None, tokenizer=None, length=None):
  """Prepares the files, unless files with the same contents have been before, and reads them.

  Args:
    config: a `Config`.
    data_dir: where TFDS keeps prepared datasets; None for its default.
    tokenizer: an existing tokenizer to encode with.
    length: the sequence length that goes with it.

  Returns:
    A `corpus.Corpus`.

  Raises:
    UserError: no file or one that cannot be read, too few lines in it, bytes that are not UTF-8, an option out of range, or not as many
      categories as files.
  """
  text_config.check(config)
  for name in ("validation_share", "test_share"):
    if not 0 <= getattr(config, name) < 1:
      raise errors.UserError(f"{name} must be at least 0 and below 1, not {getattr(config, name)}")
  if config.validation_share + config.test_share >= 1:
    raise errors.UserError(
        f"validation_share and test_share must leave lines to train on, but add up to {config.validation_share + config.test_share}")
  paths = tuple(path.strip() for path in config.text_files.split(",") if path.strip())
  if not paths:
    raise errors.UserError("no text file given; pass --text_files with one path or several separated by commas")
  for path in paths:
    text_files.check(path)
  categories = tuple(name.strip() for name in config.categories.split(",")) if config.categories else ()
  corpus.check_categories(categories)
  if categories and len(categories) != len(paths):
    raise errors.UserError(
        f"categories and text_files must be as many, one category for each file, but are {len(categories)} ({', '.join(categories)}) and "
        f"{len(paths)}")
  # The files alone decide what is prepared, not what their categories are called.
  name = f"{text_files.fingerprint(paths)}-{config.validation_share}-{config.test_share}{'-labelled' * bool(categories)}"
  builder_config = _BuilderConfig(name=name, paths=paths, assign=_assignment(config, paths), labelled=bool(categories))
  builder = prepare.prepare(lambda: TextLines(data_dir=data_dir, config=builder_config))
  splits = {split: split for split in corpus.SPLITS}
  labels = {split: prepare.Labels(builder, split, "label", None) for split in splits} if categories else None
  return text_config.encode(
      "text_lines", builder, splits, config, tokenizer=tokenizer, length=length, labels=labels, categories=categories)


def _assignment(config, paths):
  """Reads the files once: finds every wrong byte before anything is prepared, and the lines with the extreme hashes."""
  num, num_low, num_high = 0, 0, 0
  lowest, highest = (2., 0), (-1., 0)
  for number, _ in enumerate(_lines(paths)):
    value = _hash(number)
    lowest, highest = min(lowest, (value, number)), max(highest, (value, number))
    num += 1
    num_low += value < config.validation_share
    num_high += value >= 1 - config.test_share
  if not num:
    raise errors.UserError(f"there is no line of text in {', '.join(paths)}")
  num_train = num - max(num_low, 1) - max(num_high, 1)
  if num_train < 2:
    raise errors.UserError(
        f"{', '.join(paths)}: {num} lines of text are too few, because with a validation_share of {config.validation_share} and a "
        f"test_share of {config.test_share} {max(num_train, 0)} are left to train on; at least 2 are needed")
  return _Assignment(config.validation_share, config.test_share, lowest[1], highest[1])


def _lines(paths):
  """Yields the lines of all files, each with the number of its file."""
  for file, path in enumerate(paths):
    for line in text_files.lines(path):
      yield line, file


def _hash(number):
  """A number in [0, 1) that looks random."""
  return int.from_bytes(hashlib.blake2b(b"%d" % number, digest_size=6).digest(), "big") / 2**48
