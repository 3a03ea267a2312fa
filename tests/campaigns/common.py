"""What the campaigns share: numbered cases and their journal, a process for cases that may crash it, commands with a time limit, and the table.

A case is a function of the campaign's seed and of its own number, so `--only NUMBER` repeats it alone, and a campaign that was stopped goes on where
it stopped: the finished cases are in `journal.jsonl` in the campaign's folder.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import faulthandler
import json
import math
import multiprocessing
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from typing import Any
from typing import NamedTuple
import zipfile

import numpy as np

from tests import shell
from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import progress
from tf_textgan.commands import cli
from tf_textgan.commands import flags

# Results that are no faults: it worked, or it was refused in one line; skipped cases cannot be made on this machine.
FINE = ("done", "refused", "skipped")
# Bytes of data that a process under test may have.
MEMORY = 8 * 2**30
# Files of a run whose bytes do not depend on where and when it was made; checkpoints are compared array by array.
_SAME_BYTES = ("config.json", "metrics.jsonl", "warnings.jsonl", "baseline.json", "results.json", "vocabulary.json", "samples/*")


@dataclasses.dataclass(frozen=True)
class Options:
  """Options of a campaign."""

  # Number of cases.
  num: int = 100
  # Seed of all cases.
  seed: int = 0
  # Stop after so many minutes; the same command goes on from there. 0 for no limit.
  minutes: float = 0.0
  # Folder of the campaign, with the journal of its cases; empty for one in the system's folder of temporary files.
  folder: str = ""
  # Number of a single case to repeat, with all that it says; -1 for all cases.
  only: int = -1

  def __post_init__(self):
    checks.at_least(self, 1, "num")
    checks.at_least(self, 0, "seed", "minutes")


class Outcome(NamedTuple):
  """What came of a case.

  Attributes:
    kind: row of the table.
    result: one of `FINE`, or a fault: "traceback", "hang", "crash", "lines" (more or other than the one line of a user's mistake), "lost", "differs".
    detail: what was seen.
    count: how often the case did what the campaign counts, such as kills.
  """

  kind: str
  result: str
  detail: str = ""
  count: int = 1


class Hang(BaseException):
  """Raised in a case that takes longer than its limit; no handler of `Exception` catches it."""


class Done(NamedTuple):
  """A command that has ended, or that was killed at its limit: then `code` is None."""

  code: int | None
  out: str
  err: str


def run(name: str, description: str, options_class: type[Options], cases_class: type, limit: float | None = None) -> None:
  """The command of a campaign: runs the cases, prints the table, and exits with 1 if there was a fault.

  Args:
    name: of the module.
    description: for `--help`.
    options_class: `Options` or a subclass.
    cases_class: `cases_class(options, folder)` gets the campaign's place ready; the object maps a case's number to its `Outcome`. An attribute
      `per_case` says how many of `--num` a case makes; default 1.
    limit: seconds for a case. The cases then run in a second process, which may crash or hang; None for this process.
  """

  def main(options):
    folder = pathlib.Path(options.folder or pathlib.Path(tempfile.gettempdir()) / "tf_textgan_campaigns" / f"{name}_{options.seed}").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    total = math.ceil(options.num / getattr(cases_class, "per_case", 1))
    run_case = cases_class(options, folder) if limit is None else _Worker(cases_class, options, folder, limit)
    try:
      if options.only >= 0:
        print(json.dumps(run_case(options.only)._asdict(), indent=2, ensure_ascii=False))
        return 0
      journal = folder / "journal.jsonl"
      _run_cases(run_case, range(total), journal, options.minutes)
    finally:
      if limit is not None:
        run_case.stop()
    records = [record for record in read_journal(journal) if record["case"] < total]
    print(table(records))
    if len(records) < total:
      print(f"{len(records)} of {total} cases are done; the same command goes on from there")
    return 1 if any(record["result"] not in FINE for record in records) else 0

  cli.run(lambda argv: flags.parse_options([f"python -m tests.campaigns.{name}", *argv[1:]], options_class, description), main)


def _run_cases(run_case, numbers, journal, minutes):
  """Runs the cases that the journal does not have, and adds them to it."""
  known = {record["case"]: record for record in read_journal(journal)}
  end = time.monotonic() + 60 * minutes if minutes else math.inf
  faults = sum(record["result"] not in FINE for record in known.values())
  with progress.bar(total=len(numbers), initial=sum(number in known for number in numbers), unit="case") as bar, open(journal, "a") as file:
    if known and not journal.read_bytes().endswith(b"\n"):
      file.write("\n")  # After a line cut short by a kill.
    for number in numbers:
      if number in known:
        continue
      if time.monotonic() > end:
        break
      begin = time.monotonic()
      outcome = run_case(number)
      record = {"case": number, **outcome._asdict(), "seconds": round(time.monotonic() - begin, 2)}
      file.write(json.dumps(record) + "\n")
      file.flush()
      if outcome.result not in FINE:
        faults += 1
        bar.write(f"case {number}: {outcome.kind}: {outcome.result}: {_short(outcome.detail)}", file=sys.stderr)
      bar.set_postfix(faults=faults, refresh=False)
      bar.update()


def read_journal(path: pathlib.Path) -> list[dict[str, Any]]:
  """The cases in a journal; a line cut short by a kill is left out."""
  records = []
  for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
    with contextlib.suppress(ValueError):
      records.append(json.loads(line))
  return records


def table(records: Sequence[Mapping[str, Any]]) -> str:
  """The table of a campaign: a row for each kind of case, a column for each result, and a line for each fault."""
  results = [*FINE, *sorted({record["result"] for record in records} - set(FINE))]
  kinds = sorted({record["kind"] for record in records})
  width = max(map(len, [*kinds, "all"]))
  lines = [f"{'':{width}}{'cases':>9}{'number':>9}" + "".join(f"{result:>11}" for result in results)]
  for kind in [*kinds, "all"]:
    mine = [record for record in records if kind in (record["kind"], "all")]
    counts = "".join(f"{sum(record['result'] == result for record in mine):>11}" for result in results)
    lines.append(f"{kind:{width}}{len(mine):>9}{sum(record['count'] for record in mine):>9}{counts}")
  faults = [record for record in records if record["result"] not in FINE]
  lines += [f"case {record['case']}: {record['kind']}: {record['result']}: {_short(record['detail'])}" for record in faults]
  minutes = sum(record["seconds"] for record in records) / 60
  lines.append(f"{len(faults)} faults in {len(records)} cases, {minutes:.0f} minutes")
  return "\n".join(lines)


def _short(text, most=300):
  text = " ".join(text.split())
  return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"


def draws(options: Options, number: int) -> random.Random:
  """The random numbers of a case."""
  return random.Random(f"{options.seed}/{number}")


class _Worker:
  """Runs cases in a process of its own, which is started again after a crash or a hang."""

  def __init__(self, cases_class, options, folder, limit):
    self._arguments, self._log, self._limit = (cases_class, options, folder, limit), folder / "worker.log", limit
    self._process = None

  def __call__(self, number):
    if self._process is None:
      self._start()
    self._connection.send(number)
    # Later than the case's own alarm, which says where it hangs.
    return self._answer(self._limit + 30) or Outcome("unknown", "hang", f"no answer: {self._said()}")

  def _start(self):
    context = multiprocessing.get_context("spawn")
    self._connection, theirs = context.Pipe()
    os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)  # Its own start holds the start-up messages back.
    self._process = context.Process(target=_work, args=(*self._arguments, theirs, self._log), daemon=True)
    self._process.start()
    theirs.close()
    ready = self._answer(600)
    if ready is None or ready.result != "done":
      raise RuntimeError(f"the campaign cannot start: {self._said()}")

  def _answer(self, limit):
    """The next outcome; None at the limit, after which the process is gone."""
    try:
      if self._connection.poll(limit):
        return self._connection.recv()
    except EOFError:
      self._process.join(10)
      code = self._process.exitcode
      self._process = None
      return Outcome("unknown", "crash", f"exit code {code}: {self._said()}")
    self.stop()
    return None

  def _said(self):
    return self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""

  def stop(self):
    """Ends the process, if it does not end by itself."""
    if self._process is not None:
      self._connection.close()
      self._process.join(5)
      self._process.kill()
      self._process.join()
      self._process = None


def _work(cases_class, options, folder, limit, connection, log):
  """The worker's process: answers each number it receives."""
  descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
  os.dup2(descriptor, 1)
  os.dup2(descriptor, 2)
  faulthandler.enable()
  resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
  elsewhere = folder / "current"  # A hostile relative path must not reach the project.
  elsewhere.mkdir(exist_ok=True)
  os.chdir(elsewhere)
  run_case = cases_class(options, folder)
  connection.send(Outcome("", "done"))

  def ring(*_):
    raise Hang(f"longer than {limit:g} seconds")

  signal.signal(signal.SIGALRM, ring)
  while True:
    try:
      number = connection.recv()
    except EOFError:
      return
    os.ftruncate(descriptor, 0)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
      outcome = run_case(number)
    except Hang as e:
      outcome = Outcome("unknown", "hang", where(e))
    except Exception as e:
      outcome = Outcome("unknown", "traceback", where(e))
    finally:
      signal.setitimer(signal.ITIMER_REAL, 0)
    connection.send(outcome)


def where(error: BaseException) -> str:
  """An exception in one line, with the last lines of the library that it passed."""
  frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/tf_textgan/" in frame.filename][-2:]
  places = ", ".join(f"{frame.filename.rpartition('/tf_textgan/')[2]}:{frame.lineno}" for frame in frames)
  return _short(f"{type(error).__name__}: {error} ({places})", 600)


def call(name: str, *words: Any) -> tuple[str, str]:
  """Runs a command in this process: the result and the detail of an `Outcome`."""
  try:
    code, _, err = shell.call(name, *words)
  except Hang as e:
    return "hang", where(e)
  except Exception as e:
    return "traceback", where(e)
  return judge(name, code, err)


def attempt(action: Callable[[], Any]) -> tuple[str, str]:
  """Calls a function of the library: the result and the detail of an `Outcome`. A command prints a `UserError` or an `OSError` on one line."""
  try:
    action()
  except errors.UserError as e:
    return ("lines" if "\n" in str(e) else "refused"), str(e)
  except OSError as e:
    return "refused", f"{e.strerror or e}: {e.filename}"
  except Hang as e:
    return "hang", where(e)
  except Exception as e:
    return "traceback", where(e)
  return "done", ""


def command(name: str, *words: Any, limit: float, **options: Any) -> Done:
  """Runs a command in a process of its own, with a bound on its memory and a limit in seconds, after which it is killed."""
  return finish(start(name, *words, **options), limit)


def start(name: str, *words: Any, **options: Any) -> subprocess.Popen:
  """Starts a command in a process of its own with a bound on its memory; see `tests.shell.start`. What it says goes to files: no pipe fills up."""
  out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
  bound = lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))  # noqa: E731
  process = shell.start(name, *words, **{"stdout": out, "stderr": err, "stdin": subprocess.DEVNULL, "preexec_fn": bound, **options})
  process.said = out, err
  return process


