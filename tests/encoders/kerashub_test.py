"""Tests of tf_textgan.encoders.kerashub."""

import os
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from tests.encoders import tiny_folders
from tf_textgan import errors
from tf_textgan.conformance import texts
from tf_textgan.encoders import kerashub


class _Preprocessor:
  """Encodes characters as their codes, after a 0, padded to `sequence_length`."""

  def __init__(self, mask="padding_mask"):
    self.sequence_length = 9
    self._mask = mask

  def __call__(self, sentences):
    rows = [[0, *map(ord, sentence)][: self.sequence_length] for sentence in sentences]
    masks = [[True] * len(row) + [False] * (self.sequence_length - len(row)) for row in rows]
    ids = [row + [7] * (self.sequence_length - len(row)) for row in rows]
    return {"token_ids": tf.constant(ids), self._mask: tf.constant(masks)}

  generate_preprocess = __call__


class _Backbone:
  """Outputs each token's code, and the number of columns of the batch."""

  max_sequence_length = 6

  def __init__(self, masked):
    self._masked = masked

  def __call__(self, inputs, training):
    assert not training
    codes = tf.cast(inputs["token_ids"], tf.float32)
    outputs = tf.stack([codes, tf.fill(tf.shape(codes), tf.cast(tf.shape(codes)[1], tf.float32))], axis=-1)
    return {"sequence_output": outputs, "pooled_output": outputs[:, 0]} if self._masked else outputs


def _fake(monkeypatch, masked=True, mask="padding_mask"):
  """Replaces KerasHub by a stub with one preset, "tiny"."""

  def only(preset, result):
    if preset != "tiny":
      raise ValueError("Unknown preset. It may be one of:\nmany")
    return result

  def of_texts(preset):
    if not masked:
      raise ValueError("a decoder has none")
    return only(preset, _Preprocessor(mask))

  models = types.SimpleNamespace(
    TextClassifierPreprocessor=types.SimpleNamespace(from_preset=of_texts),
    CausalLMPreprocessor=types.SimpleNamespace(from_preset=lambda preset: only(preset, _Preprocessor(mask))),
    Backbone=types.SimpleNamespace(from_preset=lambda preset: only(preset, _Backbone(masked))),
  )
  monkeypatch.setitem(sys.modules, "keras_hub", types.SimpleNamespace(models=models))


@pytest.mark.parametrize("masked", [True, False])
def test_the_mean_over_tokens_without_padding(monkeypatch, masked):
  _fake(monkeypatch, masked)
  encoder = kerashub.Encoder("tiny")
  # The start token's 0 is part of the mean; a batch has no more columns than its longest sentence.
  np.testing.assert_allclose(encoder(["ab", "", "abc"]), [[(97 + 98) / 3, 4], [0, 4], [(97 + 98 + 99) / 4, 4]], rtol=1e-6)
  # Truncated to the backbone's six positions.
  np.testing.assert_allclose(encoder(["aaaaabbbbb"]), [[97 * 5 / 6, 6]], rtol=1e-6)
  assert encoder.name == "keras_hub:tiny" and encoder.size == 2


def test_wrong_presets(monkeypatch):
  _fake(monkeypatch)
  with pytest.raises(errors.UserError, match="keras_hub:huge expected the name of a KerasHub text encoder or decoder.*: Unknown preset$"):
    kerashub.Encoder("huge")
  _fake(monkeypatch, mask="segment_ids")
  with pytest.raises(errors.UserError, match="must be a backbone with a padding mask, but its inputs are segment_ids, token_ids"):
    kerashub.Encoder("tiny")(["a"])


def test_without_keras_hub(monkeypatch):
  monkeypatch.setitem(sys.modules, "keras_hub", None)
  with pytest.raises(errors.UserError, match="keras_hub:tiny needs KerasHub.*pip install keras-hub"):
    kerashub.Encoder("tiny")


def _save_bert(keras_hub, folder):
  sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 16}
  backbone = keras_hub.models.BertBackbone(vocabulary_size=len(tiny_folders.WORDS), **sizes)
  backbone.save_to_preset(folder)
  keras_hub.models.BertTokenizer(vocabulary=tiny_folders.WORDS, lowercase=True).save_to_preset(folder)
  return backbone


