"""What a batch of token sequences looks like: the contract every layer shares.

Letters used throughout the library: B batch, T time (tokens in a sequence), V vocabulary, Z latent, C categories, H hidden, E embedding.

Tokens are int32 `[B, T]`. Text ends with the end token and is then padded with 0; the start token is not stored, because it is the
same for every sequence: whoever conditions on it takes it from `Spec.start_token`. The synthetic oracle task has a fixed length, no end
token and no padding, as published; there 0 is an ordinary token.
"""

import dataclasses
from typing import NamedTuple

import tensorflow as tf

PAD = 0


@dataclasses.dataclass(frozen=True)
class Spec:
  """Shape and special tokens of a corpus.

  Attributes:
    vocab_size: number of token ids, special tokens included (V).
    length: most tokens in a sequence, the end token included (T).
    start_token: id the first prediction is conditioned on.
    end_token: id that ends a sequence; None for fixed-length sequences, which are never padded.
    forbidden_tokens: ids that never occur in a sequence before its padding; a generator gives them probability zero.
    categories: names of the categories that the sequences are labelled with (C of them); empty without labels.
  """

  vocab_size: int
  length: int
  start_token: int
  end_token: int | None = None
  forbidden_tokens: tuple[int, ...] = ()
  categories: tuple[str, ...] = ()

  def exclusion(self):
    """What makes the forbidden tokens impossible when it is added to logits: float32 `[V]`, 0 for the others."""
    return tf.reduce_sum(tf.one_hot(self.forbidden_tokens, self.vocab_size), axis=0) * -1e9

  def mask(self, tokens):
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
    context: the categories, int32 `[B]`, indices into `Spec.categories`; None on a corpus without any, and for algorithms that learn none.
  """

  tokens: tf.Tensor
  context: tf.Tensor | None = None


def repeat(context, count):
  """Repeats each row of a context `count` times in a row; None stays None."""
  return None if context is None else tf.repeat(context, count, axis=0)


def rows(context, index):
  """The rows of a context at some indices, int32 `[R]`, or in a slice; None stays None."""
  if context is None:
    return None
  return context[index] if isinstance(index, slice) else tf.gather(context, index)
