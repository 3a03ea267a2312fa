"""Work on many rows in bounded memory: some at a time."""

import tensorflow as tf


def map_rows(function, num, size, outputs):
  """Calls a function for `size` rows at a time, one call after the other, and joins what it gives.

  Args:
    function: of the number of the call, of the first row and of how many rows, int32 scalar tensors, giving a list of tensors.
    num: rows there are, at least 1, int32 scalar tensor.
    size: rows of each call but the last, an int.
    outputs: of each tensor, its dtype and the shape of a row, a list.

  Returns:
    The tensors, each joined along its first axis.
  """
  calls = (num + size - 1) // size
  arrays = [tf.TensorArray(dtype, size=calls, infer_shape=False, element_shape=[None, *shape]) for dtype, shape in outputs]

  def call(i, arrays):
    parts = function(i, i * size, tf.minimum(size, num - i * size))
    return i + 1, [array.write(i, part) for array, part in zip(arrays, parts, strict=True)]

  # Side by side the calls would need the memory that they are to save.
  _, arrays = tf.while_loop(lambda i, _: i < calls, call, (tf.constant(0), arrays), parallel_iterations=1)
  return [array.concat() for array in arrays]
