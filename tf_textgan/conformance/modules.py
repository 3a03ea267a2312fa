"""Laws of the modules that the registry finds: required names, and settings whose fields become flags and whose comments become the help."""

import dataclasses

import pytest

from tf_textgan import registry
from tf_textgan.algorithms import base
from tf_textgan.conformance import fields
from tf_textgan.conformance import tiny
from tf_textgan.training import loop

_PACKAGES = {"algorithms": tiny.ALGORITHMS, "generators": tiny.GENERATORS, "discriminators": tiny.DISCRIMINATORS}
MODULES = {f"{package}.{name}": registry.load(f"tf_textgan.{package}", name) for package, names in _PACKAGES.items() for name in names}

_each_module = pytest.mark.parametrize("module", MODULES.values(), ids=list(MODULES))
_each_algorithm = pytest.mark.parametrize("name", tiny.ALGORITHMS)


@_each_module
def test_every_setting_has_a_default_and_a_comment(module):
  assert dataclasses.is_dataclass(module.Config) and module.Config.__dataclass_params__.frozen
  for field in dataclasses.fields(module.Config):
    assert field.default is not dataclasses.MISSING, field.name
  assert fields.uncommented_fields(module.Config) == []


@_each_module
def test_the_module_and_its_config_have_docstrings(module):
  assert module.__doc__
  assert module.Config.__doc__


@pytest.mark.parametrize("kind", ["generators", "discriminators"])
def test_networks_derive_from_the_base_class_of_their_kind(kind):
  for name in _PACKAGES[kind]:
    module = MODULES[f"{kind}.{name}"]
    cls = getattr(module, kind.capitalize().removesuffix("s"))
    shared = registry.importlib.import_module(f"tf_textgan.{kind}.base")
    assert issubclass(cls, getattr(shared, kind.capitalize().removesuffix("s")))


@_each_algorithm
def test_algorithms_name_their_default_networks(name):
  module = MODULES[f"algorithms.{name}"]
  assert issubclass(module.Algorithm, base.Algorithm)
  generator, config = module.GENERATOR
  own = registry.load("tf_textgan.generators", generator)
  assert isinstance(config, own.Config)
  assert issubclass(own.Generator, module.GENERATOR_KIND)
  if module.DISCRIMINATOR is not None:
    discriminator, config = module.DISCRIMINATOR
    assert isinstance(config, registry.load("tf_textgan.discriminators", discriminator).Config)


@_each_algorithm
def test_settings_of_algorithm_schedule_and_loop_have_different_names(name):
  own, schedule, training = (
    {field.name for field in dataclasses.fields(cls)} for cls in (MODULES[f"algorithms.{name}"].Config, base.Schedule, loop.Config)
  )
  assert not own & schedule
  assert not own & training
  assert not schedule & training
