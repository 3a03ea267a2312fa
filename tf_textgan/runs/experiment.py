"""An experiment as a value: all settings of a run, from which its corpus and networks are built."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import difflib
import pathlib
import platform
import re
from typing import Any
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import tf_textgan
from tf_textgan import checks
from tf_textgan import errors
from tf_textgan import presets
from tf_textgan import registry
from tf_textgan import schema
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.data import corpus as corpus_lib
from tf_textgan.data import load as data
from tf_textgan.data import word_vectors
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.data.tokenizers import keras_hub
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import ensemble
from tf_textgan.generators import base as generator_base
from tf_textgan.training import checkpoints as checkpoints_lib
from tf_textgan.training import learning_rates
from tf_textgan.training import loop

# The name of a part passed from Python: see `runs.given`.
GIVEN = "given"

# Prefixes of the networks' flags.
PREFIXES = {"generator": "generator_", "discriminator": "discriminator_"}


@dataclasses.dataclass(frozen=True)
class Choices:
  """Algorithm, corpus, networks, folders and precision."""

  # Training algorithm: a file of tf_textgan/algorithms, or a module of your own, my_package.my_module.
  algorithm: str = "seqgan"
  # Corpus: a file of tf_textgan/data/datasets, any dataset registered in TFDS, the folder of a prepared TFDS dataset
  # (/path/to/my_dataset/1.0.0), or a module of your own, my_package.my_module.
  dataset: str = "caption_grammar"
  # Folder of the run. Running the same command again resumes a stopped run.
  workdir: str = "runs/default"
  # Generator: a file of tf_textgan/generators, a pretrained model, keras_hub:PRESET_OR_FOLDER, or a module of your own. Empty for the algorithm's
  # default.
  generator: str = ""
  # Discriminator: a file of tf_textgan/discriminators, a pretrained model, keras_hub:PRESET_OR_FOLDER, or a module of your own. Empty for the
  # algorithm's default.
  discriminator: str = ""
  # Number of discriminators to train side by side; their mean score is used.
  ensemble: int = 1
  # Folder of prepared datasets; empty for TFDS's default, ~/tensorflow_datasets.
  data_dir: str = ""
  # Your own reward functions, my_package.my_module:function each: from a list of strings to a list of numbers, added to the discriminator's reward
  # in every policy gradient, and to its score in guided sampling.
  reward: tuple[str, ...] = ()
  # Weights of --reward, one for each; default 1 each.
  reward_weight: tuple[float, ...] = ()
  # How own rewards R join the discriminator's D: "sum", D + R; "mean", L D + (1 - L) R with L = adversary_share, as in ORGAN; "default", the
  # algorithm's own way: the mean in organ, the sum in all others.
  reward_mix: Literal["default", "sum", "mean"] = "default"
  # Share of the discriminator's reward in the mean (ORGAN's lambda), from 0 to 1.
  adversary_share: float = 0.5
  # Own reward of a sample that occurs several times in the batch: "keep" it, or "penalize" repeats as ORGAN does: it is divided by the number of
  # times and multiplied by the share of different samples. "default": penalized in organ, kept in all others.
  reward_repeats: Literal["default", "keep", "penalize"] = "default"
  # Modules of your own to import first, separated by commas, such as one with a TFDS builder for --dataset.
  imports: str = ""
  # Go on with a run although its data changed since it began.
  new_data: bool = False
  # Folder of a run: start from its generator at the best checkpoint, with its vocabulary, to which the new training text adds its own words, and its
  # sequence length, unless --max_length is given. The generator's flags must equal that run's. With --mle_steps=0 it replaces the maximum-likelihood
  # phase.
  pretrained: str = ""
  # With --pretrained: fold this temperature into the pretrained logits. For a fair start take the one at which held-out text is most probable
  # (evaluate.py --sweep --split validation): adversarial training must then improve on more than the temperature.
  pretrained_temperature: float = 1.0
  # Folder of a run on the same corpus, or with the vocabulary of --pretrained: start from its discriminator at the latest checkpoint. The
  # discriminator's flags must equal that run's. With --discriminator_steps=0 it replaces the discriminator phase, so that many runs share one.
  pretrained_discriminator: str = ""
  # With --algorithm mle: file of further training sentences, one on a line, such as the output of generate.py, for distillation. They do not count as
  # real: vocabulary, evaluations and the other splits come from the dataset.
  synthetic_file: str = ""
  # File of word vectors in GloVe's text format, for networks whose pretrained_size is above 0.
  embedding_file: str = ""
  # Precision of the networks' arithmetic: "float32", or "mixed_bfloat16" with float32 weights.
  precision: Literal["float32", "mixed_bfloat16"] = "float32"
  # Reproduce results exactly on the same machine; somewhat slower on a GPU.
  deterministic: bool = True
  # Begin a run anew whose checkpoints are gone, without its journal and samples. A run with checkpoints goes on as always.
  restart: bool = False
  # With several workers in TF_CONFIG: seconds to wait for the others at the start.
  coordination_timeout: float = 3600.0
  # Number of rounds to profile for TensorBoard, after the first ten; 0 for none.
  profile_rounds: int = 0
  # Print all metrics at each evaluation and at the end, not only those to read first.
  verbose: bool = False
  # At the end also sweep the best checkpoint guided by its discriminator, which chooses each sentence among 16, for the run's page.
  guided_curve: bool = False
  # Write a SavedModel at the end.
  export: bool = True
  # Version of the SavedModel: above 0 writes it to export/VERSION, beside other versions, as TensorFlow Serving expects; 0 writes it to export.
  export_version: int = 0

  def __post_init__(self):
    checks.at_least(self, 0, "profile_rounds", "export_version")
    checks.at_least(self, 1, "ensemble")
    checks.at_most(self, 100, "ensemble")
    checks.at_least(self, 0, "adversary_share")
    checks.at_most(self, 1, "adversary_share")
    checks.above_zero(self, "pretrained_temperature", "coordination_timeout")
    checks.path(self, "workdir")
    for field in dataclasses.fields(self):
      value = getattr(self, field.name)
      if isinstance(value, str) and "\0" in value:
        raise errors.UserError(f"{field.name} is {value!r}; expected a text without NUL characters")

  @classmethod
  def from_json(cls, values: dict[str, Any]) -> "Choices":
    """Reads the choices of an experiment's `to_json`; imports nothing. Raises as `Experiment.from_json`."""
    return _from_json(cls, values, "choices")


