"""Tests of tf_textgan.encoders.onnx."""

import os
import sys

import numpy as np
import pytest

from tests.encoders import tiny_folders
from tf_textgan import errors
from tf_textgan.conformance import texts
from tf_textgan.encoders import load
from tf_textgan.encoders import onnx as encoders


@pytest.fixture
def onnx():
  return pytest.importorskip("onnx", reason="onnx is not installed; pip install onnx")


@pytest.fixture
def tokenizers():
  pytest.importorskip("onnxruntime", reason="onnxruntime is not installed; pip install .[onnx]")
  return pytest.importorskip("tokenizers", reason="tokenizers is not installed; pip install .[onnx]")


@pytest.fixture
def write(onnx, tokenizers):
  """Function of a folder and the arguments of `tiny_folders.write_onnx`: writes an encoder's folder, and returns its path."""

  def write(folder, *args, **kwargs):
    tiny_folders.write_tokenizer(folder, tokenizers)
    tiny_folders.write_onnx(folder, onnx, *args, **kwargs)
    return str(folder)

  return write


def _states(ids):
  return tiny_folders.table()[ids] + len(ids)


def test_the_mean_over_tokens(write, tmp_path):
  encoder = load.load(f"onnx:{write(tmp_path)}")
  assert encoder.name == f"onnx:{tmp_path}"
  # The short one is padded beside the other.
  vectors = encoder([tiny_folders.SHORT, tiny_folders.SENTENCE])
  np.testing.assert_allclose(vectors, [_states(ids).mean(0) for ids in (tiny_folders.SHORT_IDS, tiny_folders.IDS)], rtol=1e-5)
  assert encoder.size == 4
  # A sentence without words has its start and end token.
  np.testing.assert_allclose(encoder([""]), [_states([2, 3]).mean(0)], rtol=1e-5)


def test_many_sentences_are_batched_by_their_tokens(write, tmp_path):
  encoder = encoders.Encoder(write(tmp_path))
  sentences = ["a " * (1 + i * 37 % 50) for i in range(200)]
  expected = [_states([2, *[5] * (1 + i * 37 % 50), 3]).mean(0) for i in range(200)]
  np.testing.assert_allclose(encoder(sentences), expected, rtol=1e-4)
  assert encoder.lengths(["a man", "horses", ""]) == [4, 4, 2]


def test_the_law_of_encoders(write, tmp_path):
  texts.test_an_encoder_gives_each_sentence_an_embedding_of_its_own(f"onnx:{write(tmp_path)}")


def test_a_folder_of_sentence_transformers(tmp_path, onnx, tokenizers):
  """Its pooling and its scaling to length 1; the model in the folder onnx."""
  tiny_folders.write_tokenizer(tmp_path, tokenizers, truncation=4, padding=4)
  tiny_folders.write_onnx(tmp_path / "onnx", onnx)
  tiny_folders.write_json(tmp_path, "modules.json", tiny_folders.MODULES)
  tiny_folders.write_json(tmp_path, "1_Pooling/config.json", {"pooling_mode_cls_token": False, "pooling_mode_max_tokens": True})
  tiny_folders.write_json(tmp_path, "sentence_bert_config.json", {"max_seq_length": 6})
  vectors = encoders.Encoder(str(tmp_path))([tiny_folders.SENTENCE, tiny_folders.SHORT])
  expected = [_states(ids).max(0) for ids in ([*tiny_folders.IDS[:5], 3], tiny_folders.SHORT_IDS)]
  np.testing.assert_allclose(vectors, [vector / np.linalg.norm(vector) for vector in expected], rtol=1e-5)


@pytest.mark.parametrize(
  ("outputs", "pooled"),
  [
    (["token_embeddings", "sentence_embedding"], True),
    # BERT's own is no sentence embedding.
    (["last_hidden_state", "pooler_output"], False),
    (["ids", "anything"], False),
    (["ids", "pooled"], True),
  ],
)
def test_the_output_that_is_taken(write, tmp_path, outputs, pooled):
  vectors = encoders.Encoder(write(tmp_path, outputs))([tiny_folders.SENTENCE])
  states = _states(tiny_folders.IDS)
  np.testing.assert_allclose(vectors[0], 2 * states[0] if pooled else states.mean(0), rtol=1e-5)


