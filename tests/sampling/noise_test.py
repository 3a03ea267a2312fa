"""Tests of tf_textgan.sampling.noise."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.sampling import noise

SEED = noise.seed(1)
EULER_GAMMA = 0.5772157


def test_seed_takes_64_bits_of_an_integer():
  seeds = {tuple(noise.seed(value).numpy()) for value in (0, 1, 2**31, 2**31 + 1, 2**40)}
  assert len(seeds) == 5
  assert noise.seed(7).dtype == tf.int32


def test_fold_gives_each_label_its_own_seed_repeatably():
  labels = ["fake", "real", 0, 1, 2**30]
  seeds = [tuple(noise.fold(SEED, label).numpy()) for label in labels]
  assert len(set(seeds)) == len(labels)
  assert seeds == [tuple(noise.fold(SEED, label).numpy()) for label in labels]
  assert seeds != [tuple(noise.fold(noise.seed(2), label).numpy()) for label in labels]


def test_fold_takes_tensors_and_several_labels():
  np.testing.assert_array_equal(noise.fold(SEED, 3), noise.fold(SEED, tf.constant(3)))
  np.testing.assert_array_equal(noise.fold(SEED, 3), noise.fold(SEED, tf.constant(3, tf.int64)))
  np.testing.assert_array_equal(noise.fold(SEED, "a", 3), noise.fold(noise.fold(SEED, "a"), 3))
  assert np.any(noise.fold(SEED, "a", 3) != noise.fold(SEED, 3, "a"))


DRAWS = {
  "uniform": lambda rows: noise.uniform([rows], SEED),
  "uniform_2d": lambda rows: noise.uniform([rows, 5], SEED),
  "uniform_tensor_shape": lambda rows: noise.uniform(tf.stack([rows, 5]), SEED),
  "uniform_tensor_rows": lambda rows: noise.uniform([tf.constant(rows), 5], SEED),
  "normal": lambda rows: noise.normal([rows, 2, 3], SEED),
  "gumbel": lambda rows: noise.gumbel([rows, 4], SEED),
  "dropout": lambda rows: noise.dropout(tf.ones([rows, 4]), 0.5, SEED),
  "dropout_odd_rate": lambda rows: noise.dropout(tf.ones([rows, 5, 3]), 0.3, SEED),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("compiled", [False, True])
def test_replicas_draw_the_rows_of_the_global_batch(name, compiled, two_replicas):
  draw = DRAWS[name]
  run = lambda: two_replicas.experimental_local_results(two_replicas.run(draw, args=(3,)))  # noqa: E731
  parts = (tf.function(run) if compiled else run)()
  assert len(parts) == 2
  # Up to the last bit: the end of a vector takes another code path for logarithms.
  np.testing.assert_allclose(np.concatenate([part.numpy() for part in parts]), draw(6).numpy(), rtol=1e-6)


def test_num_replicas(two_replicas):
  assert noise.num_replicas() == 1
  with two_replicas.scope():
    assert noise.num_replicas() == 1
  assert two_replicas.experimental_local_results(two_replicas.run(lambda: tf.constant(noise.num_replicas())))[0] == 2


def test_gathered_rows_are_in_order_and_route_gradients_to_their_replica(two_replicas):
  x = tf.range(6.0)[:, None] * [1.0, 10.0]

  def of_a_replica():
    context = tf.distribute.get_replica_context()
    mine = x[3 * context.replica_id_in_sync_group :][:3]
    with tf.GradientTape() as tape:
      tape.watch(mine)
      everyone = noise.gather_from_replicas(mine)
      # Each replica's loss uses all rows, so a row gets gradients from both.
      loss = tf.reduce_sum(everyone**2) * (1.0 + tf.cast(context.replica_id_in_sync_group, tf.float32))
    return everyone, tape.gradient(loss, mine)

  everyone, gradients = two_replicas.run(of_a_replica)
  for part in two_replicas.experimental_local_results(everyone):
    np.testing.assert_array_equal(part, x)
  np.testing.assert_allclose(np.concatenate(two_replicas.experimental_local_results(gradients)), 2.0 * x * (1.0 + 2.0))
  np.testing.assert_array_equal(noise.gather_from_replicas(x), x)
  np.testing.assert_array_equal(noise.sum_over_replicas(x), x)


@pytest.mark.parametrize(
  ("draw", "mean", "variance"),
  [(noise.uniform, 0.5, 1 / 12), (noise.normal, 0.0, 1.0), (noise.gumbel, EULER_GAMMA, np.pi**2 / 6)],
)
def test_moments(draw, mean, variance):
  x = draw([1000, 200], SEED).numpy().astype(np.float64)
  assert np.isfinite(x).all()
  # Four standard errors; the fourth moment of a Gumbel variable is 5.4 times its squared variance.
  assert abs(x.mean() - mean) < 4 * np.sqrt(variance / x.size)
  assert abs(x.var() - variance) < 4 * np.sqrt(4.4 * variance**2 / x.size)


@pytest.mark.parametrize("rate", [0.25, 0.3, 0.0001])
def test_dropout_keeps_the_mean(rate):
  x = noise.dropout(tf.fill([401, 25, 11], 2.0), rate, SEED).numpy()
  zeros = np.mean(x == 0.0)
  assert abs(zeros - rate) < 4 * np.sqrt(rate * (1 - rate) / x.size)
  np.testing.assert_allclose(x[x != 0.0], 2.0 / (1 - rate), rtol=1e-6)
  assert abs(x.mean() - 2.0) < 0.02


@pytest.mark.parametrize("shape", [[1], [7], [3, 5], [2, 3, 5]])
def test_the_dropout_mask_has_the_requested_shape(shape):
  assert noise.kept(shape, 0.5, SEED).shape == shape
  assert np.all(noise.kept(shape, 0.0, SEED))


def test_dropout_keeps_the_type():
  assert noise.dropout(tf.ones([2, 3], tf.bfloat16), 0.5, SEED).dtype == tf.bfloat16


def test_variational_dropout_has_factors_of_mean_one_for_each_name():
  drop = noise.variational_dropout(2000, 0.25, noise.seed(1))
  first, second = drop("a", 30).numpy(), drop("b", 30).numpy()
  np.testing.assert_allclose(np.unique(first), [0.0, 4 / 3], rtol=1e-6)
  np.testing.assert_allclose([first.mean(), np.mean(first * second)], 1.0, atol=0.02)
  np.testing.assert_array_equal(drop("a", 30), first)
  assert noise.variational_dropout(3, 0.25, None) is None and noise.variational_dropout(3, 0.0, noise.seed(1)) is None