@dataclasses.dataclass(frozen=True)
class Experiment:
  """All settings. The last four are `Config`s of the modules that `choices` names; None for no discriminator, and for parts passed from Python."""

  choices: Choices
  schedule: base.Schedule
  loop: loop.Config
  rates: learning_rates.Config
  algorithm: Any
  dataset: Any
  generator: Any
  discriminator: Any

  def to_json(self) -> dict[str, Any]:
    """The settings as a dictionary of JSON values."""
    return {field.name: _as_dict(getattr(self, field.name)) for field in dataclasses.fields(self)}

  @classmethod
  def from_json(cls, values: dict[str, Any]) -> "Experiment":
    """Reads the settings of `to_json`. Imports the user's modules named there, see `modules_named`.

    Raises:
      UserError: names the part and the setting; a part or a setting is missing or unknown, has another type or is out of range.
    """
    schema.check_names(cls, values, "experiment")
    choices = Choices.from_json(values["choices"])
    parts = {}
    for name, part_class in config_classes(choices).items():
      if part_class is None and values[name] is not None:
        raise errors.UserError(f"{name} is {schema.shown(values[name])}; expected null, because the choices name no module for it")
      parts[name] = part_class and _from_json(part_class, values[name], name)
    return cls(choices, **parts)


def make(**settings: Any) -> Experiment:
  """Makes an experiment from settings named as `train.py`'s flags.

  Args:
    **settings: such as `algorithm="gsgan"`, `mle_steps=10`, `generator_hidden_size=32`, `workdir=path`; all others have their defaults.

  Raises:
    UserError: a setting is unknown, or a value has the wrong type or is out of range.
  """
  settings = split_presets(settings)
  own = {field.name for field in dataclasses.fields(Choices)}
  choices = Choices(**{name: schema.converted(Choices, name, settings[name], name) for name in own & settings.keys()})
  parts, known = {}, set(own)
  classes = config_classes(choices)
  defaults = dict(zip(("generator", "discriminator"), default_networks(choices)))
  for part, cls in classes.items():
    flags = {PREFIXES.get(part, "") + field.name: field.name for field in dataclasses.fields(cls)} if cls else {}
    known |= flags.keys()
    values = {name: schema.converted(cls, name, settings[flag], flag) for flag, name in flags.items() if flag in settings}
    parts[part] = dataclasses.replace(defaults.get(part) or cls(), **values) if cls else None
  for name in settings.keys() - known:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise errors.UserError(f"unknown setting {name}{hint}; there are: {', '.join(sorted(known))}")
  return Experiment(choices, **parts)


