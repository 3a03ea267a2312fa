"""Tests of tf_textgan.encoders.folders."""

import numpy as np
import pytest

from tests.encoders import tiny_folders
from tf_textgan import errors
from tf_textgan import presets
from tf_textgan.encoders import folders

# [2, 3, 2]; the second sentence has two tokens.
STATES = np.array([[[1.0, -4.0], [2.0, 6.0], [3.0, 1.0]], [[-1.0, 5.0], [-3.0, 7.0], [np.nan, 99.0]]])
MASK = np.array([[1, 1, 1], [1, 1, 0]])
MEAN, FIRST, LARGEST = [[2.0, 1.0], [-2.0, 6.0]], [[1.0, -4.0], [-1.0, 5.0]], [[3.0, 6.0], [-1.0, 7.0]]


@pytest.fixture
def tokenizers():
  return pytest.importorskip("tokenizers", reason="tokenizers is not installed; pip install .[onnx]")


@pytest.mark.parametrize(
  ("config", "expected"),
  [
    (None, MEAN),
    ({}, MEAN),
    ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False, "word_embedding_dimension": 2}, MEAN),
    ({"pooling_mode_cls_token": True}, FIRST),
    ({"pooling_mode_max_tokens": True}, LARGEST),
    ({"pooling_mode": "cls", "embedding_dimension": 2}, FIRST),
    ({"pooling_mode": ["max"]}, LARGEST),
  ],
)
def test_pooling(tmp_path, config, expected):
  if config is not None:
    tiny_folders.write_json(tmp_path, "1_Pooling/config.json", config)
  vectors = folders.Pooling("tiny", str(tmp_path))(STATES, MASK)
  assert vectors.dtype == np.float32
  np.testing.assert_allclose(vectors, expected, rtol=1e-6)


def test_modules_name_the_folder_of_the_pooling_and_normalize(tmp_path):
  modules = [{"type": "sentence_transformers.base.modules.transformer.Transformer", "path": ""}]
  modules += [{"type": f"sentence_transformers.sentence_transformer.modules.{kind}", "path": f"2_{kind}"} for kind in ("Pooling", "Normalize")]
  tiny_folders.write_json(tmp_path, "2_Pooling/config.json", {"pooling_mode": "max"})
  tiny_folders.write_json(tmp_path, "modules.json", modules)
  pooling = folders.Pooling("tiny", str(tmp_path))
  np.testing.assert_allclose(pooling(STATES, MASK), np.array(LARGEST) / np.sqrt([[45.0], [50.0]]), rtol=1e-6)
  # Without a token it is 0, scaled or not.
  np.testing.assert_array_equal(pooling(STATES, 0 * MASK), np.zeros([2, 2]))


@pytest.mark.parametrize(
  ("file", "content", "message"),
  [
    ("1_Pooling/config.json", {"pooling_mode": "lasttoken"}, "one of the poolings mean, cls, max in .*1_Pooling/config.json, but got lasttoken"),
    ("1_Pooling/config.json", {"pooling_mode_max_tokens": True, "pooling_mode_cls_token": True}, r"but got \['cls', 'max'\]"),
    ("1_Pooling/config.json", {"pooling_mode": 3}, "but got 3$"),
    ("1_Pooling/config.json", [], "expected a JSON object in .*1_Pooling/config.json, but got '\\[\\]'"),
    ("modules.json", {}, "expected a JSON list in .*modules.json"),
    ("modules.json", [1], "expected an object for each module in .*modules.json, but got '1'"),
    ("modules.json", [*tiny_folders.MODULES, {"type": "a.Dense"}], "the modules Transformer, Pooling and Normalize .*, but got also Dense$"),
  ],
)
def test_other_steps_are_refused(tmp_path, file, content, message):
  tiny_folders.write_json(tmp_path, file, content)
  with pytest.raises(errors.UserError, match=message):
    folders.Pooling("tiny", str(tmp_path))


