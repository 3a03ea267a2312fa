"""An experiment as a value: every choice that makes a run, from which its corpus and networks are built."""

import dataclasses
import difflib
import os
import pathlib
import platform
import types
import typing
from typing import Any
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import tf_textgan
from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.algorithms import base
from tf_textgan.data import load as data
from tf_textgan.data import word_vectors
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import ensemble
from tf_textgan.generators import base as generator_base
from tf_textgan.training import checkpoints as checkpoints_lib
from tf_textgan.training import loop

# What stands in place of the name of a part that Python code hands over: see `runs.given`.
GIVEN = "given"

# What the flags of a part begin with.
PREFIXES = {"generator": "generator_", "discriminator": "discriminator_"}


@dataclasses.dataclass(frozen=True)
class Choices:
  """What to train, on what, and where."""

  # How to train; a file of tf_textgan/algorithms, or a module of your own, my_package.my_module.
  algorithm: str = "seqgan"
  # What to learn; a file of tf_textgan/data/datasets, any dataset registered in TFDS, the folder of a prepared TFDS dataset
  # (/path/to/my_dataset/1.0.0), or a module of your own, my_package.my_module.
  dataset: str = "caption_grammar"
  # Folder of the run. The same command goes on with a run that was stopped.
  workdir: str = "runs/default"
  # Network that generates; a file of tf_textgan/generators, or a module of your own. Empty for the algorithm's own.
  generator: str = ""
  # Network that scores; a file of tf_textgan/discriminators, or a module of your own. Empty for the algorithm's own.
  discriminator: str = ""
  # Discriminators of that kind that learn side by side; the mean of their scores counts.
  ensemble: int = 1
  # Folder of prepared datasets; empty for TFDS's own, ~/tensorflow_datasets.
  data_dir: str = ""
  # Functions of your own that reward sentences, my_package.my_module:function each: of a list of strings, giving as many numbers, which are added to
  # the discriminator's reward in every policy gradient, and to its score in guided sampling.
  reward: tuple[str, ...] = ()
  # Weights of --reward, one for each; 1 each without.
  reward_weight: tuple[float, ...] = ()
  # Modules of your own to import first, separated by commas, such as one with a TFDS builder that --dataset then names.
  imports: str = ""
  # Folder of a run whose generator, at its best checkpoint, is the one this run begins with; its vocabulary and length of sequences come with it.
  # The generator's flags must be those of that run. With --mle_steps=0 it takes the place of the maximum-likelihood phase.
  pretrained: str = ""
  # With --pretrained: temperature of that generator which this run's begins with as its own 1. The one at which held-out text is most probable
  # (evaluate.py --sweep --split validation) makes a fair beginning: what an adversary brings is then more than a temperature would.
  pretrained_temperature: float = 1.0
  # Folder of a run on the same corpus whose discriminator, at its latest checkpoint, is the one this run begins with. The discriminator's flags must
  # be those of that run. With --discriminator_steps=0 it takes the place of the discriminator phase, so that one is trained for many runs.
  pretrained_discriminator: str = ""
  # With --algorithm mle: file of further sentences to learn, one on a line, such as generate.py has written, perhaps with several runs or a
  # discriminator to guide it. They do not count as real: vocabulary, evaluations and the other splits are those of the dataset.
  synthetic_file: str = ""
  # File of word vectors in GloVe's text format, for networks whose pretrained_size is above 0.
  embedding_file: str = ""
  # Arithmetic of the networks: "float32", or "mixed_bfloat16" with float32 weights.
  precision: Literal["float32", "mixed_bfloat16"] = "float32"
  # The same result in every run on the same machine; somewhat slower on a GPU.
  deterministic: bool = True
  # Rounds to profile for TensorBoard, after the first ten of the run; 0 for none.
  profile_rounds: int = 0
  # Write a SavedModel at the end.
  export: bool = True
  # Version of the SavedModel, above 0: it is written to export/VERSION, beside the other versions, as TensorFlow Serving expects it; 0 writes it to
  # export itself.
  export_version: int = 0

  def __post_init__(self):
    checks.at_least(self, 0, "profile_rounds", "export_version")
    checks.at_least(self, 1, "ensemble")
    checks.above_zero(self, "pretrained_temperature")

  @classmethod
  def from_json(cls, values):
    """The choices in an experiment's `to_json`; imports nothing. Raises as `Experiment.from_json`."""
    return _from_dict(cls, values)


