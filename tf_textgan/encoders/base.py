"""Base class of sentence encoders, which map each string to one embedding. N sentences, B sentences in a batch, E embedding."""

import abc
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_textgan import errors


class Encoder(abc.ABC):
  """Maps sentences to embeddings.

  Attributes:
    name: specification that `load.load` makes the encoder from.
    size: entries of an embedding (E); None if unknown before the first call.
  """

  def __init__(self, name: str, size: int | None = None, batch_size: int = 64):
    """Sets the attributes.

    Args:
      name: see the class.
      size: see the class.
      batch_size: most sentences per call of `encode` (B).
    """
    self.name = name
    self.size = size
    self._batch_size = batch_size

  @abc.abstractmethod
  def encode(self, sentences: Sequence[str]) -> np.ndarray | tf.Tensor:
    """Maps B strings to embeddings, float `[B, E]`; a sentence's should not depend on the others."""

  def lengths(self, sentences: Sequence[str]) -> Sequence[int]:
    """Gives each sentence the length by which it is put into a batch with others as long: its characters, unless an encoder counts tokens."""
    return [len(sentence) for sentence in sentences]

  def __call__(self, sentences: Sequence[str]) -> np.ndarray:
    """Embeds sentences.

    Args:
      sentences: N strings, at least one.

    Returns:
      float32 `[N, E]`.

    Raises:
      UserError: without sentences, or if the encoder does not return one finite embedding per sentence.
    """
    sentences = list(sentences)
    if not sentences:
      raise errors.UserError(f"the encoder {self.name} expected at least one sentence, but got none")
    # Padding to the longest sentence of a batch costs time.
    order = np.argsort(self.lengths(sentences), kind="stable")
    parts = []
    for first in range(0, len(sentences), self._batch_size):
      batch = [sentences[place] for place in order[first : first + self._batch_size]]
      part = np.asarray(self.encode(batch), np.float32)
      if part.ndim != 2 or len(part) != len(batch):
        raise errors.UserError(f"the encoder {self.name} must give an array [{len(batch)}, E] for {len(batch)} sentences, not {list(part.shape)}")
      finite = np.isfinite(part).all(axis=1)
      if not finite.all():
        raise errors.UserError(f"the encoder {self.name} gives numbers that are not finite for the sentence {batch[int(np.argmin(finite))]!r}")
      parts.append(part)
    vectors = np.concatenate(parts)[np.argsort(order)]
    self.size = vectors.shape[1]
    return vectors
