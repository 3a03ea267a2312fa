"""Where the recipes are: flagfiles of papers' settings, in the folder `recipes` of the project, and in the package if it was installed by pip."""

import pathlib

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]


def folder() -> pathlib.Path:
  """The folder of the recipes."""
  installed = _PACKAGE / "recipes"
  return installed if installed.is_dir() else _PACKAGE.parent / "recipes"


def find(path: str) -> str:
  """The path of a flagfile: a recipe for `recipes/NAME` if there is no such file, so that the documented commands work in every folder."""
  given = pathlib.PurePath(path)
  if given.parent == pathlib.PurePath("recipes") and not pathlib.Path(path).exists() and (recipe := folder() / given.name).is_file():
    return str(recipe)
  return path
