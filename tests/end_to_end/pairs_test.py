"""The commands with pairs of a source and a target: letters to be written in reverse, which maximum likelihood learns in seconds."""

import importlib.util
import itertools
import json
import re

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests import shell
from tf_textgan import runs

# All sequences of one to four of five letters, and some with a repeated letter.
SOURCES = [" ".join(letters) for size in range(1, 5) for letters in itertools.permutations("abcde", size)] + ["a a", "b b a", "c a c a"]

GENERATORS = {
  "lstm": {"generator": "lstm", "generator_embedding_size": 16, "generator_hidden_size": 48},
  "transformer": {
    "generator": "transformer", "generator_embedding_size": 48, "generator_layers": 2, "generator_feedforward_size": 96, "generator_heads": 2,
    "generator_dropout": 0.0,
  },
}  # fmt: skip


@pytest.fixture(scope="module", params=["lstm", pytest.param("transformer", marks=pytest.mark.slow)])
def place(request, tmp_path_factory):
  """A folder with a trained run in `run`, and the run's settings."""
  tfds.disable_progress_bar()
  folder = tmp_path_factory.mktemp(request.param)
  (folder / "pairs.tsv").write_text("".join(f"{source}\t{source[::-1]}\n" for source in SOURCES))
  settings = {
    "algorithm": "mle", "dataset": "text_pairs", "text_files": folder / "pairs.tsv", "data_dir": folder / "data", "workdir": folder / "run",
    **GENERATORS[request.param], "mle_steps": 500, "mle_learning_rate": 5e-3, "batch_size": 32, "evaluations": 2, "best_metric": "nll_validation",
    "validation_share": 0.1, "test_share": 0.1, "evaluation_samples": 50,
  }  # fmt: skip
  code, _, err = shell.call("train", *shell.as_flags(settings))
  assert code == 0, err
  return folder, settings


def _out(*words):
  code, out, err = shell.call(*words)
  assert code == 0, err
  return out


def test_it_has_learned_to_reverse_and_the_scores_say_so(place):
  folder, _ = place
  numbers = json.loads((folder / "run" / "results.json").read_text())
  assert numbers["nll_test"] < 0.1
  _out("evaluate", "--workdir", folder / "run", "--temperature", "0", "--json", folder / "scores.json", "--bleu_protocol", "full")
  scores = json.loads((folder / "scores.json").read_text())
  assert scores["exact"] > 0.9 and scores["chrf"] > 90 and scores["sacrebleu_n"] == scores["num"] < 50 and scores["sacrebleu_ci"] >= 0


def test_without_the_package_of_its_scores_evaluate_says_what_to_install(place, monkeypatch):
  find = importlib.util.find_spec
  monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "sacrebleu" else find(name, *rest))
  message = r'scores of pairs need the package sacrebleu; expected: pip install "tf_textgan\[pairs\]"'
  _assert_refused(message, "evaluate", "--workdir", place[0] / "run")


def test_it_writes_for_the_sources_of_a_file_and_of_the_test_split(place):
  folder, _ = place
  (folder / "sources.txt").write_text("a b c\ne d\n")
  words = "generate", "--workdir", folder / "run", "--temperature", "0", "--format", "jsonl"
  lines = [json.loads(line) for line in _out(*words, "--num", "2", "--source_file", folder / "sources.txt").splitlines()]
  assert [line["source"] for line in lines] == ["a b c", "a b c", "e d", "e d"]
  assert [line["text"] for line in lines] == ["c b a", "c b a", "d e", "d e"]
  drawn = [json.loads(line) for line in _out(*words, "--num", "4").splitlines()]
  run = runs.load(folder / "run")
  assert [line["source"] for line in drawn] == run.tokenizer.decode(run.corpus().sources["test"][:4])
  assert sum(line["text"] == line["source"][::-1] for line in drawn) >= 3


def test_the_saved_model_takes_sources(place):
  folder, _ = place
  model = tf.saved_model.load(str(folder / "run" / "export"))
  generate, score = model.signatures["generate"], model.signatures["score"]
  out = generate(source=tf.constant(["a b c", "e"]), temperature=tf.constant(0.0), seed=tf.constant(3, tf.int64))
  assert out["text"].numpy().tolist() == [b"c b a", b"e"]
  log_probs = score(text=tf.constant(["c b a", "a b c"]), source=tf.constant(["a b c"] * 2))["log_prob"].numpy()
  assert log_probs[0] > -0.5 and log_probs[1] < log_probs[0] - 2
  with pytest.raises(tf.errors.InvalidArgumentError, match="expected text in every source"):
    generate(source=tf.constant([""]), temperature=tf.constant(0.0), seed=tf.constant(3, tf.int64))