@pytest.mark.parametrize("outputs", [["ids"], ["one", "two"], ["pool", "pooled"]])
def test_other_outputs_are_refused(write, tmp_path, outputs):
  message = rf"must have a float output sentence_embedding .*, but its outputs are {outputs[0]} \((float32|int64) \[2, 4"
  with pytest.raises(errors.UserError, match=message):
    encoders.Encoder(write(tmp_path, outputs))


def test_inputs(write, tmp_path):
  encoder = encoders.Encoder(write(tmp_path / "some", inputs=["input_ids"], dtype="INT32"))
  np.testing.assert_allclose(encoder([tiny_folders.SHORT]), [tiny_folders.table()[tiny_folders.SHORT_IDS].mean(0)], rtol=1e-5)
  with pytest.raises(errors.UserError, match=r"its inputs are: input_ids \(tensor\(int64\)\), position_ids \(tensor\(int64\)\)$"):
    encoders.Encoder(write(tmp_path / "others", inputs=["input_ids", "position_ids"]))


def test_a_sentence_without_tokens_is_zero(tmp_path, onnx, tokenizers):
  tiny_folders.write_onnx(tmp_path, onnx)
  tiny_folders.write_tokenizer(tmp_path, tokenizers, special=False)
  vectors = encoders.Encoder(str(tmp_path))(["", "a"])
  np.testing.assert_allclose(vectors, [[0] * 4, _states([5])[0]], rtol=1e-5)


def test_ids_beyond_the_model_are_refused(write, tmp_path):
  folder = write(tmp_path)
  encoder = encoders.Encoder(folder)
  text = (tmp_path / "tokenizer.json").read_text().replace('"horse":8', '"horse":80').replace('"horse": 8', '"horse": 80')
  (tmp_path / "tokenizer.json").write_text(text)
  with pytest.raises(errors.UserError, match="cannot run its model: .*out of data bounds"):
    encoders.Encoder(folder)(["a horse"])
  assert encoder(["a horse"]).shape == (1, 4)


def test_folders_that_lack_something(tmp_path, onnx, tokenizers):
  with pytest.raises(errors.UserError, match="expected a folder with a model.onnx and a tokenizer.json, but .*absent is absent"):
    encoders.Encoder(str(tmp_path / "absent"))
  with pytest.raises(errors.UserError, match="but /dev/zero is no folder"):
    encoders.Encoder("/dev/zero")
  tiny_folders.write_onnx(tmp_path, onnx)
  with pytest.raises(errors.UserError, match=f"but there is no tokenizer.json in {tmp_path}$"):
    encoders.Encoder(str(tmp_path))
  (tmp_path / "model.onnx").unlink()
  with pytest.raises(errors.UserError, match=f"but there is no model.onnx in {tmp_path}$"):
    encoders.Encoder(str(tmp_path))


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "modules.json"])
def test_special_files_are_refused(write, tmp_path, name):
  folder = write(tmp_path)
  (tmp_path / name).unlink(missing_ok=True)
  os.mkfifo(tmp_path / name)
  with pytest.raises(errors.UserError, match=f"expected a regular file, but {tmp_path}/{name} is a"):
    encoders.Encoder(folder)
  (tmp_path / name).unlink()
  (tmp_path / name).symlink_to("/dev/zero")
  with pytest.raises(errors.UserError, match=f"expected a regular file, but {tmp_path}/{name} is a"):
    encoders.Encoder(folder)


def test_damaged_models_are_refused(write, tmp_path, capfd):
  folder = write(tmp_path)
  whole = (tmp_path / "model.onnx").read_bytes()
  for damaged in (b"", b"no model", whole[: len(whole) // 2]):
    (tmp_path / "model.onnx").write_bytes(damaged)
    with pytest.raises(errors.UserError, match=f"cannot load {tmp_path}/model.onnx: [^\n]+$"):
      encoders.Encoder(folder)
  assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers"])
def test_without_the_packages(tmp_path, monkeypatch, package):
  monkeypatch.setitem(sys.modules, package, None)
  with pytest.raises(errors.UserError, match="needs onnxruntime and tokenizers, .*; run pip install onnxruntime tokenizers$"):
    encoders.Encoder(str(tmp_path))
