"""Tests of tf_textgan.sampling.replay."""

import numpy as np
import tensorflow as tf

from tf_textgan.sampling import noise
from tf_textgan.sampling import replay

SEED = noise.seed(1)


def _numbered(first, last):
  """Sequences of two tokens, both the sequence's number: int32 `[N, 2]`."""
  return tf.repeat(tf.range(first, last)[:, None], 2, axis=1)


def test_a_buffer_that_is_not_full_keeps_everything():
  layer = replay.Replay(8, 2)
  layer.add(_numbered(1, 4), SEED)
  layer.add(_numbered(4, 6), SEED)
  np.testing.assert_array_equal(layer.tokens[:, 0], [1, 2, 3, 4, 5, 0, 0, 0])
  assert layer.seen.numpy() == 5
  sampled = layer.sample(1000, SEED).numpy()
  np.testing.assert_array_equal(sampled[:, 0], sampled[:, 1])
  counts = np.bincount(sampled[:, 0], minlength=6)
  assert counts[0] == 0 and np.abs(counts[1:] - 200).max() < 5 * np.sqrt(160)


def test_it_is_a_uniform_sample_of_all_added_sequences():
  """32 sequences in batches of 8, more than the capacity of 5."""
  layer = replay.Replay(5, 2)

  @tf.function
  def fill(seed):
    for first in range(0, 32, 8):
      layer.add(_numbered(first, first + 8), noise.fold(seed, first))

  trials = 400
  counts = np.zeros(32)
  for i in range(trials):
    for variable in layer.variables:
      variable.assign(tf.zeros_like(variable))
    fill(noise.seed(i))
    held = layer.tokens.numpy()[:, 0]
    assert len(set(held)) == 5
    counts[held] += 1
  share = 5 / 32
  assert np.abs(counts - trials * share).max() < 4.5 * np.sqrt(trials * share * (1 - share))


def test_every_replica_holds_the_same_buffer_of_the_global_batch(two_replicas):
  results = []
  for strategy in (tf.distribute.OneDeviceStrategy("CPU:0"), two_replicas):
    with strategy.scope():
      layer = replay.Replay(6, 2)
    replicas = strategy.num_replicas_in_sync

    def step(tokens, seed, layer=layer):
      layer.add(tokens, seed)
      return layer.sample(tf.shape(tokens)[0], noise.fold(seed, "recalled"))

    run = tf.function(lambda tokens, seed, strategy=strategy, step=step: strategy.run(step, args=(tokens, seed)))
    for i in range(3):
      batch = np.split(_numbered(8 * i, 8 * i + 8).numpy(), replicas)
      parts = strategy.experimental_distribute_values_from_function(lambda context, batch=batch: tf.constant(batch[context.replica_id_in_sync_group]))
      sampled = run(parts, noise.fold(SEED, i))
    sampled = tf.concat(strategy.experimental_local_results(sampled), axis=0)
    held = [np.array(part) for part in strategy.experimental_local_results(layer.tokens.value)]
    assert all(np.array_equal(held[0], other) for other in held)
    results.append((sampled.numpy(), held[0], layer.seen.numpy()))
  for one, two in zip(*results):
    np.testing.assert_array_equal(one, two)
