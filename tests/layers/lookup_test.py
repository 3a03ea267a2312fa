"""Tests of tf_textgan.layers.lookup."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.layers import lookup

TABLE = np.random.default_rng(0).normal(size=[6, 3]).astype(np.float32)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("ids", [[1, 5, 1], [[0, 2], [2, 2], [4, 0]]], ids=["batch", "sequences"])
def test_rows_and_gradients_are_those_of_a_lookup(ids, dtype):
  table, ids = tf.cast(TABLE, dtype), tf.constant(ids)
  weights = tf.cast(np.random.default_rng(1).integers(-2, 3, [*ids.shape, 3]), dtype)
  with tf.GradientTape() as tape:
    tape.watch(table)
    found = lookup.embed(ids, table)
    value = tf.reduce_sum(weights * found)
  np.testing.assert_array_equal(found, tf.gather(table, ids))
  expected = np.zeros([6, 3])
  np.add.at(expected, ids.numpy(), tf.cast(weights, tf.float32).numpy())
  gradient = tf.convert_to_tensor(tape.gradient(value, table))
  assert found.dtype == gradient.dtype == dtype
  np.testing.assert_array_equal(tf.cast(gradient, tf.float32), expected)


def test_points_are_multiplied_with_the_table():
  points = tf.constant([[0.5, 0.5, 0, 0, 0, 0]])
  np.testing.assert_allclose(lookup.embed(points, tf.constant(TABLE)), [(TABLE[0] + TABLE[1]) / 2], rtol=1e-6)


def test_a_frequent_token_has_its_whole_gradient_in_half_precision():
  table, ids = tf.cast(TABLE, tf.bfloat16), tf.fill([64, 50], 4)
  with tf.GradientTape() as tape:
    tape.watch(table)
    value = tf.reduce_mean(tf.cast(lookup.embed(ids, table), tf.float32))
  np.testing.assert_allclose(tf.cast(tf.convert_to_tensor(tape.gradient(value, table)), tf.float32)[4], 1 / 3, rtol=0.01)
