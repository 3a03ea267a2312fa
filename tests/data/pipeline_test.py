"""Tests of pipeline.py."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan import errors
from tf_textgan import sequences
from tf_textgan.data import pipeline

NUM = 23
TOKENS = np.stack([np.arange(NUM), np.arange(NUM) + 100], axis=1).astype(np.int32)


def _take(count, *args, **kwargs):
  dataset = pipeline.batches(sequences.Batch(TOKENS), *args, **kwargs)
  return np.stack([batch.tokens for batch in itertools.islice(dataset.as_numpy_iterator(), count)])


def test_epochs_are_permutations():
  taken = _take(3 * NUM, 5, seed=1)
  assert taken.dtype == np.int32 and taken.shape == (3 * NUM, 5, 2)
  np.testing.assert_array_equal(taken[..., 1], taken[..., 0] + 100)
  epochs = taken[..., 0].reshape(15, NUM)
  np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(NUM), [15, 1]))
  assert len({tuple(epoch) for epoch in epochs}) == 15


def test_every_position_is_as_likely():
  first = np.array([_take(1, NUM, seed)[0, 0, 0] for seed in range(60)])
  assert len(set(first)) > 15  # of 23; with 60 uniform draws fewer than 16 have a probability below 1e-4


def test_seed_decides_the_order():
  np.testing.assert_array_equal(_take(4, 5, seed=2), _take(4, 5, seed=2))
  assert (_take(4, 5, seed=2) != _take(4, 5, seed=3)).any()
  assert (_take(4, 5, seed=2) != _take(4, 5, seed=-1)).any()


def test_start_equals_skipping():
  np.testing.assert_array_equal(_take(5, 5, seed=1, start=9), _take(14, 5, seed=1)[9:])
  far = _take(2, 5, seed=1, start=10**9)
  assert far.shape == (2, 5, 2)


def test_shards_together_are_the_batch():
  whole = _take(7, 6, seed=1)
  shards = [_take(7, 6, seed=1, num_shards=3, shard=shard) for shard in range(3)]
  np.testing.assert_array_equal(np.concatenate(shards, axis=1), whole)


def test_memory_mapped(tmp_path):
  np.save(tmp_path / "tokens.npy", TOKENS)
  mapped = np.load(tmp_path / "tokens.npy", mmap_mode="r")
  np.testing.assert_array_equal(next(pipeline.batches(sequences.Batch(mapped), 4, 0).as_numpy_iterator()).tokens, _take(1, 4, seed=0)[0])


def test_static_shape_and_sharding():
  dataset = pipeline.batches(sequences.Batch(TOKENS), 6, 0, num_shards=2)
  assert dataset.element_spec.tokens == tf.TensorSpec([3, 2], tf.int32)
  assert dataset.options().experimental_distribute.auto_shard_policy == tf.data.experimental.AutoShardPolicy.OFF


def test_errors():
  with pytest.raises(errors.UserError, match="has 23 sentences, fewer than the batch of 64; pass --batch_size 23 or less"):
    pipeline.batches(sequences.Batch(TOKENS), 64, 0)
  with pytest.raises(errors.UserError, match="a batch of 5 cannot be shared equally by 2 workers"):
    pipeline.batches(sequences.Batch(TOKENS), 5, 0, num_shards=2)
  with pytest.raises(errors.UserError, match="must be at least 1, not 0"):
    pipeline.batches(sequences.Batch(TOKENS), 0, 0)


def test_padded_batches():
  batches = list(pipeline.padded_batches(sequences.Batch(TOKENS), 10))
  assert all(batch.context is None and batch.tokens.dtype == tf.int32 for batch in batches)
  assert [len(batch.tokens) for batch in batches] == [10, 10, 3]
  np.testing.assert_array_equal(np.concatenate([batch.tokens for batch in batches]), TOKENS)


LABELLED = sequences.Batch(TOKENS, TOKENS[:, 0] % 3)


def test_labels_stay_with_their_rows_and_do_not_change_the_order():
  for options in ({}, {"start": 9}, {"num_shards": 2, "shard": 1}):
    taken = list(itertools.islice(pipeline.batches(LABELLED, 6, 1, **options).as_numpy_iterator(), 12))
    assert all(isinstance(batch, sequences.Batch) and batch.context.dtype == np.int32 for batch in taken)
    for batch in taken:
      np.testing.assert_array_equal(batch.context, batch.tokens[:, 0] % 3)
    np.testing.assert_array_equal(np.stack([batch.tokens for batch in taken]), _take(12, 6, 1, **options))
  assert pipeline.batches(LABELLED, 6, 1).element_spec == sequences.Batch(tf.TensorSpec([6, 2], tf.int32), tf.TensorSpec([6], tf.int32))


def test_padded_batches_of_labelled_sequences():
  batches = list(pipeline.padded_batches(LABELLED, 10))
  np.testing.assert_array_equal(np.concatenate([batch.context for batch in batches]), LABELLED.context)
