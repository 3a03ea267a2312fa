"""Tests of tf_textgan.layers.own_ids."""

import numpy as np
import tensorflow as tf

from tf_textgan.layers import own_ids

# Seven ids in the run, three of them the model's 0 to 2; its table has two rows more.
TABLE = np.arange(10.0, dtype=np.float32).reshape(5, 2)


def test_special_tokens_are_the_models():
  ids = own_ids.OwnIds(7, (2, 1, -1, 0))
  np.testing.assert_array_equal(ids.of(tf.range(7)), [0, 2, 1, 0, 0, 1, 2])
  np.testing.assert_array_equal(own_ids.OwnIds(7, (2, 1, 4, 0)).of(tf.constant([[3]])), [[4]])


def test_embeddings_of_ids_and_points_agree():
  ids = own_ids.OwnIds(7, (2, 1, 3, 0))
  tokens = tf.constant([[0, 1, 2], [3, 4, 6]])
  expected = TABLE[[[0, 2, 1], [3, 0, 2]]]
  np.testing.assert_array_equal(ids.embed(tokens, tf.constant(TABLE)), expected)
  np.testing.assert_array_equal(ids.embed(tf.one_hot(tokens, 7), tf.constant(TABLE)), expected)
  np.testing.assert_array_equal(ids.embed(tf.one_hot(tokens[:, 0], 7), tf.constant(TABLE)), expected[:, 0])


def test_logits_are_widened():
  ids = own_ids.OwnIds(7, (2, 1, 3, 0))
  np.testing.assert_array_equal(ids.widen(tf.constant([[10.0, 11.0, 12.0, 13.0, 14.0]])), [[10, 12, 11, 13, 10, 11, 12]])
