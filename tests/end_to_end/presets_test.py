"""The commands with a pretrained model of KerasHub: a run that is stopped and goes on, and what is refused."""

import json
import pathlib
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests import shell
from tests import tiny_presets


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """A folder with presets, text and a trained run in `run`, and the run's settings."""
  tiny_presets.package()
  tfds.disable_progress_bar()
  folder = tmp_path_factory.mktemp("presets")
  for kind in ("gpt2", "llama", "bert"):
    tiny_presets.write(folder / kind, kind)
  (folder / "text.txt").write_text("\n".join(tiny_presets.SENTENCES * 4), encoding="utf-8")
  settings = {
    "dataset": "text_lines", "text_files": folder / "text.txt", "data_dir": folder / "data", "workdir": folder / "run", "algorithm": "mle",
    "generator": f"keras_hub:{folder}/llama", "generator_lora_rank": 2, "generator_dropout": 0.1, **shell.SHORT, "batch_size": 8,
  }  # fmt: skip
  code, _, err = shell.call("train", *shell.as_flags(settings))
  assert code == 0, err
  return folder, settings


def _call(*words):
  code, out, err = shell.call(*words)
  assert code == 0, err
  return out


def test_the_run_writes_and_scores_in_the_presets_vocabulary(place):
  folder, settings = place
  run = folder / "run"
  config = json.loads((run / "config.json").read_text())["experiment"]
  assert config["choices"]["generator"] == "keras_hub" and config["generator"]["preset"] == str(folder / "llama")
  assert config["dataset"]["tokenizer"] == f"keras_hub:{folder}/llama"
  assert json.loads((run / "vocabulary.json").read_text())["tokenizer"] == "keras_hub"
  drawn = [json.loads(line) for line in _call("generate", "--workdir", run, "--num", "4", "--seed", "3", "--format", "jsonl").splitlines()]
  _call("evaluate", "--workdir", run, "--num", "20", "--json", folder / "scores.json")
  assert len(drawn) == 4 and np.isfinite(json.loads((folder / "scores.json").read_text())["nll_test"])
  # The SavedModel generates the same text, by TensorFlow alone; it cannot cut text into pieces.
  exported = tf.saved_model.load(str(run / "export"))
  assert "generate" in exported.signatures and "score" not in exported.signatures
  out = exported.generate(tf.constant(4), tf.constant(1.0), tf.constant(3, tf.int64))
  assert [text.decode() for text in out["text"].numpy()] == [line["text"] for line in drawn]


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["mle", "gad"])
def test_a_run_that_is_stopped_goes_on_exactly(place, algorithm):
  folder, settings = place
  networks = {} if algorithm == "mle" else {"algorithm": algorithm, "discriminator": f"keras_hub:{folder}/llama"}
  length = "mle_steps" if algorithm == "mle" else "adversarial_steps"
  full = {**settings, **networks, length: 3, "workdir": folder / f"{algorithm}_whole"}
  stopped = {**full, "workdir": folder / f"{algorithm}_half"}
  for changes in (full, {**stopped, length: 1}, stopped):
    _call("train", *shell.as_flags(changes))
  whole, resumed = (np.load(sorted((folder / f"{algorithm}_{name}" / "checkpoints").glob("step_*.npz"))[-1]) for name in ("whole", "half"))
  trained = [name for name in whole.files if whole[name].dtype.kind == "f" and not name.startswith("kept")]
  assert len(trained) > 30
  for name in trained:
    np.testing.assert_array_equal(whole[name], resumed[name], err_msg=name)


def _refused(settings, expected):
  workdir = pathlib.Path(settings["workdir"])
  before = workdir.exists()
  code, _, err = shell.call("train", *shell.as_flags(settings))
  lines = [line for line in err.splitlines() if not line.startswith(shell._NOTES)]
  assert code == 2 and len(lines) == 1 and expected in lines[0], err
  assert workdir.exists() == before


@pytest.mark.parametrize(
  ("changes", "expected"),
  [
    ({"generator": "keras_hub:absent"}, "the tokenizer keras_hub:absent expected the name of a KerasHub preset, or a folder with its backbone and"),
    ({"generator": "keras_hub"}, "the tokenizer keras_hub is of a preset: expected keras_hub:PRESET_OR_FOLDER"),
    ({"generator": "keras_hub:"}, "unknown generator 'keras_hub:'; there are: "),
    ({"generator": "keras_hub:FOLDER/bert"}, "expected a causal language model: it is KerasHub's BertBackbone"),
    (
      {"algorithm": "gad", "generator": "keras_hub:FOLDER/gpt2", "discriminator": "keras_hub:FOLDER/llama"},
      "llama have different tokenizers; expected presets of one vocabulary",
    ),
    ({"tokenizer": "word"}, "--tokenizer is for other networks: those of keras_hub have their preset's; expected no such flag"),
    ({"tokenizer": "keras_hub:FOLDER/gpt2"}, "has a tokenizer of its own; expected no --tokenizer, not keras_hub:"),
    ({"lowercase": "true"}, "lowercase is true, but the tokenizer is keras_hub:"),
    ({"generator": "keras_hub:FOLDER/gpt2", "max_length": 41}, "has 40 positions, but the run needs 41"),
    ({"dataset": "caption_grammar", "text_files": None}, "has a tokenizer of its own, but --dataset caption_grammar has no --tokenizer"),
  ],
)
def test_what_is_refused(place, tmp_path, changes, expected):
  folder, settings = place
  changes = {name: value and str(value).replace("FOLDER", str(folder)) for name, value in changes.items()}
  merged = {name: value for name, value in {**settings, "workdir": tmp_path / "new", **changes}.items() if value is not None}
  if merged["generator"].endswith("hub:"):
    merged = {name: value for name, value in merged.items() if not name.startswith("generator_")}
  _refused(merged, expected)


def test_a_run_does_not_go_on_with_another_tokenizer(place, tmp_path):
  """Neither with that of another preset, nor if the folder's own has changed."""
  folder, settings = place
  shutil.copytree(folder / "llama", tmp_path / "llama")
  own = {**settings, "workdir": tmp_path / "run", "generator": f"keras_hub:{tmp_path}/llama"}
  _call("train", *shell.as_flags(own))
  _refused({**own, "generator": f"keras_hub:{folder}/llama"}, "holds another run: its dataset has tokenizer")
  shutil.rmtree(tmp_path / "llama")
  tiny_presets.write(tmp_path / "llama", "llama", size=290)
  _refused(own, "but the existing vocabulary is that of another preset; expected the same")


def test_without_keras_hub(place, tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, "keras_hub", None)
  _, settings = place
  _refused({**settings, "workdir": tmp_path / "new"}, "needs KerasHub, which cannot be imported")
