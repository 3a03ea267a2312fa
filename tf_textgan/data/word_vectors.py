"""Reads word vectors from a file in GloVe's text format, in the order of a vocabulary.

A line is a word and its numbers, separated by spaces. The first line may instead hold two integers, the numbers of words and of dimensions.
"""

import os

import numpy as np

from tf_textgan import errors
from tf_textgan import files
from tf_textgan.data.tokenizers import base as tokenizers

# Standard deviation of random vectors for words that the file lacks: GloVe's, as in ScratchGAN's code.
_STDDEV = 0.3836


def read(path: str | os.PathLike, tokenizer: tokenizers.Tokenizer, size: int) -> np.ndarray:
  """Reads the vectors of a tokenizer's tokens. Tokens that the file lacks, such as the special ones, get vectors from N(0, .3836^2).

  Args:
    path: UTF-8 file.
    tokenizer: see `data.tokenizers`.
    size: expected size of a vector.

  Returns:
    float32 `[V, size]`, the same at every call.

  Raises:
    UserError: the file cannot be read, has another format, vectors of another size or no word of the vocabulary.
  """
  if not isinstance(tokenizer, tokenizers.Table):
    raise errors.UserError(f"the word vectors {path} cannot be used: the tokens of this corpus are no words in a table")
  ids = {token: i for i, token in enumerate(tokenizer.tokens)}
  matrix = np.random.default_rng(0).normal(0.0, _STDDEV, [tokenizer.size, size]).astype(np.float32)
  found = 0
  try:
    with files.open_regular(path, text=True) as file:
      for number, line in enumerate(file, 1):
        fields = line.split()
        if number == 1 and len(fields) == 2 and all(field.isdigit() for field in fields):
          continue
        # Split from the right: some of GloVe's words contain spaces.
        word, *values = line.rstrip().rsplit(" ", size)
        if len(values) != size or (number <= 2 and len(fields) != size + 1):
          raise errors.UserError(f"expected a word and {size} numbers in each line of {path}, but line {number} has {len(fields) - 1} after its word")
        if word in ids:
          with np.errstate(over="ignore"):  # 1e99 becomes infinite, and is refused.
            matrix[ids[word]] = np.array([float(value) for value in values])
          if not np.isfinite(matrix[ids[word]]).all():
            raise errors.UserError(f"{path} has a number that is not finite in line {number}")
          found += 1
  except OSError as error:
    raise errors.UserError(f"cannot read the word vectors {path}: {error.strerror}") from error
  except ValueError as error:  # From `float` or from decoding UTF-8.
    raise errors.UserError(f"{path} is not a file of word vectors in GloVe's text format: {error}") from error
  if not found:
    raise errors.UserError(f"the word vectors {path} have none of the {tokenizer.size} tokens of this corpus")
  return matrix
