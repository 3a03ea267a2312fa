"""What holds for every module's source: imports point one way, and nothing is compiled by way of AutoGraph."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Package or top-level module of tf_textgan to those it may import. Within a package everything may be imported.
_NETWORKS = {"sequences", "sampling", "losses", "layers", "checks", "errors", "presets", "registry"}
_ALGORITHMS = {"generators", "discriminators", "layers", "losses", "sampling", "sequences", "checks", "errors", "published"}
_TRAINING = {*_NETWORKS, *_ALGORITHMS, "algorithms", "data", "metrics", "arrays", "errors", "files", "presets", "registry", "progress", "schema"}
_EVALUATION = {*_TRAINING, "training", "encoders"}
_RUNS = {*_EVALUATION, "evaluation"}
ALLOWED = {
  "__init__": set(),
  "errors": set(),
  "checks": {"errors"},
  "published": set(),
  "sequences": set(),
  "layers": {"sequences"},
  "progress": set(),
  "files": {"errors"},
  "arrays": {"errors", "files"},
  "schema": {"errors", "files"},
  "registry": {"errors"},
  "presets": {"errors", "files"},
  "losses": set(),
  "sampling": {"sequences"},
  "metrics": {"sequences"},
  "data": {"sequences", "arrays", "checks", "errors", "files", "presets", "progress", "registry", "schema"},
  "generators": {*_NETWORKS, "discriminators"},  # One of them reads the discriminator.
  "discriminators": _NETWORKS,
  "algorithms": _ALGORITHMS,
  "training": _TRAINING,
  "encoders": {"errors", "files", "presets", "registry"},
  "evaluation": _EVALUATION,
  "runs": _RUNS,
  "commands": {*_RUNS, "runs"},
  "conformance": {*_RUNS, "runs", "commands"},
}
# They read the command line, so may know absl's flags.
COMMAND_LINE = {"commands"}
ENTRY_POINTS = {"train", "generate", "evaluate", "demo"}


def violations(path, source):
  """What in a module breaks the rules: a list of sentences. `path` is relative to the root, such as tf_textgan/losses/adversarial.py."""
  place = pathlib.PurePath(path).parts[1].removesuffix(".py")
  if place not in ALLOWED:
    return [f"{path}: the layering test does not know where {place!r} belongs"]
  found = []
  for node in ast.walk(ast.parse(source)):
    if isinstance(node, ast.ImportFrom):
      if node.level:
        found.append(f"{path}:{node.lineno}: relative import")
      imported = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Import):
      imported = [alias.name for alias in node.names]
    else:
      name = getattr(node, "id", getattr(node, "attr", None))
      if name == "FLAGS" and place not in COMMAND_LINE:
        found.append(f"{path}:{node.lineno}: reads FLAGS")
      continue
    for name in imported:
      parts = name.split(".")
      if parts[0] in ENTRY_POINTS:
        found.append(f"{path}:{node.lineno}: imports the entry point {parts[0]}")
      if parts[0] == "tensorflow_probability":
        found.append(f"{path}:{node.lineno}: imports {parts[0]}, which is for tests only")
      if name.startswith("absl.flags") and place not in COMMAND_LINE:
        found.append(f"{path}:{node.lineno}: imports absl.flags")
      if parts[0] == "tf_textgan" and len(parts) > 1 and parts[1] != place and parts[1] not in ALLOWED[place]:
        found.append(f"{path}:{node.lineno}: {place} must not know {parts[1]}")
  return found


MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "tf_textgan").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_module_imports_only_what_is_below_it(path):
  assert violations(path, (ROOT / path).read_text()) == []


def papers_imported(path, source):
  """Other papers' files that a file of an algorithm imports: a list of names. Shared steps are in `algorithms/steps`."""
  papers = {other.stem for other in (ROOT / "tf_textgan/algorithms").glob("*.py")} - {"__init__", "base", pathlib.Path(path).stem}
  found = []
  for node in ast.walk(ast.parse(source)):
    if isinstance(node, ast.ImportFrom) and node.module == "tf_textgan.algorithms":
      found += [alias.name for alias in node.names if alias.name in papers]
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None) or ""]
    last = [name.rpartition(".")[2] for name in names if name.startswith("tf_textgan.algorithms.")]
    found += [name for name in last if name in papers]
  return found


@pytest.mark.parametrize("path", sorted((ROOT / "tf_textgan/algorithms").rglob("*.py")), ids=lambda path: path.stem)
def test_no_papers_file_imports_another(path):
  assert papers_imported(path, path.read_text()) == []


def test_another_papers_import_is_found():
  source = "from tf_textgan.algorithms import base\nfrom tf_textgan.algorithms import seqgan\nimport tf_textgan.algorithms.mle\n"
  source_of_ranks = source + "from tf_textgan.algorithms.relgan import Config"
  assert papers_imported("tf_textgan/algorithms/rankgan.py", source_of_ranks) == ["seqgan", "mle", "relgan"]
  assert papers_imported("tf_textgan/algorithms/seqgan.py", source) == ["mle"]


