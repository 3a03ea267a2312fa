"""Fills the disk under a training: file systems in memory of many sizes, for the work folder and for the data folder. Needs root, to mount them.

Each case must end in one line, with everything written before it whole; on a larger file system the same command must then come to the results of a
run that never lacked room.
"""

import dataclasses
import os
import pathlib
import shutil
import subprocess

from tests import shell
from tests.campaigns import common

# Seconds for a command.
_LIMIT = 300
# The largest file system, relative to what a whole run leaves: a checkpoint is written beside those that it will replace.
_MOST = 1.5
_SETTINGS = {
  **shell.tiny_flags("seqgan"), **shell.SHORT, "dataset": "text_lines", "checkpoint_minutes": 0, "best_metric": "nll_validation", "evaluations": 2,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Options(common.Options):
  """Options of the campaign."""

  num: int = 30


class Cases:
  """See the module."""

  def __init__(self, options: Options, folder: pathlib.Path):
    self._options, self._folder = options, folder
    self._whole = folder / "whole"
    shell.write_text(folder / "text.txt", 120)
    self._can_mount = os.geteuid() == 0 and _mount(common.clean(folder / "probe"), 64) and _unmount(folder / "probe")
    if self._can_mount and not (self._whole / "run" / "export").exists():
      done = self._train(common.clean(self._whole), {})
      if done.code != 0:
        raise RuntimeError(f"the run with room on the disk failed: {done.err}")

  def _train(self, place, links):
    """Trains in a folder, whose paths in the config are the same for all; `links` leads its run or data to another file system."""
    for name, target in links.items():
      (place / name).symlink_to(target)
    words = shell.as_flags({**_SETTINGS, "text_files": self._folder / "text.txt", "workdir": "run", "data_dir": "data"})
    return common.command("train", *words, limit=_LIMIT, cwd=place)

  def __call__(self, number: int) -> common.Outcome:
    kind = ("run", "data")[number % 2]
    if not self._can_mount:
      return common.Outcome(kind, "skipped", "mounting needs root")
    draws = common.draws(self._options, number)
    # Evenly over the sizes, whatever the number of cases.
    part = (number // 2 + draws.random()) / max(1, self._options.num // 2) * _MOST
    kilobytes = max(4, round(part * _size(self._whole / kind) / 1024))
    place, disk = common.clean(self._folder / f"case_{number}"), self._folder / f"disk_{number}"
    if not _mount(disk, kilobytes):
      return common.Outcome(kind, "skipped", "cannot mount")
    try:
      return self._outcome(kind, kilobytes, place, disk)
    finally:
      _unmount(disk)

  def _outcome(self, kind, kilobytes, place, disk):
    done = self._train(place, {kind: disk})
    result, detail = common.judge("train", done.code, done.err)
    detail = f"{kilobytes} kB: {detail}"
    if result not in ("done", "refused"):
      return common.Outcome(kind, result, detail)
    broken = common.damaged(place / "run")
    if broken:
      return common.Outcome(kind, "lost", f"{detail}: {'; '.join(broken)}")
    if result == "refused":
      subprocess.run(["mount", "-o", "remount,size=1g", str(disk)], check=True)
      again = self._train(place, {})
      code, said = common.judge("train", again.code, again.err)
      if code != "done":
        return common.Outcome(kind, code if code != "refused" else "lost", f"{detail}: with more room: {said}")
    found = common.differences(self._whole / "run", place / "run")
    if found:
      return common.Outcome(kind, "differs", f"{detail}: {'; '.join(found)}")
    shutil.rmtree(place)
    return common.Outcome(kind, result, detail)


def _size(folder):
  """Bytes that a folder takes on a file system with blocks of 4 kB."""
  return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*") if path.is_file())


def _mount(folder, kilobytes):
  folder.mkdir(exist_ok=True)
  return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)], capture_output=True).returncode == 0


def _unmount(folder):
  done = subprocess.run(["umount", "-l", str(folder)], capture_output=True).returncode == 0
  folder.rmdir()
  return done


if __name__ == "__main__":
  common.run("full_disk", __doc__, Options, Cases)
