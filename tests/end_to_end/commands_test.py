"""The three commands on a toy corpus, from a text file to sentences and scores."""

import json
import math
import re
import subprocess

import pytest
import tensorflow_datasets as tfds

from tests import shell
from tf_textgan import registry
from tf_textgan import runs
from tf_textgan.algorithms import base
from tf_textgan.runs import experiment as experiment_lib

# The default one runs in processes of its own; the others in this one, which saves their start.
DEFAULT = experiment_lib.Choices().algorithm


def _one_shot(name):
  return registry.load("tf_textgan.algorithms", name).GENERATOR[0] == "conv_resnet"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  tfds.disable_progress_bar()
  folder = tmp_path_factory.mktemp("place")
  shell.write_text(folder / "text.txt")
  return folder


# One with everything, and one that writes all at once; the conformance tests take every algorithm.
@pytest.fixture(scope="module", params=["seqgan", "wgan_gp"])
def trained(request, place):
  """An algorithm's name, the folder of a run of it, and how to run further commands."""
  name = request.param
  settings = {
    "dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data", "workdir": place / name, "log_every": 1,
    **shell.tiny_flags(name), **shell.SHORT, "tokenizer": "char" if _one_shot(name) else "word",
  }  # fmt: skip
  command = shell.run if name == DEFAULT else shell.call
  if name != DEFAULT:
    settings["deterministic"] = False  # It holds for a whole process.
  code, _, err = command("train", *shell.as_flags(settings))
  assert code == 0, err
  assert "Traceback" not in err
  return name, place / name, command


def test_training_leaves_its_results(trained):
  name, folder, _ = trained
  phases = [line["phase"] for line in shell.journal(folder, "evaluation")]
  algorithm = runs.load(folder).algorithm
  assert phases == [phase.name for phase in algorithm.phases(base.Schedule())]
  training = [line for line in shell.journal(folder, "training")]
  assert all(value is None or math.isfinite(value) for line in training for value in line.values() if not isinstance(value, str))
  for file in ("results.json", "report.html", "export/saved_model.pb", "checkpoints/best.npz", "vocabulary.json", "config.json", "versions.json"):
    assert (folder / file).stat().st_size > 0, file
  results = json.loads((folder / "results.json").read_text())
  about = json.loads((folder / "export" / "assets.extra" / "about.json").read_text())
  kind = None if _one_shot(name) else "exact"
  assert about == {"algorithm": name, "checkpoint": "best", "step": runs.load(folder).step, "phase": phases[-1], "likelihood": kind}
  assert about.items() <= results.items()
  assert ("nll_test" in results) == (not _one_shot(name))
  assert 0 <= results["distinct_1"] <= 1 and 0 <= results["js_2"] <= math.log(2)


def test_generating_text_and_json(trained):
  name, folder, command = trained
  code, text, err = command("generate", "--workdir", folder, "--num", 20, "--seed", 3)
  assert code == 0 and shell.said(err) == [runs.load(folder).describe("best")], err
  lines = text.split("\n")
  assert len(lines) == 21 and lines[-1] == ""
  known = json.loads((folder / "vocabulary.json").read_text())["tokens"]
  for line in lines[:-1]:
    assert set(line if _one_shot(name) else line.split()) <= {*known, *"<unk>"}
  output = folder / "written.jsonl"
  code, out, err = shell.call("generate", "--workdir", folder, "--num", 20, "--seed", 3, "--format", "jsonl", "--output", output)
  assert code == 0 and out == "", err
  objects = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
  assert [entry["text"] for entry in objects] == lines[:-1]
  assert all(-100 < entry["log_prob"] <= 0 for entry in objects)


def test_scoring_the_run_and_a_file(trained, place):
  name, folder, _ = trained
  code, out, err = shell.call("evaluate", "--workdir", folder, "--num", 30, "--json", folder / "scores.json")
  assert code == 0 and out == "", err
  scores = json.loads((folder / "scores.json").read_text())
  assert scores["num"] == 30
  assert ("nll_test" in scores and "entropy" in scores) == (not _one_shot(name))
  assert all(0 <= scores[metric] <= 1 for metric in ("distinct_2", "duplicates", "copied"))
  assert scores["bleu_5_n"] == scores["distinct_2_n"] == 30 and scores["bleu_5_ci"] >= 0
  assert {"self_bleu_5", "ms_jaccard_5", "lm_nll", "reverse_lm_nll", "frechet", "mauve"} <= set(scores)
  # The training text itself, under the run: most of it is copied, and some of it is held out.
  code, out, err = shell.call("evaluate", "--workdir", folder, "--file", place / "text.txt", "--encoder", "", "--json", folder / "file.json")
  assert code == 0 and out == "", err
  file = json.loads((folder / "file.json").read_text())
  assert file["num"] == 300 and file["copied"] > 0.85
  assert ("nll_file" in file) == (not _one_shot(name))
  assert file["js_2"] < scores["js_2"]