@dataclasses.dataclass(frozen=True)
class Experiment:
  """All settings. The last four are `Config`s of the modules that `choices` names; None for a discriminator that is not there."""

  choices: Choices
  schedule: base.Schedule
  loop: loop.Config
  algorithm: Any
  dataset: Any
  generator: Any
  discriminator: Any

  def to_json(self):
    """A dictionary that JSON can hold."""
    return {field.name: _as_dict(getattr(self, field.name)) for field in dataclasses.fields(self)}

  @classmethod
  def from_json(cls, values):
    """The experiment that `to_json` described. It imports the user's modules that are named there: see `modules_named`.

    Raises:
      UserError: a setting is unknown here: the run is of another version.
    """
    choices = Choices.from_json(values["choices"])
    classes = config_classes(choices)
    parts = {name: _from_dict(classes[name], values[name]) if classes[name] else None for name in classes}
    return cls(choices, **parts)


def make(**settings: Any) -> Experiment:
  """An experiment from settings that have the names of `train.py`'s flags.

  Args:
    **settings: such as `algorithm="gsgan"`, `mle_steps=10`, `generator_hidden_size=32`, `workdir=path`; all others have their defaults.

  Raises:
    UserError: there is no setting of a name, or a value is of the wrong type or out of range.
  """
  own = {field.name for field in dataclasses.fields(Choices)}
  choices = Choices(**{name: _converted(Choices, name, name, settings[name]) for name in own & settings.keys()})
  parts, known = {}, set(own)
  classes = config_classes(choices)
  defaults = dict(zip(("generator", "discriminator"), default_networks(choices)))
  for part, cls in classes.items():
    flags = {PREFIXES.get(part, "") + field.name: field.name for field in dataclasses.fields(cls)} if cls else {}
    known |= flags.keys()
    values = {name: _converted(cls, name, flag, settings[flag]) for flag, name in flags.items() if flag in settings}
    parts[part] = dataclasses.replace(defaults.get(part) or cls(), **values) if cls else None
  for name in settings.keys() - known:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise errors.UserError(f"unknown setting {name}{hint}; there are: {', '.join(sorted(known))}")
  return Experiment(choices, **parts)


def _converted(cls, name, flag, value):
  """A setting's value, as a field of a `Config` holds it; a `UserError` if it is of another type."""
  hint = typing.get_type_hints(cls)[name]
  allowed = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
  if isinstance(value, os.PathLike):
    value = os.fspath(value)
  elif isinstance(value, list):
    value = tuple(value)
  elif isinstance(value, np.generic):
    value = value.item()
  if typing.get_origin(hint) is Literal:
    if value not in typing.get_args(hint):
      raise errors.UserError(f"{flag} is {value!r}; expected one of {', '.join(map(repr, typing.get_args(hint)))}")
    return value
  if float in allowed and type(value) is int:
    return float(value)
  if type(value) not in {typing.get_origin(kind) or kind for kind in allowed}:
    raise errors.UserError(f"{flag} is {value!r}; expected {' or '.join(getattr(kind, '__name__', str(kind)) for kind in allowed)}")
  return value


def modules_named(values):
  """The code from outside the library that the values of `to_json` name: a list of modules, and of the functions `module:function` of rewards."""
  choices, dataset = values.get("choices") or {}, values.get("dataset") or {}
  named = [*(choices.get(name) for name in ("algorithm", "dataset", "generator", "discriminator")), dataset.get("tokenizer")]
  parts = [name for name in named if name and registry.is_outside(name)]
  return [*_split(choices.get("imports") or ""), *(choices.get("reward") or ()), *parts]


def import_all(imports):
  """Imports the user's modules of a comma-separated list; raises a `UserError` if one cannot be."""
  for name in _split(imports):
    registry.import_module(name)


def config_classes(choices):
  """The `Config` class of each part of an experiment but the choices; None for a discriminator that is not there.

  Raises:
    UserError: a choice names something that is not there, or a user's part has a setting of a name that is taken.
  """
  import_all(choices.imports)
  names = {"algorithm": choices.algorithm, **network_names(choices)}
  classes = {
    "schedule": base.Schedule,
    "loop": loop.Config,
    "algorithm": None,
    "dataset": data.config_class(choices.dataset),
    "generator": None,
    "discriminator": None,
  }
  for kind, name in names.items():
    if name and name != GIVEN:
      classes[kind] = registry.load(f"tf_textgan.{kind}s", name).Config
  _check_names(classes)
  return classes


