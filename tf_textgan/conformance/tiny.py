"""The parts that the laws are checked for, and tiny algorithms, networks and batches."""

from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import dataclasses
import typing
from typing import Any

import keras
import numpy as np

from tf_textgan import errors
from tf_textgan import presets
from tf_textgan import registry
from tf_textgan import sequences
from tf_textgan.algorithms import base
from tf_textgan.data import load as datasets
from tf_textgan.runs import rewards

# The library's own parts, unless `select` names others.
ALGORITHMS = registry.names("tf_textgan.algorithms")
GENERATORS = registry.names("tf_textgan.generators")
DISCRIMINATORS = registry.names("tf_textgan.discriminators")
TOKENIZERS = registry.names("tf_textgan.data.tokenizers")
# Those that need neither a file nor a download.
DATASETS = ["caption_grammar", "lstm_oracle"]
ENCODERS = ["hashed"]
REWARDS = []

# By kind: the list, and what is only in a module of the kind.
_KINDS = {
  "algorithms": (ALGORITHMS, "Algorithm"),
  "generators": (GENERATORS, "Generator"),
  "discriminators": (DISCRIMINATORS, "Discriminator"),
  "data.tokenizers": (TOKENIZERS, "Tokenizer"),
  "data.datasets": (DATASETS, "load"),
  "encoders": (ENCODERS, "Encoder"),
}


@contextlib.contextmanager
def half_precision() -> Iterator[None]:
  """Networks made inside compute in bfloat16, as with `--precision mixed_bfloat16`."""
  before = keras.config.dtype_policy()
  keras.config.set_dtype_policy("mixed_bfloat16")
  try:
    yield
  finally:
    keras.config.set_dtype_policy(before)


def select(names: Iterable[str]) -> None:
  """Replaces the library's parts by others; must be called before the laws are imported.

  Args:
    names: full names of modules, the user's or the library's; a reward is `my_package.my_module:function`, and an encoder with an argument
      `my_package.my_module:ARGUMENT`.

  Raises:
    UserError: a module cannot be imported, defines no part, or lacks the function.
  """
  chosen = {kind: [] for kind in _KINDS}
  functions = []
  for name in names:
    module_name, _, rest = name.partition(":")
    module = registry.import_module(module_name)
    if rest and not hasattr(module, "Encoder"):
      rewards.function(name)
      functions.append(name)
      continue
    kinds = ["encoders"] if rest else [kind for kind, (_, part) in _KINDS.items() if hasattr(module, part)]
    if not kinds:
      parts = ", ".join(part for _, part in _KINDS.values())
      raise errors.UserError(f"{name} has none of {parts}; a reward is named my_package.my_module:function")
    for kind in kinds:
      package = f"tf_textgan.{kind}"
      registry.load(package, module_name.removeprefix(f"{package}."))
      chosen[kind].append(name.removeprefix(f"{package}."))
  for kind, (found, _) in _KINDS.items():
    found[:] = chosen[kind]
  REWARDS[:] = functions


SPECS = {
  "text": sequences.Spec(vocab_size=9, length=6, start_token=1, end_token=2, forbidden_tokens=(0, 1)),
  "fixed": sequences.Spec(vocab_size=9, length=6, start_token=0),
}
LABELLED_SPEC = dataclasses.replace(SPECS["text"], categories=("a", "b", "c"))

PAIR_SPEC = dataclasses.replace(SPECS["text"], source_length=5)

# Small values of fields that are sizes, by name.
_SMALL = {
  "channels": 8, "blocks": 1, "widths": (1, 2), "filters": (4, 4), "rollouts": 2, "heads": 2, "head_size": 4, "slots": 2,
  "temperature_step": 0, "evaluation_batches": 1, "losses": ("relativistic",), "candidates": 3, "search_every": 2,
  "prior_sizes": (8, 8), "prior_blocks": 2, "critic_sizes": (8, 8), "critic_blocks": 2,
}  # fmt: skip


