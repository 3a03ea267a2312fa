"""Creation of sentence encoders from a specification: `hashed`, `keras_hub:PRESET_OR_FOLDER` or `saved_model:FOLDER`."""

from tf_textgan import errors
from tf_textgan.encoders import base
from tf_textgan.encoders import hashed
from tf_textgan.encoders import kerashub
from tf_textgan.encoders import saved_model

_WITH_ARGUMENT = {"keras_hub": kerashub.Encoder, "saved_model": saved_model.Encoder}


def load(spec: str) -> base.Encoder:
  """Creates a sentence encoder.

  Args:
    spec: `hashed`, which needs no download (see its module for what it measures); `keras_hub:` with a preset's name or folder; `saved_model:` with a
      folder.

  Returns:
    An encoder, which maps N strings to float32 `[N, E]`.

  Raises:
    UserError: for an unknown encoder, or one that cannot be loaded.
  """
  kind, _, argument = spec.partition(":")
  if spec == "hashed":
    return hashed.Encoder()
  if kind in _WITH_ARGUMENT and argument:
    return _WITH_ARGUMENT[kind](argument)
  raise errors.UserError(f"expected an encoder hashed, keras_hub:PRESET_OR_FOLDER or saved_model:FOLDER, but got {spec!r}")
