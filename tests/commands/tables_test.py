"""Tests of tf_textgan.commands.tables."""

import pathlib

import pytest

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.algorithms import seqgan
from tf_textgan.commands import tables

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/algorithms.md"
NAMES = registry.names("tf_textgan.algorithms")


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_declared_and_every_flag_is_one(name):
  module = registry.load("tf_textgan.algorithms", name)
  flags = tables.defaults(module)
  # A name like a flag's that is none would not be compared.
  assert {key for key in module.PUBLISHED if " " not in key} - set(flags) <= {
    "task", "networks", "reward", "ratio", "loss", "goals", "cosines", "ranks", "baseline", "optimizer", "checkpoint", "parents", "quality", "text",
    "discriminator_start", "discriminator_outputs",
  }  # fmt: skip
  assert len(tables.render(name).splitlines()) == 2 + len(module.PUBLISHED)


def test_the_page_has_the_tables_that_are_made_of_the_settings():
  """If this fails: python -m tf_textgan.commands.tables docs/algorithms.md."""
  text = PAGE.read_text(encoding="utf-8")
  assert text == tables.update(text)


def test_a_changed_default_is_not_called_the_same(monkeypatch):
  assert "| rollouts | 16 | 16 | same | `--rollouts` |" in tables.render("seqgan")
  monkeypatch.setattr(seqgan, "PUBLISHED", seqgan.PUBLISHED | {"rollouts": seqgan.PUBLISHED["rollouts"]._replace(code=8, paper=None)})
  with pytest.raises(ValueError, match=r"tf_textgan/algorithms/seqgan.py: rollouts: 16 differs from the published \[8\]; a note must say why"):
    tables.render("seqgan")


def test_a_page_is_written_anew(tmp_path):
  page = tmp_path / "page.md"
  markers = [f"before {name}\n<!-- settings {name} -->\n| old |\n<!-- end of settings -->\nafter {name}\n" for name in NAMES]
  page.write_text("".join(markers))
  tables.main([page])
  written = page.read_text()
  assert "| old |" not in written and written == tables.update(written)
  assert f"before mle\n<!-- settings mle -->\n\n{tables.render('mle')}\n\n<!-- end of settings -->\nafter mle\n" in written
  with pytest.raises(errors.UserError, match="the page lacks the tables of mle; expected <!-- settings NAME -->"):
    tables.update(written.replace("<!-- settings mle -->", ""))
