"""The file name is the registry: `--algorithm=seqgan` means the module `tf_textgan/algorithms/seqgan.py`.

A dotted name, `--algorithm=my_package.my_module`, means a module of the user's own, which is imported from the working directory or wherever
Python finds it.
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

# Modules beside the alternatives that hold what they share, or are made of several of them.
_SHARED = {"base", "ensemble", "guided", "steps", "wrapped"}

# Names that a module from outside must define, by package; beside them a class that derives from the one in the package's `base`, if there is one.
_REQUIRED = {
  "algorithms": ("Config", "GENERATOR", "DISCRIMINATOR", "GENERATOR_KIND"),
  "generators": ("Config",),
  "discriminators": ("Config",),
  "datasets": ("Config", "load"),
}


def names(package: str) -> list[str]:
  """Names of the alternatives a package offers, sorted: its module files, without those they share.

  Args:
    package: dotted name, such as `"tf_textgan.algorithms"`.
  """
  paths = importlib.import_module(package).__path__
  return sorted(module.name for module in pkgutil.iter_modules(paths) if module.name not in _SHARED)


def is_outside(name: str) -> bool:
  """Whether a name is one of a user's module: dotted, each part a Python name. `wikipedia/20230601.en`, a dataset in TFDS, is none."""
  parts = name.split(".")
  return len(parts) > 1 and all(part.isidentifier() for part in parts)


def load(package: str, name: str) -> types.ModuleType:
  """Imports the module `name` of a package, or a user's module of a dotted name that takes the place of one.

  Raises:
    UserError: there is no such alternative, and the message lists those there are; or the user's module cannot be found or imported, or does not
      define what the package's modules do.
  """
  if is_outside(name):
    return _check(package, import_module(name))
  allowed = names(package)
  if name not in allowed:
    close = difflib.get_close_matches(name, allowed, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise errors.UserError(
      f"unknown {_kind(package)} {name!r}{hint}; there are: {', '.join(allowed)}; one of your own has a dotted name, such as my_package.my_module"
    )
  return importlib.import_module(f"{package}.{name}")


def import_module(name: str) -> types.ModuleType:
  """Imports a user's module, from the working directory if it is nowhere else.

  Raises:
    UserError: it is not found, or the import fails.
  """
  # Last in the path: a file here never takes the place of an installed module.
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
  """Refuses code that a file names and nobody else: whoever wrote the file chose it.

  A module that this process has imported already needs no trust. A function always does: there are some, in any process, that do harm.

  Args:
    names: of modules, and of functions as `module:function`.
    source: path of the file.
    trust: whether the user trusts the file.

  Raises:
    UserError: a module or a function is not trusted.
  """
  for name in names:
    if trust or name in sys.modules:
      continue
    if ":" in name:
      what, how = "the function", "used only with --trust_config true"
    else:
      what, how = "the module", f"imported only with --trust_config true or --imports {name}"
    raise errors.UserError(f"{source} names {what} {name}, which is code; it is {how}, or from Python with trust=True")


def _kind(package):
  return package.rsplit(".", 1)[-1].removesuffix("s")


def _failed(name, error):
  """The `UserError` for an import that raised an exception, with the line of code it came from."""
  machinery = (__file__, "<frozen importlib", os.path.dirname(importlib.__file__))
  frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(machinery)]
  place = f", in {frames[-1].filename} line {frames[-1].lineno}" if frames else ""
  return errors.UserError(f"the import of {name} failed: {type(error).__name__}: {error}{place}")


def _check(package, module):
  """Gives the module back if it defines what those of a package do; else raises a `UserError`."""
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
