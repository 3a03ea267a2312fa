"""Measures the library's steps: `python -m benchmarks [--json FILE] [--only NAME]`. See benchmarks/README.md for what the columns mean."""

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
  """Options."""

  # File to write one record per measurement to, a JSON list; empty for none.
  json: str = ""
  # The one measurement to make; empty for all.
  only: str = ""
  # Timed repeats of each measurement, of which the median counts.
  repeats: int = 15
  # Tokens that the steps know.
  vocab_size: int = cases.VOCAB_SIZE
  # Tokens in a sequence of the steps.
  length: int = cases.LENGTH
  # Sequences in a batch of the steps.
  batch_size: int = cases.BATCH_SIZE


_COLUMNS = (
  ("name", "{:34}"),
  ("cpu_ms", "{:>10.1f}"),
  ("wall_ms", "{:>10.1f}"),
  ("gflop", "{:>9.2f}"),
  ("peak_gflops", "{:>12.0f}"),
  ("share_of_peak", "{:>14.2f}"),
  ("peak_rss_mb", "{:>12.0f}"),
  ("startup_s", "{:>10.1f}"),
)


def main(options):
  """Makes the measurements, each in processes of its own, so that its memory is its own too."""
  if options.only and options.only not in cases.CASES:
    raise errors.UserError(f"unknown measurement {options.only!r}; there are: {', '.join(cases.CASES)}")
  checks.at_least(options, 1, "repeats", "length", "batch_size")
  checks.at_least(options, 2, "vocab_size")
  print("".join(re.sub(r"\.\df", "", style).format(name) for name, style in _COLUMNS), flush=True)
  records = []
  sizes = (options.vocab_size, options.length, options.batch_size)
  for name in [options.only] if options.only else cases.CASES:
    record = _in_own_process(name, options.repeats, sizes, threads=1)
    # CPU time on one thread, where none waits for another; the time a user waits on all.
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
