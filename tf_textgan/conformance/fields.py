"""Checks the form of settings: each field becomes a flag, and its comment the help."""

import ast
import inspect


def uncommented_fields(config_class: type) -> list[str]:
  """Names of the fields of a dataclass without a comment on the line above."""
  lines = inspect.getsource(config_class).splitlines()
  body = ast.parse(inspect.cleandoc("\n".join(lines))).body[0].body
  return [node.target.id for node in body if isinstance(node, ast.AnnAssign) and not lines[node.lineno - 2].strip().startswith("#")]