@pytest.mark.slow
def test_an_adversary_goes_on_from_it_and_a_stopped_run_ends_alike(place):
  folder, settings = place
  changed = {
    "algorithm": "seqgan", "pretrained": folder / "run", "mle_steps": 0, "discriminator": "recurrent", "discriminator_steps": 2, "rollouts": 2,
    "generator_learning_rate": 1e-4, "evaluations": 1, "batch_size": 16, "export": False,
  }  # fmt: skip
  weights = []
  for name, lengths in (("whole", [2]), ("parts", [1, 2])):
    for length in lengths:
      words = shell.as_flags({**settings, **changed, "workdir": folder / name, "adversarial_steps": length})
      code, _, err = shell.call("train", *words)
      assert code == 0, err
    weights.append(runs.load(folder / name, "latest").algorithm.generator.get_weights())
  for first, second in zip(*weights, strict=True):
    np.testing.assert_array_equal(first, second)
  assert "heldout_auc" in shell.journal(folder / "whole", "evaluation")[-1]


@pytest.mark.slow
def test_a_student_is_distilled_from_the_answers_of_a_teacher(place):
  folder, settings = place
  networks = {"discriminator": "recurrent"}
  if settings["generator"] == "transformer":
    same = {name.replace("generator", "discriminator", 1): size for name, size in GENERATORS["transformer"].items() if name.startswith("generator_")}
    networks = {**same, "discriminator": "causal_transformer", "discriminator_from_generator": True}
  changed = {
    **networks, "algorithm": "gad", "pretrained": folder / "run", "workdir": folder / "student", "mle_steps": 4, "mle_learning_rate": 1e-4,
    "discriminator_steps": 0, "adversarial_steps": 3, "group_size": 2, "generator_learning_rate": 1e-4, "evaluations": 1,
  }  # fmt: skip
  code, _, err = shell.call("train", *shell.as_flags({**settings, **changed}))
  assert code == 0, err
  warmup, adversarial = shell.journal(folder / "student", "training")
  assert {"mle/nll", "discriminator/loss"} <= warmup.keys() and {"generator/kl", "discriminator/loss"} <= adversarial.keys()
  score = tf.saved_model.load(str(folder / "student" / "export")).signatures["score"]
  assert score(text=tf.constant(["c b a"] * 2), source=tf.constant(["a b c", "e d"]))["discriminator"].shape == [2]
  # The student has not forgotten what it could before.
  assert shell.journal(folder / "student", "evaluation")[-1]["nll_validation"] < 0.3


REFUSED = {
  "an algorithm": ({"algorithm": "relgan"}, "--algorithm relgan does not learn pairs of a source and a target; expected one of: .*mle.*seqgan"),
  "a generator": ({"generator": "tied_lstm"}, "the generator tied_lstm reads no sources of pairs; expected --generator lstm or transformer"),
  "a discriminator": ({"algorithm": "seqgan"}, "the discriminator cnn_highway reads no sources of pairs; expected --discriminator recurrent"),
  "a guide": ({"algorithm": "seqgan", "discriminator": "recurrent", "guided_curve": True}, "a guide chooses among sentences without sources"),
  "a synthetic file": ({"synthetic_file": "x.txt"}, "--synthetic_file is for maximum likelihood without categories or sources"),
  "patience without a phase": (
    {"algorithm": "seqgan", "discriminator": "recurrent", "mle_patience": 2, "mle_steps": 0},
    "--mle_patience is 2, but with --algorithm seqgan this run has no maximum-likelihood phase; expected 0",
  ),
}


def _assert_refused(message, *words):
  code, out, err = shell.call(*words)
  lines = shell.said(err)
  assert code == 2 and len(lines) == 1 and not out, err
  assert re.search(message, lines[0]), lines[0]


@pytest.mark.parametrize("case", REFUSED)
def test_what_reads_no_sources_is_refused_in_one_line(case, place, tmp_path):
  folder, settings = place
  changes, message = REFUSED[case]
  data = {name: settings[name] for name in ("algorithm", "dataset", "text_files", "data_dir")}
  _assert_refused(message, "train", *shell.as_flags({**data, "workdir": tmp_path / "run", **changes}))
  assert not (tmp_path / "run").exists()


def test_sources_that_do_not_fit_are_refused_in_one_line(place, tmp_path):
  folder, _ = place
  (tmp_path / "long.txt").write_text("a b\na b c d e a\n")
  run = "--workdir", folder / "run"
  _assert_refused("long.txt: line 2 has 7 tokens, the end token included; the run's sources have 5", "generate", *run, "--source_file",
                  tmp_path / "long.txt")  # fmt: skip
  _assert_refused("cannot read the text file absent", "generate", *run, "--source_file", "absent")
  _assert_refused("--fill is .*source_file|source_file is for draws", "generate", *run, "--source_file", "absent", "--fill", "a ___")
  _assert_refused("a guide", "generate", *run, "--guide", "resampling")
  for flag in (("--prompt", "a"), ("--beams", 2), ("--stop", "a"), ("--max_length", 3), ("--unique", "true")):
    _assert_refused(f"{flag[0]} is not for runs of pairs", "generate", *run, *flag)
