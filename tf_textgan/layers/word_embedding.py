"""Words' embeddings that are learned in part: ScratchGAN's two networks have one each (https://arxiv.org/abs/1905.09922)."""

import keras
import tensorflow as tf

# Of the learned part, so that it is like the given one: the standard deviation of the numbers of GloVe's vectors.
_STDDEV = 0.3836


class Embedding(keras.layers.Layer):
  """A table of embeddings: numbers that are learned beside numbers that are given.

  Attributes:
    size: numbers in an embedding, of both parts (E).
    given: variable `[V, G]` that training leaves alone, zeros until it is assigned; None without such a part.
  """

  def __init__(self, vocab_size, learned_size, given_size, seed, regularizer=None):
    """Args: vocab_size: V; learned_size; given_size: G; seed: integer; regularizer: Keras regularizer of the learned part, or None."""
    super().__init__(name="embedding")
    self.size = given_size + learned_size
    self.given = self.add_weight((vocab_size, given_size), "zeros", trainable=False, name="given_embedding") if given_size else None
    # Smaller where nothing is given: so the official code has it.
    initializer = keras.initializers.RandomNormal(0.0, _STDDEV, seed=seed) if given_size else keras.initializers.GlorotUniform(seed=seed)
    self.learned = self.add_weight((vocab_size, learned_size), initializer, name="embedding", regularizer=regularizer)
    self.built = True

  def table(self):
    """All embeddings, `[V, E]`."""
    parts = [self.learned] if self.given is None else [self.given, self.learned]
    return tf.concat([tf.cast(tf.convert_to_tensor(part), self.compute_dtype) for part in parts], axis=1)
