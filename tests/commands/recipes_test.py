"""Tests of tf_textgan.commands.recipes: where a flagfile is looked for."""

import pytest

from tf_textgan.commands import recipes


def test_a_recipe_is_found_from_every_folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  assert recipes.find("recipes/quickstart.flags") == str(recipes.folder() / "quickstart.flags")
  assert recipes.find("recipes/short/mle.flags") == str(recipes.folder() / "short" / "mle.flags")


def test_a_file_of_ones_own_comes_first(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "recipes").mkdir()
  (tmp_path / "recipes" / "quickstart.flags").touch()
  assert recipes.find("recipes/quickstart.flags") == "recipes/quickstart.flags"


@pytest.mark.parametrize(
  "path", ["recipes/absent.flags", "quickstart.flags", "other/recipes/quickstart.flags", "recipes", "/recipes/quickstart.flags", "recipes/short"]
)
def test_all_else_stays_as_it_is(tmp_path, monkeypatch, path):
  monkeypatch.chdir(tmp_path)
  assert recipes.find(path) == path


def test_an_installed_package_has_its_own(tmp_path, monkeypatch):
  monkeypatch.setattr(recipes, "_PACKAGE", tmp_path)
  (tmp_path / "recipes").mkdir()
  assert recipes.folder() == tmp_path / "recipes"
