"""Models of other packages: the files of their folders, and those of KerasHub, by the name of a preset or by a folder.

Folders are saved by KerasHub (`save_to_preset`) or by transformers (config.json with a `model_type`, and model.safetensors), which KerasHub converts.
No code of a folder is run: KerasHub makes only classes that are registered with Keras.
"""

from collections.abc import Callable
from collections.abc import Sequence
import json
import os
from typing import Any

from tf_textgan import errors
from tf_textgan import files

# How a part that is made of a model of KerasHub is named.
SPELLING = "keras_hub:PRESET_OR_FOLDER"
_PREFIX = "keras_hub:"

# Of these, KerasHub builds GELU and absolute positions whatever config.json says.
_FIXED = ("bert", "roberta", "xlm-roberta")


def named_in(name: str) -> str:
  """The preset or folder in a part's name, such as keras_hub:gpt2_base_en, a folder as an absolute path; empty for any other name."""
  preset = name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else ""
  folder = os.path.expanduser(preset)
  return os.path.abspath(folder) if preset and os.path.isdir(folder) else preset


def package(who: str) -> Any:
  """The package keras_hub; raises a `UserError` if it cannot be imported.

  Args:
    who: the part that needs it, for the message, such as "the encoder keras_hub:bert_tiny_en_uncased".
  """
  try:
    import keras_hub  # An optional dependency.
  except ImportError as error:
    raise errors.UserError(
      f"{who} needs KerasHub, which cannot be imported ({error}); run pip install keras-hub, or install the extra keras-hub"
    ) from error
  return keras_hub


def source(who: str, preset: str) -> str:
  """What KerasHub's `from_preset` is given: the preset's name, or the absolute path of a folder, whose files are checked first.

  Raises:
    UserError: the folder holds something that is neither a file nor a folder, or is of transformers, and KerasHub cannot read it.
  """
  if not os.path.isdir(preset):
    return preset
  files.check_regular_inside(preset)
  is_of_transformers(who, preset)
  # KerasHub has presets of its own under some names; this is none of them.
  return os.path.abspath(preset)


def load(who: str, expected: str, function: Callable[..., Any], *arguments: Any, **settings: Any) -> Any:
  """Calls a function that loads a model; what it raises becomes a `UserError` of one line, which says what was expected."""
  try:
    return function(*arguments, **settings)
  except errors.UserError:
    raise
  except Exception as error:  # A damaged folder makes the loaders of several formats raise anything.
    # KerasHub's errors are long; their first sentence names the cause.
    raise errors.UserError(f"{who} expected {expected}: {first_line(error).partition('. ')[0]}") from error


def is_of_transformers(who: str, folder: str) -> bool:
  """Whether transformers has saved a folder; raises a `UserError` if KerasHub cannot read it."""
  find(who, folder, ("config.json",))
  config = read(who, folder, "config.json")
  kind = config.get("model_type")
  if "registered_name" in config or kind is None:
    return False
  find(who, folder, ("config.json",), ("model.safetensors", "model.safetensors.index.json"))
  try:
    import safetensors  # noqa: F401
  except ImportError as error:
    raise errors.UserError(f"{who} needs safetensors, which cannot be imported ({error}); run pip install safetensors") from error
  if kind in _FIXED:
    for key, expected in (("hidden_act", "gelu"), ("position_embedding_type", "absolute")):
      if config.get(key, expected) != expected:
        raise errors.UserError(
          f"{who} expected {key} {expected!r} in {folder}/config.json, the only one that KerasHub's {kind} has, but got {config[key]!r}"
        )
  return True


def find(who: str, folder: str, *needed: Sequence[str]) -> list[str]:
  """Finds the files that a part needs in its folder.

  Args:
    who: the part, for the messages, such as "the encoder onnx:minilm".
    folder: path.
    needed: for each file, its names relative to the folder, of which the first one that is there is taken.

  Returns:
    A path for each file.

  Raises:
    UserError: there is no such folder or file, or something in the folder is neither a file nor a folder, such as a pipe or a device, which would be
      read without end.
  """
  expected = f"{who} expected a folder with a {' and a '.join(names[0] for names in needed)}"
  if not os.path.isdir(folder):
    raise errors.UserError(f"{expected}, but {folder} is {'no folder' if os.path.exists(folder) else 'absent'}")
  paths = []
  for names in needed:
    present = [path for path in (os.path.join(folder, file) for file in names) if os.path.exists(path)]
    if not present:
      raise errors.UserError(f"{expected}, but there is no {names[0]} in {folder}")
    paths.append(present[0])
  files.check_regular_inside(folder)
  for path in paths:
    if not os.path.isfile(path):
      raise errors.UserError(f"{expected}, but {path} is a folder")
  return paths


def read(who: str, folder: str, file: str, kind: type = dict) -> Any:
  """Reads a JSON file, an object or a list as `kind` says; an empty one if there is no such file.

  Raises:
    UserError: it cannot be read or holds something else.
  """
  path = os.path.join(folder, file)
  if not os.path.exists(path):
    return kind()
  try:
    with files.open_regular(path, text=True) as opened:
      value = json.load(opened)
  except (OSError, ValueError, RecursionError) as error:
    raise errors.UserError(f"{who} expected JSON in {path}, which cannot be read: {first_line(error)}") from error
  if not isinstance(value, kind):
    raise errors.UserError(f"{who} expected a JSON {'object' if kind is dict else 'list'} in {path}, but got {str(value)[:40]!r}")
  return value


def first_line(error: BaseException) -> str:
  """The first line of an error's text, or its kind if there is none."""
  return (str(error).strip() or type(error).__name__).splitlines()[0]