def _save_gpt2(keras_hub, folder):
  sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 16}
  backbone = keras_hub.models.GPT2Backbone(vocabulary_size=5, **sizes)
  backbone.save_to_preset(folder)
  vocabulary = {"<|endoftext|>": 0, "a": 1, "b": 2, "Ġ": 3, "ab": 4}
  keras_hub.models.GPT2Tokenizer(vocabulary=vocabulary, merges=["a b"]).save_to_preset(folder)
  return backbone


def test_a_bert_from_a_folder(tmp_path):
  keras_hub = pytest.importorskip("keras_hub", reason="KerasHub is not installed; pip install keras-hub")
  backbone = _save_bert(keras_hub, str(tmp_path))
  encoder = kerashub.Encoder(str(tmp_path))
  vectors = encoder(["a man on horses .", "A man", "a " * 40])
  assert vectors.shape == (3, 8)
  # [CLS] a man [SEP], without padding.
  ids = np.array([[2, 5, 6, 3]])
  outputs = backbone({"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": ids > 0})["sequence_output"]
  np.testing.assert_allclose(vectors[1], np.mean(outputs, axis=1)[0], rtol=1e-4, atol=1e-5)
  # Other sentences in the batch do not matter.
  np.testing.assert_allclose(encoder(["a man"])[0], vectors[1], rtol=1e-4, atol=1e-5)


def test_a_gpt2_from_a_folder(tmp_path):
  keras_hub = pytest.importorskip("keras_hub", reason="KerasHub is not installed; pip install keras-hub")
  backbone = _save_gpt2(keras_hub, str(tmp_path))
  vectors = kerashub.Encoder(str(tmp_path))(["aab", "", "a" * 40])
  ids = np.array([[0, 1, 4]])
  outputs = backbone({"token_ids": ids, "padding_mask": np.ones_like(ids)})
  np.testing.assert_allclose(vectors[0], np.mean(outputs, axis=1)[0], rtol=1e-4, atol=1e-5)


def test_folders_without_a_preset(tmp_path):
  keras_hub = pytest.importorskip("keras_hub", reason="KerasHub is not installed; pip install keras-hub")
  with pytest.raises(errors.UserError, match="expected a folder with a config.json, but there is no config.json in"):
    kerashub.Encoder(str(tmp_path))
  with pytest.raises(errors.UserError, match="Unknown preset"):
    kerashub.Encoder(str(tmp_path / "absent"))
  sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 16}
  keras_hub.models.BartBackbone(vocabulary_size=11, **sizes).save_to_preset(str(tmp_path))
  with pytest.raises(errors.UserError, match="BartBackbone"):
    kerashub.Encoder(str(tmp_path))


def _transformers_folder(folder, tokenizer=False, **changes):
  """Writes a BERT of transformers; returns KerasHub's encoder's argument and the weights."""
  pytest.importorskip("keras_hub", reason="KerasHub is not installed; pip install .[keras-hub]")
  safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed; pip install .[keras-hub]")
  weights = tiny_folders.write_bert(folder, safetensors, **changes)
  if tokenizer:
    tiny_folders.write_tokenizer(folder, pytest.importorskip("tokenizers"), padding=12)
    (folder / "vocab.txt").unlink()
  return str(folder), weights


