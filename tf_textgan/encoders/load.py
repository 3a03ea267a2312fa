"""Finds a sentence encoder by its spec: `hashed`, `keras_hub:PRESET_OR_FOLDER`, `saved_model:FOLDER` or a user's module, `my_package.my_module`."""

from tf_textgan import errors
from tf_textgan import registry
from tf_textgan.encoders import hashed
from tf_textgan.encoders import kerashub
from tf_textgan.encoders import saved_model

_WITH_ARGUMENT = {"keras_hub": kerashub.Encoder, "saved_model": saved_model.Encoder}


def load(spec):
  """Makes a sentence encoder.

  Args:
    spec: `hashed`, which needs no download (read what it measures in its module); `keras_hub:` and a preset's name or folder; `saved_model:` and a
      folder; a dotted name, `my_package.my_module` or `my_package.my_module:ARGUMENT`, for the class `Encoder` of that module, which is made with the
      argument if there is one.

  Returns:
    A `base.Encoder`: of a list of N strings it gives float32 `[N, E]`.

  Raises:
    UserError: there is no such encoder, or it cannot be loaded.
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
    "expected an encoder hashed, keras_hub:PRESET_OR_FOLDER, saved_model:FOLDER or a module of your own, such as my_package.my_module, but got "
    f"{spec!r}"
  )
