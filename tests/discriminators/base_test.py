"""Tests of tf_textgan.discriminators.base."""

import numpy as np
import tensorflow as tf

from tf_textgan.discriminators import base


def test_embed_looks_up_ids_and_multiplies_points():
  table = tf.constant(np.random.default_rng(0).normal(size=[6, 3]), tf.float32)
  tokens = tf.constant([[0, 5, 2], [1, 1, 3]])
  expected = table.numpy()[tokens.numpy()]
  np.testing.assert_array_equal(base.embed(tokens, table), expected)
  np.testing.assert_allclose(base.embed(tf.one_hot(tokens, 6), table), expected, atol=1e-6)
  halves = 0.5 * tf.one_hot([[0]], 6) + 0.5 * tf.one_hot([[5]], 6)
  np.testing.assert_allclose(base.embed(halves, table)[0, 0], 0.5 * (table[0] + table[5]), atol=1e-6)
