"""The file name is the registry: `--algorithm=seqgan` means the module `tf_textgan/algorithms/seqgan.py`."""

import difflib
import importlib
import pkgutil

from tf_textgan import errors

# Modules beside the alternatives that hold what they share, or are made of several of them.
_SHARED = {"base", "ensemble", "guided", "steps"}


def names(package):
  """Names of the alternatives a package offers, sorted: its module files, without those they share.

  Args:
    package: dotted name, such as `"tf_textgan.algorithms"`.
  """
  paths = importlib.import_module(package).__path__
  return sorted(module.name for module in pkgutil.iter_modules(paths) if module.name not in _SHARED)


def load(package, name):
  """Imports the module `name` of a package.

  Raises:
    UserError: there is no such alternative; the message lists those there are.
  """
  allowed = names(package)
  if name not in allowed:
    kind = package.rsplit(".", 1)[-1].removesuffix("s")
    close = difflib.get_close_matches(name, allowed, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise errors.UserError(f"unknown {kind} {name!r}{hint}; there are: {', '.join(allowed)}")
  return importlib.import_module(f"{package}.{name}")