@pytest.mark.parametrize("text", ["", "{", '{"a": 1', "[" * 100_000, b"\xff"])
def test_files_that_are_not_json_are_refused(tmp_path, text):
  (tmp_path / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
  with pytest.raises(errors.UserError, match="the encoder tiny expected JSON in .*config.json, which cannot be read: [^\n]+$"):
    presets.read("the encoder tiny", str(tmp_path), "config.json")


def test_tokens(tokenizers, tmp_path):
  # The file's own padding to 20 tokens is not wanted.
  tiny_folders.write_tokenizer(tmp_path, tokenizers, padding=20)
  tokenizer = folders.Tokenizer("tiny", str(tmp_path))
  tokens = tokenizer([tiny_folders.SENTENCE, tiny_folders.SHORT])
  np.testing.assert_array_equal(tokens.ids, [tiny_folders.IDS, tiny_folders.SHORT_IDS + [0] * 5])
  np.testing.assert_array_equal(tokens.mask, [[1] * 8, [1] * 3 + [0] * 5])
  np.testing.assert_array_equal(tokens.types, np.zeros([2, 8]))
  assert tokenizer.lengths([tiny_folders.SENTENCE, tiny_folders.SHORT, ""]) == [8, 3, 2]
  tokenizer.check(11)
  with pytest.raises(errors.UserError, match="a tokenizer.json with 11 ids, but a model of 10$"):
    tokenizer.check(10)


@pytest.mark.parametrize(
  ("truncation", "files", "expected"),
  [
    (None, {}, 102),
    (None, {"tokenizer_config.json": {"model_max_length": 1e30}}, 102),
    (20, {}, 20),
    # A sentence-transformers length replaces the tokenizer's, but not the number of positions.
    (20, {"sentence_bert_config.json": {"max_seq_length": 40}}, 40),
    (20, {"sentence_bert_config.json": {"max_seq_length": 40}, "config.json": {"max_position_embeddings": 30}}, 30),
    (None, {"sentence_bert_config.json": {"max_seq_length": None}, "tokenizer_config.json": {"model_max_length": 12}}, 12),
  ],
)
def test_the_most_tokens(tokenizers, tmp_path, truncation, files, expected):
  tiny_folders.write_tokenizer(tmp_path, tokenizers, truncation=truncation)
  for name, value in files.items():
    tiny_folders.write_json(tmp_path, name, value)
  tokenizer = folders.Tokenizer("tiny", str(tmp_path))
  assert tokenizer.lengths(["a " * 100]) == [expected]
  tokenizer.limit(15)
  assert tokenizer.lengths(["a " * 100]) == [min(expected, 15)]


@pytest.mark.parametrize("value", ["many", True, [1], float("nan")])
def test_a_length_that_is_no_number_is_refused(tokenizers, tmp_path, value):
  tiny_folders.write_tokenizer(tmp_path, tokenizers)
  tiny_folders.write_json(tmp_path, "sentence_bert_config.json", {"max_seq_length": value})
  with pytest.raises(errors.UserError, match="expected a number as max_seq_length in .*sentence_bert_config.json, but got"):
    folders.Tokenizer("tiny", str(tmp_path))
  tiny_folders.write_json(tmp_path, "sentence_bert_config.json", {"max_seq_length": -1})
  with pytest.raises(errors.UserError, match="expected sentences of 3 tokens or more, but the files in .* allow -1$"):
    folders.Tokenizer("tiny", str(tmp_path))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"model": {"type": "WordPiece"}}'])
def test_damaged_tokenizers_are_refused(tokenizers, tmp_path, text):
  (tmp_path / "tokenizer.json").write_text(text)
  with pytest.raises(errors.UserError, match="expected a tokenizer of the package tokenizers in .*tokenizer.json: [^\n]+$"):
    folders.Tokenizer("tiny", str(tmp_path))


def test_a_tokenizer_that_cannot_read_a_sentence_is_refused(tokenizers, tmp_path):
  tokenizers.Tokenizer(tokenizers.models.WordPiece({"a": 0}, unk_token="[UNK]")).save(str(tmp_path / "tokenizer.json"))
  with pytest.raises(errors.UserError, match=r"a tokenizer.json that cannot read these sentences: .*Missing \[UNK\]"):
    folders.Tokenizer("tiny", str(tmp_path))(["b"])
