"""Embeddings by a TensorFlow SavedModel of strings, such as an unpacked sentence encoder of TensorFlow Hub."""

from collections.abc import Sequence

import tensorflow as tf

from tf_textgan import errors
from tf_textgan import presets
from tf_textgan.encoders import base


class Encoder(base.Encoder):
  """Encoder by a SavedModel.

  Args:
    folder: of the SavedModel, with its saved_model.pb. The model is callable on strings `[N]`, or has a signature `serving_default` with one string
      input. Exactly one of its outputs is float and of rank 2: the embeddings `[N, E]`.

  Raises:
    UserError: if the folder holds no such SavedModel.
  """

  def __init__(self, folder: str):
    super().__init__(f"saved_model:{folder}")
    presets.find(f"the encoder {self.name}", folder, ("saved_model.pb",))
    try:
      # Kept alive: the functions hold no reference to the variables.
      self._model = tf.saved_model.load(folder)
    except (OSError, ValueError, tf.errors.OpError) as error:
      raise errors.UserError(f"the encoder {self.name} cannot be loaded: {errors.first_line(error)}") from error
    self._function = self._model if callable(self._model) else self._signature()

  def encode(self, sentences: Sequence[str]) -> tf.Tensor:
    try:
      outputs = self._function(tf.constant(sentences))
    except (TypeError, ValueError) as error:
      raise errors.UserError(f"the encoder {self.name} must take strings [N], but the model refuses them: {errors.first_line(error)}") from error
    if not isinstance(outputs, dict):
      outputs = dict(enumerate(tf.nest.flatten(outputs)))
    vectors = [output for output in outputs.values() if output.dtype.is_floating and output.shape.rank == 2]
    if len(vectors) != 1:
      found = ", ".join(f"{name} ({output.dtype.name} {list(output.shape)})" for name, output in sorted(outputs.items()))
      raise errors.UserError(f"the encoder {self.name} must have one float output [N, E], but its outputs are {found}")
    return vectors[0]

  def _signature(self):
    """Returns the signature `serving_default` as a function of strings."""
    signatures = self._model.signatures
    if "serving_default" not in signatures:
      found = ", ".join(sorted(signatures)) or "none"
      raise errors.UserError(f"the encoder {self.name} must be callable or have a signature serving_default, but its signatures are: {found}")
    signature = signatures["serving_default"]
    inputs = signature.structured_input_signature[1]
    if [spec.dtype for spec in inputs.values()] != [tf.string]:
      found = ", ".join(f"{name} ({spec.dtype.name})" for name, spec in sorted(inputs.items()))
      raise errors.UserError(f"the encoder {self.name} must have a signature serving_default of one input, strings, but its inputs are: {found}")
    (name,) = inputs
    return lambda sentences: signature(**{name: sentences})
