"""Command-line flags made from `Config` dataclasses: each field becomes a flag, its comment the help.

Flags of networks have a prefix, `--generator_hidden_size`, `--discriminator_dropout`; all others have the field's name. `--flagfile FILE` inserts
flags from a file, one on a line; later flags override it.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import difflib
import os
import re
from typing import Any
from typing import NamedTuple

import simple_parsing

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import presets
from tf_textgan import registry
from tf_textgan.commands import recipes
from tf_textgan.data import tfds_text
from tf_textgan.generators import guided
from tf_textgan.runs import experiment as experiment_lib
from tf_textgan.sampling import estimators


class Rule(NamedTuple):
  """Says when some flags have no effect.

  Attributes:
    names: the flags' names.
    used: function of the parsed command line: whether they have an effect.
    purpose: what they are for and what was expected, the end of a sentence that begins with a flag.
  """

  names: tuple[str, ...]
  used: Callable[[Any], bool]
  purpose: str


def _has_phase(name: str) -> Callable[[experiment_lib.Experiment], bool]:
  """Whether an experiment's algorithm uses a length of the schedule, or the length is 0."""

  def used(experiment):
    scheduled = registry.load("tf_textgan.algorithms", experiment.choices.algorithm).Algorithm.scheduled
    return name in scheduled or getattr(experiment.schedule, name) == 0

  return used


def _setting(name: str, used: Callable[[Any], bool]) -> Callable[[experiment_lib.Experiment], bool]:
  """Whether another setting of the algorithm, if it has one of that name, gives a flag an effect."""
  return lambda experiment: not hasattr(experiment.algorithm, name) or used(getattr(experiment.algorithm, name))


def _has_schedule(*kinds: str) -> Callable[[experiment_lib.Experiment], bool]:
  """Whether an experiment's learning rates have one of these schedules."""
  return lambda experiment: experiment.rates.learning_rate_schedule in kinds


def _mixes_by_share(experiment: experiment_lib.Experiment) -> bool:
  """Whether own rewards and the discriminator's are mixed by their shares."""
  choices = experiment.choices
  default = registry.load("tf_textgan.algorithms", choices.algorithm).Algorithm.adversary_share
  return choices.reward_mix == "mean" or choices.reward_mix == "default" and default is not None


def _chooses_tokenizer(experiment: experiment_lib.Experiment) -> bool:
  """Whether an experiment's networks leave the choice of the tokenizer, or it is a preset's."""
  choices = experiment.choices
  return presets.MODULE not in (choices.generator, choices.discriminator) or presets.named_in(experiment.dataset.tokenizer)


# Of `train.py`; the parsed command line is an experiment.
_TRAINING = (
  *(
    Rule((name,), _has_phase(name), "is the length of a phase that this --algorithm does not have; expected 0, or no such flag")
    for name in ("mle_steps", "discriminator_steps", "adversarial_steps")
  ),
  Rule(("scheduled_optimizers",), _has_schedule("warmup", "cosine", "step"), "is for learning rates that change; expected --learning_rate_schedule"),
  Rule(("warmup_steps",), _has_schedule("warmup", "cosine"), "is for --learning_rate_schedule warmup or cosine"),
  Rule(("decay_steps", "decay_factor"), _has_schedule("cosine", "step"), "is for --learning_rate_schedule cosine or step"),
  Rule(("tokenizer",), _chooses_tokenizer, "is for other networks: those of keras_hub have their preset's; expected no such flag"),
  Rule(("export_version",), lambda e: e.choices.export, "is for the SavedModel; expected --export true"),
  Rule(
    ("data_dir",), lambda e: not tfds_text.is_path(e.choices.dataset), "is for datasets to prepare, but --dataset is the folder of a prepared one"
  ),
  Rule(("reward_weight", "reward_mix", "reward_repeats", "adversary_share"), lambda e: e.choices.reward, "is for own rewards; expected --reward"),
  Rule(("adversary_share",), _mixes_by_share, "is for --reward_mix mean"),
  Rule(("clip_ratio",), _setting("policy_updates", lambda x: x > 1), "is for several updates on the same samples; expected --policy_updates above 1"),
  Rule(("control_learning_rate",), _setting("estimator", lambda x: x in estimators.CONTROLLED), "is for the --estimator rebar or relax"),
  Rule(
    ("max_temperature", "min_temperature"),
    _setting("estimator", lambda x: x in estimators.RELAXED),
    f"is for a relaxed --estimator: {', '.join(estimators.RELAXED)}",
  ),
  Rule(("penalty_weight",), _setting("loss", lambda x: x == "wasserstein"), "is for --loss wasserstein"),
  Rule(
    ("schedule_steps", "temperature_step"),
    _setting("temperature_schedule", lambda x: x != "constant"),
    "is for a temperature that changes, but --temperature_schedule is constant",
  ),
  Rule(("continuations",), _setting("mixed", bool), "is for mixed training; expected --mixed true"),
  Rule(("search_every",), _setting("decoding", lambda x: x == "search"), "is for --decoding search"),
  Rule(("joint_warmup",), lambda e: e.schedule.mle_steps > 0, "is for rounds of maximum likelihood; expected --mle_steps above 0"),
  Rule(("demonstration_advantage",), _setting("demonstration_share", lambda x: x > 0), "is for a --demonstration_share above 0"),
  Rule(("replay_size",), _setting("replay_share", lambda x: x > 0), "is for a --replay_share above 0"),
  Rule(("exploration_temperature",), _setting("exploration_share", lambda x: x > 0), "is for an --exploration_share above 0"),
  Rule(("exploration_nucleus",), _setting("exploration_share", lambda x: x < 1), "is for an --exploration_share below 1"),
  Rule(("frequencies",), _setting("real_side", lambda x: x == "all"), "is for --real_side all"),
)

