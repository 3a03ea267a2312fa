"""What the README claims and a machine can check. Its code, commands, links and names are checked by tests/docs_test.py."""

import inspect
import pathlib
import re
import tomllib

import pytest

from tf_textgan import registry
from tf_textgan.commands import scripts
from tf_textgan.commands import train

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAMES = registry.names("tf_textgan.algorithms")


def _section(title):
  return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def _prose(text):
  """A page's text on one line, tables without their bars and markers."""
  return " ".join(re.sub(r"[|*`]", " ", text).split())


def test_it_is_short_and_begins_with_commands():
  lines = README.splitlines()
  assert len(lines) <= 160
  assert "make train" in lines[:10] and "make test" in lines[:10]


def test_the_table_has_every_algorithm_once_with_a_link():
  table = README.split("| family |")[1].split("\n\n")[0]
  assert sorted(re.findall(r"\[`(\w+)`\]\(docs/algorithms\.md#\w+\)", table)) == sorted(NAMES)
  assert f"{len(NAMES)} algorithms" in README


def test_the_quickstart_downloads_nothing():
  choices = train.parse(["train.py"]).choices
  assert (choices.dataset, choices.algorithm, choices.export) == ("caption_grammar", "seqgan", True)


_OF_CATEGORIES = ["README.md", "docs/algorithms.md", "docs/how_do_i.md", "docs/reference/data.md", "docs/start/categories.md"]


@pytest.mark.parametrize("page, what", [*((page, "CATEGORIES") for page in _OF_CATEGORIES), ("docs/start/pairs.md", "SOURCES")])
def test_the_algorithms_that_learn_categories_or_pairs(page, what):
  conditional = {name for name in NAMES if getattr(registry.load("tf_textgan.algorithms", name), what, False)}
  text = (ROOT / page).read_text(encoding="utf-8")
  # "`mle`, `catgan` and `sentigan` learn ...", or a table of them.
  (found,) = re.findall(r"((?:`\w+`(?: \([^)]*\))?(?:, | and )?){2,})\s*learn", text) or ["\n".join(re.findall(r"^\| (`\w+`) \|", text, re.M))]
  assert set(re.findall(r"`(\w+)`", found)) == conditional


def test_the_extras_and_commands_of_an_installation():
  (extras,) = re.findall(r'pip install "\.\[(.*?)\]"', README)
  assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
  commands = set(re.findall(r"`(textgan-\w+)`", README))
  assert commands == set(PROJECT["scripts"])
  assert all(inspect.isfunction(getattr(scripts, entry.rsplit(":", 1)[1])) for entry in PROJECT["scripts"].values())
  (version,) = re.findall(r"Python (\d\.\d+) or later", README)
  assert PROJECT["requires-python"] == f">={version}"


@pytest.mark.parametrize("finding", re.findall(r"^\* .*", _section("Findings"), re.M), ids=lambda finding: re.sub(r"\W+", "_", finding)[:30])
def test_the_numbers_of_the_findings_stand_in_the_pages_they_link(finding):
  pages = [ROOT / page for page in re.findall(r"\]\((docs/results/\w+\.md)", finding)]
  assert pages
  text = " ".join(_prose(page.read_text(encoding="utf-8")) for page in pages)
  numbers = re.findall(r"(?<![\w.])\d*\.\d+", re.sub(r"\(docs[^)]*\)", "", finding))
  assert [number for number in numbers if not re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", text)] == []


def test_findings_are_six():
  assert len(re.findall(r"^\* ", _section("Findings"), re.M)) == 6
