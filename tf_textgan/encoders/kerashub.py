"""Embeddings by a KerasHub text backbone: the mean of its outputs over all tokens but padding.

The mean includes the start token, and the end token of masked encoders. Presets trained as sentence encoders with this mean, such as
all_minilm_l12_v2_en, give the embeddings they were trained for. Sentences beyond the preset's length are truncated.
"""

from collections.abc import Sequence
import os

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import files
from tf_textgan.encoders import base


class Encoder(base.Encoder):
  """Encoder by a KerasHub backbone; see the module.

  Args:
    preset: name of a KerasHub preset, downloaded on first use, or a folder with a backbone and tokenizer saved by `save_to_preset`. A masked encoder
      (BERT, RoBERTa and others) or a decoder (GPT-2, Llama and others).

  Raises:
    UserError: if KerasHub is not installed, or the preset is unavailable or of another kind.
  """

  def __init__(self, preset: str):
    super().__init__(f"keras_hub:{preset}")
    try:
      # An optional dependency.
      import keras_hub
    except ImportError as error:
      raise errors.UserError(f"the encoder {self.name} needs KerasHub, which cannot be imported ({error}); run pip install keras-hub") from error
    if os.path.isdir(preset):
      files.check_regular_inside(preset)
    try:
      self._preprocessor, self._tokens = _preprocessor(keras_hub.models, preset)
      self._backbone = keras_hub.models.Backbone.from_preset(preset)
    except (ValueError, OSError) as error:
      # KerasHub's errors are long; their first sentence names the cause.
      reason = str(error).strip().splitlines()[0].partition(". ")[0]
      raise errors.UserError(
        f"the encoder {self.name} expected the name of a KerasHub text encoder or decoder, or a folder with its backbone and tokenizer: {reason}"
      ) from error
    # Without a preset of its own the preprocessor has a default length, which may exceed the backbone's positions.
    limit = getattr(self._backbone, "max_sequence_length", None)
    if limit:
      self._preprocessor.sequence_length = min(limit, self._preprocessor.sequence_length)

  def encode(self, sentences: Sequence[str]) -> tf.Tensor:
    inputs = self._tokens(sentences)
    if "padding_mask" not in inputs:
      raise errors.UserError(f"the encoder {self.name} must be a backbone with a padding mask, but its inputs are {', '.join(sorted(inputs))}")
    # Batches are padded to the preset's length, often 512; columns of padding only would cost time.
    used = int(np.flatnonzero(np.any(inputs["padding_mask"], axis=0))[-1]) + 1
    inputs = {name: value[:, :used] for name, value in inputs.items()}
    outputs = self._backbone(inputs, training=False)
    if isinstance(outputs, dict):
      outputs = outputs["sequence_output"]
    mask = tf.cast(inputs["padding_mask"], tf.float32)[:, :, None]
    return tf.reduce_sum(tf.cast(outputs, tf.float32) * mask, axis=1) / tf.reduce_sum(mask, axis=1)


def _preprocessor(models, preset):
  """Returns the preset's preprocessor, and its function that makes a backbone's inputs."""
  try:
    preprocessor = models.TextClassifierPreprocessor.from_preset(preset)
    return preprocessor, preprocessor
  except ValueError:
    # Decoders have no classifier preprocessor.
    preprocessor = models.CausalLMPreprocessor.from_preset(preset)
    return preprocessor, preprocessor.generate_preprocess
