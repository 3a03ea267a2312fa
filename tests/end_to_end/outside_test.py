"""Parts from outside the library through the commands: flags, help, the run's folder, reading back, trust."""

import json
import re

import pytest
import tensorflow_datasets as tfds

from tests import outside
from tests import shell
from tf_textgan import errors
from tf_textgan import runs

PACKAGE = "end_to_end_parts"
# The modules that the run names.
USED = ("dataset", "generator", "discriminator")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """A folder with a package of parts and two runs made with them: of the generator, and of the algorithm; both in a process of their own."""
  tfds.disable_progress_bar()
  folder = tmp_path_factory.mktemp("place")
  parts = outside.write(folder, PACKAGE)
  common = {"export": False, "deterministic": False, **shell.SHORT}
  settings = {
    **common, "workdir": "run", "dataset": parts["dataset"], "copies": 5, "algorithm": "gsgan", "generator": parts["generator"],
    "generator_hidden_size": 7, "generator_colour": "blue", "discriminator": parts["discriminator"], "discriminator_embedding_size": 5,
  }  # fmt: skip
  code, _, err = shell.run("train", *shell.as_flags(settings), cwd=folder, env=shell.environment(PYTHONPATH=str(shell.ROOT)))
  assert code == 0, err
  return folder, parts, settings


@pytest.fixture(autouse=True)
def in_the_folder(place, monkeypatch):
  """A working directory with the package, and none of its modules imported yet."""
  monkeypatch.chdir(place[0])
  monkeypatch.syspath_prepend(place[0])
  outside.forget(PACKAGE)
  yield
  outside.forget(PACKAGE)


def test_the_run_has_their_settings(place):
  folder, parts, _ = place
  experiment = json.loads((folder / "run" / "config.json").read_text())["experiment"]
  assert experiment["choices"]["generator"] == parts["generator"]
  assert experiment["generator"]["colour"] == "blue" and experiment["generator"]["hidden_size"] == 7
  assert experiment["discriminator"] == {"embedding_size": 5} and experiment["dataset"] == {"copies": 5}


def test_a_run_that_names_modules_is_read_back_only_if_it_is_trusted(place):
  parts = place[1]
  refusal = rf"run/config\.json names the module {parts['dataset']}, which is code; it is imported only with --trust_config true or --imports"
  for command in ("generate", "evaluate"):
    code, out, err = shell.call(command, "--workdir", "run", "--num", 5)
    assert code == 2 and not out and re.search(refusal, err) and len(shell.said(err)) == 1, err
  with pytest.raises(errors.UserError, match=refusal):
    runs.load("run")
  assert not outside.imported(PACKAGE)
  run = runs.load("run", trust=True)
  assert type(run.algorithm.generator).__module__ == parts["generator"]
  assert run.algorithm.generator.config.colour == "blue" and run.corpus().name == "permutations"
  # What the process has imported is no longer a question of trust.
  assert runs.load("run").experiment == run.experiment


@pytest.mark.parametrize("words", [("--trust_config", "true"), ("--imports", ",".join(f"{PACKAGE}.{x}" for x in USED))])
def test_generating_and_evaluating_a_run_that_is_trusted(words):
  code, out, err = shell.call("generate", "--workdir", "run", "--num", 5, *words)
  assert code == 0 and out.count("\n") == 5, err
  assert set(out.split()) <= {"a", "b", "c", "<unk>"}


def test_a_guide_of_a_run_that_names_modules_is_trusted_or_refused(place):
  words = ["generate", "--workdir", "own", "--num", 3, "--guide", "resampling", "--guide_workdir", "run"]
  # Of the same corpus, but made of the library's networks: only the guide's config names one, and the dataset's module is trusted by name.
  settings = {"dataset": place[1]["dataset"], "copies": 5, **shell.tiny_flags("mle")}
  shell.begin(place[0] / "own", settings)
  outside.forget(PACKAGE)
  code, _, err = shell.call(*words, "--imports", place[1]["dataset"])
  assert code == 2 and f"run/config.json names the module {place[1]['generator']}, which is code" in err
  code, out, err = shell.call(*words, "--trust_config", "true")
  assert code == 0 and out.count("\n") == 3, err


def test_the_same_command_goes_on_and_another_one_is_refused_before_anything_is_imported(place):
  _, parts, settings = place
  code, _, err = shell.call("train", *shell.as_flags(settings))
  assert code == 0 and "nothing is left to train in run: step 7 of 7" in err, err
  outside.forget(PACKAGE)
  other = {name: value for name, value in settings.items() if not name.startswith("generator")} | {"generator_hidden_size": 7}
  code, _, err = shell.call("train", *shell.as_flags(other))
  assert code == 2 and f"run holds another run: its choices has generator '{parts['generator']}', this command ''" in err
  assert parts["generator"] not in outside.imported(PACKAGE)


def test_an_algorithm_from_outside_with_a_generator_from_outside(place):
  parts = place[1]
  words = ["--dataset", parts["dataset"], "--luck", 0.25, "--generator_colour", "green", "--export", False, "--workdir", "own_algorithm"]
  code, _, err = shell.call("train", *words, *shell.as_flags({**shell.SHORT, "deterministic": False, "algorithm": parts["algorithm"]}))
  assert code == 0, err
  run = runs.load("own_algorithm")
  assert type(run.algorithm).__module__ == parts["algorithm"] and run.algorithm.config.luck == 0.25
  assert run.experiment.generator.colour == "green" and run.experiment.generator.hidden_size == 9


