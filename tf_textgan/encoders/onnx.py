"""Embeddings by a model in the ONNX format, run by onnxruntime on the CPU. B sentences, T tokens, E embedding.

The folder has a `model.onnx`, or `onnx/model.onnx`, and a `tokenizer.json`; the module `folders` says which other files are read. Inputs of the model
are those of BERT, int64 or int32 `[B, T]`: input_ids, and attention_mask and token_type_ids if it has them. Its embeddings are

* the output sentence_embedding, `[B, E]`, if there is one: pooling is part of the model then;
* else its only output `[B, T, E]`, pooled as the folder says, or by the mean over the tokens;
* else its only output `[B, E]`.

Numbers may differ in the last digits between processors. With dynamically quantized activations (DynamicQuantizeLinear), each batch has
one scale, so that a sentence's embedding depends a little on the sentences beside it; with quantized weights alone it does not.
"""

from collections.abc import Sequence
import os

import numpy as np

from tf_textgan import errors
from tf_textgan import presets
from tf_textgan.encoders import base
from tf_textgan.encoders import folders

_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class Encoder(base.Encoder):
  """Encoder by an ONNX model; see the module.

  Args:
    folder: path.

  Raises:
    UserError: if onnxruntime or tokenizers is not installed, or the folder holds no such model.
  """

  def __init__(self, folder: str):
    super().__init__(f"onnx:{folder}")
    try:
      # Optional dependencies.
      import onnxruntime
      import tokenizers  # noqa: F401
    except ImportError as error:
      raise errors.UserError(
        f"the encoder {self.name} needs onnxruntime and tokenizers, which cannot be imported ({error}); run pip install onnxruntime tokenizers"
      ) from error
    model, _ = presets.find(f"the encoder {self.name}", folder, ("model.onnx", os.path.join("onnx", "model.onnx")), ("tokenizer.json",))
    self._tokenizer = folders.Tokenizer(self.name, folder)
    self._session = _session(onnxruntime, self.name, model)
    self._inputs = self._find_inputs()
    self._output, states = self._find_output()
    self._pooling = folders.Pooling(self.name, folder) if states else None

  def lengths(self, sentences: Sequence[str]) -> list[int]:
    return self._tokenizer.lengths(sentences)

  def encode(self, sentences: Sequence[str]) -> np.ndarray:
    tokens = self._tokenizer(sentences)
    (outputs,) = self._run([self._output], tokens)
    return self._pooling(outputs, tokens.mask) if self._pooling else outputs

  def _run(self, outputs, tokens):
    values = {"input_ids": tokens.ids, "attention_mask": tokens.mask, "token_type_ids": tokens.types}
    try:
      return self._session.run(outputs, {name: values[name].astype(dtype) for name, dtype in self._inputs.items()})
    except Exception as error:  # Those of onnxruntime have no common class but this.
      raise errors.UserError(f"the encoder {self.name} cannot run its model: {errors.first_line(error)}") from error

  def _find_inputs(self):
    """Returns names and dtypes of the model's inputs."""
    inputs = {put.name: _TYPES.get(put.type) for put in self._session.get_inputs()}
    if "input_ids" not in inputs or inputs.keys() - {"input_ids", "attention_mask", "token_type_ids"} or None in inputs.values():
      found = ", ".join(f"{put.name} ({put.type})" for put in self._session.get_inputs())
      raise errors.UserError(
        f"the encoder {self.name} must have integer inputs input_ids and, if any, attention_mask and token_type_ids, but its inputs are: {found}"
      )
    return inputs

  def _find_output(self):
    """Returns the name of the output to use, and whether it has states of tokens; declared shapes may be wrong, so it is tried."""
    names = [put.name for put in self._session.get_outputs()]
    outputs = dict(zip(names, self._run(names, self._tokenizer(["a", "a b"]))))
    floats = {name: output.ndim for name, output in outputs.items() if isinstance(output, np.ndarray) and output.dtype.kind == "f"}
    if floats.get("sentence_embedding") == 2:
      return "sentence_embedding", False
    for ndim in (3, 2):
      found = [name for name in floats if floats[name] == ndim]
      if len(found) == 1:
        return found[0], ndim == 3
      if found:
        break
    shapes = ", ".join(f"{name} ({getattr(output, 'dtype', type(output).__name__)} {list(np.shape(output))})" for name, output in outputs.items())
    raise errors.UserError(
      f"the encoder {self.name} must have a float output sentence_embedding [B, E], or one [B, T, E], or one [B, E], but its outputs are {shapes}"
    )


def _session(onnxruntime, name, path):
  """Loads a model."""
  options = onnxruntime.SessionOptions()
  # Errors are raised; nothing is printed.
  options.log_severity_level = 4
  # On a busy machine, threads that wait for each other in a loop take the others' time.
  options.add_session_config_entry("session.intra_op.allow_spinning", "0")
  try:
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
  except Exception as error:  # See `_run`.
    raise errors.UserError(f"the encoder {name} cannot load {path}: {errors.first_line(error)}") from error
