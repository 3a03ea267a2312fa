"""Word embeddings with a fixed and a trained part, used by both networks of ScratchGAN (https://arxiv.org/abs/1905.09922)."""

import keras
import tensorflow as tf

# Standard deviation of the entries of GloVe vectors; the trained part starts at the scale of the fixed one.
_STDDEV = 0.3836


class Embedding(keras.layers.Layer):
  """Embedding table: fixed pretrained columns, followed by trained columns.

  Attributes:
    size: entries of an embedding, both parts together (E).
    given: non-trainable variable `[V, G]`, zeros until pretrained vectors are assigned; None if G is 0.
    learned: trainable variable `[V, E - G]`.
  """

  def __init__(
    self, vocab_size: int, learned_size: int, given_size: int, seed: int, regularizer: keras.regularizers.Regularizer | None = None
  ):
    """Creates the table.

    Args:
      vocab_size: V.
      learned_size: trained entries of an embedding.
      given_size: fixed entries of an embedding (G); 0 for none.
      seed: seed of the initial weights.
      regularizer: of the trained part.
    """
    super().__init__(name="embedding")
    self.size = given_size + learned_size
    self.given = self.add_weight((vocab_size, given_size), "zeros", trainable=False, name="given_embedding") if given_size else None
    # The official code uses the smaller Glorot initialization without pretrained vectors.
    initializer = keras.initializers.RandomNormal(0.0, _STDDEV, seed=seed) if given_size else keras.initializers.GlorotUniform(seed=seed)
    self.learned = self.add_weight((vocab_size, learned_size), initializer, name="embedding", regularizer=regularizer)
    self.built = True

  def table(self) -> tf.Tensor:
    """Returns all embeddings, float `[V, E]`."""
    parts = [self.learned] if self.given is None else [self.given, self.learned]
    return tf.concat([tf.cast(tf.convert_to_tensor(part), self.compute_dtype) for part in parts], axis=1)
