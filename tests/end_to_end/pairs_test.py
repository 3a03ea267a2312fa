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
from tf_textgan.data.tokenizers import base as tokenizers

# All sequences of two to four of five letters, and some with a repeated letter. Held-out single letters would need more than the others teach.
SOURCES = [" ".join(letters) for size in range(2, 5) for letters in itertools.permutations("abcde", size)] + ["a a", "b b a", "c a c a"]

GENERATORS = {
  "lstm": {"generator": "lstm", "generator_embedding_size": 16, "generator_hidden_size": 48},
  "transformer": {
    "generator": "transformer", "generator_embedding_size": 48, "generator_layers": 2, "generator_feedforward_size": 96, "generator_heads": 2,
    "generator_dropout": 0.1, "mle_learning_rate": 2e-3, "mle_steps": 1000,
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
    "mle_learning_rate": 5e-3, "mle_steps": 500, **GENERATORS[request.param], "batch_size": 32, "evaluations": 2, "best_metric": "nll_validation",
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


def _objects(folder, *words):
  """What `generate` writes for the sources "a b c" and "e d"."""
  (folder / "sources.txt").write_text("a b c\ne d\n")
  words = "--workdir", folder / "run", "--source_file", folder / "sources.txt", *words
  return [json.loads(line) for line in _out("generate", "--format", "jsonl", *words).splitlines()]


def test_beam_search_finds_the_target_of_each_source(place):
  folder, _ = place
  found = _objects(folder, "--beams", 4, "--num", 3)
  assert [line["source"] for line in found] == ["a b c"] * 3 + ["e d"] * 3
  values = np.array([line["log_prob"] for line in found]).reshape(2, 3)
  assert found[0]["text"] == "c b a" and found[3]["text"] == "d e" and (values[:, 0] > -0.5).all()
  assert (np.diff(values) <= 0).all() and len({line["text"] for line in found}) == 6
  # By teacher forcing, without the unknown token.
  run = runs.load(folder / "run")
  generator, encode = run.algorithm.generator, run.tokenizer.encode
  tokens = encode([line["text"] for line in found], generator.spec.length)
  logits = generator(tf.constant(tokens), tf.zeros([6, 0]), tf.constant(encode([line["source"] for line in found], generator.spec.source_length)))
  logits = np.where(np.arange(generator.spec.vocab_size) == tokenizers.UNK, -np.inf, logits.numpy())
  log_probs = np.take_along_axis(tf.nn.log_softmax(logits).numpy(), tokens[..., None], axis=2)[..., 0]
  np.testing.assert_allclose(values.ravel(), np.where(tokens == 0, 0.0, log_probs).sum(axis=1), atol=1e-4)


def test_a_search_without_a_file_writes_the_best_target_of_each_source_of_the_test_split(place):
  folder, _ = place
  run = runs.load(folder / "run")
  found = [json.loads(line) for line in _out("generate", "--workdir", folder / "run", "--beams", 3, "--format", "jsonl").splitlines()]
  assert [line["source"] for line in found] == run.tokenizer.decode(run.corpus().sources["test"][:10])
  assert sum(line["text"] == line["source"][::-1] for line in found) >= 5


def test_contrastive_search_without_penalty_takes_the_most_probable_token(place):
  folder, _ = place
  assert [line["text"] for line in _objects(folder, "--contrastive", 3, "--contrastive_penalty", 0)] == ["c b a", "d e"]


def test_a_prompt_begins_every_target_or_the_one_of_its_line(place, tmp_path):
  folder, _ = place
  words = "--temperature", 0.8, "--num", 3, "--prompt"
  drawn = _objects(folder, *words, "c b")
  assert [line["source"] for line in drawn] == ["a b c"] * 3 + ["e d"] * 3
  assert all(line["text"].startswith("c b") and line["prompt"] == "c b" for line in drawn)
  assert sum(line["text"] == "c b a" for line in drawn) >= 2
  (tmp_path / "prompts.txt").write_text("c\nd\n")
  found = _objects(folder, "--beams", 2, "--prompt_file", tmp_path / "prompts.txt")
  assert [(line["prompt"], line["text"]) for line in found] == [("c", "c b a"), ("d", "d e")]
  (tmp_path / "prompts.txt").write_text("c\nd\na\n")
  message = "prompts.txt has 3 prompts, and there are 2 sources; expected one for each, or one for all"
  files = "--source_file", folder / "sources.txt", "--prompt_file", tmp_path / "prompts.txt"
  _assert_refused(message, "generate", "--workdir", folder / "run", *files)


def test_targets_keep_stops_and_lengths(place):
  folder, _ = place
  for words, expected in (
    (("--stop", " b"), ["c", "d e"]),
    (("--max_length", 2), ["c b", "d e"]),
    (("--prompt", "c", "--max_new_tokens", 1), ["c b", "c"]),
  ):
    texts = [line["text"] for line in _objects(folder, "--num", 1, "--temperature", 0, *words)]
    assert texts[0] == expected[0] and texts[1].startswith(expected[1]), words
  assert {len(line["text"].split()) for line in _objects(folder, "--num", 4, "--min_length", 4, "--max_length", 4)} == {4}
  assert {len(line["text"].split()) for line in _objects(folder, "--beams", 3, "--min_length", 6, "--max_length", 7)} <= {6, 7}


def test_the_saved_model_takes_sources(place):
  folder, _ = place
  model = tf.saved_model.load(str(folder / "run" / "export"))
  generate, score = model.signatures["generate"], model.signatures["score"]
  out = generate(source=tf.constant(["a b c", "e d"]), temperature=tf.constant(0.0), seed=tf.constant(3, tf.int64))
  assert out["text"].numpy().tolist() == [b"c b a", b"d e"]
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
  _assert_refused("--unique is not for runs of pairs, and .*run is one: sources may share a target", "generate", *run, "--unique", "true")
