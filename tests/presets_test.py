"""Tests of tf_textgan.presets; tests/encoders/kerashub_test.py has those of folders that transformers has saved."""

import pathlib
import shutil
import sys

import pytest

from tests import tiny_presets
from tf_textgan import errors
from tf_textgan import presets
from tf_textgan import registry

WHO = "the generator keras_hub:x"


def test_a_name_has_a_preset_or_the_absolute_path_of_a_folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "gpt").mkdir()
  assert presets.named_in("keras_hub:gpt") == str(tmp_path / "gpt")
  assert presets.named_in("keras_hub:gpt2_base_en") == "gpt2_base_en"
  assert [presets.named_in(name) for name in ("keras_hub:", "keras_hub", "lstm", "onnx:gpt", "")] == [""] * 5
  assert presets.name_of("gpt2_base_en") == "keras_hub:gpt2_base_en" and presets.name_of("") == "keras_hub"
  assert set(registry.MADE_OF.values()) == {presets.SPELLING}


def test_without_keras_hub(monkeypatch):
  monkeypatch.setitem(sys.modules, "keras_hub", None)
  with pytest.raises(errors.UserError, match="^the generator keras_hub:x needs KerasHub.*; run pip install keras-hub, or install the extra"):
    presets.backbone(WHO, "x", 5, 5)


@pytest.mark.parametrize("preset", ["no_such_preset", "/no/such/folder"])
def test_a_preset_that_is_not_there(preset):
  tiny_presets.package()
  with pytest.raises(errors.UserError, match="^the generator .* expected the name of a KerasHub preset, or a folder .*: Unknown preset [^\n]*$"):
    presets.backbone(WHO, preset, 5, 5)


def test_no_network(monkeypatch):
  tiny_presets.package()
  import kagglehub

  def fail(*arguments):
    raise ConnectionError("Failed to resolve 'api.kaggle.com'. A second sentence.\nA second line.")

  monkeypatch.setattr(kagglehub, "model_download", fail)
  with pytest.raises(errors.UserError, match="its backbone and tokenizer: Failed to resolve 'api.kaggle.com'$"):
    presets.tokenizer(WHO, "gpt2_base_en")


def test_a_model_for_sequences_of_its_tokenizer(preset_folder):
  folder = preset_folder("gpt2")
  size = presets.tokenizer(WHO, folder).vocabulary_size()
  backbone, special = presets.backbone(WHO, folder, size, 40, dropout=0.3)
  assert backbone.dropout == 0.3 and special == (size - 1, size - 1, -1, size - 1)
  # A table may have some rows more than there are pieces.
  presets.backbone(WHO, folder, size - 100, 40)
  for other in (size + 1, size - 200):
    with pytest.raises(errors.UserError, match=f"has a model of {size} token ids, but the run's tokenizer has {other}; expected the preset's own"):
      presets.backbone(WHO, folder, other, 40)
  with pytest.raises(errors.UserError, match="has 40 positions, but the run needs 41; expected a smaller --max_length$"):
    presets.backbone(WHO, folder, size, 41)
  with pytest.raises(errors.UserError, match="^the generator .* is made of a model of KerasHub: expected keras_hub:PRESET_OR_FOLDER$"):
    presets.backbone(WHO, "", size, 40)


@pytest.mark.parametrize(("kind", "special"), [("llama", (1, 2, 0, 2)), ("gemma", (2, 1, 3, 0)), ("opt", (1, 1, -1, 0)), ("bert", (2, 3, 1, 0))])
def test_special_tokens(preset_folder, kind, special):
  assert presets.special_ids(presets.tokenizer(WHO, preset_folder(kind))) == special


@pytest.mark.parametrize("damaged", ["config.json", "tokenizer.json", "model.weights.h5", "assets/tokenizer/vocabulary.json"])
def test_damaged_folders(preset_folder, tmp_path, damaged):
  folder = pathlib.Path(shutil.copytree(preset_folder("gpt2"), tmp_path / "gpt"))
  whole = (folder / damaged).read_bytes()
  for content in (b"", b"{}", whole[: len(whole) // 2], None):
    (folder / damaged).unlink()
    if content is not None:
      (folder / damaged).write_bytes(content)
    with pytest.raises(errors.UserError, match="^the generator keras_hub:x [^\n]+$"):
      presets.backbone(WHO, str(folder), 292, 7)
    (folder / damaged).write_bytes(whole)
