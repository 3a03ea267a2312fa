"""Gives the commands lines of flags with hostile values. The flags are those that each command's own `--help` lists.

Most lines are tried in one process: they are parsed, and what parses goes on as far as is cheap: `train.py` up to the first step on a prepared
corpus, `evaluate.py` up to the metrics, `generate.py` to its end. Every 50th line is a whole command in a process of its own. Each must succeed, or
end in one line.
"""

from collections.abc import Iterator
import contextlib
import dataclasses
import functools
import os
import pathlib
import random
import re
import shutil
import stat
import sys
from unittest import mock

from tests import shell
from tests.campaigns import common
from tf_textgan import runs
from tf_textgan.commands import evaluate
from tf_textgan.commands import generate
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.training import loop

# Seconds for a line in the one process, and for a whole command.
_LIMIT, _COMMAND_LIMIT = 60, 120
# One line in so many is a whole command.
_WHOLE = 50
# Numbers above it are not tried further than they are parsed: a user may well want them, on another machine.
_LARGEST = 2000

NUMBERS = (
  "nan", "inf", "-inf", "-1", "0", "1", "2", "3", "7", "-0.0", "0.5", "1.5", "1e308", "-1e308", "1e-320", "1e999", "2147483647", "2147483648",
  "-2147483649", "9223372036854775808", "9" * 20, "9" * 5000,
)  # fmt: skip
VALUES = (
  *NUMBERS, "", " ", "NaN", "0x10", "1_000", "\u0661\u0662", "\u00bd", "n\u00e9", "\u2028", "\U0001f600", "e\u0301", "a\x00b", "a\nb", "\x1b[31m",
  "\udce9", "x" * 100_000, "true", "false", "None", "null", "[]", "{}", "[1,2]", "1,2", ",", "..", "-", "--", "=", "%s", "{0}", "$HOME", "*", "'",
  '"', "seqgan.", ".seqgan", "os.path", "no.such.module", "no.such.module:f", "no_such", "best", "latest", "text",
)  # fmt: skip
# Names in the place of a campaign, see `make_place`.
PATHS = (
  "absent", "absent/under", "folder", "text.txt", "text.txt/under", "empty.txt", "one.txt", "bytes.txt", "utf16.txt", "nul.txt", "fifo", "zero",
  "full", "dangling", "circle", "n\u00e9 \u2028.txt", "x" * 300, "run", "run/config.json", "run/checkpoints/best.npz", "values.flags",
  "circular.flags",
)  # fmt: skip
# What a line leads to without a hostile value; {} is the place.
_BASES = {
  "train": ["--data_dir", "{}/data", "--workdir", "{}/new", "--mle_steps", "2", "--discriminator_steps", "1", "--adversarial_steps", "1",
            "--batch_size", "8", "--evaluations", "1", "--evaluation_samples", "20", "--export", "false"],
  "generate": ["--workdir", "{}/run", "--num", "3"],
  "evaluate": ["--file", "{}/text.txt", "--references", "{}/text.txt", "--num", "20"],
}  # fmt: skip
_ALGORITHMS = ("mle", "seqgan", "gsgan", "wgan_gp", "leakgan", "catgan")


