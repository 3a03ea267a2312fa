"""Any Keras model as a discriminator: it maps embedded points, or ids, to a score.

A discriminator of one's own in a few lines, to be named `--discriminator my_package.my_module`:

  class Discriminator(wrapped.Discriminator):
    def __init__(self, spec, config, seed=0):
      layers = lambda: [keras.layers.Bidirectional(keras.layers.GRU(config.hidden_size)), keras.layers.Dense(1)]
      super().__init__(spec, lambda: keras.Sequential(layers()), config.embedding_size, seed, config)
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.discriminators import base
from tf_textgan.layers import stateless
from tf_textgan.sampling import noise

_EMBEDDING_SIZE = 64


class Discriminator(base.Discriminator):
  """Scores with a Keras model. The embedding table is this class's own, so that ids and points give the same score.

  The score is a function of the sequence and the seed: without a seed the model runs with `training=False`; with one it runs with `training=True`,
  and the states of all its `keras.random.SeedGenerator`s, such as those of its Dropout layers, are derived from the seed. Other state, such as the
  moving averages of BatchNormalization, changes as it does in Keras. Padding is embedded as any token. Several replicas draw the same random numbers,
  each for its own rows, so that with dropout they do not compute what one replica does.

  Attributes:
    model: the Keras model.
    embedding: the table, float `[V, E]`; None for a model that reads ids.
  """

  def __init__(
    self,
    spec: sequences.Spec,
    model: keras.Model | Callable[[], keras.Model],
    embedding_size: int | None = None,
    seed: int = 0,
    config: Any = None,
  ):
    """Makes the table and builds the model.

    Args:
      spec: `sequences.Spec`.
      model: maps float `[B, T, E]`, embedded points, or int32 `[B, T]`, ids, to a score, float `[B]` or `[B, 1]`. A function that makes it has its
        initial weights drawn from the seed; a model comes with its own.
      embedding_size: E; 0 for a model that reads ids, which works only with algorithms that hand over no points. None takes the E of a model that
        knows the shape of its input, and 64 for any other.
      seed: integer, for the initial weights.
      config: the `Config` of a subclass that is made of `(spec, config, seed)`, so that Keras can save it; None for none.

    Raises:
      UserError: the model is none, or gives another shape.
    """
    super().__init__(spec, config, seed)
    if not isinstance(model, keras.Model):
      with stateless.seeded(seed):
        model = model()
    if not isinstance(model, keras.Model):
      raise errors.UserError(f"expected a keras.Model, or a function that makes one, not {type(model).__name__}")
    size = _size_of(model, spec) if embedding_size is None else embedding_size
    self.embedding = None
    if size:
      self.embedding = self.add_weight((spec.vocab_size, size), keras.initializers.RandomUniform(-1.0, 1.0, seed=seed), name="embedding")
    self.model = model
    inputs = tf.zeros([2, spec.length, size]) if size else tf.zeros([2, spec.length], tf.int32)
    with stateless.seeded(seed + 1):  # Layers without a seed of their own may draw it as they are built.
      outputs = model(inputs, training=False)
    if not isinstance(outputs, tf.Tensor) or outputs.shape not in ([2], [2, 1]):
      shape = ["B", *outputs.shape[1:]] if isinstance(outputs, tf.Tensor) else type(outputs).__name__
      raise errors.UserError(f"the model {model.name} gives {shape}; expected a score, [B] or [B, 1]")
    self.built = True

  def call(self, inputs, context=None, seed=None):
    del context
    if self.embedding is not None:
      inputs = base.embed(inputs, tf.cast(tf.convert_to_tensor(self.embedding), self.compute_dtype))
    elif not inputs.dtype.is_integer:
      raise errors.UserError(
        "this discriminator reads ids, but the algorithm hands it points, relaxed tokens, as all do that pass the discriminator's gradient "
        "through the tokens (catgan, gsgan, relgan, wgan_gp and the like); expected a model of embedded points, with an embedding_size above 0, "
        "or an algorithm that rewards sampled tokens, such as seqgan"
      )
    outputs = stateless.call(self.model, inputs, None if seed is None else lambda i: noise.fold(seed, "keras", i))
    return tf.cast(tf.reshape(outputs, [-1]), tf.float32)


def _size_of(model, spec):
  """The embedding size of a model's input; 0 if it reads ids."""
  shape = getattr(model, "input_shape", None) if model.built else None
  if shape is None:
    return _EMBEDDING_SIZE
  if not isinstance(shape, tuple) or len(shape) not in (2, 3) or shape[1] not in (None, spec.length) or (len(shape) == 3 and not shape[2]):
    raise errors.UserError(f"the model {model.name} reads {shape}; expected embedded points [B, {spec.length}, E], or ids [B, {spec.length}]")
  return shape[2] if len(shape) == 3 else 0
