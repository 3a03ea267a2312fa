"""Parts passed to a run from Python, in place of module names.

A part whose class is the `Generator`, `Discriminator` or `Algorithm` of an importable module, the library's or `my_package.my_module`, is recorded by
that module's name, and every command can load the run. Any other part, such as one from a notebook, is recorded as "given" and must be passed again
to load the run.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import functools
import sys
from typing import Any

import keras

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.algorithms import base as algorithm_base
from tf_textgan.discriminators import base as discriminator_base
from tf_textgan.discriminators import wrapped
from tf_textgan.generators import base as generator_base
from tf_textgan.runs import experiment as experiment_lib

_BASES = {"generator": generator_base.Generator, "discriminator": discriminator_base.Discriminator, "algorithm": algorithm_base.Algorithm}

# Kind to function: of a spec, a `Config` and a seed for a network; of a `Config`, networks and a seed for the algorithm.
Makers = Mapping[str, Callable[[Any, Any, int], Any]]


def resolve(
  experiment: experiment_lib.Experiment, algorithm: Any = None, generator: Any = None, discriminator: Any = None
) -> tuple[experiment_lib.Experiment, Makers]:
  """Puts parts passed from Python into an experiment.

  Args:
    experiment: `experiment.Experiment`.
    algorithm: a class that derives from `algorithms.base.Algorithm`, or a function of networks, name to network, and a seed that makes one, such as
      `functools.partial(MyAlgorithm, MyConfig())`; None for the experiment's own.
    generator: a class that derives from `generators.base.Generator`; a network; or a function of `(spec, seed)` that makes one. None for the
      experiment's own.
    discriminator: as `generator`, of `discriminators.base.Discriminator`; or any Keras model, see `discriminators.wrapped`.

  Returns:
    The experiment with the names and settings of these parts, and the functions that make them, for `experiment.build`.

  Raises:
    UserError: a part has another type.
  """
  makers = {}
  if algorithm is not None:
    experiment = _with_algorithm(experiment, algorithm, makers)
  for kind, part in (("generator", generator), ("discriminator", discriminator)):
    if part is not None:
      experiment = _with_network(experiment, kind, part, makers)
  return experiment, makers


def check_complete(experiment: experiment_lib.Experiment, makers: Makers, where: str) -> None:
  """Raises a `UserError` if a part of a run that was passed from Python is missing.

  Args:
    experiment: `experiment.Experiment`.
    makers: see `resolve`.
    where: the run's folder, for the message.
  """
  for kind in _BASES:
    if getattr(experiment.choices, kind) == experiment_lib.GIVEN and kind not in makers:
      raise errors.UserError(
        f"the {kind} of the run in {where} came from Python and is in no module; pass it again: runs.load(..., {kind}=...), or runs.train"
      )


def _with_network(experiment, kind, part, makers):
  """Puts one network into the experiment and, unless its name and `Config` suffice to make it, its maker into `makers`."""
  base = _BASES[kind]
  is_model, is_class = isinstance(part, keras.Model), isinstance(part, type)
  if kind == "discriminator" and is_model and not isinstance(part, base):
    part, is_model = functools.partial(_wrap, part), False
  if not (isinstance(part, base) or not is_model and callable(part)):
    expected = f"a {base.__module__}.{base.__name__}, or a function of (spec, seed) that makes one"
    raise errors.UserError(f"{kind}= is {_described(part)}; expected {expected}")
  cls = part if is_class else type(part)
  name, module = _name(kind, cls)
  own, config = getattr(experiment, kind), getattr(part, "config", None)
  if name and (is_class or type(config) is module.Config):
    if is_class:
      config = own if type(own) is module.Config else module.Config()
    else:
      makers[kind] = _given_object(kind, part)
    return _replace(experiment, kind, name, config)
  makers[kind] = _given_object(kind, part) if is_model else _given_function(kind, part)
  return _replace(experiment, kind, experiment_lib.GIVEN, None)


def _with_algorithm(experiment, part, makers):
  """As `_with_network`. Networks that the experiment does not choose become the defaults of the algorithm, if a module defines it."""
  if not callable(part):
    raise errors.UserError(f"algorithm= is {_described(part)}; expected a class that derives from {algorithm_base.__name__}.Algorithm, or a function")
  choices = experiment.choices
  name, module = _name("algorithm", part) if isinstance(part, type) else ("", None)
  if not name:
    makers["algorithm"] = _given_algorithm(part)
    networks = experiment_lib.network_names(choices)
    return dataclasses.replace(experiment, choices=dataclasses.replace(choices, algorithm=experiment_lib.GIVEN, **networks), algorithm=None)
  module = registry.load("tf_textgan.algorithms", name)
  config = experiment.algorithm if type(experiment.algorithm) is module.Config else module.Config()
  changed = _replace(experiment, "algorithm", name, config)
  if name == choices.algorithm:
    return changed
  names, defaults = experiment_lib.network_names(choices), experiment_lib.default_networks(choices)
  for kind, own, default in zip(names, (module.GENERATOR, module.DISCRIMINATOR), defaults):
    if getattr(choices, kind) == "":
      untouched = getattr(experiment, kind) == default
      changed = _replace(changed, kind, "" if untouched else names[kind], (own and own[1]) if untouched else getattr(experiment, kind))
  return changed


def _name(kind, cls):
  """The name by which the registry finds a class, and its module; "" and None if it does not."""
  package = f"tf_textgan.{kind}s"
  module = sys.modules.get(cls.__module__)
  name = cls.__module__.removeprefix(f"{package}.")
  known = name in [*registry.names(package), *registry.made_of(package)] or registry.is_outside(name)
  if getattr(module, kind.capitalize(), None) is not cls or not known:
    return "", None
  return name, module


def _replace(experiment, kind, name, config):
  return dataclasses.replace(experiment, choices=dataclasses.replace(experiment.choices, **{kind: name}), **{kind: config})


def _wrap(model, spec, seed):
  return wrapped.Discriminator(spec, model, seed=seed)


def _given_object(kind, network):
  """A maker that returns an existing network."""
  made = []

  def make(spec, config, seed):
    del config, seed
    if made:
      raise errors.UserError(f"{kind}= is one network, but --ensemble is above 1; expected a function of (spec, seed) that makes one")
    made.append(network)
    return _checked(kind, network, spec)

  return make


def _given_function(kind, function):
  return lambda spec, config, seed: _checked(kind, function(spec, seed=seed), spec)


def _given_algorithm(function):
  def make(config, networks, seed):
    del config
    algorithm = function(networks, seed=seed)
    if not isinstance(algorithm, algorithm_base.Algorithm):
      raise errors.UserError(f"algorithm= gives {_described(algorithm)}; expected a {algorithm_base.__name__}.Algorithm")
    return algorithm

  return make


def _checked(kind, network, spec):
  base = _BASES[kind]
  if not isinstance(network, base):
    raise errors.UserError(f"{kind}= gives {_described(network)}; expected a {base.__module__}.{base.__name__}")
  if network.spec != spec:
    raise errors.UserError(f"{kind}= is a network for {network.spec}, but the corpus has {spec}")
  return network


def _described(value):
  if isinstance(value, str):
    return f"the string {value!r}, which names a part in an experiment: runs.make(...)"
  return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
