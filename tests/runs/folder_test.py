"""Tests of tf_textgan.runs.folder: what is read from a run's folder is checked before it is used."""

import pytest

from tests import shell
from tests.campaigns import damage
from tf_textgan import errors
from tf_textgan import runs
from tf_textgan.commands import flags
from tf_textgan.runs import folder as folder_lib


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """A folder with a text file and a run on it that has not trained."""
  folder = tmp_path_factory.mktemp("place")
  shell.write_text(folder / "text.txt", 60)
  shell.begin(folder / "run", _settings(folder))
  return folder


def _settings(folder):
  return {
    "dataset": "text_lines", "text_files": folder / "text.txt", "data_dir": folder / "data", "deterministic": False, "export": False,
    **shell.tiny_flags("seqgan"), **shell.SHORT,
  }  # fmt: skip


def _experiment(folder):
  return flags.parse(["train.py", *shell.as_flags({**_settings(folder), "workdir": folder / "run"})], "")


def _complaints(damages, folder, read):
  """What is wrong with the errors that `read` raises for damaged files: a list of sentences; and the number of files."""
  found, number = [], 0
  for number, (name, path, content, says) in enumerate(damages, 1):  # noqa: B007
    whole = (folder / path).read_bytes()
    (folder / path).write_bytes(content)
    try:
      read()
      found.append(f"{path}, {name}: no error")
    except errors.UserError as e:
      text = str(e)
      # A whole config of another run is none of this command's.
      named = str(folder / path) in text and says in text or f"{folder} holds another run: " in text
      if not named or "\n" in text or len(text) > 1500:
        found.append(f"{path}, {name}: the message is {text!r}; expected the path and {says!r}")
    except Exception as e:
      found.append(f"{path}, {name}: {e!r}")
    finally:
      (folder / path).write_bytes(whole)
  return found, number


@pytest.mark.parametrize("command", ["load", "resume"])
def test_no_damaged_config_or_vocabulary_is_read(place, command):
  run = place / "run"
  experiment = _experiment(place)
  read = {"load": lambda: runs.load(run), "resume": lambda: runs.train(experiment)}[command]
  damages = [*damage.configs((run / "config.json").read_bytes()), *damage.vocabularies((run / "vocabulary.json").read_bytes())]
  found, number = _complaints(damages, run, read)
  assert not found, "\n".join(found)
  assert number >= 207


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_damaged_checkpoint_is_found_before_training(place):
  """By every command: `generate.py` and `evaluate.py` load the run, `train.py` resumes it and reads the best checkpoint when it starts."""
  run = place / "run"
  wanted = {"a bit of a weight", "a weight is nan", "a header of 4 TB", "compressed"}
  content = (run / "checkpoints" / "best.npz").read_bytes()
  damages = [found for found in damage.checkpoints(content) if found.name in wanted]
  assert len(damages) == len(wanted)
  experiment = _experiment(place)
  for read in (lambda: runs.load(run), lambda: runs.train(experiment)):
    found, _ = _complaints(damages, run, read)
    assert not found, "\n".join(found)
  damages = [found._replace(path="checkpoints/step_000000000.npz") for found in damages]
  found, _ = _complaints(damages, run, lambda: runs.train(experiment))
  assert not found, "\n".join(found)


def test_a_config_is_read_as_it_was_written(place):
  run = place / "run"
  config = folder_lib.read_config(run)
  experiment = folder_lib.read_experiment(run, config)
  assert experiment == _experiment(place)
  assert config["length"] == 6 and config["categories"] == ()


def test_a_resumed_run_in_whose_folder_something_is_in_the_way_stays_as_it_is(place):
  run, experiment = place / "run", _experiment(place)
  before = (run / "config.json").read_bytes()
  for name in ("samples", "summaries", "export"):
    for target in ("config.json", "nowhere", name):
      (run / name).symlink_to(target)
      with pytest.raises(errors.UserError, match=f"^cannot write {run / name}: expected a folder there, or nothing$"):
        runs.train(experiment)
      (run / name).unlink()
  for name in ("warnings.jsonl", "results.json"):
    (run / name).mkdir()
    with pytest.raises(errors.UserError, match=f"^expected a regular file, but {run / name} is a folder$"):
      runs.train(experiment)
    (run / name).rmdir()
  (run / "baseline.json").symlink_to("baseline.json")
  with pytest.raises(errors.UserError, match=f"^cannot read {run}/baseline.json: Too many levels of symbolic links$"):
    runs.train(experiment)
  (run / "baseline.json").unlink()
  assert (run / "config.json").read_bytes() == before
