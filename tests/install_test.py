"""Tests of what `pip install` gives: a wheel that is built from the sdist, and its commands in a fresh environment and another folder."""

import os
import pathlib
import subprocess
import sys
import sysconfig
import zipfile

import pytest

from tests import shell
from tf_textgan.commands import recipes

# Bazel's sandbox has no network, from which the builder gets its backend.
pytestmark = pytest.mark.skipif("TEST_SRCDIR" in os.environ, reason="needs the network")

_SIZES = {"num_train": 100, "num_validation": 40, "num_test": 40, **shell.SHORT, "export": False}


def _run(*words, **options):
  environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
  done = subprocess.run([*map(str, words)], capture_output=True, text=True, env=environment, **options)
  assert done.returncode == 0, done.stderr
  return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
  folder = tmp_path_factory.mktemp("dist")
  _run(sys.executable, "-m", "build", "--outdir", folder, shell.ROOT)
  return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
  found = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
  tracked = [path for path in (shell.ROOT / "tf_textgan").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
  expected = {str(path.relative_to(shell.ROOT)) for path in tracked if path.suffix in (".py", ".tsv", ".typed")}
  assert found == expected | {f"tf_textgan/recipes/{path.relative_to(recipes.folder())}" for path in recipes.folder().rglob("*.flags")}


def test_the_installed_commands_run_in_another_folder(wheel, tmp_path):
  _run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
  python = tmp_path / "venv" / "bin" / "python"
  # The dependencies are those of this environment: downloading them again would take minutes.
  site = pathlib.Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
  (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
  _run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel)
  command = lambda name, *words: _run(python.parent / f"textgan-{name}", *words, cwd=tmp_path)  # noqa: E731
  command("train", "--flagfile=recipes/quickstart.flags", *shell.as_flags({"data_dir": "data", **_SIZES}))
  assert len(command("generate", "--num", 3).splitlines()) == 3
  assert "bleu_5" in command("evaluate", "--num", 20)
