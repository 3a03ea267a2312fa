"""Tests of tfds_text.py, on two small datasets registered here."""

import os

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tf_textgan import errors
from tf_textgan.data import corpus
from tf_textgan.data import tfds_text


class TfdsTextTestReviews(tfds.core.GeneratorBasedBuilder):
  """Has only a training split, and string features among others."""

  VERSION = tfds.core.Version("1.0.0")

  def _info(self):
    features = tfds.features.FeaturesDict({
        "text": tfds.features.Text(),
        "label": tfds.features.ClassLabel(names=["odd/even", "b"]),
        "movie": {"title": tfds.features.Text(), "year": tfds.features.Scalar(dtype=np.int32), "kind": tfds.features.Text()},
        "words": tfds.features.Sequence(tfds.features.Text()),
    })
    return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

  def _split_generators(self, dl_manager):
    return {"train": self._generate_examples()}

  def _generate_examples(self):
    for i in range(40):
      movie = {"title": f"t{i}", "year": 1990 + i % 3, "kind": ("drama", "comedy")[i % 2]}
      yield i, {"text": f"A{i} B", "label": i % 2, "movie": movie, "words": ["x"] * (i % 3)}


class TfdsTextTestSplits(TfdsTextTestReviews):
  """Has three splits of its own."""

  def _split_generators(self, dl_manager):
    return {split: self._generate_examples() for split in ("train", "validation", "test", "extra")}


def _load(tmp_path, name="tfds_text_test_reviews", **options):
  made = tfds_text.load_registered(name, tfds_text.Config(**options), tmp_path)
  return {split: made.tokenizer.decode(tokens) for split, tokens in made.tokens.items()}


def test_carves_missing_splits_out_of_train(tmp_path):
  texts = _load(tmp_path, lowercase=True)
  assert texts["train"] == [f"a{i} b" for i in range(36)]
  assert texts["test"] == ["<unk> b"] * 2 and texts["validation"] == ["<unk> b"] * 2
  assert _load(tmp_path, text_feature="movie/title")["train"] == [f"t{i}" for i in range(36)]


@pytest.mark.parametrize("feature, names, label", [
    ("label", ("odd/even", "b"), lambda i: i % 2),
    ("movie/kind", ("comedy", "drama"), lambda i: 1 - i % 2),
    ("movie/year", ("1990", "1991", "1992"), lambda i: i % 3),
])
def test_labels_from_a_feature(tmp_path, feature, names, label):
  made = tfds_text.load_registered("tfds_text_test_reviews", tfds_text.Config(label_feature=feature), tmp_path)
  assert made.spec.categories == names
  assert made.categories["train"].tolist() == [label(i) for i in range(36)]
  assert sorted(made.categories["validation"].tolist() + made.categories["test"].tolist()) == sorted(label(i) for i in range(36, 40))


def test_labels_of_a_known_dataset_with_generated_text(tmp_path):
  with tfds.testing.mock_data(num_examples=6):
    made = tfds_text.load_registered(
        "ag_news_subset", tfds_text.Config(text_feature="description", label_feature="label", tokenizer="char"), tmp_path)
  assert made.spec.categories == ("World", "Sports", "Business", "Sci/Tech")
  assert made.categories["train"].shape == (6,) and made.categories["train"].max() < 4


def test_too_many_labels_are_no_categories(tmp_path, monkeypatch):
  monkeypatch.setattr(corpus, "MOST_CATEGORIES", 2)
  with pytest.raises(errors.UserError, match="'movie/year' has more than 2 different values, so it holds no categories"):
    _load(tmp_path, label_feature="movie/year")


def test_a_label_that_the_training_split_does_not_have(tmp_path):
  with pytest.raises(errors.UserError, match="2 sentences of the validation split have no category"):
    _load(tmp_path, label_feature="movie/title")


def test_takes_existing_splits(tmp_path):
  texts = _load(tmp_path, "tfds_text_test_splits")
  assert all(texts[split] == [f"A{i} B" for i in range(40)] for split in ("train", "validation", "test"))
  texts = _load(tmp_path, "tfds_text_test_splits", train_split="extra", test_split="train")
  assert len(texts["train"]) == 40


def test_parts_of_splits(tmp_path):
  name = "tfds_text_test_splits"
  texts = _load(tmp_path, name, train_split="train[:50%]", validation_split="train[50%:60%]", test_split="extra[-2:]+test[:1]")
  assert texts["train"] == [f"A{i} B" for i in range(20)]
  assert texts["validation"] == ["<unk> B"] * 4 and texts["test"] == ["<unk> B"] * 2 + ["A0 B"]
  # Missing splits are carved out of the part to train on, even if that is a part of the default validation or test split.
  texts = _load(tmp_path, "tfds_text_test_reviews", train_split="train[10:30]")
  assert texts["train"] == [f"A{i} B" for i in range(10, 28)] and len(texts["validation"]) == len(texts["test"]) == 1
  texts = _load(tmp_path, name, train_split="test[:10]+extra[20:]")
  assert texts["train"] == [f"A{i} B" for i in [*range(10), *range(20, 38)]]
  assert len(texts["validation"]) == 40 and texts["test"] == ["<unk> B"] * 2


def test_carved_parts_do_not_overlap():
  parts = [("a", 0, 10), ("b", 5, 35), ("c", 0, 20)]
  carved = [tfds_text._percent("any", parts, *ends) for ends in ((0, 90), (90, 95), (95, 100))]
  assert carved == ["a[0:10]+b[5:35]+c[0:14]", "c[14:17]", "c[17:20]"]


