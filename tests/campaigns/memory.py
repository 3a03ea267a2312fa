"""Trains for an hour, or `--minutes`, and draws the memory of each training: the resident bytes of its process, once a second.

The trainings, one process for each of `--algorithms`, run side by side on tiny networks, with an evaluation every 20 rounds. The slope is fitted to
the second half of the time. It is a fault if it is above `--limit`.
"""

import dataclasses
import pathlib
import signal
import tempfile
import time

import matplotlib.figure
import numpy as np

from tests import shell
from tests.campaigns import common
from tf_textgan import checks
from tf_textgan import files
from tf_textgan import progress
from tf_textgan.commands import cli
from tf_textgan.commands import flags

# More rounds than a machine makes in an hour.
_ROUNDS = 1_000_000
_EVALUATION_EVERY = 20


@dataclasses.dataclass(frozen=True)
class Options:
  """Options of the campaign."""

  # Algorithms to train, one process for each.
  algorithms: tuple[str, ...] = ("mle", "seqgan")
  # Minutes to train.
  minutes: float = 60.0
  # Megabytes a minute that count as growth.
  limit: float = 0.5
  # Picture to write.
  output: str = "docs/reliability_memory.png"

  def __post_init__(self):
    checks.above_zero(self, "minutes", "limit")


def _settings(folder, algorithm):
  # SeqGAN begins with its adversarial phase: it is the one with rollouts.
  steps = {"mle_steps": _ROUNDS, "adversarial_steps": 0} if algorithm == "mle" else {"mle_steps": 0, "adversarial_steps": _ROUNDS}
  return {
    "dataset": "text_lines", "text_files": folder / "text.txt", "data_dir": folder / "data", "workdir": folder / algorithm,
    **shell.tiny_flags(algorithm), **steps, "discriminator_steps": 0, "batch_size": 16, "evaluations": _ROUNDS // _EVALUATION_EVERY,
    "evaluation_samples": 100, "export": False,
  }  # fmt: skip


def resident(pid: int) -> float:
  """Megabytes of memory that a process has in use."""
  fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
  return int(fields["VmRSS"].split()[0]) / 1024 if "VmRSS" in fields else 0.0


def slope(minutes: np.ndarray, megabytes: np.ndarray) -> float:
  """Megabytes a minute in the second half of the time."""
  late = minutes >= minutes[-1] / 2
  return float(np.polyfit(minutes[late], megabytes[late], 1)[0])


def draw(measured: dict[str, dict[str, list[float]]], path: pathlib.Path) -> None:
  """Draws the memory of each training over time."""
  figure = matplotlib.figure.Figure(figsize=(8, 4), layout="constrained")
  axes = figure.add_subplot()
  for name, values in measured.items():
    axes.plot(values["minutes"], values["megabytes"], label=f"{name}: {values['slope']:+.2f} MB/min in the second half", linewidth=1)
  axes.set(xlabel="minutes", ylabel="resident memory, MB", ylim=(0, None))
  axes.legend()
  with files.replacing(path) as temporary:
    figure.savefig(temporary, format="png", dpi=110)


def main(options: Options) -> int:
  """Trains, measures and draws."""
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    shell.write_text(folder / "text.txt")
    measured = {algorithm: {"minutes": [], "megabytes": []} for algorithm in options.algorithms}
    processes = {algorithm: common.start("train", *shell.as_flags(_settings(folder, algorithm))) for algorithm in options.algorithms}
    begin = time.monotonic()
    seconds = round(60 * options.minutes)
    for _ in progress.bar(range(seconds), unit="s"):
      time.sleep(1.0)
      for algorithm, process in processes.items():
        if process.poll() is None:
          measured[algorithm]["minutes"].append((time.monotonic() - begin) / 60)
          measured[algorithm]["megabytes"].append(resident(process.pid))
    faults = []
    for algorithm, process in processes.items():
      process.send_signal(signal.SIGTERM)
      done = common.finish(process, 120)
      result, detail = common.judge("train", done.code, done.err)
      if result != "done":
        faults.append(f"{algorithm}: {result}: {detail}")
        continue
      values = measured[algorithm]
      values["slope"] = slope(*map(np.array, (values["minutes"], values["megabytes"])))
      values["rounds"] = shell.journal(folder / algorithm)[-1]["step"]
      if values["slope"] > options.limit:
        faults.append(f"{algorithm} grows by {values['slope']:.2f} MB a minute")
  measured = {algorithm: values for algorithm, values in measured.items() if "slope" in values}
  draw(measured, pathlib.Path(options.output))
  print(f"{'':12}{'rounds':>10}{'evaluations':>13}{'first MB':>10}{'last MB':>10}{'MB/min':>9}")
  for algorithm, values in measured.items():
    first, last = values["megabytes"][len(values["megabytes"]) // 2], values["megabytes"][-1]
    evaluations = values["rounds"] // _EVALUATION_EVERY
    print(f"{algorithm:12}{values['rounds']:>10}{evaluations:>13}{first:>10.0f}{last:>10.0f}{values['slope']:>+9.2f}")
  print("\n".join([*faults, f"{len(faults)} faults"]))
  return 1 if faults else 0


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse_options(["python -m tests.campaigns.memory", *argv[1:]], Options, __doc__), main)
