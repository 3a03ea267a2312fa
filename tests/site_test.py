"""The pages of the site that are made from the code, and its links that leave docs/. `make docs` builds the whole."""

import dataclasses
import importlib.util
import pathlib

import pytest

pytest.importorskip("mkdocs", reason="mkdocs is not installed: `make docs` installs requirements-docs.txt")

from tf_textgan import registry
from tf_textgan.commands import flags
from tf_textgan.runs import experiment

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def hooks():
  spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs/hooks.py")
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


@pytest.mark.parametrize("algorithm", registry.names("tf_textgan.algorithms"))
def test_the_flags_of_every_training_are_described(algorithm, hooks):
  page = hooks.flags_page()
  classes = experiment.config_classes(flags.parse(["train.py", "--algorithm", algorithm], "").choices)
  for name, cls in classes.items():
    for field in dataclasses.fields(cls) if cls else ():
      row = next(line for line in page.splitlines() if line.startswith(f"| `--{experiment.PREFIXES.get(name, '')}{field.name}` |"))
      assert len(row.split(" | ")[-1].strip(" |")) > 10, row


def test_links_that_leave_docs_lead_to_pages(hooks):
  text = "[a](../tf_textgan/runs/given.py) [b](../CONTRIBUTING.md#style) [c](parts.md) [d](https://example.org) [e](absent.md)"
  targets = hooks._targets("picking.md", text)
  assert targets == {"../tf_textgan/runs/given.py": "tf_textgan/runs/given.py", "../CONTRIBUTING.md": "CONTRIBUTING.md", "parts.md": "docs/parts.md"}
  assert [hooks._address(path) for path in targets.values()] == ["project/tf_textgan/runs/given.py.md", "project/CONTRIBUTING.md", "parts.md"]
  # And back, from a page with a file of the project.
  assert hooks._targets("project/CONTRIBUTING.md", "[a](docs/parts.md)") == {"docs/parts.md": "docs/parts.md"}


def test_the_modules_of_the_reference_exist(hooks):
  lines = "".join(hooks.api_pages().values()).splitlines()
  modules = [line.removeprefix("::: ") for line in lines if line.startswith(":::")]
  assert len(modules) > 20 and all(importlib.util.find_spec(module) for module in modules)