def test_a_file_is_scored_by_itself_as_a_table(tmp_path):
  (tmp_path / "text.txt").write_text("a b a\na b c\n\na b a\nd\n")
  (tmp_path / "training.txt").write_text("a b a\n\nx\n")
  code, out, err = shell.call("evaluate", "--file", tmp_path / "text.txt", "--training", tmp_path / "training.txt")
  assert code == 0, err
  scores = {name: float(value) for name, value, *_ in (line.split() for line in out.splitlines())}
  # The blank line counts.
  expected = {"distinct_1": 0.4, "distinct_2": 0.5, "distinct_3": 0.6667, "duplicates": 0.2, "mean_length": 2.0, "copied": 0.4}
  assert {name: scores[name] for name in expected} == expected
  assert f"{tmp_path / 'training.txt'}: 1 of 3 lines are left out: blank" in err
  # There are no 4-grams: NaN, which JSON does not have.
  assert math.isnan(scores["distinct_4"])
  shell.call("evaluate", "--file", tmp_path / "text.txt", "--json", tmp_path / "scores.json")
  assert json.loads((tmp_path / "scores.json").read_text())["distinct_4"] is None


def test_any_text_is_scored_against_references(place, tmp_path):
  shell.write_text(tmp_path / "samples.txt", 60)
  code, _, err = shell.call("evaluate", "--file", tmp_path / "samples.txt", "--references", place / "text.txt", "--json", tmp_path / "out.json")
  assert code == 0, err
  scores = json.loads((tmp_path / "out.json").read_text())
  assert scores["num"] == scores["bleu_5_n"] == 60
  # Sentences of the same source, so many n-grams are in the references.
  assert scores["bleu_2"] > 0.5
  words = ["--file", tmp_path / "samples.txt", "--references", place / "text.txt", "--bleu_protocol", "relgan", "--encoder", "", "--json"]
  code, _, err = shell.call("evaluate", *words, tmp_path / "relgan.json")
  assert code == 0, err
  relgan = json.loads((tmp_path / "relgan.json").read_text())
  assert relgan["self_bleu_5"] == pytest.approx(1.0) and "frechet" not in relgan


def test_curves_and_probe_of_a_run(place, tmp_path):
  data = {"dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data"}
  for algorithm in ("mle", "seqgan"):
    shell.begin(tmp_path / algorithm, {**data, **shell.tiny_flags(algorithm)})
  runs = ["--workdir", tmp_path / "mle", "--workdir", tmp_path / "seqgan"]
  words = ["--num", 40, "--temperatures", 0.7, 1.0, "--nuclei", 0.9, "--output", tmp_path / "page"]
  code, _, err = shell.call("evaluate", *runs, "--file", place / "text.txt", "--sweep", *words)
  assert code == 0, err
  for name in ("index.html", "curves.png", "points.csv", "results.json", "summaries"):
    assert (tmp_path / "page" / name).exists(), name
  html = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
  described = "mle: checkpoint best, step 0;", "seqgan: checkpoint best, step 0, before any adversarial round."
  assert all(word in html for word in ("T 0.7", "mle, nucleus", "text.txt", "real data", *described))
  assert re.search(r"bleu: \S*seqgan is (above|on|below|no overlap) ", err)
  words = ["--probe_discriminator", "generator_lstm", "--probe_discriminator_head_size", 4, "--probe_ensemble", 2, "--json", tmp_path / "probe.json"]
  code, _, err = shell.call("evaluate", *runs[:2], "--probe", "--probe_steps", 4, "--probe_batch_size", 8, *words)
  assert code == 0, err
  probe = json.loads((tmp_path / "probe.json").read_text())
  assert 0 <= probe["probe_accuracy"] <= 1 and probe["probe_gain_ci"] > 0
  assert re.search("mle: (This discriminator|There is something)", err)


