"""Damages the folders of runs, and then loads, generates, evaluates and resumes them.

A case damages one file or folder of a run: cut, changed bits, noise, deleted, or replaced by a folder, a FIFO, a device or a link; or it takes one of
the damages of `damage.py`, which know the formats. Every command must work, or end in one line; one that refuses to resume leaves the run as it was.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import stat

import tensorflow_datasets as tfds

from tests import shell
from tests.campaigns import common
from tests.campaigns import damage
from tf_textgan import runs
from tf_textgan.runs import experiment as experiment_lib

# Seconds for all commands of a case.
_LIMIT = 240
_EVALUATED = 3  # Every third case is also evaluated, which takes longest.
# The last phase of each run, with more steps than it has made.
_LONGER = {"text": {"adversarial_steps": 4}, "given": {"mle_steps": 5}}


def _spoiled(content, draws):
  content = bytearray(content)
  for _ in range(draws.choice((1, 1, 8)) if content else 0):
    content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
  return bytes(content)


# What can happen to a file: name to a function of its contents.
_CHANGES = {
  "cut": lambda content, draws: content[: draws.randrange(len(content) + 1)],
  "changed bits": _spoiled,
  "empty": lambda content, draws: b"",
  "noise": lambda content, draws: draws.randbytes(1000),
  "zeros": lambda content, draws: bytes(len(content)),
  "more": lambda content, draws: content + draws.choice((b"\0" * 100, b"{", b"}\n", content)),
  "UTF-16": lambda content, draws: content.decode("latin-1").encode("utf-16"),
}


def _device(path):
  with contextlib.suppress(PermissionError):
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))


# What can be in the place of a file or a folder.
_REPLACEMENTS = {
  "deleted": lambda path: None,
  "a folder": lambda path: path.mkdir(),
  "a file": lambda path: path.write_bytes(b"abc"),
  "a FIFO": os.mkfifo,
  "an endless device": _device,
  "a dangling link": lambda path: path.symlink_to("nowhere"),
  "a circular link": lambda path: path.symlink_to(path.name),
}


@dataclasses.dataclass(frozen=True)
class Options(common.Options):
  """Options of the campaign."""

  num: int = 300


class Cases:
  """See the module."""

  def __init__(self, options: Options, folder: pathlib.Path):
    tfds.disable_progress_bar()
    self._options, self._folder, self._whole = options, folder, folder / "whole"
    shell.write_text(folder / "text.txt", 120)
    common_settings = {**shell.SHORT, "export": False, "keep_checkpoints": 2}
    self._settings = {
      "text": {
        **common_settings, **shell.tiny_flags("gsgan"), "dataset": "text_lines", "text_files": folder / "text.txt", "data_dir": folder / "data",
      },
      "given": {**common_settings, **shell.tiny_flags("mle"), "dataset": "given"},
    }  # fmt: skip
    if not (self._whole / "given" / "results.json").exists():
      common.clean(self._whole)
      self._require(common.call("train", *shell.as_flags({**self._settings["text"], "workdir": self._whole / "text"})))
      experiment = experiment_lib.make(**{**self._settings["given"], "workdir": self._whole / "given"})
      sentences = (folder / "text.txt").read_text(encoding="utf-8").splitlines()
      self._require(common.attempt(lambda: runs.train(experiment, corpus=sentences)))

  def _require(self, outcome):
    if outcome[0] != "done":
      raise RuntimeError(f"a whole run failed: {outcome}")

  def __call__(self, number: int) -> common.Outcome:
    draws = common.draws(self._options, number)
    name = draws.choice(list(self._settings))
    run = self._folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(self._whole / name, run)
    kind, what = self._damage(run, name, draws)
    results = {
      "load": common.attempt(lambda: runs.load(run)),
      "load the latest": common.attempt(lambda: runs.load(run, "latest")),
      "generate": common.call("generate", "--workdir", run, "--num", 3),
    }
    if number % _EVALUATED == 0:
      results["evaluate"] = common.call("evaluate", "--workdir", run, "--num", 20)
    before = _files(run)
    results["resume"] = common.call("train", *shell.as_flags({**self._settings[name], **_LONGER[name], "workdir": run}))
    if results["resume"][0] == "refused" and _files(run) != before:
      results["resume"] = "lost", f"{results['resume'][1]}, after config.json or vocabulary.json was changed"
    for action, (result, detail) in results.items():
      if result not in common.FINE:
        return common.Outcome(kind, result, f"{what}: {action}: {detail}")
    return common.Outcome(kind, "done" if all(result == "done" for result, _ in results.values()) else "refused", what)

  def _damage(self, run, name, draws):
    """Damages a run: the row of the table, and what was done."""
    if draws.random() < 0.5:
      latest = max(run.glob("checkpoints/step_*.npz"))
      known = [
        lambda: damage.configs((run / "config.json").read_bytes()),
        lambda: damage.vocabularies((run / "vocabulary.json").read_bytes()),
        lambda: damage.checkpoints((run / "checkpoints" / "best.npz").read_bytes()),
        lambda: damage.checkpoints(latest.read_bytes(), f"checkpoints/{latest.name}"),
      ]
      if name == "given":
        files = {path.name: path.read_bytes() for path in (run / "corpus").iterdir()}
        known.append(lambda: damage.corpora(files, len(runs.load(run).tokenizer.tokens)))
      chosen = draws.choice(list(draws.choice(known)()))
      (run / chosen.path).write_bytes(chosen.content)
      return f"{pathlib.PurePath(chosen.path).parts[0]}, known format", f"{chosen.path}: {chosen.name}"
    path = draws.choice(sorted(run.rglob("*")))
    place = path.relative_to(run)
    if path.is_file() and draws.random() < 0.6:
      what = draws.choice(list(_CHANGES))
      path.write_bytes(_CHANGES[what](path.read_bytes(), draws))
    else:
      what = draws.choice(list(_REPLACEMENTS))
      shutil.rmtree(path) if path.is_dir() else path.unlink()
      _REPLACEMENTS[what](path)
    return place.parts[0], f"{place}: {what}"


def _files(run):
  """The contents of the files that say what a run is; None for what is no regular file."""
  return [path.read_bytes() if path.is_file() else None for path in (run / "config.json", run / "vocabulary.json")]


if __name__ == "__main__":
  common.run("folders", __doc__, Options, Cases, _LIMIT)
