"""Tests of tf_textgan.encoders.load."""

import numpy as np
import pytest
import tensorflow as tf

from tests import outside
from tf_textgan import errors
from tf_textgan.encoders import load


def test_hashed():
  encoder = load.load("hashed")
  assert encoder.name == "hashed" and encoder.size == 256
  assert encoder(["a man"]).shape == (1, 256)


def test_a_folder(tmp_path):
  model = tf.Module()
  vectors = tf.function(lambda x: tf.ones([tf.size(x), 2]), input_signature=[tf.TensorSpec([None], tf.string)])
  tf.saved_model.save(model, str(tmp_path), signatures={"serving_default": vectors})
  encoder = load.load(f"saved_model:{tmp_path}")
  assert encoder.name == f"saved_model:{tmp_path}" and encoder(["a", "b"]).shape == (2, 2)
  with pytest.raises(errors.UserError, match="saved_model:/no/such:folder expected a folder"):
    load.load("saved_model:/no/such:folder")


@pytest.mark.parametrize("spec", ["", "bert", "hashed:7", "keras_hub", "keras_hub:", "onnx", "onnx:", "saved_model:", "hash:ed"])
def test_unknown_specs(spec):
  message = f"hashed, keras_hub:PRESET_OR_FOLDER, onnx:FOLDER, saved_model:FOLDER or a module of your own, .*, but got {spec!r}"
  with pytest.raises(errors.UserError, match=message):
    load.load(spec)


def test_an_encoder_from_outside_with_and_without_an_argument(tmp_path, monkeypatch):
  monkeypatch.syspath_prepend(tmp_path)
  name = outside.write(tmp_path, "encoder_parts")["encoder"]
  np.testing.assert_array_equal(load.load(name)(["a man", "x"]), [[5, 2], [1, 1]])
  np.testing.assert_array_equal(load.load(f"{name}:10")(["a man"]), [[50, 20]])
  outside.forget("encoder_parts")