def test_the_probes_settings_are_those_of_its_network(place):
  code, _, err = shell.call("evaluate", "--probe", "--probe_discriminator_head_size", 4)
  assert code == 2 and "unknown flag --probe_discriminator_head_size" in err and "--probe_discriminator_hidden_size" in err
  code, _, err = shell.call("evaluate", "--probe", "--probe_discriminator=recurent")
  assert code == 2 and "did you mean recurrent?" in err


@pytest.mark.slow
def test_a_better_adversary_from_flags_to_an_export(place, tmp_path):
  settings = {
    "dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data", "workdir": tmp_path / "run", **shell.SHORT,
    "algorithm": "maligan", "generator_hidden_size": 8, "generator_embedding_size": 8, "discriminator": "generator_lstm",
    "discriminator_head_size": 4, "discriminator_log_prob": "true", "ensemble": 2, "discriminator_patience": 1, "stop_at_chance": 1,
    "evaluations": 2, "deterministic": False,
  }  # fmt: skip
  code, _, err = shell.call("train", *shell.as_flags(settings))
  assert code == 0, err
  assert all(line["heldout_loss"] > 0 and line["heldout_at_chance"] in (0, 1) for line in shell.journal(tmp_path / "run", "evaluation"))
  assert (tmp_path / "run" / "export" / "saved_model.pb").exists()
  assert len(runs.load(tmp_path / "run", "latest").algorithm.discriminator.members) == 2
  code, _, err = shell.call("train", *shell.as_flags(settings))
  assert code == 0 and "nothing is left to train" in err


@pytest.mark.slow
def test_guided_by_the_discriminator(place, tmp_path):
  data = {"dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data"}
  for algorithm in ("mle", "seqgan"):
    shell.begin(tmp_path / algorithm, {**data, **shell.tiny_flags(algorithm)})
  run = ["--workdir", tmp_path / "seqgan"]
  for words, cost in ((["resampling"], "4.00"), (["rejection"], r"[0-9.]+")):
    code, text, err = shell.call("generate", *run, "--num", 10, "--format", "jsonl", "--candidates", 4, "--guide", *words)
    assert code == 0, err
    assert all({"text", "log_prob", "score"} == set(json.loads(line)) for line in text.splitlines()) and text.count("\n") == 10
    assert re.search(f"{words[0]}: {cost} candidates for each sentence", err)
  words = ["--guide", "resampling", "--candidates", 4, "--num", 40, "--encoder", ""]
  code, _, err = shell.call("evaluate", "--workdir", tmp_path / "mle", *run, *words, "--json", tmp_path / "scores.json")
  assert code == 0, err
  scores = json.loads((tmp_path / "scores.json").read_text())
  assert list(scores) == [str(tmp_path / "mle"), str(tmp_path / "seqgan"), f"{tmp_path / 'seqgan'}, resampling"]
  checkpoints = [f"{tmp_path / 'mle'}: checkpoint best, step 0", f"{tmp_path / 'seqgan'}: checkpoint best, step 0, before any adversarial round"]
  assert "\n".join(checkpoints) in err
  guided = list(scores.values())[2]
  assert guided["checkpoints"] == checkpoints
  assert guided["proposals"] == 4 and guided["nll_test_lower"] < guided["nll_test"] and "entropy" not in guided
  assert "mle is not guided: a guide needs a discriminator" in err


@pytest.mark.slow
def test_curves_of_a_run_that_another_ones_discriminator_guides(place, tmp_path):
  data = {"dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data"}
  for algorithm in ("mle", "seqgan"):
    shell.begin(tmp_path / algorithm, {**data, **shell.tiny_flags(algorithm)})
  words = ["--guide", "search", "--candidates", 4, "--search_every", 4, "--guide_workdir", tmp_path / "seqgan", "--num", 40, "--encoder", ""]
  words += ["--guide_strength", 2, "--sweep", "--temperatures", 1.0, "--nuclei", 0.9, "--output", tmp_path / "page"]
  code, _, err = shell.call("evaluate", "--workdir", tmp_path / "mle", *words)
  assert code == 0, err
  assert re.search(r"bleu: \S*mle, search at strength 2 is (above|on|below|no overlap) ", err)
  assert f"{tmp_path / 'seqgan'}: checkpoint best, step 0, before any adversarial round\n" in err


