"""Checks of the commands that give a run's generator text."""

from collections.abc import Sequence
import sys

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.data.tokenizers import base as tokenizers
from tf_textgan.generators import base as generator_base


def require(generator: generator_base.Generator, ability: type, lack: str, example: str) -> None:
  """Checks that a run's generator has an ability.

  Args:
    generator: of the run.
    ability: abstract class of `generators.base`.
    lack: what a generator without it does not do, for the message, such as "encodes no text".
    example: an algorithm whose generator has it.

  Raises:
    UserError: it has not; names those that have.
  """
  if isinstance(generator, ability):
    return
  package = "tf_textgan.generators"
  able = [name for name in registry.names(package) if issubclass(registry.load(package, name).Generator, ability)]
  name = type(generator).__module__.removeprefix(f"{package}.")
  raise errors.UserError(f"the run's generator is {name}, which {lack}; expected {' or '.join(able)}, as of --algorithm {example}")


def say_unknown(text: str, ids: Sequence[int], tokenizer: tokenizers.Tokenizer) -> None:
  """Says on the standard error how many tokens of a text, whose ids are given, are unknown; nothing if none is."""
  if unknown := list(ids).count(tokenizer.unknown_token):
    print(f"{text[:60]!r}: {unknown} of {len(ids)} tokens are not in the run's vocabulary", file=sys.stderr)