def shrink(config: Any) -> Any:
  """A copy of a `Config` with small sizes; other fields are unchanged."""
  changes = {}
  for field in dataclasses.fields(config):
    value = getattr(config, field.name)
    if field.name == "layers":
      changes[field.name] = min(value, 2)
    elif field.name in _SMALL:
      changes[field.name] = _SMALL[field.name]
    elif field.name.endswith("_size") and isinstance(value, int) and value > 4:
      changes[field.name] = 8 if field.name != "latent_size" else 4
  return dataclasses.replace(config, **changes)


def network(kind: str, name: str, config: Any, spec: sequences.Spec, seed: int = 0) -> Any:
  """Makes a tiny "generator" or "discriminator" (the kind), attached to a tiny network of the other kind; config None for the default."""
  made = _network(kind, name, config, spec, seed)
  other = ("discriminator", "recurrent" if spec.source_length else "cnn_highway") if kind == "generator" else ("generator", "lstm")
  made.attach({kind: made, other[0]: _network(*other, None, spec)})
  return made


def _network(kind, name, config, spec, seed=0):
  module, preset = registry.load(f"tf_textgan.{kind}s", name), presets.named_in(name)
  config = config or module.Config(**({"preset": preset} if preset else {}))
  return getattr(module, kind.capitalize())(spec, shrink(config), seed)


def algorithm(name: str, spec: sequences.Spec, seed: int = 0, discriminator: Any = None, **changes: Any) -> base.Algorithm:
  """Makes an algorithm with its default networks made tiny.

  Args:
    name: the algorithm's name.
    spec: see `sequences.Spec`.
    seed: integer seed of the networks and the algorithm.
    discriminator: name of another discriminator, or a pair of name and `Config`; None for the default.
    **changes: settings of the algorithm.
  """
  module = registry.load("tf_textgan.algorithms", name)
  networks = {"generator": _network("generator", *module.GENERATOR, spec, seed)}
  chosen = module.DISCRIMINATOR if discriminator is None else (discriminator, None) if isinstance(discriminator, str) else discriminator
  if chosen:
    networks["discriminator"] = _network("discriminator", *chosen, spec, seed)
  return module.Algorithm(dataclasses.replace(shrink(module.Config()), **changes), networks, seed)


def updates(algorithm: base.Algorithm) -> dict[str, base.Update]:
  """An algorithm's updates by name."""
  return {update.name: update for phase in algorithm.phases(base.Schedule()) for update in phase.updates}


def batch(spec: sequences.Spec, num: int, seed: int = 0) -> np.ndarray:
  """Random real sequences, int32 `[num, T]`: of all lengths and padded if the spec has an end token."""
  random = np.random.default_rng(seed)
  if spec.end_token is None:
    return random.integers(0, spec.vocab_size, [num, spec.length]).astype(np.int32)
  tokens = random.integers(3, spec.vocab_size, [num, spec.length]).astype(np.int32)
  for row, length in zip(tokens, random.permutation(np.arange(num) % spec.length)):
    row[length] = spec.end_token
    row[length + 1 :] = sequences.PAD
  return tokens


def labelled_batch(num: int, seed: int = 0) -> sequences.Batch:
  """Random labelled sequences of `LABELLED_SPEC`, as arrays."""
  categories = np.random.default_rng([seed, 1]).integers(0, len(LABELLED_SPEC.categories), num)
  return sequences.Batch(batch(LABELLED_SPEC, num, seed), categories.astype(np.int32))


def pair_batch(num: int, seed: int = 0) -> sequences.Batch:
  """Random pairs of `PAIR_SPEC`, as arrays."""
  sources = batch(dataclasses.replace(PAIR_SPEC, length=PAIR_SPEC.source_length), num, seed + 1000)
  return sequences.Batch(batch(PAIR_SPEC, num, seed), sources)


def dataset_config(name: str) -> Any:
  """The default `Config` of a dataset; the library's own are small."""
  config = datasets.config_class(name)()
  if registry.is_outside(name):
    return config
  return dataclasses.replace(config, **{field.name: 60 for field in dataclasses.fields(config) if field.name.startswith("num_")})


def choices(config_class: type) -> dict[str, tuple[Any, ...]]:
  """Fields of a `Config` with a fixed set of values: name to values."""
  hints = typing.get_type_hints(config_class)
  return {name: typing.get_args(hint) for name, hint in hints.items() if typing.get_origin(hint) is typing.Literal}
