"""Tests of tf_textgan.runs.latent and of generate.py's --between and --near."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests import shell
from tf_textgan import errors
from tf_textgan import runs
from tf_textgan import sequences
from tf_textgan.algorithms.steps import reconstruction
from tf_textgan.commands import flags
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.runs import latent
from tf_textgan.sampling import noise
from tf_textgan.sampling import pickers

SEED = noise.seed(1)
FIRST, SECOND = "a man sees the dog", "a bird eats the woman"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """The folder of two runs: arae, whose autoencoder knows its corpus, and mle, which has no encoder."""
  tfds.disable_progress_bar()
  place = tmp_path_factory.mktemp("latent")
  shell.write_text(place / "text.txt")
  data = {"dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data"}
  settings = {
    **data, "algorithm": "arae", "generator_embedding_size": 16, "generator_hidden_size": 48, "generator_latent_size": 16, "generator_noise_size": 4,
    "generator_prior_sizes": (8,), "critic_sizes": (8,), "autoencoder_learning_rate": 1.0,
  }  # fmt: skip
  tokens = experiment_lib.load_corpus(flags.parse(["train.py", *shell.as_flags(settings)], "")).tokens["train"]

  def learn(algorithm):
    generator, optimizer = algorithm.generator, tf.keras.optimizers.Adam(1e-2)
    optimizer.build(generator.autoencoder.trainable_variables)
    batch = tf.constant(np.unique(tokens, axis=0))
    step = tf.function(lambda: reconstruction.step(generator, optimizer, sequences.Batch(batch), SEED), autograph=False)
    for _ in range(250):
      step()

  shell.begin(place / "arae", settings, learn)
  shell.begin(place / "mle", {**data, **shell.tiny_flags("mle")})
  return place


def _decoded(run, samples):
  return run.tokenizer.decode(samples.tokens.numpy())


def test_the_way_begins_and_ends_at_the_sentences_and_stays_on_the_sphere(folder):
  run = runs.load(folder / "arae")
  samples, weights = latent.between(run, FIRST, SECOND, 5, SEED, pickers.Argmax())
  sentences = _decoded(run, samples)
  assert (sentences[0], sentences[-1]) == (FIRST, SECOND) and weights == [0.0, 0.25, 0.5, 0.75, 1.0]
  np.testing.assert_allclose(np.linalg.norm(samples.latent, axis=1), 1.0, atol=1e-5)


def test_neighbours_are_like_the_sentence_the_more_the_nearer(folder):
  run = runs.load(folder / "arae")

  def changed(radius):
    """Share of the words that differ from the sentence's."""
    sentences = _decoded(run, latent.near(run, FIRST, 60, radius, SEED, pickers.Argmax()))
    return np.mean([[a != b for a, b in zip(sentence.split(), FIRST.split())] for sentence in sentences if len(sentence.split()) == 5])

  assert changed(0.0) == 0.0 and changed(0.05) < 0.1 < changed(2.0)


def test_the_command_writes_the_way_between_two_sentences(folder):
  code, out, err = shell.call("generate", "--workdir", folder / "arae", "--between", FIRST, SECOND, "--steps", 4)
  lines = out.splitlines()
  assert code == 0 and (len(lines), lines[0], lines[-1]) == (4, FIRST, SECOND), err
  words = ["--between", FIRST, SECOND, "--format", "jsonl", "--temperature", 0.5]
  code, out, err = shell.call("generate", "--workdir", folder / "arae", *words)
  objects = [json.loads(line) for line in out.splitlines()]
  assert code == 0 and [entry["weight"] for entry in objects] == pytest.approx(np.linspace(0, 1, 7), abs=1e-6), err
  assert all(entry["log_prob"] <= 0 for entry in objects)


def test_the_command_writes_neighbours(folder):
  code, out, err = shell.call("generate", "--workdir", folder / "arae", "--near", FIRST, "--num", 6, "--radius", 0)
  assert code == 0 and out.splitlines() == [FIRST] * 6, err


def test_unknown_words_are_counted(folder):
  code, out, err = shell.call("generate", "--workdir", folder / "arae", "--near", "a zebra sees the dog", "--num", 1)
  assert code == 0 and out.count("\n") == 1 and "'a zebra sees the dog': 1 of 5 tokens are not in the run's vocabulary" in err


@pytest.mark.parametrize(
  ("words", "expected"),
  [
    (["--workdir", "mle", "--between", FIRST, SECOND], "generator is lstm, which encodes no text; expected autoencoder, as of --algorithm arae"),
    (["--workdir", "mle", "--near", FIRST], "the run's generator is lstm, which encodes no text"),
    (["--workdir", "arae", "--workdir", "mle", "--near", FIRST], "are for the latent space of one run; expected one --workdir"),
    (["--workdir", "arae", "--between", FIRST, "--steps", "3"], "--between: expected 2 arguments"),
    (["--workdir", "arae", "--between", FIRST, SECOND, "--steps", "1"], "--steps is 1; expected 2 or more"),
    (["--workdir", "arae", "--near", FIRST, "--radius", "-1"], "--radius is -1.0; expected a finite number, 0 or more"),
    (["--workdir", "arae", "--near", "a man sees the dog and the cat"], "has 8 tokens; expected from 1 to 5, as in the run's training"),
    (["--workdir", "arae", "--between", " ", SECOND], "' ' has 0 tokens; expected from 1 to 5"),
    (["--workdir", "arae", "--steps", "3"], "--steps is for --between"),
    (["--workdir", "arae", "--radius", "1"], "--radius is for --near"),
    (["--workdir", "arae", "--near", FIRST, "--between", FIRST, SECOND], "--near is a command of its own; expected no --between"),
    (["--workdir", "arae", "--between", FIRST, SECOND, "--num", "3"], "--num is for draws; --between writes --steps lines"),
    (["--workdir", "arae", "--near", FIRST, "--guide", "resampling"], "--guide is for draws; expected neither --between nor --near"),
    (["--workdir", "arae", "--near", FIRST, "--top_k", "3"], "--top_k is for random draws; expected --temperature beside --between or --near"),
  ],
)
def test_what_does_not_fit_is_refused_in_one_line(folder, words, expected):
  words = [str(folder / word) if before == "--workdir" else word for before, word in zip(["", *words], words)]
  code, out, err = shell.call("generate", *words)
  (line,) = shell.said(err)
  assert code == 2 and not out and expected in line, line


def test_a_latent_without_an_encoder_is_refused_from_python(folder):
  with pytest.raises(errors.UserError, match="which encodes no text"):
    latent.encoder_of(runs.load(folder / "mle"))
