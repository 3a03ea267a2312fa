"""Kills trainings at random moments, and compares what they come to with runs that were not killed.

Each case is a run of one algorithm, precision and number of rounds in a call, in one process or two. It is killed three times between its start, with
the preparation of the data, and its end, with the export; mostly by SIGKILL, else by SIGTERM. Then it goes on to the end. Checkpoints, journal,
results and sentences must equal those of an uninterrupted run bit for bit.
"""

import dataclasses
import itertools
import json
import os
import pathlib
import random
import signal
import socket
import time

from tests import shell
from tests.campaigns import common
from tf_textgan import registry

_KILLS = 3
# Starts of a run in which its kills must find place.
_MOST_STARTS = 12
# Seconds for a process to reach its end, or to end after a signal or after the other worker's death.
_LIMIT = 300
_PRECISIONS = ("float32", "mixed_bfloat16")
_STEPS = {"mle_steps": 10, "discriminator_steps": 5, "adversarial_steps": 7}


@dataclasses.dataclass(frozen=True)
class Options(common.Options):
  """Options of the campaign; --num is the number of kills, three to a run."""

  num: int = 200


class Cases:
  """See the module."""

  per_case = _KILLS

  def __init__(self, options: Options, folder: pathlib.Path):
    self._options, self._folder = options, folder
    shell.write_text(folder / "text.txt", 120)
    self._labelled = shell.write_two_texts(folder)
    names = registry.names("tf_textgan.algorithms")
    self._combinations = list(itertools.product(names, _PRECISIONS, (1, 5)))
    random.Random(options.seed).shuffle(self._combinations)

  def _settings(self, number, draws):
    algorithm, precision, steps_per_call = self._combinations[number % len(self._combinations)]
    module = registry.load("tf_textgan.algorithms", algorithm)
    text = self._labelled if getattr(module, "CATEGORIES", False) else {"dataset": "text_lines", "text_files": self._folder / "text.txt"}
    return {
      **text, **shell.tiny_flags(algorithm), **_STEPS, "data_dir": "data", "workdir": "run", "batch_size": 16, "precision": precision,
      "steps_per_call": steps_per_call, "evaluations": draws.choice((1, 2, 4)), "evaluation_samples": 20, "log_every": draws.choice((2, 3)),
      "checkpoint_minutes": draws.choice((0, 5)), "best_metric": "nll_validation" if algorithm != "wgan_gp" else "",
      "export": draws.random() < 0.3, "tokenizer": "char" if module.GENERATOR[0] == "conv_resnet" else "word",
    }  # fmt: skip

  def __call__(self, number: int) -> common.Outcome:
    draws = common.draws(self._options, number)
    settings = self._settings(number, draws)
    workers = 2 if number % 5 == 4 else 1
    kind = f"{settings['algorithm']}, {workers} worker{'s' * (workers > 1)}"
    whole, killed = (common.clean(self._folder / f"case_{number}" / name) for name in ("whole", "killed"))
    fault, began, ended = _to_the_end(_start(whole, settings, workers), whole)
    if fault:
      return common.Outcome(kind, fault[0], f"uninterrupted: {fault[1]}", 0)
    place = {"from": began, "to": ended}
    kills, said = 0, []
    for _ in range(_MOST_STARTS):
      if kills == _KILLS:
        break
      fault, was_killed, note = self._kill(killed, settings, workers, draws, place)
      said.append(note)
      kills += was_killed
      if fault:
        return common.Outcome(kind, fault[0], f"{fault[1]} ({'; '.join(said)})", kills)
    fault, _, _ = _to_the_end(_start(killed, settings, workers), killed)
    if fault:
      return common.Outcome(kind, fault[0], f"the last start: {fault[1]} ({'; '.join(said)})", kills)
    found = common.differences(whole / "run", killed / "run")
    if found:
      return common.Outcome(kind, "differs", f"{'; '.join(found)} ({'; '.join(said)})", kills)
    common.clean(self._folder / f"case_{number}").rmdir()
    return common.Outcome(kind, "done", "; ".join(said), kills)

  def _kill(self, folder, settings, workers, draws, place):
    """Starts the run and kills it at a random moment: a fault or None, whether it was killed before its end, and what was done."""
    run = folder / "run"
    before = common.last_step(run)
    # A tenth before anything is written: start-up is most of the time and does nothing that could be lost.
    early = draws.random() < 0.1
    moment = draws.uniform(0.0, place["from"]) if early else draws.uniform(place["from"], place["to"])
    number = signal.SIGTERM if draws.random() < 0.2 else signal.SIGKILL
    victims = list(range(workers)) if draws.random() < 0.5 else [draws.randrange(workers)]
    processes, seconds, end = _start(folder, settings, workers), 0.0, time.monotonic() + _LIMIT
    try:
      # A process that hangs uses no processor time: it is killed at the limit, too.
      while seconds < moment and all(process.poll() is None for process in processes) and time.monotonic() < end:
        time.sleep(0.002)
        seconds = max(seconds, _cpu_seconds(processes[0]))
      alive = all(processes[victim].poll() is None for victim in victims)
      for victim in victims if alive else ():
        processes[victim].send_signal(number)
      ended = [common.finish(process, _LIMIT) for process in processes]
    finally:
      for process in processes:
        process.kill()
    if alive:
      note = f"{number.name} after {seconds:.1f} s at step {common.last_step(run)}{f' to worker {victims[0]}' if len(victims) < workers else ''}"
    else:
      note = "ended before the kill"
      place["to"] = max(seconds, place["from"] + 0.5)  # A finished run that is started again is shorter.
    for index, done in enumerate(ended):
      # SIGTERM to one worker stops all.
      fault = _fault_after(done, number if alive and (index in victims or number == signal.SIGTERM) else None, workers, early)
      if fault:
        return fault, alive, note
    broken = common.damaged(run)
    if broken or common.last_step(run) < before:
      return ("lost", "; ".join(broken) or f"the last checkpoint is of step {common.last_step(run)}, and was of {before}"), alive, note
    return None, alive, note


