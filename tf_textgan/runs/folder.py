"""The files of a run's folder that say what the run is: `config.json`, `versions.json`, `vocabulary.json` and, if it came from Python, the corpus."""

import dataclasses
import os
import pathlib
import shutil
from typing import Any

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import registry
from tf_textgan import schema
from tf_textgan import sequences
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data.datasets import given as given_data
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.training import loop
from tf_textgan.training import monitors

# Settings that may differ between a run and the command that resumes it: training length and monitoring.
_CHANGEABLE = {
  "choices": {
    "workdir", "data_dir", "new_data", "deterministic", "restart", "coordination_timeout", "profile_rounds", "verbose", "export", "export_version",
  },  # fmt: skip
  "schedule": None,
  "loop": {field.name for field in dataclasses.fields(loop.Config)} - {"batch_size", "seed"},
}

# What a run writes into its folder as it goes on; `clear` removes it.
_FILES = "metrics.jsonl", "warnings.jsonl", "baseline.json", "results.json"
_PAGE = "report.html"  # A run goes on without it.
_FOLDERS = "samples", "summaries"


@dataclasses.dataclass(frozen=True)
class _Config:
  """The contents of `config.json`. The settings in `experiment` are checked by `experiment.Experiment`."""

  experiment: Any
  length: int
  categories: tuple[str, ...]
  source_length: int
  data: str
  unknown: bool
  synthetic_data: str

  def __post_init__(self):
    schema.check_names(experiment_lib.Experiment, self.experiment, "experiment")
    for name, part in self.experiment.items():
      if part is not None and not isinstance(part, dict):
        raise errors.UserError(f"{name} is {schema.shown(part)}; expected an object")
    experiment_lib.Choices.from_json(self.experiment["choices"])
    if not 1 <= self.length <= sequences.LONGEST:
      raise errors.UserError(f"length is {schema.shown(self.length)}; expected an integer from 1 to {sequences.LONGEST}")
    if not 0 <= self.source_length <= sequences.LONGEST:
      raise errors.UserError(f"source_length is {schema.shown(self.source_length)}; expected an integer from 0 to {sequences.LONGEST}")
    try:
      corpus_lib.check_categories(self.categories)
    except errors.UserError as e:
      raise errors.UserError(f"categories: {e}") from e


def read_config(folder: pathlib.Path) -> dict[str, Any] | None:
  """Reads the `config.json` in a folder, see `as_config`; None if there is none.

  The types of the experiment's choices are checked here; those of the other parts by `read_experiment`, which imports the modules that define them.

  Raises:
    UserError: the file cannot be read or is not that of a run; names the file and what is wrong in it.
  """
  path = folder / "config.json"
  if not path.exists():
    return None
  try:
    return dataclasses.asdict(_Config(**schema.arguments(_Config, schema.read_json(path), "")))
  except OSError as e:
    raise errors.UserError(f"cannot read {path}: {e.strerror}") from e
  except (ValueError, errors.UserError) as e:
    raise errors.UserError(f"{path} is not the config.json of a run: {e}") from e


def read_experiment(folder: pathlib.Path, config: dict[str, Any]) -> experiment_lib.Experiment:
  """The experiment in the config of the run in a folder; imports the modules it names. Raises as `read_config`."""
  try:
    return experiment_lib.Experiment.from_json(config["experiment"])
  except errors.UserError as e:
    raise errors.UserError(f"{folder / 'config.json'} is not the config.json of a run: {e}") from e


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


def begin(
  folder: pathlib.Path, experiment: experiment_lib.Experiment, corpus: corpus_lib.Corpus, unknown: bool, synthetic: str = ""
) -> None:
  """Creates the run's folder: config, versions, vocabulary and, if it came from Python, the corpus. Arguments as of `as_config`."""
  folder.mkdir(parents=True, exist_ok=True)
  corpus.tokenizer.save(folder / "vocabulary.json")
  config = as_config(experiment, corpus, unknown, synthetic)
  if experiment.choices.dataset == experiment_lib.GIVEN and (read_config(folder) or {}).get("data") != config["data"]:
    given_data.save(corpus, folder)
  files.write_json(folder / "versions.json", experiment_lib.versions())
  # Last: the config marks the folder as a run.
  files.write_json(folder / "config.json", config)


def check_places(folder: pathlib.Path) -> None:
  """Checks that a run can write into its folder: that only a folder stands where it makes one, and only a regular file where it writes one.

  Raises:
    UserError: names what is in the way.
  """
  for path in (folder / name for name in _FILES):
    try:
      files.check_regular(path)
    except FileNotFoundError:
      continue
    except OSError as e:
      raise errors.UserError(f"cannot read {path}: {e.strerror}") from e
  for path in (folder / name for name in (*_FOLDERS, "checkpoints", "export")):
    if os.path.lexists(path) and not path.is_dir():
      raise errors.UserError(f"cannot write {path}: expected a folder there, or nothing")


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
  for name in (*_FILES, _PAGE, "checkpoints/best.npz", "checkpoints/likelihood.npz"):
    (folder / name).unlink(missing_ok=True)
  for name in _FOLDERS:
    shutil.rmtree(folder / name, ignore_errors=True)


def as_config(experiment: experiment_lib.Experiment, corpus: corpus_lib.Corpus, unknown: bool, synthetic: str = "") -> dict[str, Any]:
  """The contents of a run's `config.json`.

  Args:
    experiment: `experiment.Experiment`.
    corpus: the run's corpus.
    unknown: whether the training data have the unknown token.
    synthetic: `corpus.fingerprint` of the sequences of `--synthetic_file`; empty without one.

  Returns:
    The experiment, the lengths of sequences and of sources (0 without), the categories (none without labels), `data`, the corpus's fingerprint,
    `unknown`, and `synthetic_data`.
  """
  return {
    "experiment": experiment.to_json(),
    "length": corpus.spec.length,
    "categories": list(corpus.spec.categories),
    "source_length": corpus.spec.source_length,
    "data": corpus.fingerprint,
    "unknown": unknown,
    "synthetic_data": synthetic,
  }


def check_data(what: str, recorded: str, found: str, new_data: bool, purpose: str, remedy: str) -> tuple[str, ...]:
  """Compares the fingerprints of a run's data when it began and now.

  Args:
    what: name of the data, for the message.
    recorded, found: the fingerprints.
    new_data: whether the data may have changed.
    purpose: use of the new data, for the message.
    remedy: other ways than to use it, for the message.

  Returns:
    Notes for the user: one if the data changed, else none.

  Raises:
    UserError: the data changed, and may not.
  """
  if recorded == found:
    return ()
  if not new_data:
    raise errors.UserError(f"{what} changed since it began; pass --new_data true to {purpose} the new data, {remedy}")
  return (f"{what} changed since it began; --new_data true: this command will {purpose} the new data",)


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
