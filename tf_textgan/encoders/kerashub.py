"""Embeddings by a text backbone of KerasHub: the mean of its outputs at all tokens but padding.

The start token counts, and the end token where the preset is a masked encoder. For presets trained for sentences by this mean, such as
all_minilm_l12_v2_en, it is the embedding they were trained for. Sentences longer than the preset allows are cut.
"""

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.encoders import base


class Encoder(base.Encoder):
  """See the module.

  Args:
    preset: name of a KerasHub preset, downloaded on first use, or a folder where `save_to_preset` has put the backbone and its tokenizer. A masked
      encoder (BERT, RoBERTa and others) or a decoder (GPT-2, Llama and others).

  Raises:
    UserError: KerasHub is not installed, or the preset cannot be had or is of another kind.
  """

  def __init__(self, preset):
    super().__init__(f"keras_hub:{preset}")
    try:
      # Optional, so not imported with the module.
      import keras_hub
    except ImportError as error:
      raise errors.UserError(f"the encoder {self.name} needs KerasHub, which cannot be imported ({error}); run pip install keras-hub") from error
    try:
      self._preprocessor, self._tokens = _preprocessor(keras_hub.models, preset)
      self._backbone = keras_hub.models.Backbone.from_preset(preset)
    except (ValueError, OSError) as error:
      # Its errors are long: the first sentence says what is wrong.
      reason = str(error).strip().splitlines()[0].partition(". ")[0]
      raise errors.UserError(
        f"the encoder {self.name} expected the name of a KerasHub text encoder or decoder, or a folder with its backbone and tokenizer: {reason}"
      ) from error
    # A preset that says nothing of its preprocessor leaves it with a default, which the positions may not allow.
    limit = getattr(self._backbone, "max_sequence_length", None)
    if limit:
      self._preprocessor.sequence_length = min(limit, self._preprocessor.sequence_length)

  def encode(self, sentences):
    inputs = self._tokens(sentences)
    if "padding_mask" not in inputs:
      raise errors.UserError(f"the encoder {self.name} must be a backbone with a padding mask, but its inputs are {', '.join(sorted(inputs))}")
    # Batches are padded to the preset's length, often 512: the columns that are all padding only cost time.
    used = int(np.flatnonzero(np.any(inputs["padding_mask"], axis=0))[-1]) + 1
    inputs = {name: value[:, :used] for name, value in inputs.items()}
    outputs = self._backbone(inputs, training=False)
    if isinstance(outputs, dict):
      outputs = outputs["sequence_output"]
    mask = tf.cast(inputs["padding_mask"], tf.float32)[:, :, None]
    return tf.reduce_sum(tf.cast(outputs, tf.float32) * mask, axis=1) / tf.reduce_sum(mask, axis=1)


def _preprocessor(models, preset):
  """The preset's preprocessor, and the function of it that gives a backbone's inputs."""
  try:
    preprocessor = models.TextClassifierPreprocessor.from_preset(preset)
    return preprocessor, preprocessor
  except ValueError:
    # Decoders have none for whole texts.
    preprocessor = models.CausalLMPreprocessor.from_preset(preset)
    return preprocessor, preprocessor.generate_preprocess
