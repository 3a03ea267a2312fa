"""Tests of tf_textgan.data.tokenizers.keras_hub."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny_presets
from tests.data.tokenizers import hostile
from tf_textgan import errors
from tf_textgan.conformance import texts
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base
from tf_textgan.data.tokenizers import keras_hub
from tf_textgan.layers import own_ids

KINDS = (*tiny_presets.DECODERS, *tiny_presets.ENCODERS)
_BYTES = ("gpt2", "opt", "roberta")

_each = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def tokenizer(preset_folder, kind):
  return keras_hub.read(f"keras_hub:{preset_folder(kind)}")


@_each
def test_the_laws_of_tokenizers(preset_folder, tmp_path, kind):
  name = f"keras_hub:{preset_folder(kind)}"
  assert base.find(name) is base.find("keras_hub") is keras_hub.Tokenizer
  texts.test_ids_are_those_of_pieces(name)
  texts.test_a_row_is_the_ids_then_the_end_then_padding(name)
  texts.test_decoded_text_has_the_same_ids(name)
  texts.test_any_row_that_a_generator_may_sample_is_decoded(name)
  texts.test_its_sequences_are_described_by_its_spec(name)
  texts.test_building_again_and_reading_back_give_an_equal_tokenizer(name, tmp_path)


@_each
def test_ids_are_those_of_kerashub(preset_folder, tokenizer, kind):
  own = tiny_presets.package().models.Tokenizer.from_preset(preset_folder(kind))
  for sentence in tiny_presets.SENTENCES[:4]:
    assert tokenizer.tokenize(sentence) == [3 if token == tokenizer.special[2] else token + 4 for token in np.asarray(own(sentence)).tolist()]
  assert tokenizer.size == own.vocabulary_size() + 4 and own_ids.COUNT == len(base.SPECIAL_TOKENS)


@_each
def test_text_is_restored(tokenizer, kind):
  lines = hostile.lines() if kind in _BYTES else tiny_presets.SENTENCES[:3] if kind in tiny_presets.ENCODERS else [*hostile.TEXTS, "a  b ", " a"]
  lines = [line for line in lines if "\0" not in line or kind in _BYTES]
  assert tokenizer.decode(tokenizer.encode(lines, 4000)) == lines


def test_words_are_split_before_pieces_are_merged(preset_folder):
  """Unlike in version 0.32 of KerasHub, whose byte pairs merge over the ends of words: "e c" is a pair within "the cat" otherwise."""
  made = keras_hub.Tokenizer("bytes", keras_hub._byte_pairs({"e": 0, "\u0120": 1, "c": 2, "e\u0120": 3, "<s>": 4}, ["e \u0120"]), (4, 4, -1))
  tiny_presets.package()
  assert made.tokenize("e c") == [4, 5, 6]


@_each
def test_the_graph_decodes_alone_and_equally(tokenizer, kind):
  graph = tokenizer.graph()
  rows = np.random.default_rng(0).integers(0, tokenizer.size, [500, 30])
  rows = np.concatenate([rows, np.pad(tokenizer.encode(tiny_presets.SENTENCES, 30), [[0, 0], [0, 0]])])
  decoded = tf.function(graph.decode)(tf.constant(rows, tf.int32)).numpy()
  assert [text.decode() for text in decoded] == tokenizer.decode(rows)
  assert not hasattr(graph, "encode")


@_each
def test_special_tokens_cannot_be_spelled_nor_generated(preset_folder, tokenizer, kind):
  own = tiny_presets.package().models.Tokenizer.from_preset(preset_folder(kind))
  ids = [token for name in own.special_tokens for token in tokenizer.tokenize(f"the {name} cat")]
  assert not {token + 4 for token in tokenizer.special[:2]} & set(ids)
  spec = tokenizer.spec(9)
  assert {token + 4 for token in tokenizer.special if token >= 0} | {0, 1} <= set(spec.forbidden_tokens)
  assert (tokenizer.unknown_token is None) == (3 in spec.forbidden_tokens) == (kind in _BYTES)
  assert tokenizer.decode(np.array([[1, *(token + 4 for token in tokenizer.special[:2]), 2, 7]])) == [""]


def test_settings_that_would_be_ignored_and_other_presets_are_refused(preset_folder, tmp_path):
  name = f"keras_hub:{preset_folder('gpt2')}"
  for changes, message in (
    ({"lowercase": True}, "lowercase is true, but the tokenizer is keras_hub:.*: the preset says what is done to text"),
    ({"min_count": 2}, "min_count and max_vocab_size choose among tokens, but keras_hub:.* has its own; expected 1 and 0"),
    ({"token_pattern": "a"}, "token_pattern is for the tokenizer regex"),
    ({"tokenizer": "keras_hub:"}, "unknown tokenizer 'keras_hub:'; there are: .*, keras_hub:PRESET_OR_FOLDER; one of your own"),
    ({"tokenizer": "keras_hub"}, "the tokenizer keras_hub is of a preset: expected keras_hub:PRESET_OR_FOLDER"),
    ({"tokenizer": "keras_hub:absent"}, "the tokenizer keras_hub:absent expected the name of a KerasHub preset, or a folder"),
  ):
    with pytest.raises(errors.UserError, match=message):
      text_config.check(text_config.TextConfig(**{"tokenizer": name, **changes}))
  tokenizer = keras_hub.read(name)
  assert not tokenizer.unlike(text_config.TextConfig(tokenizer=name))
  other = tiny_presets.write(tmp_path, "gpt2", size=280)
  expected = f"the tokenizer keras_hub:{other}, but the existing vocabulary is that of another preset"
  assert tokenizer.unlike(text_config.TextConfig(tokenizer=f"keras_hub:{other}")) == expected


def test_other_kinds_are_refused():
  class FNetTokenizer:
    pass

  with pytest.raises(ValueError, match="it is KerasHub's FNetTokenizer, which is not supported"):
    keras_hub._converted(FNetTokenizer())


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_damaged_vocabularies_are_refused(tokenizer, tmp_path, kind):
  path = tmp_path / "vocabulary.json"
  tokenizer.save(path)
  whole = json.loads(path.read_text())
  for changes in ({"kind": "x"}, {"special": [0, 1]}, {"special": [0, 999999, -1]}, {"special": [-1, 0, 0]}, {"contents": "x"}, {"contents": 1}):
    path.write_text(json.dumps({**whole, **changes}))
    with pytest.raises(errors.UserError, match="vocabulary.json is not a tokenizer written by this library: [^\n]+$"):
      base.load(path)
