"""The form of a batch of token sequences: the contract every layer shares.

Letters used throughout the library: B batch, T time (tokens in a sequence), S tokens in a source, V vocabulary, Z latent, C categories, H hidden,
E embedding.

Tokens are int32 `[B, T]`. Text ends with the end token and is then padded with 0. The start token is not stored, because it is the
same for every sequence; generators take it from `Spec.start_token`. The synthetic oracle task has a fixed length, no end token and no
padding, as published; there 0 is an ordinary token.
"""

import dataclasses
from typing import Any
from typing import NamedTuple

import tensorflow as tf

PAD = 0

# Longest sequence: the tokens of 512 sequences of this length take 128 MiB, their embeddings far more.
LONGEST = 2**16
# Largest vocabulary that is given as a number.
LARGEST_VOCABULARY = 2**20


@dataclasses.dataclass(frozen=True)
class Spec:
  """Shape and special tokens of a corpus.

  Attributes:
    vocab_size: number of token ids, special tokens included (V).
    length: maximum number of tokens in a sequence, the end token included (T).
    start_token: id that the first prediction is conditioned on.
    end_token: id that ends a sequence; None for fixed-length sequences, which are never padded.
    forbidden_tokens: ids that never occur in a sequence before its padding; a generator gives them probability zero.
    categories: names of the C categories of a labelled corpus; empty without labels.
    source_length: maximum number of tokens in a source (S), of a corpus of pairs; 0 without sources. Sources have the same vocabulary and form.
  """

  vocab_size: int
  length: int
  start_token: int
  end_token: int | None = None
  forbidden_tokens: tuple[int, ...] = ()
  categories: tuple[str, ...] = ()
  source_length: int = 0

  @property
  def conditional(self) -> bool:
    """Whether sequences come with a context."""
    return bool(self.categories or self.source_length)

  def without_context(self) -> "Spec":
    """The same sequences alone."""
    return dataclasses.replace(self, categories=(), source_length=0)

  def exclusion(self) -> tf.Tensor:
    """Logit offsets that make the forbidden tokens impossible: float32 `[V]`, -1e9 for these, 0 for the others."""
    return tf.reduce_sum(tf.one_hot(self.forbidden_tokens, self.vocab_size), axis=0) * -1e9

  def mask(self, tokens: tf.Tensor) -> tf.Tensor:
    """Marks the tokens that count: 1.0 up to and including the end token, 0.0 on padding.

    Args:
      tokens: int32 `[B, T]`.

    Returns:
      float32 `[B, T]`.
    """
    tokens = tf.convert_to_tensor(tokens)
    tokens.shape.assert_has_rank(2)
    if self.end_token is None:
      return tf.ones_like(tokens, tf.float32)
    return tf.cast(tf.not_equal(tokens, PAD), tf.float32)


class Batch(NamedTuple):
  """Sequences and the context they are conditioned on, tensors or arrays.

  Attributes:
    tokens: int32 `[B, T]`.
    context: the categories, int32 `[B]`, indices into `Spec.categories`; or the sources, int32 `[B, S]`, of the form of the tokens. None for a corpus
      or an algorithm without either.
  """

  tokens: tf.Tensor
  context: tf.Tensor | None = None


def repeat(context: tf.Tensor | None, count: Any) -> tf.Tensor | None:
  """Repeats each row of a context `count` times, copies side by side; None stays None."""
  return None if context is None else tf.repeat(context, count, axis=0)


def rows(context: tf.Tensor | None, index: tf.Tensor | slice) -> tf.Tensor | None:
  """The rows of a context at indices, int32 `[R]`, or in a slice; None stays None."""
  if context is None:
    return None
  return context[index] if isinstance(index, slice) else tf.gather(context, index)
