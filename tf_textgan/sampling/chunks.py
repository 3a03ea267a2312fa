"""Computation over many rows in chunks, in bounded memory."""

from collections.abc import Callable
from collections.abc import Sequence

import tensorflow as tf


def map_rows(
  function: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], Sequence[tf.Tensor]],
  num: tf.Tensor,
  size: int,
  outputs: Sequence[tuple[tf.DType, Sequence[int]]],
) -> list[tf.Tensor]:
  """Calls a function on chunks of rows, one after another, and concatenates the results.

  Args:
    function: maps the index of the chunk, its first row and its number of rows, int32 scalar tensors, to tensors with as many rows.
    num: number of rows, at least 1, int32 scalar tensor.
    size: rows per chunk; the last chunk may have fewer.
    outputs: dtype and shape of a row, for each tensor that the function returns.

  Returns:
    The tensors, each concatenated along its first axis.
  """
  calls = (num + size - 1) // size
  arrays = [tf.TensorArray(dtype, size=calls, infer_shape=False, element_shape=[None, *shape]) for dtype, shape in outputs]

  def call(i, arrays):
    parts = function(i, i * size, tf.minimum(size, num - i * size))
    return i + 1, [array.write(i, part) for array, part in zip(arrays, parts, strict=True)]

  # No parallel iterations: they would need the memory that chunks save.
  _, arrays = tf.while_loop(lambda i, _: i < calls, call, (tf.constant(0), arrays), parallel_iterations=1)
  return [array.concat() for array in arrays]
