"""Tests of tf_textgan.sampling.replay."""

import numpy as np
import tensorflow as tf

from tf_textgan.sampling import noise
from tf_textgan.sampling import replay as memory

SEED = noise.seed(1)


def _numbered(first, last):
  """Sequences that are their own number, twice: int32 `[N, 2]`."""
  return tf.repeat(tf.range(first, last)[:, None], 2, axis=1)


def test_until_it_is_full_it_keeps_everything():
  layer = memory.Memory(8, 2)
  layer.add(_numbered(1, 4), SEED)
  layer.add(_numbered(4, 6), SEED)
  np.testing.assert_array_equal(layer.tokens[:, 0], [1, 2, 3, 4, 5, 0, 0, 0])
  assert layer.shown.numpy() == 5
  recalled = layer.recall(1000, SEED).numpy()
  np.testing.assert_array_equal(recalled[:, 0], recalled[:, 1])
  counts = np.bincount(recalled[:, 0], minlength=6)
  assert counts[0] == 0 and np.abs(counts[1:] - 200).max() < 5 * np.sqrt(160)


def test_it_is_a_uniform_sample_of_all_it_was_shown():
  """32 sequences by 8, three of them at once more than fit in."""
  layer = memory.Memory(5, 2)

  @tf.function
  def show(seed):
    for first in range(0, 32, 8):
      layer.add(_numbered(first, first + 8), noise.fold(seed, first))

  trials = 400
  counts = np.zeros(32)
  for i in range(trials):
    for variable in layer.variables:
      variable.assign(tf.zeros_like(variable))
    show(noise.seed(i))
    held = layer.tokens.numpy()[:, 0]
    assert len(set(held)) == 5
    counts[held] += 1
  share = 5 / 32
  assert np.abs(counts - trials * share).max() < 4.5 * np.sqrt(trials * share * (1 - share))


def test_replicas_remember_the_whole_batch_alike(two_replicas):
  results = []
  for strategy in (tf.distribute.OneDeviceStrategy("CPU:0"), two_replicas):
    with strategy.scope():
      layer = memory.Memory(6, 2)
    replicas = strategy.num_replicas_in_sync

    def step(tokens, seed, layer=layer):
      layer.add(tokens, seed)
      return layer.recall(tf.shape(tokens)[0], noise.fold(seed, "recalled"))

    run = tf.function(lambda tokens, seed, strategy=strategy, step=step: strategy.run(step, args=(tokens, seed)))
    for i in range(3):
      batch = np.split(_numbered(8 * i, 8 * i + 8).numpy(), replicas)
      parts = strategy.experimental_distribute_values_from_function(lambda context, batch=batch: tf.constant(batch[context.replica_id_in_sync_group]))
      recalled = run(parts, noise.fold(SEED, i))
    recalled = tf.concat(strategy.experimental_local_results(recalled), axis=0)
    held = [np.array(part) for part in strategy.experimental_local_results(layer.tokens.value)]
    assert all(np.array_equal(held[0], other) for other in held)
    results.append((recalled.numpy(), held[0], layer.shown.numpy()))
  for one, two in zip(*results):
    np.testing.assert_array_equal(one, two)
