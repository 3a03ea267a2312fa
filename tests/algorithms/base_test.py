"""Tests of tf_textgan.algorithms.base."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.algorithms import base


class Line(keras.Model):
  """w . x, the smallest network there is."""

  def __init__(self):
    super().__init__()
    self.w = self.add_weight((2,), keras.initializers.Constant(1.0), name="w")
    self.idle = self.add_weight((1,), "ones", name="idle")
    self.built = True

  def call(self, x):
    return tf.linalg.matvec(x, tf.convert_to_tensor(self.w))


X = tf.constant([[3.0, 0.0], [3.0, 8.0]])  # The mean's gradient is (3, 4), of norm 5.


def test_mean_ignores_masked_values():
  values, mask = tf.constant([[1.0, 2.0], [4.0, 100.0]]), tf.constant([[1.0, 1.0], [1.0, 0.0]])
  np.testing.assert_allclose(base.mean(values, mask), 7 / 3, rtol=1e-6)
  np.testing.assert_allclose(base.mean(values), 107 / 4)
  assert base.mean(values, tf.zeros_like(mask)) == 0.0


def test_mean_over_replicas_is_the_mean_of_the_global_batch(two_replicas):
  values, mask = np.array([[1.0, 2.0], [4.0, 100.0]], np.float32), np.array([[1.0, 1.0], [1.0, 0.0]], np.float32)
  rows = lambda x: two_replicas.experimental_distribute_values_from_function(lambda c: tf.constant(x[c.replica_id_in_sync_group][None]))  # noqa: E731
  parts = two_replicas.experimental_local_results(tf.function(lambda v, m: two_replicas.run(base.mean, args=(v, m)))(rows(values), rows(mask)))
  np.testing.assert_allclose(np.mean(parts), 7 / 3, rtol=1e-6)


@pytest.mark.parametrize(("clip_norm", "expected"), [(None, [3.0, 4.0]), (10.0, [3.0, 4.0]), (1.0, [0.6, 0.8])])
def test_minimize_follows_the_clipped_gradient(clip_norm, expected):
  network = Line()
  optimizer = keras.optimizers.SGD(1.0)
  optimizer.build(network.trainable_variables)
  with tf.GradientTape() as tape:
    loss = tf.reduce_mean(network(X))
  norm = base.minimize(tape, loss, network, optimizer, clip_norm)
  np.testing.assert_allclose(norm, 5.0, rtol=1e-6)
  np.testing.assert_allclose(network.w, 1.0 - np.array(expected), rtol=1e-5)
  # Variables that the loss does not depend on do not change.
  np.testing.assert_array_equal(network.idle, [1.0])


def test_minimize_clips_the_gradient_of_all_replicas_together(two_replicas):
  with two_replicas.scope():
    network = Line()
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(network.trainable_variables)

  def step(x):
    with tf.GradientTape() as tape:
      loss = tf.reduce_mean(network(x))
    return base.minimize(tape, loss, network, optimizer, 1.0)

  rows = two_replicas.experimental_distribute_values_from_function(lambda c: X[c.replica_id_in_sync_group][None])
  norms = two_replicas.experimental_local_results(tf.function(lambda x: two_replicas.run(step, args=(x,)))(rows))
  np.testing.assert_allclose(norms, [5.0, 5.0], rtol=1e-6)
  np.testing.assert_allclose(network.w.numpy(), [0.4, 0.2], rtol=1e-5)


def test_adam_has_its_slots_before_the_first_step():
  network = Line()
  optimizer = base.adam(network, 0.1)
  before = [variable.path for variable in optimizer.variables]
  with tf.GradientTape() as tape:
    loss = tf.reduce_mean(network(X))
  base.minimize(tape, loss, network, optimizer)
  assert before == [variable.path for variable in optimizer.variables]
  # Adam's first step is the learning rate, whatever the gradient.
  np.testing.assert_allclose(network.w, [0.9, 0.9], rtol=1e-5)


def test_assign_gives_every_replica_the_values(two_replicas):
  with two_replicas.scope():
    network = Line()
  values = [tf.fill(variable.shape, 7.0 + i) for i, variable in enumerate(network.trainable_variables)]

  def step():
    base.assign(network.trainable_variables, values)
    return tf.convert_to_tensor(network.w)

  for w in two_replicas.experimental_local_results(tf.function(lambda: two_replicas.run(step))()):
    np.testing.assert_array_equal(w, [7.0, 7.0])
  base.assign(network.trainable_variables, [value + 1.0 for value in values])
  np.testing.assert_array_equal(network.w, [8.0, 8.0])
  np.testing.assert_array_equal(network.idle, [9.0])


class _Scale(keras.layers.Layer):
  """A layer whose weight has no name."""

  def build(self, shape):
    self.scale = self.add_weight((shape[-1],), "ones")

  def call(self, x):
    return x * self.scale


def _unnamed():
  """A network of layers without names, and its optimizer."""
  layers = [keras.layers.Embedding(9, 4), keras.layers.Bidirectional(keras.layers.GRU(3)), keras.layers.Dropout(0.5), _Scale(), keras.layers.Dense(1)]
  network = keras.Sequential([keras.Input([6], dtype="int32"), *layers])
  return {"network": network, "optimizer": base.adam(network, 0.01)}


def test_names_do_not_depend_on_how_keras_numbers_layers():
  first, second = _unnamed(), _unnamed()
  for name in first:
    variables = base.variables_of(first[name], name)
    assert list(variables) == list(base.variables_of(second[name], name))
    assert list(variables.values()) == first[name].variables
  assert any(a.path != b.path for a, b in zip(first["network"].variables, second["network"].variables))
  names = list(base.variables_of(first["optimizer"], "optimizer"))
  count = len(first["network"].trainable_variables)
  slots = [f"optimizer/{i}/{kind}" for i in range(count) for kind in ("momentum", "velocity")]
  assert names == ["optimizer/0/iteration", "optimizer/0/learning_rate", *slots]
  assert "network/0/embeddings" in base.variables_of(first["network"], "network")


def test_slots_are_numbered_as_the_variables_they_belong_to():
  network = Line()
  optimizer = base.adam(network, 0.1)
  optimizer.apply([tf.constant([0.0, 0.0]), tf.constant([2.0])])
  variables = base.variables_of(optimizer, "optimizer")
  assert variables["optimizer/0/momentum"].shape == (2,) and not np.any(variables["optimizer/0/momentum"])
  np.testing.assert_allclose(variables["optimizer/1/momentum"], [0.2], rtol=1e-6)
