"""Tests of tf_textgan.sampling.blanks."""

import numpy as np
import pytest
import tensorflow as tf

from tf_textgan.sampling import blanks
from tf_textgan.sampling import noise

LENGTH, NUM = 6, 4000
SEED = noise.seed(3)
COUNTS = np.arange(NUM) % LENGTH + 1


def _twin(strategy, rate):
  """The masks, row by row."""
  rows = []
  single, several = (noise.uniform(shape, SEED).numpy() for shape in ([NUM], [NUM, LENGTH]))
  for count, u, us in zip(COUNTS, single, several):
    if strategy == "random":
      row = [us[t] >= rate for t in range(count)]
    else:
      size = max(1, round(rate * count))
      start = int(u * (count - size + 1))
      row = [t not in range(start, start + size) for t in range(count)]
    rows.append(row + row[-1:] * (LENGTH - count))
  return np.array(rows)


@pytest.mark.parametrize("strategy", ["random", "contiguous"])
@pytest.mark.parametrize("rate", [0.2, 0.5, 1.0])
def test_masks_equal_a_slow_twin(strategy, rate):
  draw = tf.function(getattr(blanks, strategy), autograph=False)
  found = draw(tf.constant(COUNTS, tf.int32), LENGTH, tf.constant(rate), SEED).numpy()
  np.testing.assert_array_equal(found, _twin(strategy, rate))


def test_the_only_blank_of_a_sequence_is_anywhere_with_the_same_probability():
  found = blanks.contiguous(tf.fill([NUM], LENGTH), LENGTH, 0.5, SEED).numpy()
  starts = np.argmin(found, axis=1)
  assert (np.sum(~found, axis=1) == 3).all()
  np.testing.assert_allclose(np.bincount(starts) / NUM, np.full(4, 0.25), atol=0.03)


def test_a_share_of_the_tokens_is_in_blanks():
  found = blanks.random(tf.fill([NUM], LENGTH), LENGTH, 0.3, SEED).numpy()
  np.testing.assert_allclose(np.mean(~found, axis=0), 0.3, atol=0.03)


def test_a_sequence_is_open_from_its_last_present_token_on():
  present = np.array([[1, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]], bool)
  expected = [[0, 0, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]]
  np.testing.assert_array_equal(blanks.open_ends(tf.constant(present)), expected)
