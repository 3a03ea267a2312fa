"""Creation of sentence encoders: `hashed`, `keras_hub:PRESET_OR_FOLDER`, `onnx:FOLDER`, `saved_model:FOLDER` or a user's `my_package.my_module`."""

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.encoders import base
from tf_textgan.encoders import hashed
from tf_textgan.encoders import kerashub
from tf_textgan.encoders import onnx
from tf_textgan.encoders import saved_model

_WITH_ARGUMENT = {"keras_hub": kerashub.Encoder, "onnx": onnx.Encoder, "saved_model": saved_model.Encoder}


def load(spec: str) -> base.Encoder:
  """Creates a sentence encoder.

  Args:
    spec: `hashed`, which needs no download (see its module for what it measures); `keras_hub:` with a preset's name or folder; `onnx:` or
      `saved_model:` with a folder; a dotted name, `my_package.my_module` or `my_package.my_module:ARGUMENT`, for the class `Encoder` of that module,
      created with the argument if there is one.

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
  if registry.is_outside(kind):
    encoder = registry.load("tf_textgan.encoders", kind).Encoder
    return encoder(argument) if argument else encoder()
  raise errors.UserError(
    "expected an encoder hashed, keras_hub:PRESET_OR_FOLDER, onnx:FOLDER, saved_model:FOLDER or a module of your own, such as "
    f"my_package.my_module, but got {spec!r}"
  )
