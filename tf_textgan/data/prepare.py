"""Preparing a corpus once with TFDS, and reading it back."""

import contextlib
import sys

from absl import logging
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import download_manager

from tf_textgan import errors

# What the network, the disk or a changed source may raise; errors of the network are OSErrors.
_NOT_PREPARED = (OSError, tfds.download.DownloadError, download_manager.NonMatchingChecksumError)


def prepare(make_builder, hint="check the network and the folder"):
  """Makes sure that a dataset is prepared on disk.

  TFDS writes into a folder of another name and renames it when all is done, so that a killed preparation leaves nothing half-written.

  Args:
    make_builder: function without arguments that makes its TFDS builder.
    hint: what the user can do if the dataset cannot be downloaded.

  Returns:
    The builder of the prepared dataset.

  Raises:
    UserError: there is no network or no room on the disk, or the download is not what it was when its checksums were recorded.
  """
  with _quiet():
    builder = make_builder()
    if builder.data_path.exists():
      return builder
  try:
    # What TFDS says on the way is no output of a command.
    with contextlib.redirect_stdout(sys.stderr):
      builder.download_and_prepare()
  except _NOT_PREPARED as error:
    # Workers started together all prepare; all but the first to finish fail to move their result into its place.
    if not builder.data_path.exists():
      reason = str(error).strip().splitlines()[0]
      raise errors.UserError(f"the dataset {builder.name} could not be downloaded or prepared ({reason}); {hint}") from error
  with _quiet():
    return make_builder()


class Labels:
  """The labels of one split of a prepared dataset as integers, read anew from disk, in its order, at every iteration."""

  def __init__(self, builder, split, feature, names):
    """Remembers what to read.

    Args:
      builder: prepared TFDS builder.
      split: name or TFDS instruction.
      feature: name of a feature that holds one integer or string; `"a/b"` is the feature b inside a.
      names: what the labels 0, 1 and so on stand for; -1 stands for all else. None if the feature holds such integers already.
    """
    self._builder, self._split, self._feature = builder, split, feature
    self._numbers = {name: i for i, name in enumerate(names)} if names is not None else None

  def __iter__(self):
    for label in raw_labels(self._builder, self._split, self._feature):
      yield int(label) if self._numbers is None else self._numbers.get(label_name(label), -1)


def raw_labels(builder, split, feature):
  """Yields the values, integers or bytes, of a feature of a prepared split, in its order."""
  for batch in read(builder, split, lambda example: _inside(example, feature)):
    yield from batch.tolist()


def label_name(label):
  """What a value of a label, an integer or bytes, is called."""
  return label.decode("utf-8", errors="replace") if isinstance(label, bytes) else str(label)


class Sentences:
  """The text of one split of a prepared dataset, read anew from disk, in its order, at every iteration."""

  def __init__(self, builder, split, feature="text"):
    """Remembers what to read.

    Args:
      builder: prepared TFDS builder.
      split: name or TFDS instruction, such as `"train[:90%]"`.
      feature: name of a feature that holds one string; `"a/b"` is the feature b inside a.
    """
    self._builder, self._split, self._feature = builder, split, feature

  def __iter__(self):
    for batch in read(self._builder, self._split, lambda example: _inside(example, self._feature)):
      for text in batch:
        yield text.decode("utf-8", errors="replace")


def read(builder, split, pick):
  """Yields NumPy arrays of up to 1024 examples of a prepared split, in its order.

  Args:
    builder: prepared TFDS builder.
    split: name or TFDS instruction.
    pick: function from an example to the tensor wanted of it.
  """
  # One file after another keeps the order; no caching, because the dataset may be larger than memory.
  config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
  with _quiet():
    dataset = builder.as_dataset(split=split, read_config=config)
  yield from dataset.map(pick).batch(1024).prefetch(1).as_numpy_iterator()


def _inside(example, feature):
  """A feature of an example; `"a/b"` is the feature b inside a."""
  for name in feature.split("/"):
    example = example[name]
  return example


@contextlib.contextmanager
def _quiet():
  """Hides what TFDS logs about data it merely opens; it warns of every config that is not among a builder's fixed ones."""
  verbosity = logging.get_verbosity()
  logging.set_verbosity(min(verbosity, logging.ERROR))
  try:
    yield
  finally:
    logging.set_verbosity(verbosity)
