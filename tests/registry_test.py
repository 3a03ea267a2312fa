"""Tests of tf_textgan.registry."""

import sys

import pytest

from tests import outside
from tf_textgan import errors
from tf_textgan import registry


def test_names_are_the_module_files_without_the_shared_ones():
  names = registry.names("tf_textgan.algorithms")
  assert names == sorted(names)
  assert {"mle", "seqgan", "gsgan", "wgan_gp"} <= set(names)
  assert "base" not in names


def test_load_imports_the_module_of_that_name():
  assert registry.load("tf_textgan.generators", "lstm").__name__ == "tf_textgan.generators.lstm"


@pytest.mark.parametrize("name", ["seqgam", "base", "", "os"])
def test_the_message_for_an_unknown_name_lists_all_names(name):
  with pytest.raises(errors.UserError, match=r"unknown algorithm '.*there are: .*mle.*seqgan") as failure:
    registry.load("tf_textgan.algorithms", name)
  assert ("did you mean seqgan?" in str(failure.value)) == (name == "seqgam")


@pytest.fixture
def place(tmp_path, monkeypatch):
  """A working directory with a user's files."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, "path", list(sys.path))
  yield tmp_path
  for name in [name for name in sys.modules if name.split(".")[0] == "registry_parts"]:
    del sys.modules[name]


def _write(place, source, name="part"):
  (place / "registry_parts").mkdir(exist_ok=True)
  (place / "registry_parts" / f"{name}.py").write_text(source)
  return f"registry_parts.{name}"


@pytest.mark.parametrize(
  ("name", "outside"),
  [
    ("my_package.my_module", True),
    ("a.b.c", True),
    ("lstm", False),
    ("", False),
    ("wikipedia/20230601.en", False),
    ("ns:a.b", False),
    ("/data/text/1.0.0", False),
    ("./a.b", False),
    ("..a", False),
    ("a.1", False),
  ],
)
def test_a_dotted_name_is_a_users_module(name, outside):
  assert registry.is_outside(name) == outside


def test_every_kind_of_part_is_imported_from_the_working_directory(place):
  parts = outside.write(place, "registry_parts")
  for kind in ("generator", "discriminator", "algorithm", "encoder"):
    module = registry.load(f"tf_textgan.{kind}s", parts[kind])
    assert module.__name__ == parts[kind] and hasattr(module, kind.capitalize())
  assert registry.load("tf_textgan.data.datasets", parts["dataset"]).Config().copies == 10
  assert sys.path[-1] == str(place) or "" in sys.path


_CONFIG = "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass Config:\n  size: int = 3\n"


@pytest.mark.parametrize(
  ("kind", "source", "message"),
  [
    ("generators", "import no_such_thing\n", r"the import of registry_parts.part failed: ModuleNotFoundError: .*no_such_thing.*part.py line 1$"),
    ("generators", "x = 1\ny = x / 0\n", r"the import of registry_parts.part failed: ZeroDivisionError: division by zero, in .*part.py line 2$"),
    ("generators", "def f(:\n", r"the import of registry_parts.part failed: SyntaxError: .*part.py, line 1\)$"),
    ("generators", "", r"the generator registry_parts.part has no Config; expected a module like those of tf_textgan.generators$"),
    ("generators", "Config = 3\n", "the generator registry_parts.part has a Config that is no dataclass"),
    ("generators", _CONFIG.replace(" = 3", ""), "the generator registry_parts.part has a Config without a default for size"),
    ("generators", _CONFIG, "the generator registry_parts.part has no class Generator that derives from tf_textgan.generators.base.Generator$"),
    ("generators", _CONFIG + "class Generator: pass\n", "no class Generator that derives from tf_textgan.generators.base.Generator$"),
    ("discriminators", _CONFIG, "the discriminator registry_parts.part has no class Discriminator that derives from"),
    ("algorithms", _CONFIG, "the algorithm registry_parts.part has no GENERATOR; expected a module like those of tf_textgan.algorithms"),
    ("data.datasets", _CONFIG, "the dataset registry_parts.part has no load; expected a module like those of tf_textgan.data.datasets"),
    ("encoders", "", "the encoder registry_parts.part has no class Encoder that derives from tf_textgan.encoders.base.Encoder"),
  ],
)
def test_a_module_of_another_kind_is_refused_in_one_line(place, kind, source, message):
  name = _write(place, source)
  with pytest.raises(errors.UserError, match=message):
    registry.load(f"tf_textgan.{kind}", name)


def test_a_module_that_is_not_found_is_refused(place):
  with pytest.raises(errors.UserError, match=f"there is no module registry_parts.part: registry_parts is neither installed nor in .* {place}$"):
    registry.load("tf_textgan.generators", "registry_parts.part")
  _write(place, "", "other")
  with pytest.raises(errors.UserError, match="there is no module registry_parts.part: registry_parts.part is neither"):
    registry.load("tf_textgan.generators", "registry_parts.part")
  with pytest.raises(errors.UserError, match="unknown generator 'part'.*; one of your own has a dotted name, such as my_package.my_module"):
    registry.load("tf_textgan.generators", "part")


def test_a_module_that_only_a_file_names_is_not_trusted(place):
  name = _write(place, _CONFIG)
  expected = f"run/config.json names the module {name}, which is code; it is imported only with --trust_config true or --imports {name}, or from"
  with pytest.raises(errors.UserError, match=expected):
    registry.check_trusted([name], "run/config.json")
  with pytest.raises(errors.UserError, match="names the module registry_parts_plain, which is code"):
    registry.check_trusted(["registry_parts_plain"], "run/config.json")
  # A function needs trust even if its module is already imported.
  with pytest.raises(errors.UserError, match="names the function subprocess:call, which is code; it is used only with --trust_config true"):
    registry.check_trusted(["subprocess:call"], "run/config.json")
  assert name not in sys.modules
  registry.check_trusted([name, "subprocess:call"], "run/config.json", trust=True)
  registry.import_module(name)
  registry.check_trusted([name], "run/config.json")
