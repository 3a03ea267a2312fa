"""Frozen features from outside of a run, for the algorithms that ask for them (`algorithms.base.Algorithm.external_features`)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan.algorithms import mmd
from tf_textgan.encoders import base as encoder_base
from tf_textgan.encoders import load as encoders
from tf_textgan.generators import base as generator_base

_RUN = "run:"


def add(algorithm: Any, experiment: Any, tokenizer: Any, load: Callable[[str], Any]) -> None:
  """Gives an algorithm the features that it asks for, if it asks.

  Args:
    algorithm: `algorithms.base.Algorithm`.
    experiment: `experiment.Experiment`.
    tokenizer: the corpus's tokenizer.
    load: function from the folder of a run to a `run.Run`.

  Raises:
    UserError: there is no such run or encoder, the run has another vocabulary or no generator that writes token by token, or XLA is to compile an
      encoder.
  """
  name = algorithm.external_features
  if name.startswith(_RUN):
    algorithm.features = _of_run(name.removeprefix(_RUN), tokenizer, load)
  elif name:
    if experiment.loop.jit_compile:
      raise errors.UserError("--features of a sentence encoder are made outside of TensorFlow's graph; expected --jit_compile false")
    algorithm.features = of_encoder(encoders.load(name), tokenizer.decode)


def _of_run(folder, tokenizer, load):
  run = load(folder)
  model = run.algorithm.generator
  if run.tokenizer != tokenizer:
    raise errors.UserError(f"--features run:{folder} has another vocabulary; expected a run on the same corpus")
  if not isinstance(model, generator_base.Autoregressive):
    raise errors.UserError(f"--features run:{folder} has a generator that does not write token by token; expected one that does")
  return lambda tokens: mmd.model_features(model, tokens, tf.zeros([tf.shape(tokens)[0], model.latent_size]))


def of_encoder(encoder: encoder_base.Encoder, decode: Callable[[np.ndarray], list[str]]) -> mmd.Features:
  """Features of a sentence encoder: one point for each sentence.

  Args:
    encoder: `encoders.base.Encoder`.
    decode: function from int arrays `[N, T]` to N strings.
  """
  size = encoder(["a"]).shape[1]

  def features(tokens):
    vectors = tf.numpy_function(lambda tokens: encoder(decode(tokens)), [tokens], tf.float32, stateful=False)
    points = tf.ensure_shape(vectors, [tokens.shape[0], size])[:, None]
    return points, tf.ones_like(points[:, :, 0])

  return features
