"""Tests of tf_textgan.sampling.latents."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.sampling import latents
from tf_textgan.sampling import noise

WEIGHTS = tf.constant([0.0, 0.25, 0.5, 1.0])


def test_a_line():
  found = latents.line(tf.constant([1.0, 0.0]), tf.constant([0.0, 4.0]), WEIGHTS)
  np.testing.assert_allclose(found, [[1.0, 0.0], [0.75, 1.0], [0.5, 2.0], [0.0, 4.0]])


def test_a_great_circle_stays_on_the_sphere_and_moves_at_one_speed():
  found = latents.great_circle(tf.constant([1.0, 0.0]), tf.constant([0.0, 1.0]), WEIGHTS)
  angles = np.pi / 2 * WEIGHTS.numpy()
  np.testing.assert_allclose(found, np.stack([np.cos(angles), np.sin(angles)], axis=1), atol=1e-6)


@pytest.mark.parametrize("second", [[1.0, 0.0], [-1.0, 0.0]])
def test_points_that_are_equal_or_opposite_are_joined_by_a_line(second):
  found = latents.great_circle(tf.constant([1.0, 0.0]), tf.constant(second), WEIGHTS)
  np.testing.assert_allclose(found, latents.line(tf.constant([1.0, 0.0]), tf.constant(second), WEIGHTS), atol=1e-6)


def test_neighbours_are_at_their_distance_in_all_directions():
  point = tf.constant([3.0, 0.0, 4.0])
  found = latents.neighbours(point, 2000, 0.2, noise.seed(1)) - point
  np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-5)
  assert np.abs(np.mean(found, axis=0)).max() < 0.05
  np.testing.assert_array_equal(latents.neighbours(point, 3, 0.0, noise.seed(1)), [point] * 3)