def test_a_folder_of_a_prepared_dataset(tmp_path, monkeypatch):
  _load(tmp_path, "tfds_text_test_splits")
  folder = tmp_path / "tfds_text_test_splits" / "1.0.0"
  expected = [f"A{i} B" for i in range(40)]
  assert _load(None, str(folder))["train"] == expected
  monkeypatch.chdir(tmp_path)
  for name in ("tfds_text_test_splits/1.0.0", "./tfds_text_test_splits/1.0.0"):
    assert _load(None, name, train_split="extra")["train"] == expected


def test_a_known_dataset_with_generated_text(tmp_path):
  with tfds.testing.mock_data(num_examples=6):
    texts = _load(tmp_path, "gigaword", text_feature="document", tokenizer="char")
  assert {split: len(some) for split, some in texts.items()} == {"train": 6, "validation": 6, "test": 6}


def test_pairs_of_two_features(tmp_path):
  config = tfds_text.Config(text_feature="summary", source_feature="document", tokenizer="char")
  with tfds.testing.mock_data(num_examples=6):
    made = tfds_text.load_registered("gigaword", config, tmp_path)
    texts = {name: _load(tmp_path, "gigaword", text_feature=name, tokenizer="char") for name in ("summary", "document")}
  for split in ("train", "validation", "test"):
    assert made.tokenizer.decode(made.tokens[split]) == texts["summary"][split]
    assert made.tokenizer.decode(made.sources[split]) == texts["document"][split]


@pytest.mark.parametrize("options, message", [
    ({"source_feature": "title"}, "has no string feature 'title'; pass --source_feature with one of: .*movie/title"),
    ({"source_feature": "text", "label_feature": "label"}, "label_feature and source_feature are two conditions; expected one of them"),
    ({"max_source_length": 5}, "max_source_length is 5, but there is no source_feature; expected both"),
    ({"text_feature": "title"}, "has no string feature 'title'; pass --text_feature with one of: .*movie/title"),
    ({"text_feature": "words"}, "has no string feature 'words'"),
    ({"label_feature": "words"}, "no feature 'words' of one integer or string; pass --label_feature with one of: text, label, movie/title"),
    ({"train_split": "training"}, "has no split 'training'; there are: train"),
    ({"test_split": "test"}, "has no split 'test'; there are: train"),
    ({"train_split": "train[:50%"}, r"TFDS cannot read --train_split train\[:50%: .*; tfds_text_test_reviews has train \(40 examples"),
    ({"train_split": "train[:200%]"}, "TFDS cannot read --train_split .*: Error parsing split 'train.*https://www.tensorflow.org/datasets/splits"),
    ({"test_split": "test[:5]"}, r"TFDS cannot read --test_split test\[:5\]: Unknown split 'test'"),
    ({"validation_split": "train[:500]"}, r"TFDS cannot read --validation_split .*: Requested slice \[:500\] incompatible with 40 examples;"),
    ({"train_split": "train[5%:5%]"}, r"--train_split train\[5%:5%\] has a part without an example"),
    ({"train_split": "train[30:20]"}, r"--train_split train\[30:20\] has a part without an example"),
    ({"name": "/no/such/1.0.0"}, "--dataset /no/such/1.0.0 is no folder of a prepared TFDS dataset; expected one with a dataset_info.json"),
    ({"name": "./tfds_text_test_reviews"}, "--dataset ./tfds_text_test_reviews is no folder of a prepared TFDS dataset"),
    ({"tokenizer": "byte"}, "unknown tokenizer 'byte'"),
    ({"name": "tfds_text_test_reviews/large"}, "TFDS cannot make the dataset 'tfds_text_test_reviews/large': tfds_text_test_reviews has no configs$"),
    ({"name": "imdb_reviews/plain"},
     r"TFDS cannot make the dataset 'imdb_reviews/plain': it has no config 'plain'; did you mean plain_text\? \(there are: plain_text\)$"),
    ({"name": "wikipedia/20230601.qq"}, r"no config '20230601.qq'; did you mean .* \(there are: 20230601.en, (.*, ){8}\S* and \d+ more\)$"),
    ({"name": "ag_news_subset:9.9.9"}, "dataset 'ag_news_subset:9.9.9': Dataset ag_news_subset cannot be loaded at version 9.9.9, only: 1.0.0.$"),
    ({"name": "imdb_reviews:1.0.0/plain"}, r"dataset 'imdb_reviews:1.0.0/plain': expected dataset_name\[/config_name\]\[:version\]$"),
    ({"name": "imdb_reviews:first"}, r"dataset 'imdb_reviews:first': expected dataset_name\[/config_name\]\[:version\]$"),
    ({"name": "tfds_text_test_review"}, r"unknown dataset 'tfds_text_test_review'; did you mean tfds_text_test_reviews"),
    ({"name": "imdb_review"}, r"unknown dataset 'imdb_review'; did you mean imdb_reviews\? \(TFDS has"),
])
def test_errors(tmp_path, options, message):
  with pytest.raises(errors.UserError, match=message):
    _load(tmp_path, **options)


def test_a_prepared_dataset_with_a_fifo_inside(tmp_path):
  _load(tmp_path)
  folder = tmp_path / "tfds_text_test_reviews" / "1.0.0"
  (folder / "features.json").unlink()
  os.mkfifo(folder / "features.json")
  with pytest.raises(errors.UserError, match="expected a regular file, but .*features.json is a FIFO"):
    _load(None, str(folder))