def test_a_probe_from_outside(place):
  parts = place[1]
  words = ["--probe", "--probe_discriminator", parts["discriminator"], "--probe_discriminator_embedding_size", 3, "--probe_steps", 2]
  code, _, err = shell.call("evaluate", "--workdir", "run", "--trust_config", "true", *words, "--probe_batch_size", 8, "--json", "probe.json")
  assert code == 0, err
  assert 0 <= json.loads((place[0] / "probe.json").read_text())["probe_accuracy"] <= 1


def test_help_shows_the_settings_of_parts_from_outside(place):
  code, out, _ = shell.call("train", "--generator", place[1]["generator"], "--dataset", place[1]["dataset"], "--help")
  text = " ".join(out.split())
  assert code == 0 and "--generator_colour" in text and "How the generator is painted." in text and "How often every sentence occurs." in text


def test_what_is_wrong_with_a_part_is_told_in_one_line(place):
  folder = place[0]
  (folder / PACKAGE / "clash.py").write_text((folder / PACKAGE / "algorithm.py").read_text().replace("luck", "batch_size"))
  for words, expected in (
    (["--generator", f"{PACKAGE}.absent"], f"there is no module {PACKAGE}.absent: {PACKAGE}.absent is neither installed nor in the working"),
    (["--generator", f"{PACKAGE}.encoder"], f"the generator {PACKAGE}.encoder has no Config"),
    (["--generator", PACKAGE], f"unknown generator '{PACKAGE}'.*one of your own has a dotted name, such as my_package.my_module"),
    (["--imports", "absent_package"], "there is no module absent_package"),
    (["--imports", "not-a-name"], "there is no module not-a-name"),
    (
      ["--algorithm", f"{PACKAGE}.clash"],
      f"{PACKAGE}.clash.Config has a setting batch_size, but --batch_size is a setting of tf_textgan.training.loop already; expected another name",
    ),
  ):
    code, _, err = shell.call("train", *words)
    assert code == 2 and len(shell.said(err)) == 1 and re.search(expected, err), err


def test_a_tfds_builder_of_the_users_own(place):
  folder, parts, _ = place
  name = "end_to_end_parts"
  settings = {"dataset": name, "imports": parts["builder"], "data_dir": folder / "data", "workdir": "tfds", **shell.tiny_flags("mle"), **shell.SHORT}
  code, _, err = shell.call("train", *shell.as_flags({**settings, "export": False, "deterministic": False}))
  assert code == 0, err
  outside.forget(PACKAGE)
  code, _, err = shell.call("generate", "--workdir", "tfds")
  assert code == 2 and f"config.json names the module {parts['builder']}, which is code" in err


@pytest.fixture
def own_text(place):
  """Settings of a run in the folder `bytes`, whose tokenizer is a user's and has no twin in a graph."""
  folder, parts, _ = place
  shell.write_text(folder / "text.txt", 80)
  settings = {
    "dataset": "text_lines", "text_files": "text.txt", "data_dir": "data", "tokenizer": parts["tokenizer"], "lowercase": True, "workdir": "bytes",
    **shell.tiny_flags("mle"), **shell.SHORT, "deterministic": False, "export": False,
  }  # fmt: skip
  if not (folder / "bytes").exists():
    shell.begin("bytes", settings)
    outside.forget(PACKAGE)
  return settings


def test_a_tokenizer_from_outside(place, own_text):
  """The command that names it goes on, and begins others with it; who only reads the folder must trust it."""
  name = place[1]["tokenizer"]
  assert json.loads((place[0] / "bytes" / "vocabulary.json").read_text()) == {"tokenizer": name, "lowercase": True}
  for changes, expected in (({}, "going on from step 0 of 3"), ({"pretrained": "bytes", "workdir": "bytes_again"}, "best checkpoint")):
    outside.forget(PACKAGE)
    code, _, err = shell.call("train", *shell.as_flags(own_text | changes))
    assert code == 0 and expected in err, err
  outside.forget(PACKAGE)
  code, _, err = shell.call("evaluate", "--workdir", "bytes", "--num", 20)
  assert code == 2 and f"config.json names the module {name}, which is code" in err
  code, _, err = shell.call("evaluate", "--workdir", "bytes", "--file", "text.txt", "--trust_config", "true", "--json", "bytes.json")
  assert code == 0, err
  # Words are counted, not bytes.
  assert json.loads((place[0] / "bytes.json").read_text())["mean_length"] == 5


def test_a_tokenizer_without_a_graph_is_refused_before_the_training(place, own_text):
  code, _, err = shell.call("train", *shell.as_flags(own_text | {"export": True, "workdir": "no_graph"}))
  assert code == 2 and f"the tokenizer {place[1]['tokenizer']} has no graph, so the run cannot be exported; pass --export false" in err
  assert not (place[0] / "no_graph").exists()


def test_a_folder_of_another_run_does_not_choose_the_tokenizer(place, own_text):
  """Neither is it imported, nor does it take the place of the flags unseen."""
  name = place[1]["tokenizer"]
  common = own_text | {"tokenizer": "word", "workdir": "refused"}
  both = {k: v for k, v in common.items() if not k.startswith("generator_")} | {"algorithm": "seqgan", "pretrained_discriminator": "bytes"}
  for settings, expected in (
    (common | {"pretrained": "bytes"}, f"bytes/vocabulary.json names the module {name}, which is code"),
    (both, "the run in bytes has another vocabulary; expected a discriminator of the same corpus"),
  ):
    code, _, err = shell.call("train", *shell.as_flags(settings))
    assert code == 2 and expected in err, err
    assert name not in outside.imported(PACKAGE)