def _start(folder, settings, workers):
  """Starts a run's processes in a folder, so that all paths in its config are the same wherever it is."""
  words = shell.as_flags(settings)
  if workers == 1:
    return [common.start("train", *words, cwd=folder)]
  sockets = [socket.socket() for _ in range(workers)]
  for one in sockets:
    one.bind(("127.0.0.1", 0))
  cluster = {"worker": [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]}
  for one in sockets:
    one.close()
  configs = [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}) for index in range(workers)]
  return [common.start("train", *words, cwd=folder, env=shell.environment(TF_CONFIG=config)) for config in configs]


def _cpu_seconds(process):
  """The processor time a process has used, which other work on the machine changes little; 0 once it is gone."""
  try:
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
  except OSError:
    return 0.0
  return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _to_the_end(processes, folder):
  """Waits for the end of a run: a fault or None, and the processor seconds at which it wrote its first file and at which it ended."""
  began, seconds, end = None, 0.0, time.monotonic() + _LIMIT
  while all(process.poll() is None for process in processes) and time.monotonic() < end:
    seconds = max(seconds, _cpu_seconds(processes[0]))
    if began is None and any(folder.iterdir()):
      began = seconds
    time.sleep(0.01)
  results = [common.judge("train", done.code, done.err) for done in [common.finish(process, _LIMIT) for process in processes]]
  # A refusal, too: this is the same command as before.
  fault = next(((result, detail) for result, detail in results if result != "done"), None)
  return fault and ("lost" if fault[0] == "refused" else fault[0], fault[1]), began or 0.0, seconds


def _fault_after(done, number, workers, early):
  """What is wrong with how a process ended, or None.

  Args:
    done: `common.Done`.
    number: the signal that it got, itself or through another worker; None for none.
    workers: processes of the run.
    early: whether the signal came before anything was written, when Python has no handler yet.
  """
  if number == signal.SIGKILL and done.code == -signal.SIGKILL:
    return None
  result, detail = common.judge("train", done.code, done.err)
  if number == signal.SIGTERM:
    if done.code == -signal.SIGTERM and early:
      return None
    if result == "lines" and done.code == 128 + signal.SIGTERM:
      return None if shell.said(done.err) else ("lines", "nothing is said of the signal")
  # One worker's end is the other's.
  return None if result == "done" or result == "refused" and (number or workers > 1) else (result, detail)


if __name__ == "__main__":
  common.run("kills", __doc__, Options, Cases)
