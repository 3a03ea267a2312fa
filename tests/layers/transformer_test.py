"""Tests of tf_textgan.layers.transformer, against a slow twin in NumPy."""

import itertools
import resource

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.layers import transformer

SIZE, HEADS, HIDDEN, LENGTH = 12, 2, 10, 5
_EACH = pytest.mark.parametrize("groups", [1, 2])


def _block(groups):
  block = transformer.Block(SIZE, HEADS, groups, HIDDEN, 2, itertools.count(7), "block")
  for i, scale in enumerate((block.attention_scale, block.feedforward_scale)):
    scale.assign(np.random.default_rng(i).uniform(0.5, 1.5, SIZE))
  return block


def _inputs(num=3):
  return np.random.default_rng(3).normal(size=[num, LENGTH, SIZE]).astype(np.float32)


def _norm(x, scale):
  return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-6) * scale.numpy()


def _turned(x, position):
  """Turns the pairs i and i + D / 2 of a vector as complex numbers."""
  half = len(x) // 2
  pairs = (x[:half] + 1j * x[half:]) * np.exp(1j * position * 10000.0 ** (-np.arange(half) / half))
  return np.concatenate([pairs.real, pairs.imag])


def _twin(block, x, groups, mask):
  """The outputs of a block for one sequence `[T, E]`, head by head and position by position."""
  size = SIZE // HEADS
  parts = np.split(_norm(x, block.attention_scale) @ block.query_key_value.numpy(), [SIZE, SIZE + groups * size], axis=1)
  queries, keys, values = (np.split(part, part.shape[1] // size, axis=1) for part in parts)
  heads = []
  for head in range(HEADS):
    group = head * groups // HEADS
    rows = []
    for t in range(len(x)):
      seen = [s for s in range(len(x)) if mask[t, s]]
      scores = [_turned(queries[head][t], t) @ _turned(keys[group][s], s) / size**0.5 for s in seen]
      weights = np.exp(scores - np.max(scores))
      rows.append((weights / weights.sum()) @ values[group][seen])
    heads.append(rows)
  y = x + np.concatenate(heads, axis=1) @ block.attention_output.numpy()
  return y + np.maximum(_norm(y, block.feedforward_scale) @ block.up.numpy(), 0.0) @ block.down.numpy()


def _angles():
  return transformer.rotation(LENGTH, SIZE // HEADS)


def _keep(x, purpose):
  del purpose
  return x


@_EACH
def test_a_block_matches_a_slow_twin(groups):
  block, x = _block(groups), _inputs()
  causal = np.tril(np.ones([LENGTH, LENGTH], bool))
  outputs, _ = block.read(tf.constant(x), _angles(), transformer.causal(LENGTH), _keep)
  np.testing.assert_allclose(outputs, [_twin(block, row, groups, causal) for row in x], atol=1e-5)
  # Another mask for each row.
  masks = np.random.default_rng(1).random([3, LENGTH, LENGTH]) < 0.5
  masks |= np.eye(LENGTH, dtype=bool)
  outputs, _ = block.read(tf.constant(x), _angles(), tf.constant(masks[:, None]), _keep)
  np.testing.assert_allclose(outputs, [_twin(block, row, groups, mask) for row, mask in zip(x, masks)], atol=1e-5)


def test_scores_depend_on_the_distance_of_positions_only():
  vectors = tf.constant(np.random.default_rng(0).normal(size=[2, 1, 1, 6]), tf.float32)
  turned = [[transformer.rotation(20, 6).at(tf.constant([position]))(vector[0])[0, 0] for position in range(20)] for vector in vectors]
  scores = np.array([[np.dot(turned[0][t], turned[1][s]) for s in range(20)] for t in range(20)])
  for distance in range(-19, 20):
    assert np.ptp(np.diagonal(scores, distance)) < 1e-4
  assert np.ptp(scores) > 0.1


@_EACH
def test_single_steps_from_different_positions_equal_the_whole(groups):
  """Rows begin at positions of their own, from a cache that another pass has filled to its end."""
  block, x = _block(groups), _inputs()
  outputs, cache = block.read(tf.constant(x), _angles(), transformer.causal(LENGTH), _keep)
  positions = np.array([0, 3, 1], np.int32)
  cache = cache.at(tf.constant(positions), tf.constant([2, 0, 1]))
  x, outputs = x[[2, 0, 1]], outputs.numpy()[[2, 0, 1]]
  for _ in range(2):
    at = transformer.place(tf.constant(positions), _angles(), groups)
    found, cache = block.step(tf.constant(x[range(3), positions]), cache, at)
    np.testing.assert_allclose(found, outputs[range(3), positions], atol=1e-5)
    positions = positions + 1


def test_a_rematerialized_block_has_the_same_outputs_and_gradients():
  block, x = _block(1), tf.constant(_inputs())

  def gradients(rematerialize):
    drop = lambda y, purpose: y * (0.5 if purpose == "attention" else 2.0)  # noqa: E731
    with tf.GradientTape() as tape:
      tape.watch(x)
      outputs, _ = block.read(x, _angles(), transformer.causal(LENGTH), drop, rematerialize)
      value = tf.reduce_sum(tf.square(outputs))
    return [outputs, *tape.gradient(value, [x, *block.trainable_variables])]

  for plain, again in zip(gradients(False), gradients(True), strict=True):
    np.testing.assert_allclose(tf.convert_to_tensor(plain), tf.convert_to_tensor(again), rtol=1e-5, atol=1e-5)
  assert len(block.trainable_variables) == 6


def test_branches_are_dropped_by_their_purpose():
  block, x, seen = _block(1), tf.constant(_inputs()), []

  def nothing(y, purpose):
    seen.append(purpose)
    return tf.zeros_like(y)

  np.testing.assert_array_equal(block.read(x, _angles(), transformer.causal(LENGTH), nothing)[0], x)
  assert seen == ["attention", "feedforward"]


def test_a_compiled_loop_writes_the_cache_in_place():
  """A step of a long cache takes no longer than one of a short cache that holds as much."""
  block = transformer.Block(8, 2, 1, 8, 1, itertools.count(1), "block")

  def cpu_seconds(length):
    angles, rows = transformer.rotation(length, 4), 16

    @tf.function(autograph=False)
    def run():
      def step(t, x, cache):
        x, cache = block.step(x, transformer.Cache(*cache), transformer.place(tf.fill([rows], t), angles, 1))
        return t + 1, x, tuple(cache)

      return tf.while_loop(lambda t, *_: t < 50, step, (tf.constant(0), tf.ones([rows, 8]), tuple(block.empty(rows, length))))[1]

    run()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    run()
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - before

  # 50 copies of two tensors of 16 MiB would take half a second.
  assert cpu_seconds(2**16) < 10 * cpu_seconds(64) + 0.2


def test_initial_weights_have_the_variance_of_their_inputs():
  block = transformer.Block(256, 4, 1, 512, 8, itertools.count(7), "block")
  for kernel, inputs, share in [
    (block.query_key_value, 256, 1.0), (block.up, 256, 1.0), (block.attention_output, 256, 1 / 16), (block.down, 512, 1 / 16),
  ]:  # fmt: skip
    np.testing.assert_allclose(kernel.numpy().std(), (share / inputs) ** 0.5, rtol=0.03)