@pytest.mark.parametrize("tokenizer", [False, True])
def test_a_bert_of_transformers(tmp_path, tokenizer):
  """By its vocab.txt or its tokenizer.json; the mean, as no file says anything else."""
  folder, weights = _transformers_folder(tmp_path, tokenizer)
  vectors = kerashub.Encoder(folder)([tiny_folders.SENTENCE, tiny_folders.SHORT, "a " * 40])
  rows = [tiny_folders.IDS, tiny_folders.SHORT_IDS, [2, *[5] * 10, 3]]
  texts.test_an_encoder_gives_each_sentence_an_embedding_of_its_own(f"keras_hub:{folder}")
  np.testing.assert_allclose(vectors, [tiny_folders.bert_states(weights, ids).mean(0) for ids in rows], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("tokenizer", [False, True])
def test_a_bert_of_sentence_transformers(tmp_path, tokenizer):
  folder, weights = _transformers_folder(tmp_path, tokenizer)
  tiny_folders.write_json(tmp_path, "modules.json", tiny_folders.MODULES)
  tiny_folders.write_json(tmp_path, "1_Pooling/config.json", {"pooling_mode_cls_token": True})
  tiny_folders.write_json(tmp_path, "sentence_bert_config.json", {"max_seq_length": 6})
  vectors = kerashub.Encoder(folder)([tiny_folders.SENTENCE, tiny_folders.SHORT])
  states = [tiny_folders.bert_states(weights, ids)[0] for ids in ([*tiny_folders.IDS[:5], 3], tiny_folders.SHORT_IDS)]
  np.testing.assert_allclose(vectors, [state / np.linalg.norm(state) for state in states], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"hidden_act": "relu"}, "expected hidden_act 'gelu' in .*config.json, the only one that KerasHub's bert has, but got 'relu'"),
    ({"position_embedding_type": "relative_key"}, "expected position_embedding_type 'absolute' in"),
    ({"model_type": "mamba"}, "KerasHub has no converter for huggingface/transformers models with model type"),
    ({"vocab_size": 10}, "or a folder with its backbone and tokenizer: "),
    ({"num_attention_heads": 3}, "expected the name of a KerasHub text encoder or decoder, or a folder with its backbone and tokenizer: "),
    ({"hidden_size": "8"}, "or a folder with its backbone and tokenizer: "),
    ({"max_position_embeddings": 16}, "or a folder with its backbone and tokenizer: "),
  ],
)
def test_folders_of_transformers_that_kerashub_cannot_read(tmp_path, changes, message):
  folder, _ = _transformers_folder(tmp_path, True, **changes)
  with pytest.raises(errors.UserError, match=f"{message}[^\n]*$"):
    kerashub.Encoder(folder)


def test_a_tokenizer_of_another_model(tmp_path):
  folder, _ = _transformers_folder(tmp_path, True)
  tokenizer = pytest.importorskip("tokenizers").Tokenizer.from_file(f"{folder}/tokenizer.json")
  tokenizer.add_tokens(["house"])
  tokenizer.save(f"{folder}/tokenizer.json")
  with pytest.raises(errors.UserError, match="a tokenizer.json with 12 ids, but a model of 11$"):
    kerashub.Encoder(folder)


def test_a_backbone_of_transformers_with_other_inputs(tmp_path, monkeypatch):
  folder, _ = _transformers_folder(tmp_path, True)
  models = sys.modules["keras_hub"].models
  sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 16}
  backbone = models.BartBackbone(vocabulary_size=11, **sizes)
  monkeypatch.setattr(models.Backbone, "from_preset", lambda preset: backbone)
  with pytest.raises(errors.UserError, match="token ids with a padding mask, but its inputs are decoder_padding_mask, decoder_token_ids, encoder_"):
    kerashub.Encoder(folder)


def test_damaged_folders_of_transformers(tmp_path, monkeypatch):
  folder, _ = _transformers_folder(tmp_path, True)
  whole = (tmp_path / "model.safetensors").read_bytes()
  for damaged in (b"", b"x" * 50, whole[:-8]):
    (tmp_path / "model.safetensors").write_bytes(damaged)
    with pytest.raises(errors.UserError, match="or a folder with its backbone and tokenizer: [^\n]+$"):
      kerashub.Encoder(folder)
  with monkeypatch.context() as patch:
    patch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(errors.UserError, match="needs safetensors, which cannot be imported .*; run pip install safetensors$"):
      kerashub.Encoder(folder)
  (tmp_path / "model.safetensors").unlink()
  with pytest.raises(errors.UserError, match="with a config.json and a model.safetensors, but there is no model.safetensors in"):
    kerashub.Encoder(folder)
  os.mkfifo(tmp_path / "model.safetensors")
  with pytest.raises(errors.UserError, match="expected a regular file, but .*/model.safetensors is a"):
    kerashub.Encoder(folder)
  (tmp_path / "model.safetensors").unlink()
  (tmp_path / "config.json").write_text("[]")
  with pytest.raises(errors.UserError, match="expected a JSON object in .*config.json"):
    kerashub.Encoder(folder)
