"""The lock files agree with the requirements, the source imports what docs/security.md says, and nothing runs code from a file."""

import ast
import pathlib
import re
import sys

from packaging import requirements
from packaging import utils
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = [*sorted((ROOT / "tf_textgan").rglob("*.py")), *(ROOT / f"{name}.py" for name in ("train", "generate", "evaluate", "demo"))]

# Modules that unpickle or execute what they read, start processes or open connections.
_FORBIDDEN = {
  "cloudpickle", "code", "ctypes", "dill", "ftplib", "http", "joblib", "marshal", "pickle", "requests", "runpy", "shelve", "socket", "subprocess",
  "urllib", "yaml",
}  # fmt: skip
# Distributions whose modules have other names.
_DISTRIBUTIONS = {"absl": "absl-py", "sklearn": "scikit-learn"}
# In `requirements.txt` for another package's sake; and imported, but of another's requirements, or for an option.
_UNIMPORTED = {"importlib-resources"}
_UNLISTED = {"numpy", "pytest", "keras-hub", "onnxruntime", "sacrebleu", "safetensors", "sentencepiece", "tokenizers"}


def _listed(name):
  """The requirements in a file, by normalised name; files that it includes are left out."""
  lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
  found = [requirements.Requirement(line) for line in lines if line.strip() and not line.startswith(("#", "-r"))]
  return {utils.canonicalize_name(requirement.name): requirement for requirement in found}


def _locked(lock):
  """A lock file: normalised name to version and number of hashes."""
  text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
  lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
  return {utils.canonicalize_name(line[0].split("==")[0]): (line[0].split("==")[1], len(line) - 1) for line in lines}


# Of Python 3.11, 3.12 and 3.13.
_LOCKS = ("requirements_lock.txt", "requirements_lock_3_12.txt", "requirements_lock_3_13.txt")


@pytest.mark.parametrize("lock", _LOCKS)
@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_file_has_every_requirement_within_its_bounds(name, lock):
  locked, listed = _locked(lock), _listed(name)
  assert listed
  for package, requirement in listed.items():
    assert package in locked, f"{package} of {name} is not in {lock}"
    version = locked[package][0]
    assert requirement.specifier.contains(version), f"{lock} has {package} {version}; {name} asks for {requirement.specifier}"


@pytest.mark.parametrize("lock", _LOCKS)
def test_every_package_of_a_lock_file_has_hashes(lock):
  lines = [line for line in (ROOT / lock).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
  assert all(re.fullmatch(r"[A-Za-z0-9._-]+==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines)
  assert all(hashes >= 1 for _, hashes in _locked(lock).values())


def imports_of(source):
  """Top-level names of the modules that a module imports."""
  nodes = list(ast.walk(ast.parse(source)))
  names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
  names += [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
  return {name.partition(".")[0] for name in names}


def test_the_library_imports_what_it_requires():
  imported = set().union(*(imports_of(path.read_text(encoding="utf-8")) for path in SOURCES)) - set(sys.stdlib_module_names) - {"tf_textgan"}
  imported = {utils.canonicalize_name(_DISTRIBUTIONS.get(name, name)) for name in imported}
  assert imported - _UNLISTED == _listed("requirements.txt").keys() - _UNIMPORTED
  page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
  assert not [name for name in imported if f"`{name}`" not in page]


def dangers(source):
  """What a module's source does that could run code from a file: a list of lines and names."""
  found = []
  for node in ast.walk(ast.parse(source)):
    if isinstance(node, ast.Import | ast.ImportFrom):
      names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
      found += [(node.lineno, name) for name in names if name.partition(".")[0] in _FORBIDDEN]
    elif isinstance(node, ast.Call):
      name = ast.unparse(node.func)
      if name in ("eval", "exec", "compile", "__import__", "os.system", "os.popen") or name.endswith(("enable_unsafe_deserialization", "yaml.load")):
        found.append((node.lineno, name))
      unsafe = {"allow_pickle": True, "safe_mode": False, "shell": True}
      found += [(node.lineno, key.arg) for key in node.keywords if key.arg in unsafe and ast.unparse(key.value) != str(not unsafe[key.arg])]
  return sorted(found)


# Names of this machine and of other workers, whether a download's host can be reached, and the page of `demo.py`.
_ALLOWED = {
  ("commands/demo.py", "http.server"), ("data/prepare.py", "socket"), ("data/prepare.py", "urllib.parse"), ("runs/lock.py", "socket"),
  ("runs/workers.py", "socket"),
}  # fmt: skip


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_unpickled_or_executed(path):
  found = {(str(path.relative_to(ROOT)).removeprefix("tf_textgan/"), name) for _, name in dangers(path.read_text(encoding="utf-8"))}
  assert found - _ALLOWED == set()


def test_a_danger_is_found():
  source = (
    "import pickle\nfrom yaml import loader\nx = eval('1')\nnp.load(path, allow_pickle=True)\nimport os.path\nnp.load(path, allow_pickle=False)\n"
    "load_model(path, safe_mode=unsafe)\nmodel.compile()\nos.system('ls')\n"
  )
  assert dangers(source) == [(1, "pickle"), (2, "yaml"), (3, "eval"), (4, "allow_pickle"), (7, "safe_mode"), (9, "os.system")]