def split_presets(settings: Mapping[str, Any]) -> dict[str, Any]:
  """Settings in which a network keras_hub:PRESET is keras_hub, and the preset, of a folder its absolute path, a setting of its `Config`."""
  found = {kind: preset for kind in PREFIXES if isinstance(name := settings.get(kind), str) and (preset := presets.named_in(name))}
  named = {PREFIXES[kind] + "preset": preset for kind, preset in found.items()}
  return {**named, **settings, **dict.fromkeys(found, presets.MODULE)}


def with_tokenizer(experiment: Experiment) -> Experiment:
  """The experiment with the tokenizer of its networks' preset, if they are made of one.

  Raises:
    UserError: the dataset has no text, or another tokenizer; or the networks' presets have different ones.
  """
  choices = experiment.choices
  kinds = [kind for kind, name in network_names(choices).items() if name == presets.MODULE]
  names = [presets.name_of(getattr(experiment, kind).preset) for kind in kinds]
  if not names:
    return experiment
  own = getattr(experiment.dataset, "tokenizer", None)
  if own is None:
    raise errors.UserError(f"--{kinds[0]} {names[0]} has a tokenizer of its own, but --dataset {choices.dataset} has no --tokenizer; expected text")
  if own not in (type(experiment.dataset).tokenizer, *names) and presets.name_of(presets.named_in(own)) not in names:
    raise errors.UserError(f"--{kinds[0]} {names[0]} has a tokenizer of its own; expected no --tokenizer, not {own}")
  if len(set(names)) > 1 and len(set(map(keras_hub.read, names))) > 1:
    raise errors.UserError(f"--{kinds[0]} {names[0]} and --{kinds[1]} {names[1]} have different tokenizers; expected presets of one vocabulary")
  return dataclasses.replace(experiment, dataset=dataclasses.replace(experiment.dataset, tokenizer=names[0]))


def modules_named(values: dict[str, Any]) -> list[str]:
  """Names of the users' code in the values of `to_json`: modules, and reward functions as `module:function`."""
  choices, dataset = values.get("choices") or {}, values.get("dataset") or {}
  named = [*(choices.get(name) for name in ("algorithm", "dataset", "generator", "discriminator")), dataset.get("tokenizer")]
  parts = [name for name in named if isinstance(name, str) and registry.is_outside(name)]
  return [*_split(choices.get("imports") or ""), *(choices.get("reward") or ()), *parts]


def import_all(imports: str) -> None:
  """Imports a comma-separated list of user's modules; raises a `UserError` if an import fails."""
  for name in _split(imports):
    registry.import_module(name)


