"""Measures the library's steps: `python -m benchmarks [--json FILE] [--only NAME]`. See benchmarks/README.md for what the columns mean."""

from tf_textgan import quiet

quiet.start_tensorflow()

import dataclasses
import json
import subprocess
import sys

from benchmarks import cases
from benchmarks import measure
from tf_textgan import cli
from tf_textgan import errors
from tf_textgan import experiment
from tf_textgan import flags


@dataclasses.dataclass(frozen=True)
class Options:
  """Options."""

  # File to write one record per measurement to, a JSON list; empty for none.
  json: str = ""
  # The one measurement to make; empty for all.
  only: str = ""
  # Timed repeats of each measurement, of which the median counts.
  repeats: int = 15


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
  """Makes the measurements, each in a process of its own, so that its memory is its own too."""
  if options.only and options.only not in cases.CASES:
    raise errors.UserError(f"unknown measurement {options.only!r}; there are: {', '.join(cases.CASES)}")
  if options.only:
    records = [measure.record(options.only, cases.CASES[options.only], options.repeats)]
  else:
    records = []
  print("".join((fmt.replace(".1f", "").replace(".0f", "").replace(".2f", "")).format(name) for name, fmt in _COLUMNS))
  for name in [] if options.only else cases.CASES:
    records.append(_in_own_process(name, options.repeats))
    _print(records[-1])
  if options.only:
    _print(records[0])
  if options.json:
    experiment.write_json(options.json, records)


def _in_own_process(name, repeats):
  program = (
    "import json; from benchmarks import cases, measure; "
    f"print(json.dumps(measure.record({name!r}, cases.CASES[{name!r}], {repeats})))"
  )
  done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True, text=True)
  return json.loads(done.stdout.splitlines()[-1])


def _print(record):
  print("".join(fmt.format(record[name]) for name, fmt in _COLUMNS), flush=True)


if __name__ == "__main__":
  cli.run(lambda argv: flags.parse_options(["python -m benchmarks", *argv[1:]], Options, __doc__), main)
