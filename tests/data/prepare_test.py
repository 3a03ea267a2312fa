"""Tests of prepare.py."""

import logging
import os
import socket
import threading
import time

import pytest
import tensorflow_datasets as tfds

from tests import shell
from tf_textgan import errors
from tf_textgan.data import prepare


class PrepareTestLines(tfds.core.GeneratorBasedBuilder):
  """Numbered sentences."""

  VERSION = tfds.core.Version("1.0.0")
  prepared = 0
  error = None

  def _info(self):
    features = tfds.features.FeaturesDict({"story": {"title": tfds.features.Text()}, "label": tfds.features.ClassLabel(num_classes=2)})
    return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

  def _split_generators(self, dl_manager):
    return {"train": self._generate_examples()}

  def _generate_examples(self):
    PrepareTestLines.prepared += 1
    for i in range(3000):
      if i == 2000 and self.error:
        raise self.error
      yield i, {"story": {"title": f"Satz {i} ä"}, "label": i % 2}


def test_prepares_once_and_reads_in_order(tmp_path):
  PrepareTestLines.prepared = 0
  for _ in range(2):
    builder = prepare.prepare(lambda: PrepareTestLines(data_dir=tmp_path))
  assert PrepareTestLines.prepared == 1
  sentences = prepare.Sentences(builder, "train[:2500]", "story/title")
  for _ in range(2):  # it can be read again
    assert list(sentences) == [f"Satz {i} ä" for i in range(2500)]


def test_a_dataset_that_another_process_prepares_just_now(tmp_path):
  makers = [lambda: PrepareTestLines(data_dir=tmp_path)] * 2

  def make():
    builder = makers.pop()()
    if len(makers) == 1:
      PrepareTestLines(data_dir=tmp_path).download_and_prepare()
    return builder

  assert prepare.prepare(make).info.splits["train"].num_examples == 3000


@pytest.mark.parametrize("split", ["train", "train[:3]", "train[10%:50%]", "train[2990:]+train[:5]"])
def test_values_are_those_of_the_examples(tmp_path, monkeypatch, split):
  """Parsed in batches as well as one by one."""
  monkeypatch.setattr(PrepareTestLines, "error", None)
  builder = prepare.prepare(lambda: PrepareTestLines(data_dir=tmp_path))
  sentences, labels = prepare.Sentences(builder, split, "story/title"), prepare.Labels(builder, split, "label", None)
  found = list(sentences), list(labels)
  examples = list(builder.as_dataset(split=split, shuffle_files=False).as_numpy_iterator())
  assert len(sentences) == len(examples) > 0
  assert found == ([example["story"]["title"].decode() for example in examples], [example["label"] for example in examples])


def test_several_files_are_read_in_order(tmp_path):
  config = tfds.download.DownloadConfig(num_shards=4)
  builder = PrepareTestLines(data_dir=tmp_path)
  builder.download_and_prepare(download_config=config)
  assert len(builder.info.splits["train"].filenames) == 4
  for split, numbers in (("train", range(3000)), ("train[700:2300]", range(700, 2300))):
    assert list(prepare.Sentences(builder, split, "story/title")) == [f"Satz {i} ä" for i in numbers]


@pytest.mark.parametrize("error, raised", [(RuntimeError("killed"), RuntimeError), (OSError("disk full"), errors.UserError)])
def test_failure_leaves_nothing(tmp_path, monkeypatch, error, raised):
  monkeypatch.setattr(PrepareTestLines, "error", error)
  with pytest.raises(raised, match="killed|could not be downloaded or prepared .*disk full.*; or ask"):
    prepare.prepare(lambda: PrepareTestLines(data_dir=tmp_path), hint="or ask")
  files = [os.path.join(folder, name) for folder, _, names in os.walk(tmp_path) for name in names]
  assert not files
  monkeypatch.setattr(PrepareTestLines, "error", None)
  assert prepare.prepare(lambda: PrepareTestLines(data_dir=tmp_path)).info.splits["train"].num_examples == 3000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk_is_one_line_and_the_same_call_prepares_with_more_room(tmp_path):
  with shell.small_disk(tmp_path, "64k") as resize:
    data_path = tmp_path / "prepare_test_lines" / "1.0.0"
    with pytest.raises(errors.UserError, match=f"^cannot write {data_path}: No space left on device$"):
      prepare.prepare(lambda: PrepareTestLines(data_dir=tmp_path))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    resize("4m")
    assert prepare.prepare(lambda: PrepareTestLines(data_dir=tmp_path)).info.splits["train"].num_examples == 3000


