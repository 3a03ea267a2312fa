"""Tests of tf_textgan.layers.word_embedding."""

import keras
import numpy as np
import pytest

from tf_textgan.layers import word_embedding


def test_the_given_part_is_first_and_not_trained():
  embedding = word_embedding.Embedding(7, 3, 2, seed=0)
  embedding.given.assign(np.arange(14.0).reshape(7, 2))
  assert embedding.size == 5
  np.testing.assert_array_equal(embedding.table()[:, :2], np.arange(14.0).reshape(7, 2))
  np.testing.assert_array_equal(embedding.table()[:, 2:], embedding.learned)
  assert [v.name for v in embedding.trainable_variables] == ["embedding"]
  assert {v.name for v in embedding.variables} == {"embedding", "given_embedding"}


@pytest.mark.parametrize(("given", "stddev"), [(2, 0.3836), (0, (2 / 1040) ** 0.5)])
def test_the_learned_part_has_the_scale_of_glove_beside_a_given_part(given, stddev):
  table = word_embedding.Embedding(1000, 40, given, seed=0).learned
  np.testing.assert_allclose(np.std(table), stddev, rtol=0.02)


def test_without_a_given_part_the_whole_table_is_learned_and_regularized():
  embedding = word_embedding.Embedding(7, 3, 0, seed=0, regularizer=keras.regularizers.L2(0.5))
  assert embedding.given is None and embedding.size == 3
  np.testing.assert_allclose(embedding.losses[0], 0.5 * np.sum(np.square(embedding.table())), rtol=1e-5)