def finish(process: subprocess.Popen, limit: float) -> Done:
  """Waits for a command of `start`; kills it at the limit."""
  try:
    code = process.wait(limit)
  except subprocess.TimeoutExpired:
    process.kill()
    process.wait()
    code = None
  texts = []
  for file in process.said:
    file.seek(0)
    texts.append(file.read().decode(errors="replace"))
    file.close()
  return Done(code, *texts)


def judge(name: str, code: int | None, err: str) -> tuple[str, str]:
  """What came of a command: the result and the detail of an `Outcome`.

  Args:
    name: of the command.
    code: its exit code; None if it was killed at its limit.
    err: what it wrote to the standard error.
  """
  said = shell.said(err)
  last = said[-1] if said else ""
  if "Traceback (most recent call last)" in err:
    errors_in = [line for line in said if re.match(r"[\w.]*(Error|Exception|Interrupt|Exit)\b", line)]
    return "traceback", "\n".join([*errors_in[-1:], *err.splitlines()[-40:]])
  if code is None:
    return "hang", last
  if code == 0:
    return "done", last
  if code < 0:
    return "crash", f"{signal.Signals(-code).name}: {last}"
  complaints = [line for line in said if line.startswith(f"{name}.py: ")]
  if code == 2 and last in complaints and len(complaints) == 1:
    return "refused", last
  return "lines", f"exit code {code}: {' | '.join(said[-4:])}"