def _check_names(classes):
  """Raises a `UserError` if two parts have a setting of the same flag."""
  owners = {field.name: Choices for field in dataclasses.fields(Choices)}
  for part, cls in classes.items():
    for field in dataclasses.fields(cls) if cls else ():
      flag = PREFIXES.get(part, "") + field.name
      if flag in owners:
        raise errors.UserError(
          f"{cls.__module__}.Config has a setting {field.name}, but --{flag} is a setting of {owners[flag].__module__} already; expected another name"
        )
      owners[flag] = cls


def network_names(choices):
  """The names of the generator and the discriminator, by kind: the chosen ones, or the algorithm's own; empty for no discriminator.

  Raises:
    UserError: there is no such algorithm, or a discriminator is chosen for one that trains none.
  """
  if choices.algorithm == GIVEN:  # It has no networks of its own.
    return {"generator": choices.generator, "discriminator": choices.discriminator}
  algorithm = registry.load("tf_textgan.algorithms", choices.algorithm)
  if choices.discriminator and not algorithm.DISCRIMINATOR:
    raise errors.UserError(f"--algorithm {choices.algorithm} trains no discriminator, but --discriminator is {choices.discriminator!r}")
  own = algorithm.DISCRIMINATOR[0] if algorithm.DISCRIMINATOR else ""
  return {"generator": choices.generator or algorithm.GENERATOR[0], "discriminator": choices.discriminator or own}


def default_networks(choices):
  """The algorithm's own `Config`s for the generator and the discriminator, each None where `choices` names another network."""
  if choices.algorithm == GIVEN:
    return [None, None]
  algorithm = registry.load("tf_textgan.algorithms", choices.algorithm)
  own = [algorithm.GENERATOR, algorithm.DISCRIMINATOR or ("", None)]
  return [config if chosen in ("", name) else None for chosen, (name, config) in zip((choices.generator, choices.discriminator), own)]


def load_corpus(experiment, tokenizer=None, length=None):
  """Prepares the corpus; with a saved vocabulary and length it is encoded as it was then. One from Python code is kept in the run's folder."""
  choices = experiment.choices
  place = choices.workdir if choices.dataset == GIVEN else choices.data_dir or None
  return data.load(choices.dataset, experiment.dataset, place, tokenizer, length)


def build(experiment, spec, tokenizer=None, given=None):
  """Makes the networks and their algorithm, initialised from the experiment's seed.

  Args:
    experiment: `Experiment`.
    spec: `sequences.Spec` of the corpus. An algorithm whose module does not say `CATEGORIES = True` is given it without its categories.
    tokenizer: see `data.tokenizers`, for the word vectors; None where a checkpoint will be restored, which has them and the generator's weights.
    given: kind to function, the parts that Python code hands over: see `runs.given`.

  Returns:
    `algorithms.base.Algorithm`.

  Raises:
    UserError: the algorithm cannot train this generator or this discriminator, the generator cannot be conditioned on a category, the word vectors
      are wrong, or the pretrained generator is another.
  """
  choices, seed = experiment.choices, experiment.loop.seed
  # The process-wide policy only while the layers are made: a library should leave no trace.
  before = keras.config.dtype_policy()
  keras.config.set_dtype_policy(choices.precision)
  try:
    module = None if choices.algorithm == GIVEN else registry.load("tf_textgan.algorithms", choices.algorithm)
    if not getattr(module, "CATEGORIES", False):
      spec = dataclasses.replace(spec, categories=())
    name, discriminator_name = network_names(choices).values()
    given = given or {}
    generator = _maker("generator", name, given)(spec, experiment.generator, seed)
    discriminator = None
    if discriminator_name:
      discriminator = ensemble.make(_maker("discriminator", discriminator_name, given), spec, experiment.discriminator, seed, choices.ensemble)
    elif choices.ensemble > 1:
      raise errors.UserError(f"--algorithm {choices.algorithm} trains no discriminator, but --ensemble is {choices.ensemble}")
    if module and not isinstance(generator, module.GENERATOR_KIND):
      needed = f"the generator {module.GENERATOR[0]}, not {name}"
      if module.GENERATOR_KIND is generator_base.Autoregressive:
        needed = f"a generator that writes token by token, which {name} does not"
      raise errors.UserError(f"--algorithm {choices.algorithm} needs {needed}")
    discriminator_base.require(discriminator, getattr(module, "DISCRIMINATOR_KIND", ()), f"--algorithm {choices.algorithm}")
    networks = {"generator": generator} | ({"discriminator": discriminator} if discriminator is not None else {})
    if tokenizer is not None:
      _assign_word_vectors(choices.embedding_file, tokenizer, generator, *getattr(discriminator, "members", [discriminator]))
      if choices.pretrained:
        generator.attach(networks)  # Before the algorithm copies the generator.
        _restore(generator, "generator", "best", "--pretrained", choices.pretrained)
      if choices.pretrained_temperature != 1.0:
        if not choices.pretrained or not isinstance(generator, generator_base.Autoregressive):
          raise errors.UserError("--pretrained_temperature is for a generator of --pretrained that writes token by token")
        generator.divide_logits(choices.pretrained_temperature)
      if choices.pretrained_discriminator:
        _restore_discriminator(choices, networks, tokenizer)
    if choices.pretrained_discriminator:
      discriminator.begun = True  # In a run that goes on as well.
    make = given["algorithm"] if module is None else module.Algorithm
    return make(experiment.algorithm, networks, seed)
  finally:
    keras.config.set_dtype_policy(before)


