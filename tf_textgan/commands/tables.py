"""Writes the settings tables of docs/algorithms.md: python -m tf_textgan.commands.tables docs/algorithms.md.

The table of an algorithm stands between `<!-- settings NAME -->` and `<!-- end of settings -->`. It is made of the module's `PUBLISHED`, see
`tf_textgan.published`, and of the defaults; a test fails if a page differs.
"""

import dataclasses
import pathlib
import re
from typing import Any

from tf_textgan import errors
from tf_textgan import files
from tf_textgan import published
from tf_textgan import registry
from tf_textgan.algorithms import base
from tf_textgan.commands import cli
from tf_textgan.training import loop

_TABLE = re.compile(r"(<!-- settings (\w+) -->\n).*?(<!-- end of settings -->)", re.DOTALL)


def defaults(module: Any) -> dict[str, Any]:
  """The defaults of an algorithm, its networks and its schedule: name of the flag to value."""
  parts = [("", module.Config()), ("", base.Schedule())]
  parts += [(f"{kind}_", getattr(module, kind.upper())[1]) for kind in ("generator", "discriminator") if getattr(module, kind.upper())]
  found = {f"{prefix}{field.name}": getattr(config, field.name) for prefix, config in parts for field in dataclasses.fields(config)}
  # Of the loop only the batch is the paper's.
  return found | {"batch_size": loop.Config().batch_size}


def render(name: str) -> str:
  """The table of the named algorithm, in Markdown."""
  module = registry.load("tf_textgan.algorithms", name)
  try:
    return published.table(module.PUBLISHED, defaults(module), getattr(module, "COLUMNS", published.COLUMNS))
  except ValueError as e:
    raise ValueError(f"tf_textgan/algorithms/{name}.py: {e}") from e


def update(text: str) -> str:
  """A page with its tables made anew.

  Raises:
    UserError: a table of an algorithm is missing.
  """
  if missing := set(registry.names("tf_textgan.algorithms")) - {name for _, name, _ in _TABLE.findall(text)}:
    raise errors.UserError(f"the page lacks the tables of {', '.join(sorted(missing))}; expected <!-- settings NAME --> and <!-- end of settings -->")
  return _TABLE.sub(lambda found: f"{found[1]}\n{render(found[2])}\n\n{found[3]}", text)


def main(paths: list[pathlib.Path]) -> None:
  """Makes the tables of pages anew."""
  for path in paths:
    files.write_text(path, update(files.read_text(path)))


if __name__ == "__main__":
  cli.run(lambda argv: [pathlib.Path(argument) for argument in argv[1:]], main)