def test_runs_that_write_together(place, tmp_path):
  data = {"dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data"}
  for seed in (0, 1):
    shell.begin(tmp_path / f"run{seed}", {**data, **shell.tiny_flags("mle"), "seed": seed})
  both = ["--workdir", tmp_path / "run0", "--workdir", tmp_path / "run1"]
  code, _, err = shell.call("evaluate", *both, "--combine", "true", "--num", 40, "--encoder", "", "--json", tmp_path / "scores.json")
  assert code == 0, err
  first, second, together = json.loads((tmp_path / "scores.json").read_text()).values()
  # A mean of probabilities is never less probable than the mean of log-probabilities.
  assert together["nll_test"] <= (first["nll_test"] + second["nll_test"]) / 2 + 1e-6
  written = [shell.call("generate", *words, "--num", 5, "--seed", 3) for words in (both, both[:2])]
  assert all(code == 0 and text.count("\n") == 5 for code, text, _ in written) and written[0][1] != written[1][1]


def test_a_reader_that_leaves_early_is_no_error(place, tmp_path):
  """`generate.py | head -1`, with more text than a pipe holds."""
  data = {"dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data"}
  shell.begin(tmp_path / "run", {**data, **shell.tiny_flags("mle")})
  writer = shell.start("generate", "--workdir", tmp_path / "run", "--num", 20000)
  head = subprocess.run(["head", "-1"], stdin=writer.stdout, capture_output=True, text=True, timeout=120)
  writer.stdout.close()
  err = writer.stderr.read()
  assert writer.wait(timeout=60) == 0
  assert head.stdout.count("\n") == 1
  assert shell.said(err) in ([], [f"{tmp_path / 'run'}: checkpoint best, step 0"])  # The second if the pipe held all that was left.


@pytest.mark.slow
def test_categories_from_two_files_to_sentences_in_one_of_them(tmp_path):
  folder = tmp_path / "run"
  settings = {**shell.write_two_texts(tmp_path, 150), **shell.tiny_flags("mle"), **shell.SHORT, "workdir": folder, "deterministic": False}
  settings |= {"mle_steps": 150, "mle_learning_rate": 0.03, "generator_hidden_size": 32, "export": False}
  code, _, err = shell.call("train", *shell.as_flags(settings))
  assert code == 0, err
  assert json.loads((folder / "config.json").read_text())["categories"] == ["neg", "pos"]
  results = json.loads((folder / "results.json").read_text())
  assert results["category_accuracy_real"] == 1.0 and results["category_accuracy"] > 0.9
  assert results["nll_test_neg"] > 0 and results["nll_test_pos"] > 0
  shown = next((folder / "samples").iterdir()).read_text().splitlines()
  assert {line.split(": ")[0] for line in shown} == {"neg", "pos"}
  code, text, err = shell.call("generate", "--workdir", folder, "--num", 40, "--format", "jsonl")
  assert code == 0, err
  lines = [json.loads(line) for line in text.splitlines()]
  assert {line["category"] for line in lines} == {"neg", "pos"}
  assert sum({"neg": "bad", "pos": "good"}[line["category"]] in line["text"] for line in lines) > 30
  # An algorithm that knows no categories trains on the same corpus, and may be compared.
  data = {name: settings[name] for name in ("dataset", "text_files", "categories", "data_dir")}
  shell.begin(tmp_path / "seqgan", {**data, **shell.tiny_flags("seqgan")})
  both = ["--workdir", folder, "--workdir", tmp_path / "seqgan"]
  code, _, err = shell.call("evaluate", *both, "--num", 40, "--encoder", "", "--json", folder / "scores.json")
  assert code == 0, err
  scores, others = json.loads((folder / "scores.json").read_text()).values()
  assert {"category_accuracy_ci", "nll_test_pos", "bleu_5_neg", "bleu_5_pos_n"} <= set(scores)
  assert "bleu_5" in others and not {"category_accuracy", "nll_test_pos", "bleu_5_neg"} & set(others)
  for run, message in ((folder, "--category is 'neutral'; the run in .* has neg, pos"), (tmp_path / "seqgan", "the run in .* has no categories")):
    code, _, err = shell.call("generate", "--workdir", run, "--category", "neutral")
    assert code == 2 and re.search(message, err)
