"""Where the recipes are: flagfiles of papers' settings, in the folder `recipes` of the project, and in the package if it was installed by pip."""

import pathlib

# The folder of recipes of a few minutes, one for each algorithm.
_SHORT = "short"
_PACKAGE = pathlib.Path(__file__).resolve().parents[1]


def folder() -> pathlib.Path:
  """The folder of the recipes."""
  installed = _PACKAGE / "recipes"
  return installed if installed.is_dir() else _PACKAGE.parent / "recipes"


def find(path: str) -> str:
  """The path of a flagfile: a recipe for `recipes/NAME` or `recipes/short/NAME` if there is no such file, so that commands work in every folder."""
  given = pathlib.PurePath(path)
  if given.parts[:-1] in (("recipes",), ("recipes", _SHORT)) and not pathlib.Path(path).exists():
    recipe = folder().joinpath(*given.parts[1:])
    return str(recipe) if recipe.is_file() else path
  return path


def short(algorithm: str) -> str | None:
  """The name of an algorithm's short recipe on the default corpus, for `find`; None if it has none."""
  names = {path.stem for path in (folder() / _SHORT).glob("*.flags")}
  return f"recipes/{_SHORT}/{algorithm}.flags" if algorithm in names else None