def _maker(kind, name, given):
  """A function of a spec, a `Config` and a seed that makes a network."""
  return given[kind] if kind in given else getattr(registry.load(f"tf_textgan.{kind}s", name), kind.capitalize())


def _restore_discriminator(choices, networks, tokenizer):
  """Gives the discriminator the weights of the one in `choices.pretrained_discriminator`."""
  folder = pathlib.Path(choices.pretrained_discriminator)
  discriminator = networks.get("discriminator")
  if discriminator is None:
    raise errors.UserError(f"--algorithm {choices.algorithm} trains no discriminator, but --pretrained_discriminator is {folder}")
  path = folder / "vocabulary.json"
  # The name first: a tokenizer that only this file names is not imported.
  if tokenizers.name_in(path) != tokenizers.name_of(type(tokenizer)) or tokenizers.load(path) != tokenizer:
    raise errors.UserError(f"the run in {folder} has another vocabulary; expected a discriminator of the same corpus")
  discriminator.attach(networks)  # One that has its sizes from the generator makes its variables here.
  _restore(discriminator, "discriminator", "latest", "--pretrained_discriminator", folder)


def _restore(network, name, checkpoint, flag, folder):
  """Gives a network the weights that a run in `folder`, which `flag` names, has saved of its own: of its "best" or "latest" state."""
  checkpoints = checkpoints_lib.Checkpoints(pathlib.Path(folder) / "checkpoints")
  if checkpoints.restore(base.variables_of(network, name), checkpoint, part=f"{name}/") is None:
    raise errors.UserError(f"{flag} {folder} has no {checkpoint} checkpoint yet: train.py writes one at an evaluation")


def _assign_word_vectors(path, tokenizer, *networks):
  """Fills the networks' `pretrained` variables, if they have any."""
  variables = [variable for network in networks if (variable := getattr(network, "pretrained", None)) is not None]
  if bool(path) != bool(variables):
    raise errors.UserError(
      f"--embedding_file is {path!r}, but {'no' if path else 'a'} network has a pretrained_size above 0; expected both or neither: "
      "see --generator_pretrained_size and --discriminator_pretrained_size"
    )
  vectors = {size: word_vectors.read(path, tokenizer, size) for size in {variable.shape[1] for variable in variables}}
  for variable in variables:
    variable.assign(vectors[variable.shape[1]])


def versions():
  """Versions of what a result depends on."""
  packages = {"tf_textgan": tf_textgan, "tensorflow": tf, "keras": keras, "tensorflow_datasets": tfds, "numpy": np}
  return {"python": platform.python_version(), **{name: package.__version__ for name, package in packages.items()}}


def _as_dict(config):
  return dataclasses.asdict(config) if config is not None else None


def _split(imports):
  return [name.strip() for name in imports.split(",") if name.strip()]


def _from_dict(cls, values):
  known = {field.name for field in dataclasses.fields(cls)}
  unknown = sorted(set(values) - known)
  if unknown:
    raise errors.UserError(f"the run's config.json has settings that this version does not know: {', '.join(unknown)}")
  # JSON has no tuples.
  return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
