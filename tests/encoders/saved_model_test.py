"""Tests of tf_textgan.encoders.saved_model."""

import os

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.encoders import saved_model

STRINGS = tf.TensorSpec([None], tf.string)


class _Model(tf.Module):
  """Maps each sentence to its bytes times a variable; `give` makes the outputs from these vectors."""

  def __init__(self, give=lambda vectors: vectors):
    super().__init__()
    self.weights = tf.Variable([1.0, -2.0, 0.5])
    self._give = give

  def vectors(self, sentences):
    return self._give(tf.cast(tf.strings.length(sentences), tf.float32)[:, None] * self.weights)


class _Callable(_Model):
  @tf.function(input_signature=[STRINGS])
  def __call__(self, sentences):
    return self.vectors(sentences)


def _save_signature(model, folder, name="serving_default", spec=STRINGS, function=None):
  signature = tf.function(function or model.vectors, input_signature=[spec])
  tf.saved_model.save(model, folder, signatures={name: signature})


EXPECTED = np.outer([1, 0, 5], [1.0, -2.0, 0.5])


def test_a_callable_model(tmp_path):
  tf.saved_model.save(_Callable(), str(tmp_path))
  encoder = saved_model.Encoder(str(tmp_path))
  np.testing.assert_allclose(encoder(["a", "", "horse"]), EXPECTED)
  assert encoder(["a"] * 130).shape == (130, 3)
  assert encoder.name == f"saved_model:{tmp_path}" and encoder.size == 3


def test_a_signature(tmp_path):
  _save_signature(_Model(), str(tmp_path))
  np.testing.assert_allclose(saved_model.Encoder(str(tmp_path))(["a", "", "horse"]), EXPECTED)


def test_the_only_float_matrix_of_a_dictionary_is_the_embedding(tmp_path):
  give = lambda v: {"sum": tf.reduce_sum(v, 1), "vectors": v, "long": tf.cast(v, tf.int64), "tokens": v[:, None, :]}  # noqa: E731
  tf.saved_model.save(_Callable(give), str(tmp_path))
  np.testing.assert_allclose(saved_model.Encoder(str(tmp_path))(["a", "", "horse"]), EXPECTED)


@pytest.mark.parametrize(
  ("give", "message"),
  [
    (lambda v: {"one": v, "two": 2 * v}, r"must have one float output \[N, E\], but its outputs are one \(float32 \[1, 3\]\), two \("),
    (lambda v: {"sum": tf.reduce_sum(v, 1)}, r"its outputs are sum \(float32 \[1\]\)"),
    (lambda v: tf.as_string(v), r"its outputs are 0 \(string \[1, 3\]\)"),
    (lambda v: v / 0.0 * 0.0, "not finite"),
  ],
)
def test_other_outputs_are_refused(tmp_path, give, message):
  tf.saved_model.save(_Callable(give), str(tmp_path))
  with pytest.raises(errors.UserError, match=message):
    saved_model.Encoder(str(tmp_path))(["a"])


def test_other_inputs_are_refused(tmp_path):
  _save_signature(_Model(), str(tmp_path / "number"), spec=tf.TensorSpec([None], tf.float32, "x"), function=lambda x: {"y": x})
  with pytest.raises(errors.UserError, match=r"one input, strings, but its inputs are: x \(float32\)"):
    saved_model.Encoder(str(tmp_path / "number"))
  _save_signature(_Model(), str(tmp_path / "other"), name="encode")
  with pytest.raises(errors.UserError, match="callable or have a signature serving_default, but its signatures are: encode"):
    saved_model.Encoder(str(tmp_path / "other"))
  model = tf.Module()
  model.__class__ = type("Numbers", (tf.Module,), {"__call__": tf.function(lambda self, x: x[:, None], input_signature=[tf.TensorSpec([None])])})
  tf.saved_model.save(model, str(tmp_path / "callable"))
  with pytest.raises(errors.UserError, match=r"must take strings \[N\], but the model refuses them"):
    saved_model.Encoder(str(tmp_path / "callable"))(["a"])


def test_folders_without_a_saved_model_are_refused(tmp_path):
  with pytest.raises(errors.UserError, match="expected a folder with a saved_model.pb, but .*absent is absent$"):
    saved_model.Encoder(str(tmp_path / "absent"))
  with pytest.raises(errors.UserError, match=f"expected a folder with a saved_model.pb, but there is no saved_model.pb in {tmp_path}$"):
    saved_model.Encoder(str(tmp_path))
  (tmp_path / "saved_model.pb").write_bytes(b"no model")
  with pytest.raises(errors.UserError, match="cannot be loaded: "):
    saved_model.Encoder(str(tmp_path))


def test_special_files_are_refused(tmp_path):
  tf.saved_model.save(_Callable(), str(tmp_path))
  (tmp_path / "variables" / "variables.index").unlink()
  os.mkfifo(tmp_path / "variables" / "variables.index")
  with pytest.raises(errors.UserError, match="expected a regular file, but .*/variables.index is a"):
    saved_model.Encoder(str(tmp_path))
