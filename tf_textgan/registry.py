"""The file name is the registry: `--algorithm=seqgan` means the module `tf_textgan/algorithms/seqgan.py`.

A dotted name, `--algorithm=my_package.my_module`, means a user's module, found on Python's path or in the working directory.
"""

from collections.abc import Iterable
import dataclasses
import difflib
import importlib
import importlib.util
import os
import pkgutil
import sys
import traceback
import types

from tf_textgan import errors

# Modules that are no alternatives: code that the alternatives share, combinations of several, and what is made of something of the user's.
_SHARED = {"base", "ensemble", "folder", "guided", "limited", "steps", "wrapped"}
# Alternatives that are made of something the user names: module to spelling.
MADE_OF = {"keras_hub": "keras_hub:PRESET_OR_FOLDER"}

# Names that a user's module must define, by package. If the package has a `base`, the module also defines a class that derives from the one in it.
_REQUIRED = {
  "algorithms": ("Config", "GENERATOR", "DISCRIMINATOR", "GENERATOR_KIND"),
  "generators": ("Config",),
  "discriminators": ("Config",),
  "datasets": ("Config", "load"),
}


def names(package: str) -> list[str]:
  """Sorted names of the alternatives in a package: its modules, without the shared ones and those that are made of something named with them.

  Args:
    package: dotted name, such as `"tf_textgan.algorithms"`.
  """
  return sorted(_modules(package) - _SHARED - MADE_OF.keys())


def made_of(package: str) -> list[str]:
  """Sorted names of the alternatives in a package that are made of something the user names."""
  return sorted(_modules(package) & MADE_OF.keys())


def _modules(package):
  return {module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__)}


def name_of(part: object) -> str:
  """The last part of the name of the module that an object's class is in, as users know it: its name here, for one of the library's alternatives."""
  return type(part).__module__.rpartition(".")[2]


def is_outside(name: str) -> bool:
  """Whether a name means a user's module: dotted, each part a Python identifier, unlike `wikipedia/20230601.en`, a TFDS dataset."""
  parts = name.split(".")
  return len(parts) > 1 and all(part.isidentifier() for part in parts)


def load(package: str, name: str) -> types.ModuleType:
  """Imports the module `name` of a package, also where something of the user's is named with it, or a user's module by its dotted name.

  Raises:
    UserError: there is no such alternative (the message lists all), or the user's module cannot be imported or lacks a required name.
  """
  if is_outside(name):
    return _check(package, import_module(name))
  allowed, named = names(package), made_of(package)
  module, _, argument = name.partition(":")
  name = module if argument and module in named else name
  if name not in [*allowed, *named]:
    close = difflib.get_close_matches(name, allowed, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    everything = ", ".join([*allowed, *(MADE_OF[module] for module in named)])
    raise errors.UserError(
      f"unknown {_kind(package)} {name!r}{hint}; there are: {everything}; one of your own has a dotted name, such as my_package.my_module"
    )
  return importlib.import_module(f"{package}.{name}")


def import_module(name: str) -> types.ModuleType:
  """Imports a user's module, from the working directory if it is not on Python's path.

  Raises:
    UserError: the module is not found, or its import fails.
  """
  # Last in the path: a file here never hides an installed module.
  if not {"", os.getcwd()} & set(sys.path):
    sys.path.append(os.getcwd())
  importlib.invalidate_caches()
  try:
    return importlib.import_module(name)
  except ModuleNotFoundError as e:
    if e.name and f"{name}.".startswith(f"{e.name}."):
      raise errors.UserError(f"there is no module {name}: {e.name} is neither installed nor in the working directory {os.getcwd()}") from e
    raise _failed(name, e) from e
  except Exception as e:
    raise _failed(name, e) from e


def check_trusted(names: Iterable[str], source: str, trust: bool = False) -> None:
  """Refuses code that only a file names, since the file's author could name any code.

  Modules already imported in this process need no trust. Functions always do: any process holds some that do harm.

  Args:
    names: names of modules, and of functions as `module:function`.
    source: path of the file.
    trust: whether the user trusts the file.

  Raises:
    UserError: a module or a function is not trusted.
  """
  for name in names:
    if trust or name in sys.modules:
      continue
    if ":" in name:
      kind, condition = "function", "used only with --trust_config true"
    else:
      kind, condition = "module", f"imported only with --trust_config true or --imports {name}"
    raise errors.UserError(f"{source} names the {kind} {name}, which is code; it is {condition}, or from Python with trust=True")


def _kind(package):
  return package.rsplit(".", 1)[-1].removesuffix("s")


def _failed(name, error):
  """The `UserError` for a failed import, with the line of code that raised the exception."""
  machinery = (__file__, "<frozen importlib", os.path.dirname(importlib.__file__))
  frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(machinery)]
  place = f", in {frames[-1].filename} line {frames[-1].lineno}" if frames else ""
  return errors.UserError(f"the import of {name} failed: {type(error).__name__}: {error}{place}")


def _check(package, module):
  """Returns a user's module if it defines the names required of a package's modules; else raises a `UserError`."""
  kind, expected = _kind(package), f"expected a module like those of {package}"
  who = f"the {kind} {module.__name__}"
  required = _REQUIRED.get(package.rsplit(".", 1)[-1], ())
  missing = [name for name in required if not hasattr(module, name)]
  if missing:
    raise errors.UserError(f"{who} has no {missing[0]}; {expected}")
  if "Config" in required:
    config = module.Config
    if not isinstance(config, type) or not dataclasses.is_dataclass(config):
      raise errors.UserError(f"{who} has a Config that is no dataclass; {expected}")
    unset = [field.name for field in dataclasses.fields(config) if {field.default, field.default_factory} == {dataclasses.MISSING}]
    if unset:
      raise errors.UserError(f"{who} has a Config without a default for {unset[0]}; expected one for every setting")
  if importlib.util.find_spec(f"{package}.base"):
    name = kind.capitalize()
    cls, base = getattr(module, name, None), getattr(importlib.import_module(f"{package}.base"), name)
    if not isinstance(cls, type) or not issubclass(cls, base):
      raise errors.UserError(f"{who} has no class {name} that derives from {package}.base.{name}")
  return module
