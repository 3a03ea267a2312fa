"""Tests of tf_textgan.losses.likelihood."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.losses import likelihood


def test_token_nll_of_hand_made_distributions():
  probs = np.array([[[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]], np.float32)
  # An additive constant in the logits changes nothing.
  logits = np.log(probs) + np.array([[[3.0], [-2.0]]], np.float32)
  np.testing.assert_allclose(likelihood.token_nll(tf.constant(logits), tf.constant([[0, 2]])), [[np.log(2), -np.log(0.7)]], rtol=1e-5)


def test_token_nll_is_single_precision():
  logits = tf.cast(tf.random.stateless_normal([2, 3, 7], [1, 2]), tf.bfloat16)
  tokens = tf.constant([[0, 1, 2], [3, 4, 5]])
  nll = likelihood.token_nll(logits, tokens)
  assert nll.dtype == tf.float32
  expected = -tf.gather(tf.nn.log_softmax(tf.cast(logits, tf.float32)), tokens, batch_dims=2)
  np.testing.assert_allclose(nll, expected, rtol=1e-5)


def test_ranks_are_checked():
  with pytest.raises(ValueError):
    likelihood.token_nll(tf.zeros([2, 3]), tf.zeros([2], tf.int32))
