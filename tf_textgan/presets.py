"""Models of other packages: the files of their folders, and those of KerasHub, by the name of a preset or by a folder.

Folders are saved by KerasHub (`save_to_preset`) or by transformers (config.json with a `model_type`, and model.safetensors), which KerasHub converts.
No code of a folder is run: KerasHub makes only classes that are registered with Keras.
"""

from collections.abc import Callable
from collections.abc import Sequence
import json
import os
from typing import Any
from typing import NamedTuple

from tf_textgan import errors
from tf_textgan import files

# The module of parts that are made of a model of KerasHub, and how such a part is named.
MODULE = "keras_hub"
_PREFIX = f"{MODULE}:"
SPELLING = f"{_PREFIX}PRESET_OR_FOLDER"

# Of these, KerasHub builds GELU and absolute positions whatever config.json says.
_FIXED = ("bert", "roberta", "xlm-roberta")


def named_in(name: str) -> str:
  """The preset or folder in a part's name, such as keras_hub:gpt2_base_en, a folder as an absolute path; empty for any other name."""
  preset = name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else ""
  folder = os.path.expanduser(preset)
  return os.path.abspath(folder) if preset and os.path.isdir(folder) else preset


def name_of(preset: str) -> str:
  """The name of a part that is made of a preset."""
  return _PREFIX + preset if preset else MODULE


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
    raise errors.UserError(f"{who} expected {expected}: {errors.first_line(error).partition('. ')[0]}") from error


class Special(NamedTuple):
  """Ids of the special tokens of a tokenizer of KerasHub; the unknown token is -1 if it has none, and the padding the end token."""

  start: int
  end: int
  unknown: int
  padding: int


def special_ids(tokenizer: Any) -> Special:
  """The special tokens of a tokenizer of KerasHub; raises an `AttributeError` if it has no start or end token."""
  unknown = -1
  if hasattr(tokenizer, "oov_token"):  # WordPiece.
    unknown = tokenizer.token_to_id(tokenizer.oov_token)
  elif hasattr(tokenizer, "proto"):  # SentencePiece gives this id for any text that it does not know.
    unknown = tokenizer.token_to_id("<unk>")
  # Without a token for it, the id of padding is that of any piece.
  padding = tokenizer.pad_token_id if hasattr(tokenizer, "pad_token") else tokenizer.end_token_id
  return Special(tokenizer.start_token_id, tokenizer.end_token_id, unknown, padding)


_EXPECTED = "the name of a KerasHub preset, or a folder with its backbone and tokenizer"
# Rows that a table may have beyond the tokenizer's pieces: sizes are rounded up.
_SPARE = 128


def tokenizer(who: str, preset: str) -> Any:
  """The preset's tokenizer, KerasHub's; raises a `UserError`."""
  models = package(who).models
  return load(who, _EXPECTED, models.Tokenizer.from_preset, source(who, preset))


def backbone(who: str, preset: str, size: int, length: int, **settings: Any) -> tuple[Any, Special]:
  """The preset's backbone, KerasHub's, for sequences of its tokenizer's ids, and the special ones.

  Args:
    who: the part that it is for, for the messages.
    preset: name or folder; empty if the user named none.
    size: number of the tokenizer's ids.
    length: most ids in a sequence.
    **settings: of the backbone, in place of the preset's.

  Raises:
    UserError: KerasHub is not installed, the preset cannot be loaded, its tokenizer is another one's, or it has fewer positions.
  """
  if not preset:
    raise errors.UserError(f"{who} is made of a model of KerasHub: expected {SPELLING}")
  found, made = tokenizer(who, preset), load(who, _EXPECTED, package(who).models.Backbone.from_preset, source(who, preset), **settings)
  rows = getattr(made, "vocabulary_size", 0)
  if not size <= rows < size + _SPARE:
    raise errors.UserError(f"{who} has a model of {rows} token ids, but the run's tokenizer has {size}; expected the preset's own tokenizer")
  positions = getattr(made, "max_sequence_length", length)
  if length > positions:
    raise errors.UserError(f"{who} has {positions} positions, but the run needs {length}; expected a smaller --max_length")
  return made, load(who, "a tokenizer with a start and an end token", special_ids, found)


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
    raise errors.UserError(f"{who} expected JSON in {path}, which cannot be read: {errors.first_line(error)}") from error
  if not isinstance(value, kind):
    raise errors.UserError(f"{who} expected a JSON {'object' if kind is dict else 'list'} in {path}, but got {str(value)[:40]!r}")
  return value
