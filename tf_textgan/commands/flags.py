"""Command-line flags made from `Config` dataclasses: each field becomes a flag, its comment the help.

Flags of networks have a prefix, `--generator_hidden_size`, `--discriminator_dropout`; all others have the field's name. `--flagfile FILE` inserts
flags from a file, one on a line; later flags override it.
"""

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import difflib
import os
import re
from typing import Any

import simple_parsing

from tf_textgan import errors
from tf_textgan import files
from tf_textgan.runs import experiment as experiment_lib


class Parser(simple_parsing.ArgumentParser):
  """An argument parser that raises `UserError`s and accepts no abbreviated flags."""

  def __init__(self, *args, **kwargs):
    super().__init__(*args, allow_abbrev=False, formatter_class=simple_parsing.SimpleHelpFormatter, **kwargs)
    self.add_argument("--flagfile", metavar="FILE", help="Read flags from a file, one on a line; later flags override them.")

  def error(self, message):
    raise errors.UserError(re.sub(r"^argument ", "", message))


def parse(argv: Sequence[str], description: str, quickstart: str | os.PathLike | None = None) -> experiment_lib.Experiment:
  """Parses the command line of `train.py` into an experiment.

  Args:
    argv: the program's name and its arguments.
    description: first line of `--help`.
    quickstart: path of a flagfile to insert first if the command line chooses no algorithm, dataset or networks.

  Raises:
    UserError: a flag or value is unknown; the message lists the allowed ones.
  """
  program, *arguments = argv
  arguments = expand_flagfiles(arguments)
  if quickstart and not _chosen(arguments):
    arguments = expand_flagfiles([f"--flagfile={quickstart}"]) + arguments
  choices = dataclasses.replace(experiment_lib.Choices(), **_chosen(arguments), **chosen(arguments, "imports"))
  parser = Parser(prog=program, description=description, add_config_path_arg=False)
  parser.add_arguments(experiment_lib.Choices, dest="choices")
  classes = experiment_lib.config_classes(choices)
  defaults = dict(zip(("generator", "discriminator"), experiment_lib.default_networks(choices)))
  for name, cls in classes.items():
    if cls is not None:
      parser.add_arguments(cls, dest=name + "_config", prefix=experiment_lib.PREFIXES.get(name, ""), default=defaults.get(name))
  parsed = parse_all(parser, arguments)
  parts = {name: getattr(parsed, name + "_config", None) for name in classes}
  return experiment_lib.Experiment(choices=parsed.choices, **parts)


def parse_options(argv: Sequence[str], cls: type, description: str) -> Any:
  """Parses a command line into an instance of one options dataclass; raises as `parse`."""
  return parse_parts(argv, {"options": cls}, description).options


def parse_parts(argv: Sequence[str], classes: Mapping[str, type], description: str, prefixes: Mapping[str, str] | None = None) -> Any:
  """Parses a command line into instances of several dataclasses, whose fields have different names.

  Args:
    argv: the program's name and its arguments.
    classes: name to dataclass.
    description: first line of `--help`.
    prefixes: name to the prefix of its flags; None for no prefixes.

  Returns:
    An object with an attribute for each name; raises as `parse`.
  """
  parser = Parser(prog=argv[0], description=description, add_config_path_arg=False)
  for name, cls in classes.items():
    parser.add_arguments(cls, dest=name, prefix=(prefixes or {}).get(name, ""))
  return parse_all(parser, expand_flagfiles(argv[1:]))


def parse_all(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
  """Parses arguments; an unknown one raises a `UserError` that lists the known flags."""
  parsed, unknown = parser.parse_known_args(arguments)
  if unknown:
    known = sorted(option for action in parser._actions for option in action.option_strings if option.startswith("--"))
    name = unknown[0].split("=")[0]
    if not name.startswith("-"):
      raise errors.UserError(f"unexpected argument {name!r}; flags start with --: see --help")
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise errors.UserError(f"unknown flag {name}{hint}; there are: {', '.join(known)}")
  return parsed


def expand_flagfiles(arguments: Sequence[str]) -> list[str]:
  """Replaces every `--flagfile` by the flags in the file, one on a line; blank lines and those that start with # or // are comments.

  Raises:
    UserError: a flagfile cannot be read, holds itself, or is no UTF-8 text; or an argument is no text.
  """
  return _expand(arguments, ())


def _expand(arguments, inside):
  """See `expand_flagfiles`; `inside`: the flagfiles that hold the arguments, outermost first."""
  expanded, rest = [], list(arguments)
  while rest:
    argument = rest.pop(0)
    _check_text(argument)
    name, equals, path = argument.partition("=")
    if name not in ("--flagfile", "-flagfile"):
      expanded.append(argument)
      continue
    if not equals:
      if not rest:
        raise errors.UserError("--flagfile: expected the path of a file")
      path = rest.pop(0)
    path = os.path.expanduser(path.strip())
    if path in inside:
      raise errors.UserError(f"the flagfile {path} holds itself: {' holds '.join([*inside, path])}")
    expanded += _expand(_flagfile_lines(path), (*inside, path))
  return expanded


def _flagfile_lines(path):
  """The lines of a flagfile without comments."""
  try:
    lines = [line.strip() for line in files.read_text(path).removeprefix("\ufeff").split("\n")]
  except (OSError, UnicodeDecodeError) as e:
    raise errors.UserError(f"cannot read the flagfile {path}: {getattr(e, 'strerror', None) or e}") from e
  return [line for line in lines if line and not line.startswith(("#", "//"))]


def _check_text(argument):
  """Raises a `UserError` for an argument that could not be written to a file of UTF-8, undecodable bytes or a NUL from a flagfile, and for `--`."""
  try:
    argument.encode("utf-8")
  except UnicodeEncodeError as e:
    raise errors.UserError(f"the argument {argument!a} is not UTF-8 text") from e
  if "\0" in argument:
    raise errors.UserError(f"the argument {argument!a} has a NUL character")
  if argument == "--" or argument.endswith("=--"):  # `argparse` takes it out, and the flag's value becomes a list.
    raise errors.UserError(f"unexpected argument {argument!r}; flags start with --, and -- is no value: see --help")


def chosen(arguments: Sequence[str], *names: str) -> dict[str, str]:
  """The given flags among some names, on which other flags depend: name to value, a string."""
  parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
  for name in names:
    parser.add_argument(f"--{name}", default=argparse.SUPPRESS)
  try:
    known, _ = parser.parse_known_args(arguments)
  except argparse.ArgumentError as e:
    raise errors.UserError(re.sub(r"^argument ", "", str(e))) from e
  return vars(known)


def _chosen(arguments):
  return chosen(arguments, "algorithm", "dataset", "generator", "discriminator")
