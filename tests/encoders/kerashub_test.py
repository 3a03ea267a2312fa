"""Tests of tf_textgan.encoders.kerashub."""

import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.encoders import kerashub

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "man", "on", "horse", "##s", "."]


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
  """Outputs each token's code and 1, and records the lengths of its inputs."""

  max_sequence_length = 6

  def __init__(self, masked):
    self.lengths = []
    self._masked = masked

  def __call__(self, inputs, training):
    assert not training
    self.lengths.append(inputs["token_ids"].shape[1])
    outputs = tf.stack([tf.cast(inputs["token_ids"], tf.float32), tf.ones(inputs["token_ids"].shape)], axis=-1)
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

  backbone = _Backbone(masked)
  models = types.SimpleNamespace(
    TextClassifierPreprocessor=types.SimpleNamespace(from_preset=of_texts),
    CausalLMPreprocessor=types.SimpleNamespace(from_preset=lambda preset: only(preset, _Preprocessor(mask))),
    Backbone=types.SimpleNamespace(from_preset=lambda preset: only(preset, backbone)),
  )
  monkeypatch.setitem(sys.modules, "keras_hub", types.SimpleNamespace(models=models))
  return backbone


@pytest.mark.parametrize("masked", [True, False])
def test_the_mean_over_tokens_without_padding(monkeypatch, masked):
  backbone = _fake(monkeypatch, masked)
  encoder = kerashub.Encoder("tiny")
  # The start token's 0 is part of the mean; the last sentence is truncated to the backbone's six positions.
  np.testing.assert_allclose(encoder(["ab", "", "abc"]), [[(97 + 98) / 3, 1], [0, 1], [(97 + 98 + 99) / 4, 1]], rtol=1e-6)
  np.testing.assert_allclose(encoder(["aaaaabbbbb"]), [[97 * 5 / 6, 1]], rtol=1e-6)
  # No more columns than the longest sentence of a batch.
  assert backbone.lengths == [4, 6]
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
  backbone = keras_hub.models.BertBackbone(vocabulary_size=len(WORDS), **sizes)
  backbone.save_to_preset(folder)
  keras_hub.models.BertTokenizer(vocabulary=WORDS, lowercase=True).save_to_preset(folder)
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
  with pytest.raises(errors.UserError, match="has no config.json"):
    kerashub.Encoder(str(tmp_path))
  with pytest.raises(errors.UserError, match="Unknown preset"):
    kerashub.Encoder(str(tmp_path / "absent"))
  sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 16}
  keras_hub.models.BartBackbone(vocabulary_size=11, **sizes).save_to_preset(str(tmp_path))
  with pytest.raises(errors.UserError, match="BartBackbone"):
    kerashub.Encoder(str(tmp_path))
