"""Prepares a corpus once with TFDS and reads it back."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import functools
import logging as std_logging
import queue
import socket
import threading
from typing import Any
from unittest import mock
import urllib.parse

from absl import logging
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import download_manager
from tensorflow_datasets.core.download import downloader

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import progress

# What TFDS and TensorFlow make of an error of the disk, among others.
_WRAPPED = (RuntimeError, tf.errors.OpError)
# Errors of the network (OSErrors), of the disk, of a source that has changed, and of a package that a TFDS dataset needs.
_NOT_PREPARED = (OSError, tfds.download.DownloadError, download_manager.NonMatchingChecksumError, ImportError)

# Without a network a download fails in less than ten seconds: after this many retries, with pauses of 0, .4 and .8 seconds, ...
_RETRIES = 3
# ... and this many seconds without a connection, or without a byte.
_TIMEOUT = (2.0, 60.0)
# Seconds in which a name server must answer.
_NAME_SECONDS = 5.0


def prepare(make_builder: Callable[[], Any], hint: str = "check the network and the folder") -> Any:
  """Prepares a dataset on disk unless it already is.

  TFDS writes into a temporary folder and renames it at the end, so a killed preparation leaves no partial dataset.

  Args:
    make_builder: function without arguments that makes the TFDS builder.
    hint: advice to the user if the download fails.

  Returns:
    The TFDS builder of the prepared dataset.

  Raises:
    UserError: there is no network or no room on the disk, or the download does not match its recorded checksums.
  """
  with _quiet():
    builder = make_builder()
    if builder.data_path.exists():
      # Another process may have prepared it just after the builder had looked for its description.
      return builder if builder.info.splits else make_builder()
  try:
    with progress.bars_of_others(f"preparing {builder.name}"), _impatient():
      builder.download_and_prepare()
  except AssertionError as error:
    if "anual dir" not in str(error):
      raise
    # A dataset that TFDS does not download: the error says from where the user can.
    raise errors.UserError(f"the dataset {builder.name} must be downloaded by hand: {' '.join(str(error).split())}") from error
  except (*_NOT_PREPARED, *_WRAPPED) as error:
    # Workers started together all prepare; only the first to finish can move its result into place.
    if not builder.data_path.exists():
      if unwritten := files.reason_in(error):
        raise files.NotWritten(builder.data_path, unwritten) from error
      if isinstance(error, _WRAPPED):
        raise
      reason = _reason(error)
      raise errors.UserError(f"the dataset {builder.name} could not be downloaded or prepared ({reason}); {hint}") from error
  with _quiet():
    return make_builder()


class Labels:
  """The labels of one split of a prepared dataset as integers, in order; every iteration reads the disk again."""

  def __init__(self, builder: Any, split: str, feature: str, names: Sequence[str] | None):
    """Chooses the feature to read.

    Args:
      builder: prepared TFDS builder.
      split: name or TFDS instruction.
      feature: name of a feature that holds one integer or string; `"a/b"` is the feature b inside a.
      names: the values that become the labels 0, 1 and so on; any other value becomes -1. None if the feature holds such integers already.
    """
    self._builder, self._split, self._feature = builder, split, feature
    self._numbers = {name: i for i, name in enumerate(names)} if names is not None else None

  def __iter__(self) -> Iterator[int]:
    for label in raw_labels(self._builder, self._split, self._feature):
      yield int(label) if self._numbers is None else self._numbers.get(label_name(label), -1)


def raw_labels(builder: Any, split: str, feature: str) -> Iterator[int | bytes]:
  """Yields the values of a feature of a prepared split, integers or bytes, in order."""
  for batch in _values(builder, split, feature):
    yield from batch.tolist()


def label_name(label: int | bytes) -> str:
  """The name of a label's value."""
  return label.decode("utf-8", errors="replace") if isinstance(label, bytes) else str(label)


