"""Tests of tf_textgan.runs.filling, of generate.py's --fill and --fill_file, and of the SavedModel's signature fill."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests import shell
from tf_textgan import runs
from tf_textgan import sequences
from tf_textgan.commands import flags
from tf_textgan.data import text_config
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import export
from tf_textgan.runs import filling
from tf_textgan.sampling import noise

SEED = noise.seed(1)
TEXTS = ["a man ___ the dog", "a ___ sees the ___", "____2 likes the cat", "a bird ___3", "a zebra ___ the dog", "___5"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """The folder of two runs: maskgan, whose generator has learned the corpus, and mle, whose generator fills no blanks."""
  tfds.disable_progress_bar()
  place = tmp_path_factory.mktemp("filling")
  shell.write_text(place / "text.txt")
  data = {"dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data"}
  settings = {
    **data, "algorithm": "maskgan", "generator_embedding_size": 16, "generator_hidden_size": 32, "generator_layers": 1, "generator_dropout": 0.0,
    "discriminator_embedding_size": 8, "discriminator_hidden_size": 8, "discriminator_layers": 1, "mle_learning_rate": 1e-2,
  }  # fmt: skip
  tokens = experiment_lib.load_corpus(flags.parse(["train.py", *shell.as_flags(settings)], "")).tokens["train"]

  def learn(algorithm):
    real = sequences.Batch(tf.constant(np.unique(tokens, axis=0)))
    step = tf.function(algorithm.mle_step, autograph=False)
    for i in range(200):
      step(real, noise.fold(SEED, i), tf.constant(0.0))

  corpus, algorithm = shell.begin(place / "maskgan", settings, learn)
  export.save(place / "maskgan" / "export", algorithm.generator, algorithm.discriminator, corpus.tokenizer)
  shell.begin(place / "mle", {**data, **shell.tiny_flags("mle")})
  return place


def _generate(folder, *words):
  """Lines that the command writes, and what it says."""
  code, out, err = shell.call("generate", "--workdir", folder / "maskgan", *words)
  assert code == 0, err
  return out.splitlines(), err


def test_blanks_are_filled_with_so_many_tokens_and_the_rest_stays(folder):
  verbs = {line.split()[2] for line in _generate(folder, "--fill", "a man ___ the dog", "--num", 40)[0]}
  assert verbs == {"sees", "likes", "eats"}
  for text, pattern in (("a ___ sees the ___", "a . sees the ."), ("___2 likes the ____", ". . likes the ."), ("a bird ___3", "a bird . . .")):
    for line in _generate(folder, "--fill", text, "--num", 20)[0]:
      words = line.split()
      assert len(words) == 5 and all(expected in (".", word) for expected, word in zip(pattern.split(), words)), line


def test_what_follows_a_blank_is_read(folder):
  """In this corpus only "a" comes first, and "the" fourth, so that words tell where they are."""
  run = runs.load(folder / "maskgan")
  generated = filling.fill(run.algorithm.generator, run.tokenizer, ["___ man sees the dog", "a man sees ___ dog"], 30, SEED)
  sentences = run.tokenizer.decode(generated.tokens.numpy())
  assert np.mean([sentence == "a man sees the dog" for sentence in sentences]) > 0.9


def test_each_line_of_a_file_is_filled_and_named(folder, tmp_path):
  (tmp_path / "texts.txt").write_text("a man ___ the dog\n\n___5\n", encoding="utf-8")
  lines, _ = _generate(folder, "--fill_file", tmp_path / "texts.txt", "--num", 3, "--format", "jsonl")
  objects = [json.loads(line) for line in lines]
  assert [entry["fill"] for entry in objects] == ["a man ___ the dog"] * 3 + ["___5"] * 3
  run = runs.load(folder / "maskgan")
  tokens = tf.constant(run.tokenizer.encode([entry["text"] for entry in objects], run.algorithm.generator.spec.length))
  present = np.ones(tokens.shape, bool)
  present[:3, 2] = False
  present[3:, :5] = False
  expected = run.algorithm.generator.blank_log_probs(tokens, tf.constant(present)).numpy().sum(axis=1)
  # The unknown token, which is not drawn, has next to no probability: the corpus has none.
  np.testing.assert_allclose([entry["log_prob"] for entry in objects], expected, atol=0.02)


def test_temperature_and_seed_are_those_of_generation(folder):
  words = ["--fill", "a ___ ___ the ___", "--num", 12]
  assert len(set(_generate(folder, *words, "--temperature", 0)[0])) == 1
  assert _generate(folder, *words, "--seed", 3)[0] == _generate(folder, *words, "--seed", 3)[0] != _generate(folder, *words, "--seed", 4)[0]
  assert len(set(_generate(folder, *words)[0])) > 3


def test_unknown_words_are_counted_and_never_written(folder):
  lines, err = _generate(folder, "--fill", "a zebra ___ the dog", "--num", 20, "--temperature", 5)
  assert "'a zebra ___ the dog': 1 of 4 tokens are not in the run's vocabulary" in err
  assert all(line.split()[1] == "<unk>" and line.count("<unk>") == 1 for line in lines)


@pytest.mark.parametrize(
  ("words", "expected"),
  [
    (["--workdir", "mle", "--fill", TEXTS[0]], "generator is lstm, which fills no blanks; expected infilling, as of --algorithm maskgan"),
    (["--workdir", "maskgan", "--workdir", "mle", "--fill", TEXTS[0]], "are for the generator of one run; expected one --workdir"),
    (["--workdir", "maskgan", "--fill", "a man __ the dog"], "'a man __ the dog' has no blank; expected ___ where a token is to be written"),
    (["--workdir", "maskgan", "--fill", "a man ___2 the dog"], "has 6 tokens with those to be written; expected at most 5, as in the run's training"),
    (["--workdir", "maskgan", "--fill", "___" + "9" * 5000], "tokens with those to be written; expected at most 5"),
    (["--workdir", "maskgan", "--fill", "a ___0"], "has a blank of 0 tokens; expected 1 or more"),
    (["--workdir", "maskgan", "--fill_file", "empty.txt"], "has no text; expected a text with blanks, ___, on each line"),
    (["--workdir", "maskgan", "--fill_file", "none.txt"], "none.txt"),
    (["--workdir", "maskgan", "--fill_file", "text.txt"], "has no blank"),
    (["--workdir", "maskgan", "--fill", TEXTS[0], "--fill_file", "text.txt"], "--fill_file is a command of its own; expected no --fill"),
    (["--workdir", "maskgan", "--fill", TEXTS[0], "--near", "a man"], "--fill is a command of its own; expected neither --between nor --near"),
    (["--workdir", "maskgan", "--fill", TEXTS[0], "--guide", "resampling"], "--guide is for draws; expected neither --fill nor --fill_file"),
    (["--workdir", "maskgan", "--fill", TEXTS[0], "--category", "x"], "--category is for draws; expected neither --fill nor --fill_file"),
    (["--workdir", "maskgan", "--near", "a man sees the dog"], "which encodes no text"),
  ],
)
def test_what_does_not_fit_is_refused_in_one_line(folder, words, expected):
  (folder / "empty.txt").write_text("\n")
  words = [str(folder / word) if before in ("--workdir", "--fill_file") else word for before, word in zip(["", *words], words)]
  code, out, err = shell.call("generate", *words)
  (line,) = shell.said(err)
  assert code == 2 and not out and expected in line, line


def test_the_export_fills_as_the_command_does(folder):
  model = tf.saved_model.load(str(folder / "maskgan" / "export"))
  assert set(model.signatures) == {"generate", "complete", "fill", "score", "serving_default"}
  fill = model.signatures["fill"]
  for text in TEXTS:
    found = fill(text=tf.constant([text] * 12), temperature=tf.constant(0.7), seed=tf.constant(5, tf.int64))
    lines, _ = _generate(folder, "--fill", text, "--num", 12, "--temperature", 0.7, "--seed", 5, "--format", "jsonl")
    objects = [json.loads(line) for line in lines]
    assert [line.decode() for line in found["text"].numpy()] == [entry["text"] for entry in objects]
    np.testing.assert_allclose(found["log_prob"], [entry["log_prob"] for entry in objects], atol=1e-4)
  several = fill(text=tf.constant(TEXTS), temperature=tf.constant(0.0), seed=tf.constant(0, tf.int64))["text"]
  assert several.shape == [len(TEXTS)] and several.numpy()[0].startswith(b"a man ")


@pytest.mark.parametrize(
  ("text", "temperature", "expected"),
  [
    (["a man ___ the dog", "a man"], 1.0, "expected a blank, ___, in every text, but got"),
    (["a man ___2 the dog"], 1.0, "expected at most 5 tokens, but got"),
    (["a man sees the dog ___"], 1.0, "expected at most 5 tokens, but got"),
    (["a man ___999999999"], 1.0, "expected at most 5 tokens, but got"),
    (["a ___0 the dog"], 1.0, "expected blanks of one token or more, but got"),
    (["a ___ the dog"], -1.0, "expected a temperature that is finite and at least 0"),
    ([], 1.0, "expected a num of at least 1"),
  ],
)
def test_the_export_refuses_what_does_not_fit(folder, text, temperature, expected):
  fill = tf.saved_model.load(str(folder / "maskgan" / "export")).signatures["fill"]
  with pytest.raises(tf.errors.InvalidArgumentError, match=expected):
    fill(text=tf.constant(text, tf.string), temperature=tf.constant(temperature), seed=tf.constant(0, tf.int64))


@pytest.mark.parametrize("name", ["word", "nltk", "char"])
def test_the_graph_reads_texts_as_python_does(name):
  corpus = ['a man, "they say", rides a horse.', "don't 3 men see 12 dogs ' s"]
  tokenizer = tokenizers.find(name).build(corpus, text_config.TextConfig(lowercase=True))
  texts = ["A man___ a horse.", "___ ___3 men ______", '"___" they don\'t___', "___12", "3___ 3 ___3 3", "a zebra _ __ ___  ", "\ufdd3 ___ x"]
  spec = tokenizer.spec(30)
  rows = np.array([filling._tokens(tokenizer, 30, text) for text in texts])
  tokens, present = tf.function(lambda texts: filling.read(tokenizer.graph().encode, texts, spec), autograph=False)(tf.constant(texts))
  np.testing.assert_array_equal(np.where(present, tokens, -1), rows)
  assert (np.sum(~present.numpy(), axis=1) == [1, 5, 2, 12, 4, 1, 1]).all()


def test_sequences_of_one_length_are_filled_to_that_length(tmp_path):
  data = {"dataset": "lstm_oracle", "length": 4, "vocab_size": 20, "num_train": 32, "num_validation": 8, "num_test": 8, "data_dir": tmp_path}
  corpus, algorithm = shell.begin(tmp_path / "run", {**data, **shell.tiny_flags("maskgan")})
  lines = shell.call("generate", "--workdir", tmp_path / "run", "--fill", "7 ___2 9", "--num", 3)[1].splitlines()
  assert len(lines) == 3 and all(len(line.split()) == 4 and (line[0], line[-1]) == ("7", "9") for line in lines)
  code, _, err = shell.call("generate", "--workdir", tmp_path / "run", "--fill", "7 ___")
  assert code == 2 and "has 2 tokens with those to be written; expected exactly 4" in err
  model = export.Model(algorithm.generator, algorithm.discriminator, corpus.tokenizer)
  assert "fill" not in model.signatures() and "generate" in model.signatures()
