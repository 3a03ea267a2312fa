"""Reads sources to generate from: a file's lines, those of a run's test split, or strings inside the graph of a SavedModel."""

from collections.abc import Callable
import os

import numpy as np
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.data import text_files
from tf_textgan.data.tokenizers import base as tokenizers


def read_file(path: str | os.PathLike, tokenizer: tokenizers.Tokenizer, length: int) -> np.ndarray:
  """Reads a source from each line of a file.

  Args:
    path: UTF-8 file.
    tokenizer: the run's.
    length: most tokens in a source, the end token included (S).

  Returns:
    int32 `[N, S]`.

  Raises:
    UserError: the file cannot be read, is not UTF-8 or has no line, or a line is blank or longer.
  """
  text_files.check(path)
  lines = list(text_files.lines(path, keep_blank=True))
  if not lines:
    raise errors.UserError(f"{path} has no line; expected a source on each line")
  for number, line in enumerate(lines, 1):
    if not line.strip():
      raise errors.UserError(f"{path}: line {number} is blank; expected a source on each line")
    size = len(tokenizer.tokenize(line)) + int(tokenizer.ends)
    if size > length:
      raise errors.UserError(f"{path}: line {number} has {size} tokens, the end token included; the run's sources have {length} at most")
  return tokenizer.encode(lines, length)


def encode(encode: Callable[[tf.Tensor, int], tf.Tensor], texts: tf.Tensor, spec: sequences.Spec) -> tf.Tensor:
  """Encodes sources inside a graph.

  Args:
    encode: of the tokenizer's `graph`.
    texts: string `[N]`. A blank one, or one of too many tokens, fails with `InvalidArgumentError`.
    spec: of pairs, with an end token.

  Returns:
    int32 `[N, S]`.
  """
  tokens = encode(texts, spec.source_length + 1)
  checks = [
    tf.debugging.Assert(tf.reduce_all(tf.strings.strip(texts) != ""), ["expected text in every source, but got", texts]),
    tf.debugging.Assert(
      tf.reduce_all(tokens[:, spec.source_length] == sequences.PAD), ["expected sources of", spec.source_length, "tokens at most, but got", texts]
    ),
  ]
  with tf.control_dependencies(checks):
    return tf.ensure_shape(tokens[:, : spec.source_length], [None, spec.source_length])