def test_another_worker_was_faster(tmp_path, monkeypatch):
  original = PrepareTestLines.download_and_prepare

  def overtaken(self, **kwargs):
    original(PrepareTestLines(data_dir=tmp_path), **kwargs)
    raise OSError("Directory not empty")

  monkeypatch.setattr(PrepareTestLines, "download_and_prepare", overtaken)
  assert prepare.prepare(lambda: PrepareTestLines(data_dir=tmp_path)).info.splits["train"].num_examples == 3000


class PrepareTestDownload(PrepareTestLines):
  """Downloads a file."""

  url = ""

  def _split_generators(self, dl_manager):
    dl_manager.download(self.url)


def test_without_a_network_it_gives_up_soon(tmp_path, monkeypatch, caplog):
  with socket.socket() as unused:
    unused.bind(("127.0.0.1", 0))  # Nobody listens.
    address = f"127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setattr(PrepareTestDownload, "url", f"http://{address}/text.zip")
    begun = time.monotonic()
    expected = rf"prepare_test_download could not be downloaded or prepared \(there is no connection to {address}\); check the network"
    with pytest.raises(errors.UserError, match=expected), caplog.at_level(logging.WARNING):
      prepare.prepare(lambda: PrepareTestDownload(data_dir=tmp_path))
  assert time.monotonic() - begun < 5
  assert not [record for record in caplog.records if "Retrying" in record.getMessage()]


def test_without_an_answer_of_a_name_server_it_gives_up_soon(tmp_path, monkeypatch):
  silent = threading.Event()
  monkeypatch.setattr(socket, "getaddrinfo", lambda *_: silent.wait(60))
  monkeypatch.setattr(prepare, "_NAME_SECONDS", 0.2)
  monkeypatch.setattr(PrepareTestDownload, "url", "http://data.example/text.zip")
  begun = time.monotonic()
  with pytest.raises(errors.UserError, match=r"\(there is no connection to data.example\); check the network"):
    prepare.prepare(lambda: PrepareTestDownload(data_dir=tmp_path))
  silent.set()
  assert time.monotonic() - begun < 5


class PrepareTestBytes(PrepareTestLines):
  """Has one sentence that is no text."""

  spoiled = b""

  def _generate_examples(self):
    for number, text in enumerate((b"a man", self.spoiled, b"a dog")):
      yield number, {"story": {"title": text}, "label": 0}


@pytest.mark.parametrize(
  ("spoiled", "message"),
  [(b"a \xff", "is not UTF-8 text: invalid start byte at position 3"), (b"a\0b", "has a NUL character at position 2; expected text")],
)
def test_what_is_no_text_is_refused(tmp_path, monkeypatch, spoiled, message):
  monkeypatch.setattr(PrepareTestBytes, "spoiled", spoiled)
  builder = prepare.prepare(lambda: PrepareTestBytes(data_dir=tmp_path))
  with pytest.raises(errors.UserError, match=f"^the feature story/title of example 2 of prepare_test_bytes, split train, {message}$"):
    list(prepare.Sentences(builder, "train", "story/title"))


def test_a_dataset_to_download_by_hand(tmp_path):
  expected = "^the dataset story_cloze must be downloaded by hand: Manual directory .*manual does not exist or is empty. Create it .* Visit https://"
  with pytest.raises(errors.UserError, match=expected):
    prepare.prepare(lambda: tfds.builder("story_cloze", data_dir=tmp_path))
