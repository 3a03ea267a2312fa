"""Embeddings by a KerasHub text backbone: its outputs pooled over all tokens but padding, by the mean unless the folder says otherwise.

Backbones are KerasHub's presets, folders saved by its `save_to_preset`, and folders of the package transformers (config.json with a `model_type`, and
model.safetensors), which KerasHub converts. The tokenizer of the latter is their tokenizer.json, or else the vocabulary that KerasHub reads, such as
BERT's vocab.txt. The module `folders` says which further files are read: a folder of sentence-transformers gives the embeddings it was trained for.
Departure: KerasHub's BERT approximates GELU by a hyperbolic tangent, which moves the unit embeddings of all-MiniLM-L6-v2 by up to 3e-4.

The mean includes the start token, and the end token of masked encoders. Presets trained as sentence encoders with this mean, such as
all_minilm_l12_v2_en, give the embeddings they were trained for. Sentences beyond the preset's length are truncated.
"""

from collections.abc import Sequence
import os

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import presets
from tf_textgan.encoders import base
from tf_textgan.encoders import folders


class Encoder(base.Encoder):
  """Encoder by a KerasHub backbone; see the module.

  Args:
    preset: name of a KerasHub preset, downloaded on first use, or a folder with a backbone and tokenizer, saved by KerasHub or transformers. A masked
      encoder (BERT, RoBERTa and others) or a decoder (GPT-2, Llama and others).

  Raises:
    UserError: if KerasHub is not installed, or the preset is unavailable or of another kind.
  """

  def __init__(self, preset: str):
    super().__init__(f"keras_hub:{preset}")
    who = f"the encoder {self.name}"
    models = presets.package(who).models
    source, self._tokenizer = presets.source(who, preset), None
    if os.path.isdir(preset) and presets.is_of_transformers(who, preset) and os.path.exists(os.path.join(preset, "tokenizer.json")):
      self._tokenizer = folders.Tokenizer(self.name, preset)
    expected = "the name of a KerasHub text encoder or decoder, or a folder with its backbone and tokenizer"
    if not self._tokenizer:
      preprocessor, self._tokens = presets.load(who, expected, _preprocessor, models, source)
    self._backbone = presets.load(who, expected, models.Backbone.from_preset, source)
    limit = getattr(self._backbone, "max_sequence_length", None)
    if self._tokenizer:
      names = sorted(self._backbone.input) if isinstance(self._backbone.input, dict) else []
      if set(names) not in ({"token_ids", "padding_mask"}, {"token_ids", "padding_mask", "segment_ids"}):
        raise errors.UserError(f"the encoder {self.name} must be a backbone of token ids with a padding mask, but its inputs are {', '.join(names)}")
      self._tokenizer.check(self._backbone.vocabulary_size)
      if limit:
        self._tokenizer.limit(limit)
    elif limit:
      # Without a preset of its own the preprocessor has a default length, which may exceed the backbone's positions.
      preprocessor.sequence_length = min(limit, preprocessor.sequence_length)
    self._pooling = folders.Pooling(self.name, preset)
    inputs = self._inputs(["a"])
    if "padding_mask" not in inputs:
      raise errors.UserError(f"the encoder {self.name} must be a backbone with a padding mask, but its inputs are {', '.join(sorted(inputs))}")
    # Compiled for all shapes at once: half the time of operations one by one.
    signature = [{name: tf.TensorSpec([None, None], value.dtype) for name, value in inputs.items()}]
    self._states = tf.function(self._call, input_signature=signature, autograph=False)

  def lengths(self, sentences: Sequence[str]) -> Sequence[int]:
    return self._tokenizer.lengths(sentences) if self._tokenizer else super().lengths(sentences)

  def encode(self, sentences: Sequence[str]) -> np.ndarray:
    inputs = self._inputs(sentences)
    return self._pooling(self._states(inputs).numpy(), inputs["padding_mask"])

  def _inputs(self, sentences):
    """Returns the backbone's inputs, arrays [B, T] without columns of padding only."""
    if self._tokenizer:
      tokens = self._tokenizer(sentences)
      inputs = {"token_ids": tokens.ids.astype(np.int32), "segment_ids": tokens.types.astype(np.int32), "padding_mask": tokens.mask.astype(bool)}
      return {name: inputs[name] for name in inputs if name in self._backbone.input}
    inputs = {name: np.asarray(value) for name, value in self._tokens(sentences).items()}
    if "padding_mask" in inputs:
      # Batches are padded to the preset's length, often 512.
      used = int(np.flatnonzero(np.any(inputs["padding_mask"], axis=0))[-1]) + 1
      inputs = {name: value[:, :used] for name, value in inputs.items()}
    return inputs

  def _call(self, inputs):
    """Returns the states of all tokens, float32 [B, T, E]."""
    outputs = self._backbone(inputs, training=False)
    return tf.cast(outputs["sequence_output"] if isinstance(outputs, dict) else outputs, tf.float32)


def _preprocessor(models, preset):
  """Returns the preset's preprocessor, and its function that makes a backbone's inputs."""
  try:
    preprocessor = models.TextClassifierPreprocessor.from_preset(preset)
    return preprocessor, preprocessor
  except ValueError:
    # Decoders have no classifier preprocessor.
    preprocessor = models.CausalLMPreprocessor.from_preset(preset)
    return preprocessor, preprocessor.generate_preprocess