class Sentences:
  """The text of one split of a prepared dataset, in order; every iteration reads the disk again."""

  def __init__(self, builder: Any, split: str, feature: str = "text"):
    """Chooses the feature to read.

    Args:
      builder: prepared TFDS builder.
      split: name or TFDS instruction, such as `"train[:90%]"`.
      feature: name of a feature that holds one string; `"a/b"` is the feature b inside a.
    """
    self._builder, self._split, self._feature = builder, split, feature

  def __iter__(self) -> Iterator[str]:
    """Yields the sentences. Raises `UserError` for one that is not UTF-8 text or has a NUL character."""
    number = 0
    for batch in _values(self._builder, self._split, self._feature):
      for text in batch:
        number += 1
        try:
          sentence = text.decode("utf-8")
        except UnicodeDecodeError as error:
          raise errors.UserError(f"{self._place(number)} is not UTF-8 text: {error.reason} at position {error.start + 1}") from error
        if "\0" in sentence:
          raise errors.UserError(f"{self._place(number)} has a NUL character at position {sentence.index(chr(0)) + 1}; expected text")
        yield sentence

  def _place(self, number):
    return f"the feature {self._feature} of example {number} of {self._builder.name}, split {self._split},"

  def __len__(self) -> int:
    """The number of sentences. Raises `TypeError` if the dataset does not know it."""
    if not self._builder.info.splits:
      raise TypeError(f"{self._builder.name} lists no splits")
    return self._builder.info.splits[self._split].num_examples


def read(builder: Any, split: str, pick: Callable[[Any], Any]) -> Iterator[np.ndarray]:
  """Yields NumPy arrays of up to 1024 examples of a prepared split, in order.

  Args:
    builder: prepared TFDS builder.
    split: name or TFDS instruction.
    pick: function from an example to the tensor to keep.
  """
  # Files one after another, to keep the order; no caching, since the dataset may be larger than memory.
  config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
  with _quiet():
    dataset = builder.as_dataset(split=split, read_config=config)
  yield from dataset.map(pick).batch(1024).prefetch(1).as_numpy_iterator()


def _values(builder, split, feature):
  """Yields NumPy arrays of up to 1024 values of a feature, one integer or string an example, in order."""
  info = builder.info
  # A dataset mocked by `tfds.testing` lists no splits.
  if not info.splits or info.file_format is not tfds.core.FileFormat.TFRECORD:
    yield from read(builder, split, lambda example: _inside(example, feature))
    return
  # A thousand examples parsed at once: `as_dataset` parses one after another, which takes fifty times as long.
  value = _inside(info.features, feature).get_serialized_info()
  spec = {feature: tf.io.FixedLenFeature([], tf.string if value.tf_dtype == tf.string else tf.int64, value.default_value)}
  for shard in info.splits[split].file_instructions:
    records = tf.data.TFRecordDataset(shard.filename).skip(shard.skip).take(shard.take).batch(1024)
    yield from records.map(lambda batch: tf.io.parse_example(batch, spec)[feature]).prefetch(1).as_numpy_iterator()


def _inside(example, feature):
  """A feature of an example; `"a/b"` is the feature b inside a."""
  for name in feature.split("/"):
    example = example[name]
  return example


def _reason(error):
  """Why a dataset could not be prepared, in one line."""
  if isinstance(error, downloader.requests.ConnectionError) and error.request is not None:
    return f"there is no connection to {urllib.parse.urlsplit(error.request.url).netloc}"
  return errors.first_line(error)


@contextlib.contextmanager
def _impatient():
  """Has TFDS give up a download without a connection soon; it would try for three minutes, or forever. Also hides its warning of every retry."""
  # For good: after the first download that failed the others go on for a while.
  std_logging.getLogger("urllib3.connectionpool").setLevel(std_logging.ERROR)
  connect = functools.partial(downloader._open_with_requests, timeout=_TIMEOUT)

  def opened(url, **options):
    _find_host(url)
    return connect(url, **options)

  with mock.patch.object(downloader, "MAX_RETRIES", _RETRIES), mock.patch.object(downloader, "_open_with_requests", opened):
    yield


def _find_host(url):
  """Raises a `ConnectionError` of requests if no name server answers soon. `getaddrinfo` has no limit of its own and may wait for minutes."""
  host, answers = urllib.parse.urlsplit(url).hostname, queue.SimpleQueue()

  def ask():
    with contextlib.suppress(OSError):  # The connection itself will say it.
      socket.getaddrinfo(host, None)
    answers.put(None)

  threading.Thread(target=ask, daemon=True).start()
  try:
    answers.get(timeout=_NAME_SECONDS)
  except queue.Empty:
    request = downloader.requests.Request("GET", url)
    raise downloader.requests.ConnectionError(f"no name server answers for {host}", request=request) from None


@contextlib.contextmanager
def _quiet():
  """Hides TFDS's logs while it opens data: it warns about every config that a builder does not list."""
  verbosity = logging.get_verbosity()
  logging.set_verbosity(min(verbosity, logging.ERROR))
  try:
    yield
  finally:
    logging.set_verbosity(verbosity)
