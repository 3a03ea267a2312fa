"""What the modules the registry finds must define, and their settings' form: each field becomes a flag, and its comment the help."""

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
def test_the_module_says_what_it_is(module):
  assert module.__doc__
  assert module.Config.__doc__


@pytest.mark.parametrize("kind", ["generators", "discriminators"])
def test_networks_have_a_class_of_the_kind(kind):
  for name in _PACKAGES[kind]:
    module = MODULES[f"{kind}.{name}"]
    cls = getattr(module, kind.capitalize().removesuffix("s"))
    shared = registry.importlib.import_module(f"tf_textgan.{kind}.base")
    assert issubclass(cls, getattr(shared, kind.capitalize().removesuffix("s")))


@_each_algorithm
def test_algorithms_name_the_networks_they_come_with(name):
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
def test_no_setting_has_the_name_of_one_of_the_schedule_or_the_loop(name):
  own, schedule, training = (
    {field.name for field in dataclasses.fields(cls)} for cls in (MODULES[f"algorithms.{name}"].Config, base.Schedule, loop.Config)
  )
  assert not own & schedule
  assert not own & training
  assert not schedule & training
