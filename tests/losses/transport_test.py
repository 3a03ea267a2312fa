"""Tests of tf_textgan.losses.transport, against linear programs and a plain NumPy implementation of Sinkhorn's iterations."""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from tf_textgan.losses import transport

RANDOM = np.random.default_rng(0)


def _costs(num, others, seed=0):
  random = np.random.default_rng(seed)
  return transport.cosine_costs(*(tf.constant(random.normal(size=[n, 4]), tf.float32) for n in (num, others)))


def _linear_program(costs):
  """The least cost of a plan."""
  num, others = costs.shape
  rows = [np.repeat(np.eye(num)[i], others) for i in range(num)]
  columns = [np.tile(np.eye(others)[j], num) for j in range(others)]
  weights = [1 / num] * num + [1 / others] * others
  return scipy.optimize.linprog(np.ravel(costs), A_eq=np.array(rows + columns), b_eq=weights, bounds=(0, None)).fun


def _numpy_sinkhorn(costs, strength, iterations):
  kernel = np.exp(-costs.astype(np.float64) / strength)
  num, others = costs.shape
  v = np.ones(others)
  for _ in range(iterations):
    u = 1 / num / (kernel @ v)
    v = 1 / others / (kernel.T @ u)
  return u[:, None] * kernel * v


def test_cosine_costs_by_hand():
  found = transport.cosine_costs(tf.constant([[2.0, 0.0], [1.0, 1.0]]), tf.constant([[0.0, 3.0], [-1.0, 0.0]]))
  np.testing.assert_allclose(found, [[1.0, 2.0], [1 - 0.5**0.5, 1 + 0.5**0.5]], atol=1e-6)


@pytest.mark.parametrize(("num", "others"), [(6, 6), (4, 7), (8, 3)])
@pytest.mark.parametrize("plan", ["ipot", "sinkhorn"])
def test_plans_have_equal_weights(plan, num, others):
  found = getattr(transport, plan)(_costs(num, others), 0.3, 200).numpy()
  np.testing.assert_allclose(found.sum(axis=0), 1 / others, rtol=1e-4)
  np.testing.assert_allclose(found.sum(axis=1), 1 / num, rtol=1e-3)
  assert (found >= 0).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("num", "others"), [(6, 6), (4, 7), (8, 3)])
def test_ipot_reaches_the_optimum_of_the_linear_program(num, others, seed):
  costs = _costs(num, others, seed)
  found = float(transport.cost(costs, transport.ipot(costs, 0.1, 300)))
  assert found == pytest.approx(_linear_program(costs.numpy()), abs=2e-3)


def test_of_equal_numbers_the_optimum_is_an_assignment():
  costs = _costs(9, 9)
  plan = transport.ipot(costs, 0.05, 1000).numpy() * 9
  rows, columns = scipy.optimize.linear_sum_assignment(costs.numpy())
  np.testing.assert_allclose(plan[rows, columns], 1.0, atol=0.02)


@pytest.mark.parametrize("strength", [0.05, 1.0, 100.0])
@pytest.mark.parametrize("iterations", [1, 20])
def test_sinkhorn_equals_a_numpy_implementation(strength, iterations):
  costs = _costs(5, 8)
  np.testing.assert_allclose(
    transport.sinkhorn(costs, strength, iterations), _numpy_sinkhorn(costs.numpy(), strength, iterations), rtol=1e-3, atol=1e-6
  )


def test_a_strong_entropy_spreads_the_plan_and_a_weak_one_finds_the_optimum():
  costs = _costs(6, 6)
  np.testing.assert_allclose(transport.sinkhorn(costs, 1e4, 10), 1 / 36, rtol=1e-3)
  assert float(transport.cost(costs, transport.sinkhorn(costs, 0.01, 2000))) == pytest.approx(_linear_program(costs.numpy()), abs=5e-3)


def test_the_gradient_is_that_of_the_least_cost():
  """Finite differences of the linear program, whose optimum is unique here."""
  points = [RANDOM.normal(size=[5, 3]) for _ in range(2)]
  variable = tf.Variable(points[0], dtype=tf.float32)
  with tf.GradientTape() as tape:
    costs = transport.cosine_costs(variable, tf.constant(points[1], tf.float32))
    value = transport.cost(costs, transport.ipot(costs, 0.05, 1000))
  found = tape.gradient(value, variable).numpy()

  def least(x):
    normal = [y / np.linalg.norm(y, axis=1, keepdims=True) for y in (x, points[1])]
    return _linear_program(1 - normal[0] @ normal[1].T)

  for place in [(0, 0), (2, 1), (4, 2)]:
    step = np.zeros([5, 3])
    step[place] = 1e-4
    assert found[place] == pytest.approx((least(points[0] + step) - least(points[0] - step)) / 2e-4, abs=2e-3)


def test_large_costs_and_weak_strengths_stay_finite():
  costs = tf.constant(RANDOM.uniform(0.0, 2.0, [4, 4]), tf.float32)
  for plan in (transport.ipot(costs, 1e-3, 50), transport.sinkhorn(costs, 1e-3, 50)):
    assert np.isfinite(plan).all()
