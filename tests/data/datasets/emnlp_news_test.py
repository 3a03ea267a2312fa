"""Tests of emnlp_news.py."""

import pytest
import tensorflow_datasets as tfds

from tf_textgan import errors
from tf_textgan.data.datasets import emnlp_news


@pytest.fixture(name="folder")
def _folder(tmp_path):
  folder = tmp_path / "files"
  folder.mkdir()
  (folder / "emnlp_news_train_1.txt").write_text("He ' s a\nHe b\n")
  (folder / "emnlp_news_train_2.txt").write_text("He c\nHe d\n")
  (folder / "emnlp_news_test.txt").write_text("He e\n")
  return folder


def _texts(made):
  return {split: made.tokenizer.decode(tokens) for split, tokens in made.tokens.items()}


def test_folder_with_and_without_validation_file(folder, tmp_path):
  made = emnlp_news.load(emnlp_news.Config(data_folder=str(folder), num_validation=1), tmp_path)
  assert _texts(made) == {"train": ["He ' s a", "He b", "He c"], "validation": ["He <unk>"], "test": ["He <unk>"]}
  (folder / "emnlp_news_valid.txt").write_text("HE B\n")
  made = emnlp_news.load(emnlp_news.Config(data_folder=str(folder), lowercase=True), tmp_path)
  assert _texts(made) == {"train": ["he ' s a", "he b", "he c", "he d"], "validation": ["he b"], "test": ["he <unk>"]}


def test_download(folder, tmp_path, monkeypatch):
  names = {"train": "emnlp_news_train_1.txt", "test": "emnlp_news_test.txt"}
  monkeypatch.setattr(tfds.download.DownloadManager, "download", lambda self, urls: {split: folder / names[split] for split in urls})
  with pytest.raises(errors.UserError, match="num_validation must be from 1 to 0, because there are 2 training lines, not 10000"):
    emnlp_news.load(emnlp_news.Config(), tmp_path)
  names["train"] = "emnlp_news_train.txt"
  (folder / names["train"]).write_text("a\nb\nc\n")
  assert _texts(emnlp_news.load(emnlp_news.Config(num_validation=1), tmp_path / "new"))["train"] == ["a", "b"]


def test_errors(folder, tmp_path):
  with pytest.raises(errors.UserError, match="there is no file emnlp_news_train.*txt in the data_folder"):
    emnlp_news.load(emnlp_news.Config(data_folder=str(tmp_path)), tmp_path)
  (folder / "emnlp_news_test.txt").unlink()
  with pytest.raises(errors.UserError, match="cannot read the text file .*emnlp_news_test.txt"):
    emnlp_news.load(emnlp_news.Config(data_folder=str(folder)), tmp_path)
