"""What sentence encoders share. An encoder is a function of strings that gives one embedding each."""

import abc

import numpy as np

from tf_textgan import errors


class Encoder(abc.ABC):
  """Attributes: name: what `load.load` makes it from; size: E, the numbers of an embedding, None until the first call if not known before."""

  def __init__(self, name, size=None, batch_size=64):
    self.name = name
    self.size = size
    self._batch_size = batch_size

  @abc.abstractmethod
  def encode(self, sentences):
    """Gives float `[B, E]` for a list of B strings."""

  def __call__(self, sentences):
    """Embeds sentences.

    Args:
      sentences: N strings, at least one.

    Returns:
      float32 `[N, E]`.

    Raises:
      UserError: there is no sentence, or the encoder gives something else than N finite embeddings.
    """
    sentences = list(sentences)
    if not sentences:
      raise errors.UserError(f"the encoder {self.name} expected at least one sentence, but got none")
    parts = []
    for first in range(0, len(sentences), self._batch_size):
      batch = sentences[first : first + self._batch_size]
      part = np.asarray(self.encode(batch), np.float32)
      if part.ndim != 2 or len(part) != len(batch):
        raise errors.UserError(f"the encoder {self.name} must give an array [{len(batch)}, E] for {len(batch)} sentences, not {list(part.shape)}")
      finite = np.isfinite(part).all(axis=1)
      if not finite.all():
        raise errors.UserError(f"the encoder {self.name} gives numbers that are not finite for the sentence {batch[int(np.argmin(finite))]!r}")
      parts.append(part)
    vectors = np.concatenate(parts)
    self.size = vectors.shape[1]
    return vectors
