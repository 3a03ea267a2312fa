"""The files of a run's folder that say what the run is: `config.json`, `versions.json`, `vocabulary.json` and, if it came from Python, the corpus."""

import dataclasses
import json
import pathlib
import shutil
from typing import Any

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data.datasets import given as given_data
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.training import loop
from tf_textgan.training import monitors

# Settings that may differ between a run and the command that resumes it: training length and monitoring.
_CHANGEABLE = {
  "choices": {"workdir", "data_dir", "deterministic", "restart", "coordination_timeout", "profile_rounds", "export", "export_version"},
  "schedule": None,
  "loop": {field.name for field in dataclasses.fields(loop.Config)} - {"batch_size", "seed"},
}


def read_config(folder: pathlib.Path) -> dict[str, Any] | None:
  """Reads the `config.json` in a folder, see `as_config`; None if there is none. Raises a `UserError` if it is not that of a run."""
  path = folder / "config.json"
  if not path.exists():
    return None
  try:
    config = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(config, dict) or not {"experiment", "length"} <= config.keys():
      raise ValueError("it has no experiment")
  except ValueError as e:
    raise errors.UserError(f"{path} is not the config.json of a run: {e}") from e
  return config


def read_tokenizer(folder: pathlib.Path, trust: bool = False) -> tokenizers.Tokenizer:
  """The tokenizer of the run in a folder; a user's tokenizer is imported only if it is trusted, see `run.load`."""
  path = folder / "vocabulary.json"
  registry.check_trusted(filter(registry.is_outside, [tokenizers.name_in(path)]), str(path), trust)
  return tokenizers.load(path)


def config_of(folder: pathlib.Path) -> dict[str, Any]:
  """The config of the run in a folder; raises a `UserError` if there is none."""
  config = read_config(folder)
  if config is None:
    raise errors.UserError(f"there is no run in {folder}: expected a folder that train.py has written, with a config.json")
  return config


def begin(folder: pathlib.Path, experiment: experiment_lib.Experiment, corpus: corpus_lib.Corpus) -> None:
  """Creates the run's folder: config, versions, vocabulary and, if it came from Python, the corpus."""
  folder.mkdir(parents=True, exist_ok=True)
  corpus.tokenizer.save(folder / "vocabulary.json")
  if experiment.choices.dataset == experiment_lib.GIVEN and not (folder / "config.json").exists():
    given_data.save(corpus, folder)
  files.write_json(folder / "versions.json", experiment_lib.versions())
  # Last: the config marks the folder as a run.
  files.write_json(folder / "config.json", as_config(experiment, corpus.spec))


def has_trained(folder: pathlib.Path) -> bool:
  """Whether the files of a run's folder, other than its numbered checkpoints, show that it has had one: a best one, or lines after an evaluation."""
  evaluated = False
  for line in monitors.read_journal(folder / "metrics.jsonl"):
    if evaluated:
      return True
    evaluated = line["kind"] == "evaluation"
  return (folder / "checkpoints" / "best.npz").exists()


def clear(folder: pathlib.Path) -> None:
  """Removes what a run has written since it began, except for an export."""
  for name in ("metrics.jsonl", "results.json", "curves.png", "checkpoints/best.npz"):
    (folder / name).unlink(missing_ok=True)
  for name in ("samples", "summaries"):
    shutil.rmtree(folder / name, ignore_errors=True)


def as_config(experiment: experiment_lib.Experiment, spec: sequences.Spec) -> dict[str, Any]:
  """The contents of a run's `config.json`: the experiment, the sequence length and, for a labelled corpus, the categories."""
  config = {"experiment": experiment.to_json(), "length": spec.length}
  return config | {"categories": list(spec.categories)} if spec.categories else config


def check_same(folder: pathlib.Path, old: dict[str, Any], new: dict[str, Any]) -> None:
  """Raises a `UserError` if two experiments, as `Experiment.to_json` gives them, differ in a setting that must not change when a run resumes."""
  for part in new:
    if part in _CHANGEABLE and _CHANGEABLE[part] is None:
      continue
    before, now = old.get(part) or {}, new[part] or {}
    for name in before.keys() | now.keys():
      if name not in _CHANGEABLE.get(part, ()) and before.get(name) != now.get(name):
        raise errors.UserError(
          f"{folder} holds another run: its {part} has {name} {before.get(name)!r}, this command {now.get(name)!r}; "
          "pass another --workdir, or the same settings"
        )
