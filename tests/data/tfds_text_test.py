"""Tests of tfds_text.py, on two small datasets registered here."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tf_textgan import errors
from tf_textgan.data import tfds_text


class TfdsTextTestReviews(tfds.core.GeneratorBasedBuilder):
  """Has a training split only, and strings beside other features."""

  VERSION = tfds.core.Version("1.0.0")

  def _info(self):
    features = tfds.features.FeaturesDict({
        "text": tfds.features.Text(),
        "label": tfds.features.ClassLabel(num_classes=2),
        "movie": {"title": tfds.features.Text(), "year": tfds.features.Scalar(dtype=np.int32)},
        "words": tfds.features.Sequence(tfds.features.Text()),
    })
    return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

  def _split_generators(self, dl_manager):
    return {"train": self._generate_examples()}

  def _generate_examples(self):
    for i in range(40):
      yield i, {"text": f"A{i} B", "label": 0, "movie": {"title": f"t{i}", "year": i}, "words": ["x"] * (i % 3)}


class TfdsTextTestSplits(TfdsTextTestReviews):
  """Has three splits of its own."""

  def _split_generators(self, dl_manager):
    return {split: self._generate_examples() for split in ("train", "validation", "test", "extra")}


def _load(tmp_path, name="tfds_text_test_reviews", **options):
  made = tfds_text.load_registered(name, tfds_text.Config(**options), tmp_path)
  return {split: made.vocabulary.decode(tokens) for split, tokens in made.tokens.items()}


def test_carves_missing_splits_out_of_train(tmp_path):
  texts = _load(tmp_path, lowercase=True)
  assert texts["train"] == [f"a{i} b" for i in range(36)]
  assert texts["test"] == ["<unk> b"] * 2 and texts["validation"] == ["<unk> b"] * 2
  assert _load(tmp_path, text_feature="movie/title")["train"] == [f"t{i}" for i in range(36)]


def test_takes_the_splits_there_are(tmp_path):
  texts = _load(tmp_path, "tfds_text_test_splits")
  assert all(texts[split] == [f"A{i} B" for i in range(40)] for split in ("train", "validation", "test"))
  texts = _load(tmp_path, "tfds_text_test_splits", train_split="extra", test_split="train")
  assert len(texts["train"]) == 40


def test_a_known_dataset_with_generated_text(tmp_path):
  with tfds.testing.mock_data(num_examples=6):
    texts = _load(tmp_path, "gigaword", text_feature="document", level="char")
  assert {split: len(some) for split, some in texts.items()} == {"train": 6, "validation": 6, "test": 6}


@pytest.mark.parametrize("options, message", [
    ({"text_feature": "title"}, "has no string feature 'title'; pass --text_feature with one of: text, movie/title"),
    ({"text_feature": "words"}, "has no string feature 'words'"),
    ({"train_split": "training"}, "has no split 'training'; there are: train"),
    ({"test_split": "test"}, "has no split 'test'; there are: train"),
    ({"level": "byte"}, "level must be one of"),
    ({"name": "tfds_text_test_reviews/large"}, "TFDS cannot make the dataset 'tfds_text_test_reviews/large'"),
    ({"name": "tfds_text_test_review"}, "unknown dataset 'tfds_text_test_review'; did you mean tfds_text_test_reviews"),
])
def test_errors(tmp_path, options, message):
  with pytest.raises(errors.UserError, match=message):
    _load(tmp_path, **options)
