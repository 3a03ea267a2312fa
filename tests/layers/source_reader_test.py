"""Tests of tf_textgan.layers.source_reader."""

import itertools

import numpy as np
import tensorflow as tf

from tf_textgan.layers import source_reader

B, S, E, H = 3, 5, 4, 6


def _reader():
  return source_reader.SourceReader(E, H, 2 * H, itertools.count())


def _sources(seed=0):
  random = np.random.default_rng(seed)
  return tf.constant(random.normal(size=[B, S, E]), tf.float32), tf.constant(np.arange(S) < np.array([[5], [2], [3]]))


def test_attention_is_the_equation():
  reader, (embedded, mask) = _reader(), _sources()
  memory, _ = reader.read(embedded, mask)
  outputs = np.random.default_rng(1).normal(size=[B, 2, H]).astype(np.float32)
  expected = np.zeros([B, 2, H])
  for b, t in itertools.product(range(B), range(2)):
    m = memory.values[b].numpy()[mask[b].numpy()]
    shares = np.exp(m @ outputs[b, t])
    expected[b, t] = np.tanh(np.concatenate([outputs[b, t], shares @ m / shares.sum()]) @ reader.attention_kernel.numpy())
  np.testing.assert_allclose(reader.attend(tf.constant(outputs), memory), expected, atol=1e-5)
  np.testing.assert_allclose(reader.attend(tf.constant(outputs[:, 1]), memory), expected[:, 1], atol=1e-5)


def test_padding_makes_no_difference_and_each_token_is_read_in_both_directions():
  reader, (embedded, mask) = _reader(), _sources()
  memory, state = reader.read(embedded, mask)
  for b, length in enumerate((5, 2, 3)):
    alone, alone_state = reader.read(embedded[b : b + 1, :length], tf.ones([1, length], tf.bool))
    np.testing.assert_allclose(memory.values[b, :length], alone.values[0], atol=1e-6)
    np.testing.assert_allclose(state[b], alone_state[0], atol=1e-6)
  for changed in (0, S - 1):
    other, _ = reader.read(embedded + tf.one_hot(changed, S)[None, :, None], mask)
    assert np.all(np.abs(other.values - memory.values)[0].max(axis=-1) > 0.0)