# Of `guided.Config`, for every command that has it as `guide`.
GUIDING = (
  *(
    Rule((field.name,), lambda p: p.guide.guide != "none", "is for guided sampling; expected --guide")
    for field in dataclasses.fields(guided.Config)
    if field.name != "guide"
  ),
  Rule(("search_every",), lambda p: p.guide.guide == "search", "is for --guide search"),
  Rule(("rejection_percentile",), lambda p: p.guide.guide == "rejection", "is for --guide rejection"),
)

# Values that ask for nothing.
_OFF = ("", "false", "none")


def check_used(arguments: Iterable[str], parsed: Any, rules: Iterable[Rule]) -> None:
  """Raises a `UserError` for a flag that would have no effect.

  Args:
    arguments: of the command line, flagfiles expanded. A flag without a value, or with the value false or none, is allowed.
    parsed: what the arguments were parsed into, for the rules.
    rules: of the command.
  """
  arguments = list(arguments)
  given = {}
  for argument, following in zip(arguments, [*arguments[1:], "--"]):
    if argument.startswith("--"):
      name, equals, value = argument[2:].partition("=")
      given[name] = value if equals else "true" if following.startswith("--") else following
  for rule in rules:
    for name in rule.names:
      if name in given and given[name].lower() not in _OFF and not rule.used(parsed):
        raise errors.UserError(f"--{name} {rule.purpose}")


class Parser(simple_parsing.ArgumentParser):
  """An argument parser that raises `UserError`s and accepts no abbreviated flags."""

  def __init__(self, *args, **kwargs):
    super().__init__(*args, allow_abbrev=False, formatter_class=simple_parsing.SimpleHelpFormatter, **kwargs)
    self.add_argument("--flagfile", metavar="FILE", help="Read flags from a file, one on a line; later flags override them.")

  def error(self, message):
    raise errors.UserError(re.sub(r"^argument ", "", message))


def recipe_for(arguments: Sequence[str]) -> str | None:
  """The recipe whose flags come before those of a command line of `train.py`, for `recipes.find`.

  It is the quickstart if the arguments choose no algorithm, dataset or networks, and the algorithm's short one if they choose the algorithm alone,
  without a flagfile or a pretrained run, whose settings it would change. Raises as `parse`.
  """
  expanded = expand_flagfiles(arguments)
  found = _chosen(expanded)
  if not found:
    return "recipes/quickstart.flags"
  if [*found] != ["algorithm"] or expanded != [*arguments] or chosen(expanded, "pretrained", "pretrained_discriminator"):
    return None
  return recipes.short(found["algorithm"])


def parse(argv: Sequence[str], description: str, recipe: str | os.PathLike | None = None) -> experiment_lib.Experiment:
  """Parses the command line of `train.py` into an experiment.

  Args:
    argv: the program's name and its arguments.
    description: first line of `--help`.
    recipe: path of a flagfile to insert first, see `recipe_for`; None for none.

  Raises:
    UserError: a flag or value is unknown; the message lists the allowed ones.
  """
  program, *arguments = argv
  arguments = _split_presets(expand_flagfiles([f"--flagfile={recipe}", *arguments] if recipe else arguments))
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
  experiment = experiment_lib.Experiment(choices=parsed.choices, **parts)
  check_used(arguments, experiment, _TRAINING)
  return experiment


def parse_options(argv: Sequence[str], cls: type, description: str) -> Any:
  """Parses a command line into an instance of one options dataclass; raises as `parse`."""
  return parse_parts(argv, {"options": cls}, description).options


def parse_parts(
  argv: Sequence[str],
  classes: Mapping[str, type],
  description: str,
  prefixes: Mapping[str, str] | None = None,
  rules: Iterable[Rule] = (),
) -> Any:
  """Parses a command line into instances of several dataclasses, whose fields have different names.

  Args:
    argv: the program's name and its arguments.
    classes: name to dataclass.
    description: first line of `--help`.
    prefixes: name to the prefix of its flags; None for no prefixes.
    rules: when flags would have no effect, which is refused; functions of the result.

  Returns:
    An object with an attribute for each name; raises as `parse`.
  """
  parser = Parser(prog=argv[0], description=description, add_config_path_arg=False)
  for name, cls in classes.items():
    parser.add_arguments(cls, dest=name, prefix=(prefixes or {}).get(name, ""))
  arguments = expand_flagfiles(argv[1:])
  parsed = parse_all(parser, arguments)
  check_used(arguments, parsed, rules)
  return parsed


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

  `recipes/NAME` is a recipe in every folder, see `recipes.find`.

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
    path = recipes.find(os.path.expanduser(path.strip()))
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


def _split_presets(arguments):
  """The arguments with the names of presets as flags of their own, see `experiment.split_presets`: later ones override them."""
  found = chosen(arguments, *experiment_lib.PREFIXES)
  split = experiment_lib.split_presets(found)
  before = [f"--{name}={value}" for name, value in split.items() if name not in found]
  return [*before, *arguments, *(f"--{name}={split[name]}" for name in found if split[name] != found[name])]


def _chosen(arguments):
  return chosen(arguments, "algorithm", "dataset", "generator", "discriminator")
