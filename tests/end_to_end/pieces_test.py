"""The commands with text in pieces: a run on a column of a CSV file for each kind of tokenizer, and runs that go on from it."""

import csv
import json

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests import shell
from tf_textgan import runs

MOLECULES = ("CC(=O)Oc1ccccc1", "C[C@H](N)C(=O)O", "ClCCBr", "C%12CCCC%12", "[NH4+].[Cl-]")
KINDS = {
  "bpe": {"tokenizer": "bpe", "max_vocab_size": 280},
  "unigram": {"tokenizer": "unigram", "max_vocab_size": 280, "lowercase": "true"},
  "regex": {"tokenizer": "regex", "token_pattern": r" ?\w+"},
  "smiles": {"tokenizer": "smiles", "text_field": "molecule"},
  "folder": {"tokenizer": "FOLDER"},
}


@pytest.fixture(scope="module", params=["bpe", pytest.param("unigram", marks=pytest.mark.slow), "regex", "smiles", "folder"])
def place(request, tmp_path_factory):
  """A folder with a trained run in `run`, and the run's settings."""
  tfds.disable_progress_bar()
  folder = tmp_path_factory.mktemp(request.param)
  shell.write_text(folder / "text.txt", 80)
  lines = (folder / "text.txt").read_text().splitlines()
  with open(folder / "text.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["molecule", "text"])
    writer.writerows([MOLECULES[i % 5], f'{line}, "Ça" 😀'] for i, line in enumerate(lines))
  settings = {
    "dataset": "text_lines", "text_files": folder / "text.csv", "text_field": "text", "data_dir": folder / "data", "workdir": folder / "run",
    **shell.tiny_flags("mle"), **shell.SHORT, **KINDS[request.param],
  }  # fmt: skip
  if request.param == "folder":
    import tokenizers

    made = tokenizers.ByteLevelBPETokenizer()
    made.train_from_iterator(lines, vocab_size=280, show_progress=False)
    made.save(str(folder / "tokenizer.json"))
    settings["tokenizer"] = str(folder)
  code, _, err = shell.call("train", *shell.as_flags(settings))
  assert code == 0, err
  return folder, settings


def _json(*words):
  code, out, err = shell.call(*words)
  assert code == 0, err
  return out


def test_the_run_writes_scores_and_exports(place):
  folder, settings = place
  run = folder / "run"
  out = _json("generate", "--workdir", run, "--num", "6", "--temperature", "1", "--seed", "3", "--format", "jsonl")
  drawn = [json.loads(line) for line in out.splitlines()]
  assert len(drawn) == 6
  model = tf.saved_model.load(str(run / "export"))
  exported = model.signatures["generate"](num=tf.constant(6), temperature=tf.constant(1.0), seed=tf.constant(3, tf.int64))
  assert [text.decode() for text in exported["text"].numpy()] == [line["text"] for line in drawn]
  assert ("score" in model.signatures) == (settings["tokenizer"] != str(folder))
  prompt = "CC(=O)O" if settings["tokenizer"] == "smiles" else "a man"
  words = ["--prompt", prompt, "--num", "6", "--temperature", "1", "--seed", "3", "--format", "jsonl"]
  completed = [json.loads(line) for line in _json("generate", "--workdir", run, *words).splitlines()]
  assert len(completed) == 6 and all(line["text"].startswith(prompt) and line["prompt"] == prompt for line in completed)
  assert ("complete" in model.signatures) == (settings["tokenizer"] != str(folder))
  if "complete" in model.signatures:
    settled = {"num": tf.constant(6), "temperature": tf.constant(1.0), "seed": tf.constant(3, tf.int64)}
    exported = model.signatures["complete"](prompt=tf.constant([prompt]), **settled)
    assert [text.decode() for text in exported["text"].numpy()] == [line["text"] for line in completed]
  code, out, err = shell.call("generate", "--workdir", run, "--num", "40", "--temperature", "3")
  assert code == 0 and len(out.split("\n")) == 41 and "\r" not in out and "\0" not in out
  _json("evaluate", "--workdir", run, "--num", "20", "--encoder", "", "--json", folder / "scores.json")
  scores = json.loads((folder / "scores.json").read_text())
  assert scores["nll_test"] > 0 and scores["nll_per_character_test"] > 0 and "unk_test" not in scores
  results = json.loads((run / "results.json").read_text())
  assert results["nll_per_character_test"] == pytest.approx(scores["nll_per_character_test"], rel=1e-5)
  # Words, not tokens: a molecule is one.
  if settings["tokenizer"] == "smiles":
    words = runs.load(run).corpus().tokenizer.words(runs.load(run).corpus().tokens["train"])
    assert all(len(sentence) == 1 for sentence in words)


def test_the_same_command_finds_nothing_left_to_do(place):
  _, settings = place
  code, _, err = shell.call("train", *shell.as_flags(settings))
  assert code == 0 and "nothing is left to train" in err


def test_another_run_goes_on_with_its_tokenizer(place):
  folder, settings = place
  changes = {"workdir": folder / "second", "pretrained": folder / "run", "mle_steps": 2, "max_length": 60}
  if "max_vocab_size" in settings:
    changes["max_vocab_size"] = 300
  code, _, err = shell.call("train", *shell.as_flags({**settings, **changes}))
  assert code == 0, err
  assert (folder / "second" / "vocabulary.json").read_bytes() == (folder / "run" / "vocabulary.json").read_bytes()
  size = runs.load(folder / "run").tokenizer.size
  note = f"stays at {size} tokens, not the 300 of --max_vocab_size: the pieces of {settings['tokenizer']} cannot grow"
  assert (note in err) == ("max_vocab_size" in settings)


def test_a_run_with_another_tokenizer_is_refused(place):
  folder, settings = place
  changes = {"workdir": folder / "third", "pretrained": folder / "run", "lowercase": "false", "token_pattern": "", "max_vocab_size": 0}
  code, out, err = shell.call("train", *shell.as_flags({**settings, **changes, "tokenizer": "nltk"}))
  (line,) = shell.said(err)
  assert code == 2 and not out and "has the tokenizer nltk" in line and "expected the same" in line
  if settings["tokenizer"] == "regex":
    code, _, err = shell.call("train", *shell.as_flags({**settings, "workdir": folder / "third", "pretrained": folder / "run", "token_pattern": "a"}))
    (line,) = shell.said(err)
    assert code == 2 and "has the token_pattern 'a', but the existing vocabulary has" in line
  assert not (folder / "third").exists()
