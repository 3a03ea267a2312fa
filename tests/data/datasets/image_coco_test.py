"""Tests of image_coco.py."""

import pathlib

import pytest
import tensorflow_datasets as tfds

from tf_textgan import errors
from tf_textgan.data.datasets import image_coco

DATA = pathlib.Path(__file__).parents[4] / "shared/data"


@pytest.fixture(name="folder")
def _folder(tmp_path):
  folder = tmp_path / "files"
  folder.mkdir()
  (folder / "image_coco_train.txt").write_text("A dog's ball.\na cat\na bird\na cow")
  (folder / "image_coco_test.txt").write_text("a dog\n")
  return folder


def _texts(made):
  return {split: made.tokenizer.decode(tokens) for split, tokens in made.tokens.items()}


def test_folder(folder, tmp_path):
  made = image_coco.load(image_coco.Config(data_folder=str(folder), num_validation=1), tmp_path)
  assert _texts(made) == {"train": ["a dog 's ball .", "a cat", "a bird"], "validation": ["a <unk>"], "test": ["a dog"]}


def test_published_protocol(folder, tmp_path):
  made = image_coco.load(image_coco.Config(data_folder=str(folder), num_validation=0), tmp_path)
  assert _texts(made) == {"train": ["a dog 's ball .", "a cat", "a bird", "a cow"], "validation": ["a dog"], "test": ["a dog"]}


def test_download(folder, tmp_path, monkeypatch):
  asked = []

  def download(self, urls):
    asked.append(urls)
    return {split: folder / f"image_coco_{split}.txt" for split in urls}

  monkeypatch.setattr(tfds.download.DownloadManager, "download", download)
  made = image_coco.load(image_coco.Config(num_validation=1), tmp_path)
  assert _texts(made)["train"] == ["a dog 's ball .", "a cat", "a bird"]
  assert asked == [{
      "train": "https://raw.githubusercontent.com/geek-ai/Texygen/master/data/image_coco.txt",
      "test": "https://raw.githubusercontent.com/geek-ai/Texygen/master/data/testdata/test_coco.txt",
  }]


def test_checksums_are_recorded():
  infos = image_coco.ImageCoco.url_infos
  assert {url: int(infos[url].size) for url in image_coco.URLS.values()} == dict(zip(image_coco.URLS.values(), (546442, 536184)))


def test_errors(folder, tmp_path, monkeypatch):
  with pytest.raises(errors.UserError, match="num_validation must be from 0 to 2, because there are 4 training lines, not 3"):
    image_coco.load(image_coco.Config(data_folder=str(folder), num_validation=3), tmp_path)
  with pytest.raises(errors.UserError, match="cannot read the text file .*image_coco_train.txt: No such file"):
    image_coco.load(image_coco.Config(data_folder=str(tmp_path)), tmp_path)

  def offline(self, urls):
    raise ConnectionError("no network")

  monkeypatch.setattr(tfds.download.DownloadManager, "download", offline)
  with pytest.raises(errors.UserError, match="image_coco could not be downloaded .*no network.*or pass --data_folder"):
    image_coco.load(image_coco.Config(), tmp_path)


@pytest.mark.skipif(not DATA.exists(), reason="the folder shared/data beside the repository is absent")
def test_published_sizes(tmp_path):
  made = image_coco.load(image_coco.Config(data_folder=str(DATA), num_validation=0), tmp_path)
  assert made.tokens["train"].shape == made.tokens["test"].shape == (10000, 38)  # at most 37 words, and the end token
  assert abs(made.tokenizer.size - 4 - 4660) <= 10
