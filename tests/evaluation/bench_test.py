"""Tests of tf_textgan.evaluation.bench: a file is read as the run's training text was, by evaluate.py and by the SavedModel."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests import shell
from tf_textgan import runs
from tf_textgan.evaluation import bench
from tf_textgan.evaluation import texts
from tf_textgan.runs import export

# Raw text with capitals, clitics and punctuation, outer spaces, a blank line, and words that the training text lacks.
LINES = ["A Man SEES the dog.", "The bird doesn't like: a CAT!", "  the CAT eats", "", 'a Zebra "sees" the Moon', "A CAT doesn't LIKE the Bird."]


def _spread(algorithm):
  """Random weights as large as trained ones, so that sentences differ in probability."""
  random = np.random.default_rng(4)
  for weight in algorithm.generator.trainable_variables:
    weight.assign(random.normal(0, 0.7, weight.shape))


@pytest.fixture(scope="module", params=["word", "nltk", "char", "bpe", "unigram"])
def run(request, tmp_path_factory):
  """The folder of a lower-cased run, and the file of the lines."""
  tfds.disable_progress_bar()
  folder = tmp_path_factory.mktemp(request.param)
  training = [f"A {a} {b} The {c}{end}" for a in ("man", "dog", "cat") for b in ("sees", "doesn't like") for c in ("Bird", "cat") for end in ".! "]
  (folder / "text.txt").write_text("\n".join(training), encoding="utf-8")
  settings = {"dataset": "text_lines", "text_files": folder / "text.txt", "data_dir": folder / "data", "max_length": 40}
  settings |= {"tokenizer": request.param, "lowercase": True}
  shell.begin(folder / "run", {**settings, **shell.tiny_flags("mle")}, _spread)
  (folder / "lines.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
  return folder / "run", folder / "lines.txt"


def _scores(*words):
  code, _, err = shell.call("evaluate", *words, "--encoder", "", "--json", words[1].parent / "scores.json")
  assert code == 0, err
  return json.loads((words[1].parent / "scores.json").read_text(encoding="utf-8")), shell.said(err)


def test_a_file_with_capitals_is_scored_as_the_lower_cased_one(run):
  folder, file = run
  scores, said = _scores("--workdir", folder, "--file", file)
  lowered = file.with_name("lowered.txt")
  lowered.write_text(file.read_text(encoding="utf-8").lower(), encoding="utf-8")
  assert _scores("--workdir", folder, "--file", lowered)[0] == scores
  assert scores["num"] == len(LINES) and scores["nll_file"] > 0
  # Words of the decoded text; the unknown ones are told.
  if runs.load(folder).tokenizer.unknown_token is None:
    assert "unk_file" not in scores and "<unk>" not in said and scores["nll_per_character_file"] > 0
  else:
    assert f"{file}: tokens that the vocabulary does not have, read as <unk>: {scores['unk_file']:.1%}" in said
    assert "nll_per_character_file" not in scores


def test_the_saved_model_reads_text_as_the_command_does(run, tmp_path):
  folder, file = run
  loaded = runs.load(folder)
  export.save(tmp_path / "export", loaded.algorithm.generator, None, loaded.tokenizer)
  score = tf.saved_model.load(str(tmp_path / "export")).signatures["score"]
  log_probs = score(text=tf.constant(LINES))["log_prob"].numpy()
  np.testing.assert_allclose(score(text=tf.constant([line.lower() for line in LINES]))["log_prob"], log_probs)
  assert len(set(np.round(log_probs, 3))) == len(LINES)
  evaluator = bench.Bench({"run": loaded}, 2, "test", 0, texts_config=texts.Config(encoder="")).evaluator("run")
  np.testing.assert_allclose(log_probs, evaluator.log_probs(loaded.tokenizer.encode(LINES, 40)).whole, rtol=1e-5)
  # The likelihood of the file is theirs, without the tokens that are unknown.
  known = [line for line in LINES if 3 not in loaded.tokenizer.tokenize(line)]
  file.with_name("known.txt").write_text("\n".join(known) + "\n", encoding="utf-8")
  scores, said = _scores("--workdir", folder, "--file", file.with_name("known.txt"))
  sizes = [len(loaded.tokenizer.tokenize(line)) + 1 for line in known]
  total = score(text=tf.constant(known))["log_prob"].numpy().sum()
  assert 2 <= len(known) < len(LINES) + (loaded.tokenizer.unknown_token is None) and "unk_file" not in scores and not said
  assert scores["nll_file"] == pytest.approx(-total / sum(sizes), rel=1e-5)
  characters = sum(len(line) + 1 for line in loaded.tokenizer.decode(loaded.tokenizer.encode(known, 40)))
  assert scores["nll_per_character_file"] == pytest.approx(-total / characters, rel=1e-5)


def test_an_empty_sentence_counts(run):
  folder, file = run
  scores, _ = _scores("--workdir", folder, "--file", file)
  words = runs.load(folder).tokenizer.words(runs.load(folder).tokenizer.encode(LINES, 40))
  assert scores["mean_length_n"] == scores["lm_nll_n"] == len(LINES)
  assert scores["mean_length"] == pytest.approx(np.mean([len(sentence) for sentence in words])) and () in words


def test_a_sentence_that_is_cut_is_told(run):
  folder, file = run
  long = file.with_name("long.txt")
  long.write_text("the cat " * 60 + "\nthe cat\n", encoding="utf-8")
  _, said = _scores("--workdir", folder, "--file", long)
  assert f"{long}: 1 of 2 sentences are longer than 39 tokens and are cut after 40" in said