def with_autograph(source):
  """Lines of a module on which `tf.function` is used without `autograph=False`."""

  def is_function(node):
    return isinstance(node, ast.Attribute) and node.attr == "function" and isinstance(node.value, ast.Name) and node.value.id == "tf"

  nodes = list(ast.walk(ast.parse(source)))
  calls = [node for node in nodes if isinstance(node, ast.Call)]
  plain = {id(call.func) for call in calls if any(ast.unparse(keyword) == "autograph=False" for keyword in call.keywords)}
  return sorted(node.lineno for node in nodes if is_function(node) and id(node) not in plain)


@pytest.mark.parametrize("path", [*MODULES, *(pathlib.Path(f"{name}.py") for name in sorted(ENTRY_POINTS))], ids=str)
def test_nothing_is_compiled_by_way_of_autograph(path):
  """It rewrites every function that is called: of a short training, a sixth of the time, for loops and conditions that are written otherwise here."""
  assert with_autograph((ROOT / path).read_text()) == []


def test_autograph_is_found():
  source = "@tf.function\ndef f(x): return x\ng = tf.function(f, autograph=False)\nh = tf.function(f, jit_compile=True)\n"
  assert with_autograph(source + "@tf.function(autograph=False)\ndef i(x): return x\nj = tf.function(f, autograph=True)") == [1, 4, 7]


# Methods and functions that open the file they are given, by the last part of their name.
_READERS = {"open", "read_text", "read_bytes", "fromfile", "loadtxt", "genfromtxt", "ZipFile", "GFile", "memmap"}


def opened_for_reading(source):
  """Lines of a module that open a file for reading other than by `files`, which refuses devices and FIFOs."""
  nodes = list(ast.walk(ast.parse(source)))
  opened = {
    item.optional_vars.id for node in nodes if isinstance(node, ast.With) for item in node.items
    if isinstance(item.optional_vars, ast.Name) and ast.unparse(item.context_expr).startswith("files.open_regular(")
  }  # fmt: skip
  found = []
  for node in nodes:
    if not isinstance(node, ast.Call):
      continue
    called = ast.unparse(node.func)
    first = ast.unparse(node.args[0]) if node.args else ""
    modes = [ast.unparse(x) for x in [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]]
    if called.startswith("files.") or called == "archive.open":  # A member of an archive, which was opened before.
      continue
    if first in (*opened, "os.devnull") or called == "os.open" and "O_WRONLY" in ast.unparse(node):
      continue
    writes = called.rpartition(".")[2] == "open" and any(set(mode) & set("wax") for mode in modes if mode.startswith("'"))
    writes |= called.endswith(".open") and first.startswith("'") and bool(set(first) & set("wax"))  # `path.open("w")`.
    if (called.rpartition(".")[2] in _READERS or called in ("np.load", "numpy.load")) and not writes:
      found.append(node.lineno)
  return found


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "files.py"], ids=str)
def test_files_are_opened_for_reading_in_one_place(path):
  assert opened_for_reading((ROOT / path).read_text()) == []


def test_what_opens_a_file_for_reading_is_found():
  source = """
open(path)
open(path, "rb")
open(path, "w")
open(path, mode="ab")
path.open()
path.open("w")
path.read_text()
np.load(path)
with files.open_regular(path) as file, np.load(file) as arrays: zipfile.ZipFile(file)
zipfile.ZipFile(path)
"""
  assert opened_for_reading(source) == [2, 3, 6, 8, 9, 11]


def test_no_test_file_imports_another():
  """Each is a Bazel target of its own, which holds the helpers and no other test."""
  for path in (ROOT / "tests").rglob("*.py"):
    for node in ast.walk(ast.parse(path.read_text())):
      if isinstance(node, ast.ImportFrom) and node.module.startswith("tests"):
        assert not any(alias.name.endswith("_test") for alias in node.names) and not node.module.endswith("_test"), path


@pytest.mark.parametrize(
  ("path", "source", "complaint"),
  [
    ("tf_textgan/losses/new.py", "from tf_textgan.sampling import noise", "losses must not know sampling"),
    ("tf_textgan/sampling/new.py", "from tf_textgan import generators", "sampling must not know generators"),
    ("tf_textgan/generators/new.py", "import tf_textgan.algorithms.base", "generators must not know algorithms"),
    ("tf_textgan/training/new.py", "def f():\n  import train", "imports the entry point train"),
    ("tf_textgan/data/new.py", "from absl import flags\nx = flags.FLAGS.batch_size", "reads FLAGS"),
    ("tf_textgan/data/new.py", "from . import corpus", "relative import"),
    ("tf_textgan/attic/new.py", "", "does not know where 'attic' belongs"),
    ("tf_textgan/attic.py", "", "does not know where 'attic' belongs"),
  ],
)
def test_a_violation_is_found(path, source, complaint):
  assert any(complaint in sentence for sentence in violations(path, source))