def damaged(folder: pathlib.Path) -> list[str]:
  """What of a stopped run's files is not whole: a list of sentences. Unfinished files with other names do not count."""
  found = []
  for path in folder.glob("checkpoints/*.npz"):
    try:
      archive_of(path)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as e:
      found.append(f"{path.name} is not whole: {e}")
  for name in ("config.json", "vocabulary.json", "versions.json", "results.json"):
    path = folder / name
    try:
      if path.exists():
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
      found.append(f"{name} is not whole: {e}")
  return found


def last_step(folder: pathlib.Path) -> int:
  """The step of a run's latest checkpoint; -1 if there is none."""
  return max((int(path.stem.removeprefix("step_")) for path in folder.glob("checkpoints/step_*.npz")), default=-1)


def archive_of(path: pathlib.Path) -> dict[str, np.ndarray]:
  """A checkpoint's arrays by name."""
  with np.load(path, allow_pickle=False) as archive:
    return {name: archive[name] for name in archive.files}


def differences(first: pathlib.Path, second: pathlib.Path) -> list[str]:
  """How two finished runs differ: a list of sentences.

  Compares the final, the best and the likelihood's checkpoint array by array, other checkpoints that both keep, and the bytes of all other files
  except summaries, versions, pictures and exports, which must be there.
  """
  found = []
  steps = {last_step(first), last_step(second)}
  if len(steps) > 1:
    return [f"the last steps are {steps}"]
  names = [{path.name for path in folder.glob("checkpoints/*.npz")} for folder in (first, second)]
  common = names[0] & names[1]
  for name in sorted({"best.npz", f"step_{steps.pop():09d}.npz"} | common | ({"likelihood.npz"} & (names[0] | names[1]))):
    if name not in common:
      found.append(f"one has no {name}")
      continue
    arrays, others = archive_of(first / "checkpoints" / name), archive_of(second / "checkpoints" / name)
    odd = sorted(arrays.keys() ^ others.keys()) + [n for n in arrays.keys() & others.keys() if arrays[n].tobytes() != others[n].tobytes()]
    if odd:
      found.append(f"{name} differs in {len(odd)} of {len(arrays)} arrays, {odd[0]} among them")
  for pattern in _SAME_BYTES:
    for name in sorted({str(path.relative_to(folder)) for folder in (first, second) for path in folder.glob(pattern)}):
      contents = [path.read_bytes() if (path := folder / name).exists() else None for folder in (first, second)]
      if contents[0] != contents[1]:
        found.append(f"{name} differs" if None not in contents else f"one has no {name}")
  for name in ("report.html", "versions.json", "export/saved_model.pb"):
    if (first / name).exists() != (second / name).exists():
      found.append(f"one has no {name}")
  leftovers = [str(path.relative_to(second)) for path in second.rglob("*.partial")]
  return found + [f"{name} was left over" for name in leftovers]


def clean(folder: pathlib.Path) -> pathlib.Path:
  """An empty folder at a path."""
  shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir(parents=True)
  return folder
