"""Measures the speed of the library's steps: `python -m benchmarks [--json FILE] [--only NAME]`. benchmarks/README.md explains the columns."""

from tf_textgan.commands import quiet

quiet.start_tensorflow()

import dataclasses
import json
import re
import subprocess
import sys

from benchmarks import cases
from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import files
from tf_textgan.commands import cli
from tf_textgan.commands import flags


@dataclasses.dataclass(frozen=True)
class Options:
  """Options of the command."""

  # JSON file for a list with one record per measurement; empty for none.
  json: str = ""
  # Name of a single measurement to make, or the beginning of the names of several, such as transformer; empty for all.
  only: str = ""
  # Timed repeats of each measurement; the median is reported.
  repeats: int = 15
  # Vocabulary size of the steps.
  vocab_size: int = cases.VOCAB_SIZE
  # Sequence length of the steps.
  length: int = cases.LENGTH
  # Batch size of the steps.
  batch_size: int = cases.BATCH_SIZE


_COLUMNS = (
  ("name", "{:48}"),
  ("cpu_ms", "{:>10.1f}"),
  ("wall_ms", "{:>10.1f}"),
  ("gflop", "{:>9.2f}"),
  ("peak_gflops", "{:>12.0f}"),
  ("share_of_peak", "{:>14.2f}"),
  ("peak_rss_mb", "{:>12.0f}"),
  ("startup_s", "{:>10.1f}"),
)


def main(options: Options) -> None:
  """Makes the measurements, each in separate processes, so that peak memory is measured separately."""
  names = [options.only] if options.only in cases.CASES else [name for name in cases.CASES if name.startswith(options.only)]
  if not names:
    raise errors.UserError(f"unknown measurement {options.only!r}; there are: {', '.join(cases.CASES)}")
  checks.at_least(options, 1, "repeats", "length", "batch_size")
  checks.at_least(options, 2, "vocab_size")
  print("".join(re.sub(r"\.\df", "", style).format(name) for name, style in _COLUMNS), flush=True)
  records = []
  sizes = (options.vocab_size, options.length, options.batch_size)
  for name in names:
    record = _in_own_process(name, options.repeats, sizes, threads=1)
    # CPU time is measured on one thread, where none waits for another, and wall time on all threads.
    record["wall_ms"] = _in_own_process(name, options.repeats, sizes, threads=0)["wall_ms"]
    records.append(record)
    print("".join(style.format(record[column]) for column, style in _COLUMNS), flush=True)
  if options.json:
    files.write_json(options.json, records)


def _in_own_process(name, repeats, sizes, threads):
  program = (
    f"import json; from benchmarks import cases, measure; cases.resize(*{sizes}); "
    f"print(json.dumps(measure.record({name!r}, cases.CASES[{name!r}], {repeats}, {threads})))"
  )
  done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
  if done.returncode:
    raise RuntimeError(f"the measurement {name} failed:\n{done.stderr}")
  return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse_options(["python -m benchmarks", *argv[1:]], Options, __doc__), main)