def config_classes(choices: Choices) -> dict[str, type | None]:
  """The `Config` class of each part of an experiment except the choices; None for no discriminator, and for parts passed from Python.

  Raises:
    UserError: a chosen name is unknown, or a setting of a user's part has a name already in use.
  """
  import_all(choices.imports)
  names = {"algorithm": choices.algorithm, **network_names(choices)}
  classes = {
    "schedule": base.Schedule,
    "loop": loop.Config,
    "rates": learning_rates.Config,
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
  """Raises a `UserError` if settings of two parts share a flag."""
  owners = {field.name: Choices for field in dataclasses.fields(Choices)}
  for part, cls in classes.items():
    for field in dataclasses.fields(cls) if cls else ():
      flag = PREFIXES.get(part, "") + field.name
      if flag in owners:
        raise errors.UserError(
          f"{cls.__module__}.Config has a setting {field.name}, but --{flag} is a setting of {owners[flag].__module__} already; expected another name"
        )
      owners[flag] = cls


def network_names(choices: Choices) -> dict[str, str]:
  """The names of the generator and the discriminator, by kind: chosen, or the algorithm's defaults; empty for no discriminator.

  Raises:
    UserError: the algorithm is unknown, or a discriminator is chosen for an algorithm without one.
  """
  if choices.algorithm == GIVEN:  # It has no default networks.
    return {"generator": choices.generator, "discriminator": choices.discriminator}
  algorithm = registry.load("tf_textgan.algorithms", choices.algorithm)
  if choices.discriminator and not algorithm.DISCRIMINATOR:
    raise errors.UserError(f"--algorithm {choices.algorithm} trains no discriminator, but --discriminator is {choices.discriminator!r}")
  own = algorithm.DISCRIMINATOR[0] if algorithm.DISCRIMINATOR else ""
  return {"generator": choices.generator or algorithm.GENERATOR[0], "discriminator": choices.discriminator or own}


def default_networks(choices: Choices) -> list[Any]:
  """The algorithm's default `Config`s of the generator and the discriminator; None for a network that `choices` replaces."""
  if choices.algorithm == GIVEN:
    return [None, None]
  algorithm = registry.load("tf_textgan.algorithms", choices.algorithm)
  own = [algorithm.GENERATOR, algorithm.DISCRIMINATOR or ("", None)]
  return [config if chosen in ("", name) else None for chosen, (name, config) in zip((choices.generator, choices.discriminator), own)]


def load_corpus(experiment: Experiment, tokenizer: tokenizers.Tokenizer | None = None, length: int | None = None) -> corpus_lib.Corpus:
  """Prepares and reads the corpus, with a saved tokenizer and length if given. A corpus from Python is read from the run's folder."""
  choices = experiment.choices
  place = choices.workdir if choices.dataset == GIVEN else choices.data_dir or None
  return data.load(choices.dataset, experiment.dataset, place, tokenizer, length)


def build(
  experiment: Experiment,
  spec: sequences.Spec,
  tokenizer: tokenizers.Tokenizer | None = None,
  given: Mapping[str, Callable[[Any, Any, int], Any]] | None = None,
) -> base.Algorithm:
  """Makes the networks and their algorithm, initialised from the experiment's seed.

  Args:
    experiment: `Experiment`.
    spec: `sequences.Spec` of the corpus. Its categories are dropped unless the algorithm's module says `CATEGORIES = True`;
      sources are only for one that says `SOURCES = True`.
    tokenizer: see `data.tokenizers`, for the word vectors; None if a checkpoint, with word vectors and weights, will be restored.
    given: kind to function, parts passed from Python: see `runs.given`.

  Raises:
    UserError: the algorithm cannot train this generator or this discriminator, the generator cannot be conditioned on a category, the word vectors
      are wrong, a pretrained network does not fit, the networks do not fit into memory, or an optimizer to schedule is not there.
  """
  choices, seed = experiment.choices, experiment.loop.seed
  # Set the process-wide policy only while layers are made, and restore it after.
  before = keras.config.dtype_policy()
  keras.config.set_dtype_policy(choices.precision)
  try:
    module = None if choices.algorithm == GIVEN else registry.load("tf_textgan.algorithms", choices.algorithm)
    if not getattr(module, "CATEGORIES", False):
      spec = dataclasses.replace(spec, categories=())
    if spec.source_length and not getattr(module, "SOURCES", False):
      package = "tf_textgan.algorithms"
      able = [name for name in registry.names(package) if getattr(registry.load(package, name), "SOURCES", False)]
      raise errors.UserError(f"--algorithm {choices.algorithm} does not learn pairs of a source and a target; expected one of: {', '.join(able)}")
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
        _restore(generator, "generator", "best", "--pretrained", choices.pretrained, tokenizer)
      if choices.pretrained_temperature != 1.0:
        if not choices.pretrained or not isinstance(generator, generator_base.Autoregressive):
          raise errors.UserError("--pretrained_temperature is for a generator of --pretrained that writes token by token")
        generator.divide_logits(choices.pretrained_temperature)
      if choices.pretrained_discriminator:
        _restore_discriminator(choices, networks, tokenizer)
    if choices.pretrained_discriminator:
      discriminator.begun = True  # In a run that goes on as well.
    make = given["algorithm"] if module is None else module.Algorithm
    algorithm = make(experiment.algorithm, networks, seed)
    learning_rates.assign(algorithm.optimizers, experiment.rates)
    return algorithm
  except (tf.errors.ResourceExhaustedError, MemoryError) as e:
    tensor = re.search(r"shape ?(\[[\d,]*\])", str(e))
    which = f", a tensor of shape {tensor[1]} among them" if tensor else ""
    raise errors.UserError(f"the networks do not fit into memory{which}; expected smaller sizes") from e
  finally:
    keras.config.set_dtype_policy(before)


def _maker(kind, name, given):
  """The function of a spec, a `Config` and a seed that makes a network."""
  return given[kind] if kind in given else getattr(registry.load(f"tf_textgan.{kind}s", name), kind.capitalize())


def _restore_discriminator(choices, networks, tokenizer):
  """Restores the discriminator's weights from the run in `choices.pretrained_discriminator`."""
  folder = pathlib.Path(choices.pretrained_discriminator)
  discriminator = networks.get("discriminator")
  if discriminator is None:
    raise errors.UserError(f"--algorithm {choices.algorithm} trains no discriminator, but --pretrained_discriminator is {folder}")
  discriminator.attach(networks)  # Makes the variables whose sizes follow the generator's.
  _restore(discriminator, "discriminator", "latest", "--pretrained_discriminator", folder, tokenizer)


def _restore(network, name, checkpoint, flag, folder, tokenizer):
  """Restores a network's weights from the "best" or "latest" checkpoint of the run in `folder`, the value of `flag`.

  The weights of tokens that are new in the vocabulary stay as they are.
  """
  folder = pathlib.Path(folder)
  path = folder / "vocabulary.json"
  # The name first: a tokenizer that only this file names is not imported.
  old = tokenizers.load(path) if tokenizers.name_in(path) == tokenizers.name_of(type(tokenizer)) else None
  if old is None or not tokenizer.extends(old):
    raise errors.UserError(
      f"the run in {folder} has another vocabulary; expected a {name} of the same corpus, or with --pretrained of that run's vocabulary"
    )
  checkpoints = checkpoints_lib.Checkpoints(folder / "checkpoints")
  variables, grown = base.variables_of(network, name), (old.size, tokenizer.size)
  if checkpoints.restore(variables, checkpoint, f"{name}/", grown, loop.RunState.from_json) is None:
    raise errors.UserError(f"{flag} {folder} has no {checkpoint} checkpoint yet: train.py writes one at an evaluation")


def pretrained_notes(choices: Choices) -> tuple[str, ...]:
  """A line on each checkpoint that `build` has taken a new run's networks from: step and phase."""
  notes = []
  for flag, which in (("pretrained", "best"), ("pretrained_discriminator", "latest")):
    if folder := getattr(choices, flag):
      # No variables: the run state alone is read.
      state = checkpoints_lib.Checkpoints(pathlib.Path(folder, "checkpoints")).restore({}, which, part="none/", read_state=loop.RunState.from_json)
      notes.append(f"--{flag} {folder}: checkpoint {which}, {state.describe(())}")
  return tuple(notes)


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


def versions() -> dict[str, str]:
  """Versions of Python and of the packages that results depend on."""
  packages = {"tf_textgan": tf_textgan, "tensorflow": tf, "keras": keras, "tensorflow_datasets": tfds, "numpy": np}
  return {"python": platform.python_version(), **{name: package.__version__ for name, package in packages.items()}}


def _as_dict(config):
  return dataclasses.asdict(config) if config is not None else None


def _split(imports):
  return [name.strip() for name in imports.split(",") if name.strip()]


def _from_json(cls, values, name):
  """Makes a dataclass from a JSON object called `name`; see `Experiment.from_json`."""
  arguments = schema.arguments(cls, values, name)
  try:
    return cls(**arguments)
  except errors.UserError as e:
    raise errors.UserError(f"{name}: {e}") from e