def make_place(folder: pathlib.Path) -> pathlib.Path:
  """Makes the files that the lines name: a text, a run, a prepared corpus, and what is no regular file. Does nothing if they are there."""
  place = folder / "place"
  if (place / "ready").exists():
    return place
  common.clean(place)
  shell.write_text(place / "text.txt", 120)
  (place / "folder").mkdir()
  contents = {
    "empty.txt": b"", "one.txt": b"a man sees the dog\n", "bytes.txt": b"a man\nsees \xff\xfe\n", "utf16.txt": "a man\na dog\n".encode("utf-16-le"),
    "nul.txt": b"a \x00 man\na dog\n", "n\u00e9 \u2028.txt": b"a man\na dog\n", "values.flags": b"--seed=1\n",
    "circular.flags": f"--flagfile={place}/circular.flags\n".encode(),
  }  # fmt: skip
  for name, content in contents.items():
    (place / name).write_bytes(content)
  os.mkfifo(place / "fifo")
  for name, minor in (("zero", 5), ("full", 7)):  # Copies: a command run by root may replace them.
    with contextlib.suppress(PermissionError):
      os.mknod(place / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
  (place / "dangling").symlink_to("nowhere")
  (place / "circle").symlink_to("circle")
  settings = {
    "dataset": "text_lines", "text_files": place / "text.txt", "data_dir": place / "data", "workdir": place / "run", **shell.tiny_flags("gsgan"),
    **shell.SHORT, "export": False,
  }  # fmt: skip
  done = common.command("train", *shell.as_flags(settings), limit=300)
  if done.code != 0:
    raise RuntimeError(f"the run for the campaign failed: {done.err}")
  (place / "ready").touch()
  return place


@functools.cache
def flags_of(name: str, *choices: str) -> tuple[tuple[str, str], ...]:
  """The flags that a command's `--help` lists after some choices: pairs of a flag, and what stands for its value there."""
  code, out, err = shell.call(name, *choices, "--help")
  if code != 0:
    raise RuntimeError(f"{name}.py --help failed: {err}")
  return tuple(re.findall(r"^  (--\w+)(?: (\S+))?", out, re.M))


def line_of(place: pathlib.Path, draws: random.Random) -> tuple[str, list[str]]:
  """A command's name and a hostile line for it."""
  name = draws.choices(("train", "generate", "evaluate"), (6, 2, 2))[0]
  choices, words = [], [word.replace("{}", str(place)) for word in _BASES[name]]
  if name == "train":
    algorithm = draws.choice(_ALGORITHMS)
    dataset = draws.choices(("text_lines", "caption_grammar", "lstm_oracle"), (8, 1, 1))[0]
    choices = ["--algorithm", algorithm, "--dataset", dataset]
    words += ["--dataset", dataset] + shell.as_flags(shell.tiny_flags(algorithm))
    words += ["--text_files", f"{place}/text.txt"] if dataset == "text_lines" else ["--num_train", "60", "--num_validation", "20", "--num_test", "20"]
  known = flags_of(name, *choices)
  for _ in range(draws.choice((1, 1, 1, 2, 3))):
    flag, kind = draws.choice(known)
    value = _value(kind, place, draws)
    how = draws.random()
    if how < 0.02:
      words += [flag + draws.choice(("x", " ", "\u00e9", "-", "=" * 2)), value]  # Misspelled.
    elif how < 0.05:
      words += [flag]  # Without a value, which may be the next flag.
    elif how < 0.08:
      words += [draws.choice(("", "-", "---")) + flag.strip("-"), value]
    elif how < 0.12:
      words += [flag, value, flag, _value(kind, place, draws)]  # Twice.
    elif how < 0.4:
      words += [f"{flag}={value}"]
    else:
      words += [flag, value]
  return name, words


def _value(kind, place, draws):
  """A hostile value: mostly a number where one is expected, often a path for a string, and a spoiled choice where there are some."""
  if kind.startswith("{") and draws.random() < 0.3:
    return draws.choice(kind.strip("{}").split(",")) + draws.choice(("", "", "x", " ", "\u00e9"))
  if kind in ("int", "float") and draws.random() < 0.7:
    return draws.choice(NUMBERS)
  if draws.random() < (0.5 if kind == "str" else 0.1):
    return f"{place}/{draws.choice(PATHS)}"
  return draws.choice(VALUES)


@contextlib.contextmanager
def _cheaply() -> Iterator[None]:
  """Ends the commands where the slow work begins."""
  build, check_num, guide, make_bench, load_corpus = (
    experiment_lib.build, generate.check_num, runs.guide, evaluate.make_bench, experiment_lib.load_corpus,
  )  # fmt: skip

  def stop(*_, **__):
    sys.exit(0)

  def small_corpus(experiment, *arguments, **options):
    _check_size(experiment.dataset)
    return load_corpus(experiment, *arguments, **options)

  def small_build(experiment, *arguments, **options):
    for part in (experiment.choices, experiment.loop, experiment.algorithm, experiment.generator, experiment.discriminator):
      _check_size(part)
    return build(experiment, *arguments, **options)

  def small_num(num):
    check_num(num)
    if num > _LARGEST:
      sys.exit(0)

  def small_guide(generator, run, config, *arguments, **options):
    _check_size(config)
    return guide(generator, run, config, *arguments, **options)

  def bench_and_stop(*arguments, **options):
    make_bench(*arguments, **options)
    sys.exit(0)

  def read_and_stop(path, parts):
    evaluate.read(path, parts.options)
    sys.exit(0)

  with contextlib.ExitStack() as stack:
    for module, name, function in (
      (loop.Loop, "run", stop),
      (experiment_lib, "build", small_build),
      (experiment_lib, "load_corpus", small_corpus),
      (generate, "check_num", small_num),
      (runs, "guide", small_guide),
      (evaluate, "make_bench", bench_and_stop),
      (evaluate, "score_file", read_and_stop),
    ):
      stack.enter_context(mock.patch.object(module, name, function))
    yield


def _check_size(config):
  """Ends the command if a `Config` has a number that is too large to go on with here."""
  for field in dataclasses.fields(config) if config is not None else ():
    value = getattr(config, field.name)
    if any(type(number) is int and number > _LARGEST for number in (value if isinstance(value, tuple) else (value,))) and field.name != "seed":
      sys.exit(0)


@dataclasses.dataclass(frozen=True)
class Options(common.Options):
  """Options of the campaign; one line in 50 is a whole command."""

  num: int = 10000


class Cases:
  """See the module."""

  def __init__(self, options: Options, folder: pathlib.Path):
    self._options, self._place = options, make_place(folder)

  def __call__(self, number: int) -> common.Outcome:
    name, words = line_of(self._place, common.draws(self._options, number))
    whole = number % _WHOLE == _WHOLE - 1
    kind = f"{name}.py{', whole' if whole else ''}"
    if whole and any("\x00" in word for word in words):
      return common.Outcome(kind, "skipped", "the system passes no NUL to a process")
    shutil.rmtree(self._place / "new", ignore_errors=True)
    if whole:
      done = common.command(name, *words, limit=_COMMAND_LIMIT)
      result, detail = common.judge(name, done.code, done.err)
    else:
      with _cheaply():
        result, detail = common.call(name, *words)
    line = " ".join(word if len(word) < 200 else f"{word[:20]}...({len(word)})" for word in words).replace(str(self._place), "P")
    return common.Outcome(kind, result, "" if result in common.FINE else f"{detail} <- {line}")


if __name__ == "__main__":
  common.run("flags", __doc__, Options, Cases, _LIMIT + _COMMAND_LIMIT)
