"""Laws of what handles text: tokenizers, datasets, sentence encoders and rewards."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import registry
from tf_textgan.conformance import tiny
from tf_textgan.data import corpus
from tf_textgan.data import load as datasets
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.encoders import load as encoders
from tf_textgan.runs import rewards

_each_tokenizer = pytest.mark.parametrize("name", tiny.TOKENIZERS)
_each_dataset = pytest.mark.parametrize("name", tiny.DATASETS)
_each_encoder = pytest.mark.parametrize("name", tiny.ENCODERS)
_each_reward = pytest.mark.parametrize("name", tiny.REWARDS)

# What most tokenizers can read, and what those can that read integers.
_WORDS = ["the cat sat on the mat", "A dog, a cat and 12 mice!", "don't you say so?", "zebra", "the mat (red)"]
_INTEGERS = ["3 1 4 1 5", "9 2 6 5 3", "0 0 0 0 0", "5 8 9 7 9"]


def _build(name):
  """A tokenizer built from sentences, the sentences, and a length that all of them fit in."""
  cls = tokenizers.find(name)
  sentences = _WORDS if cls.ends else _INTEGERS
  config = text_config.TextConfig(tokenizer=name, token_pattern=r"\w+" if name == "regex" else "")
  cls.check(config)
  tokenizer = cls.build(iter(sentences), config)
  return tokenizer, sentences, max(len(tokenizer.tokenize(sentence)) for sentence in sentences) + int(cls.ends)


@_each_tokenizer
def test_a_tokenizer_is_found_by_its_name(name):
  assert tokenizers.name_of(tokenizers.find(name)) == name


@_each_tokenizer
def test_ids_are_those_of_pieces(name):
  tokenizer, sentences, _ = _build(name)
  lowest = tokenizers.UNK if tokenizer.ends else 0
  for sentence in sentences:
    ids = tokenizer.tokenize(sentence)
    assert ids and all(lowest <= token < tokenizer.size for token in ids), sentence


@_each_tokenizer
def test_a_row_is_the_ids_then_the_end_then_padding(name):
  tokenizer, sentences, length = _build(name)
  rows = tokenizer.encode(sentences, length)
  assert rows.dtype == np.int32 and rows.shape == (len(sentences), length)
  for sentence, row in zip(sentences, rows.tolist()):
    ids = tokenizer.tokenize(sentence)
    assert row == ([*ids, tokenizers.EOS, *[tokenizers.PAD] * length][:length] if tokenizer.ends else ids)
  if tokenizer.ends:
    cut = tokenizer.encode(sentences, 2).tolist()
    assert cut == [[*tokenizer.tokenize(sentence), tokenizers.EOS][:2] for sentence in sentences]


@_each_tokenizer
def test_decoded_text_has_the_same_ids(name):
  tokenizer, sentences, length = _build(name)
  rows = tokenizer.encode(sentences, length)
  decoded = tokenizer.decode(rows)
  assert all(isinstance(sentence, str) for sentence in decoded)
  np.testing.assert_array_equal(tokenizer.encode(decoded, length), rows)
  assert len(tokenizer.words(rows)) == len(rows)


@_each_tokenizer
def test_any_row_that_a_generator_may_sample_is_decoded(name):
  tokenizer, _, length = _build(name)
  rows = np.random.default_rng(0).integers(0, tokenizer.size, [200, length])
  decoded = tokenizer.decode(rows)
  assert len(decoded) == 200 and all(isinstance(sentence, str) for sentence in decoded)
  if tokenizer.ends:
    # What follows the end is not read.
    ended = np.array([[tokenizers.EOS, *range(tokenizers.UNK, tokenizer.size)]])
    assert tokenizer.decode(ended) == [""]


@_each_tokenizer
def test_its_sequences_are_described_by_its_spec(name):
  tokenizer, sentences, length = _build(name)
  spec = tokenizer.spec(length)
  assert (spec.vocab_size, spec.length) == (tokenizer.size, length)
  assert spec.end_token == (tokenizers.EOS if tokenizer.ends else None)
  rows = tokenizer.encode(sentences, length)
  np.testing.assert_array_equal(spec.mask(tf.constant(rows)), (rows != tokenizers.PAD) | (not tokenizer.ends))


@_each_tokenizer
def test_building_again_and_reading_back_give_an_equal_tokenizer(name, tmp_path):
  tokenizer, sentences, length = _build(name)
  tokenizer.save(tmp_path / "tokenizer.json")
  for other in (_build(name)[0], tokenizers.load(tmp_path / "tokenizer.json")):
    assert other == tokenizer
    np.testing.assert_array_equal(other.encode(sentences, length), tokenizer.encode(sentences, length))


@_each_tokenizer
def test_the_graph_gives_what_python_gives(name):
  tokenizer, sentences, length = _build(name)
  graph = tokenizer.graph()
  if graph is None:
    # Allowed: its runs cannot be exported.
    return
  rows = tokenizer.encode(sentences, length)
  decoded = tokenizer.decode(rows)
  for texts in (sentences, decoded):
    np.testing.assert_array_equal(graph.encode(tf.constant(texts), length), rows)
  assert [text.decode() for text in graph.decode(tf.constant(rows)).numpy()] == decoded


@pytest.fixture(scope="module")
def loaded(data_dir):
  """Function of a dataset's name: its corpus with default settings, or with the library's own made small."""
  kept = {}

  def load(name):
    if name not in kept:
      kept[name] = datasets.load(name, tiny.dataset_config(name), data_dir)
    return kept[name]

  return load


@_each_dataset
def test_a_dataset_has_three_splits_that_its_spec_describes(name, loaded):
  found = loaded(name)
  assert isinstance(found, corpus.Corpus) and set(found.tokens) == set(corpus.SPLITS)
  spec = found.spec
  for split in corpus.SPLITS:
    tokens = np.asarray(found.tokens[split][:1000])
    assert tokens.dtype == np.int32 and tokens.shape[1:] == (spec.length,) and len(tokens)
    assert tokens.min() >= 0 and tokens.max() < spec.vocab_size
    if spec.end_token is not None:
      # Padding is what follows the end, and nothing else is.
      ended = np.cumsum(tokens == spec.end_token, axis=1) - (tokens == spec.end_token) > 0
      np.testing.assert_array_equal(tokens == tokenizers.PAD, ended)
      assert not np.isin(tokens[~ended], spec.forbidden_tokens).any()


@_each_dataset
def test_a_dataset_s_categories_are_places_in_their_names(name, loaded):
  found = loaded(name)
  assert (found.categories is None) == (not found.spec.categories)
  for split, labels in (found.categories or {}).items():
    assert len(labels) == len(found.tokens[split])
    assert labels.min() >= 0 and labels.max() < len(found.spec.categories)


@_each_dataset
def test_a_dataset_is_the_same_when_a_run_is_resumed(name, loaded, data_dir):
  found = loaded(name)
  again = datasets.load(name, tiny.dataset_config(name), data_dir, found.tokenizer, found.spec.length)
  assert (again.spec, again.tokenizer) == (found.spec, found.tokenizer)
  for split in corpus.SPLITS:
    np.testing.assert_array_equal(again.tokens[split], found.tokens[split])


@_each_encoder
def test_an_encoder_gives_each_sentence_an_embedding_of_its_own(name):
  encoder = encoders.load(name)
  sentences = [*_WORDS, ""]
  together = encoder(sentences)
  assert together.dtype == np.float32 and together.shape == (len(sentences), encoder.size)
  # Whatever stands beside it, and again.
  np.testing.assert_allclose(encoder(sentences[::-1])[::-1], together, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(np.concatenate([encoder([sentence]) for sentence in sentences]), together, rtol=1e-4, atol=1e-5)
  assert len(np.unique(together, axis=0)) > 1


@_each_reward
def test_a_reward_is_a_finite_number_for_each_sentence(name):
  sentences = [*_WORDS, ""]
  reward = rewards.Reward(name, rewards.function(name), 2.0, lambda tokens: [sentences[i] for i in tokens[:, 0]])
  tokens = tf.range(len(sentences))[:, None]
  whole = reward(tokens)
  assert whole.shape == (len(sentences),) and whole.dtype == tf.float32
  half = rewards.Reward(name, rewards.function(name), 1.0, lambda tokens: [sentences[i] for i in tokens[:, 0]])
  np.testing.assert_allclose(whole, 2.0 * half(tokens), rtol=1e-6)


@_each_dataset
def test_a_dataset_says_what_it_is(name):
  config = datasets.config_class(name)
  assert config.__doc__ and registry.load("tf_textgan.data.datasets", name).__doc__
