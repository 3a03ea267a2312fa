"""Tests of load.py."""

import dataclasses

import pytest

from tf_textgan import errors
from tf_textgan.data import load
from tf_textgan.data import tfds_text
from tf_textgan.data.datasets import caption_grammar


def test_names():
  assert load.names() == ["caption_grammar", "emnlp_news", "given", "image_coco", "lstm_oracle", "text_lines", "text_pairs"]


def test_config_class():
  assert load.config_class("caption_grammar") is caption_grammar.Config
  assert load.config_class("imdb_reviews") is tfds_text.Config
  with pytest.raises(errors.UserError, match="unknown dataset 'image_cocoa'; did you mean image_coco"):
    load.config_class("image_cocoa")
  with pytest.raises(errors.UserError, match="unknown dataset 'tfds_text'.*the library has caption_grammar, emnlp_news"):
    load.config_class("tfds_text")


@pytest.mark.parametrize("name", load.names() + ["lm1b"])
def test_configs_have_defaults_that_flags_can_hold(name):
  config = load.config_class(name)()
  for field in dataclasses.fields(config):
    assert isinstance(getattr(config, field.name), (bool, int, float, str))
  with pytest.raises(dataclasses.FrozenInstanceError):
    config.anything = 1


def test_load_and_resume(tmp_path):
  config = caption_grammar.Config(num_train=20, num_validation=2, num_test=2)
  first = load.load("caption_grammar", config, tmp_path)
  again = load.load("caption_grammar", config, tmp_path, first.tokenizer, first.spec.length)
  assert again.spec == first.spec
  assert all((again.tokens[split] == tokens).all() for split, tokens in first.tokens.items())


@pytest.mark.parametrize(("folder", "reason"), [
    ("s3://bucket/data", "File system scheme 's3' not implemented"),
    ("hdfs://host/data", "File system scheme 'hdfs' not implemented"),
    ("gs://", "GCS path doesn't contain a bucket name"),
])
def test_a_folder_that_cannot_be_reached(folder, reason):
  with pytest.raises(errors.UserError, match=f"^the data_dir {folder} cannot be reached: {reason}"):
    load.load("caption_grammar", caption_grammar.Config(num_train=20, num_validation=2, num_test=2), folder)
