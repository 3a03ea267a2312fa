"""Tests of tf_textgan.sampling.chunks."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.sampling import chunks

TABLE = tf.reshape(tf.range(33.0), [11, 3])


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("num", "size", "calls"), [(11, 4, 3), (11, 11, 1), (11, 100, 1), (8, 4, 2), (1, 1, 1)])
def test_every_row_is_computed_once_and_in_order(num, size, calls, compiled):

  def make(i, first, count):
    return [TABLE[first : first + count], tf.fill([count], i), count[None]]

  def run(num):
    return chunks.map_rows(make, num, size, [(tf.float32, [3]), (tf.int32, []), (tf.int32, [])])

  rows, call, counts = (tf.function(run) if compiled else run)(tf.constant(num))
  np.testing.assert_array_equal(rows, TABLE[:num])
  np.testing.assert_array_equal(call, np.arange(num) // size)
  assert counts.shape == [calls] and max(counts.numpy()) <= size
