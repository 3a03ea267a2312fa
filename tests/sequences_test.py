"""Tests of tf_textgan.sequences."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import sequences

TOKENS = np.array([[3, 4, 2, 0], [2, 0, 0, 0], [3, 3, 3, 3]], np.int32)


def test_mask_counts_up_to_and_including_the_end_token():
  spec = sequences.Spec(vocab_size=5, length=4, start_token=1, end_token=2, forbidden_tokens=(0, 1))
  np.testing.assert_array_equal(spec.mask(TOKENS), [[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]])


def test_without_an_end_token_zero_is_an_ordinary_token():
  spec = sequences.Spec(vocab_size=5, length=4, start_token=0)
  mask = spec.mask(TOKENS)
  assert mask.dtype == "float32"
  np.testing.assert_array_equal(mask, np.ones([3, 4]))


def test_mask_refuses_other_ranks():
  with pytest.raises(ValueError):
    sequences.Spec(vocab_size=5, length=4, start_token=0).mask(TOKENS[0])


def test_a_batch_has_no_context_by_default():
  assert sequences.Batch("tokens").context is None


def test_rows_of_a_context():
  context = tf.constant([5, 6, 7])
  np.testing.assert_array_equal(sequences.repeat(context, 2), [5, 5, 6, 6, 7, 7])
  np.testing.assert_array_equal(sequences.rows(context, tf.constant([2, 0])), [7, 5])
  np.testing.assert_array_equal(sequences.rows(context, slice(1, 3)), [6, 7])
  assert sequences.repeat(None, 2) is None and sequences.rows(None, slice(0, 2)) is None
