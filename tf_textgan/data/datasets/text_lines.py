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
  # share of the lines kept for validation, at least one line
  validation_share: float = .05
  # share of the lines kept for the final test, at least one line
  test_share: float = .05


@dataclasses.dataclass
class _BuilderConfig(tfds.core.BuilderConfig):
  paths: tuple[str, ...] = ()
  assign: "_Assignment | None" = None


class TextLines(tfds.core.GeneratorBasedBuilder):
  """Copies the lines into the three splits."""

  VERSION = tfds.core.Version("1.0.0")
  RELEASE_NOTES: typing.ClassVar = {"1.0.0": "Initial release."}

  def _info(self):
    return tfds.core.DatasetInfo(
        builder=self,
        description="Lines of text files of the user's own.",
        features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
        homepage="https://www.tensorflow.org/datasets",
        citation="",
        disable_shuffling=True)

  def _split_generators(self, dl_manager):
    return {split: self._generate_examples(split) for split in corpus.SPLITS}

  def _generate_examples(self, split):
    """Yields the lines of one split; the files are streamed once for each."""
    for number, line in enumerate(_lines(self.builder_config.paths)):
      if self.builder_config.assign(number) == split:
        yield number, {"text": line}


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


def load(config, data_dir=None, vocabulary=None, length=None):
  """Prepares the files, unless files with the same contents have been before, and reads them.

  Args:
    config: a `Config`.
    data_dir: where TFDS keeps prepared datasets; None for its default.
    vocabulary: an existing vocabulary to encode with.
    length: the sequence length that goes with it.

  Returns:
    A `corpus.Corpus`.

  Raises:
    UserError: no file or one that cannot be read, too few lines in it, bytes that are not UTF-8, or an option out of range.
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
  builder_config = _BuilderConfig(
      name=f"{text_files.fingerprint(paths)}-{config.validation_share}-{config.test_share}", paths=paths, assign=_assignment(config, paths))
  builder = prepare.prepare(lambda: TextLines(data_dir=data_dir, config=builder_config))
  return text_config.encode("text_lines", builder, {split: split for split in corpus.SPLITS}, config, vocabulary=vocabulary, length=length)


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
  for path in paths:
    yield from text_files.lines(path)


def _hash(number):
  """A number in [0, 1) that looks random."""
  return int.from_bytes(hashlib.blake2b(b"%d" % number, digest_size=6).digest(), "big") / 2**48
