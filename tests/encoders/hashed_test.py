"""Tests of tf_textgan.encoders.hashed."""

import collections

import numpy as np
import pytest
from sklearn import random_projection
from sklearn import utils

from tf_textgan.encoders import hashed

SENTENCE = "a man riding a horse on a beach"


@pytest.fixture(scope="module", name="encoder")
def _encoder():
  return hashed.Encoder()


def _hashed_counts(features):
  vector = np.zeros(2**16)
  for feature, count in collections.Counter(features).items():
    code = utils.murmurhash3_32(feature, seed=0)
    vector[abs(code) % 2**16] += count if code >= 0 else -count
  return vector / np.linalg.norm(vector) * 0.5**0.5


def test_a_sentence_equals_a_slow_implementation(encoder):
  text = "the cat saw The cat ."
  words = text.split()
  pairs = [f"{one} {other}" for one, other in zip(words, words[1:])]
  pieces = [piece for word in words for piece in _pieces(f" {word} ")]
  counts = np.concatenate([_hashed_counts(words + pairs), _hashed_counts(pieces)])
  projection = random_projection.SparseRandomProjection(256, density=1 / 32, random_state=0).fit(np.zeros([1, 2**17]))
  np.testing.assert_allclose(encoder([text])[0], projection.components_ @ counts, rtol=1e-4, atol=1e-6)


def _pieces(padded):
  for order in (3, 4, 5):
    if len(padded) <= order:
      yield padded
      # Longer orders would repeat the same n-grams.
      return
    yield from (padded[i : i + order] for i in range(len(padded) - order + 1))


def test_the_numbers_are_equal_on_every_machine(encoder):
  expected = [0.033113, 0.033113, 0.066227, -0.042882, -0.132453, -0.033113]
  np.testing.assert_allclose(encoder([SENTENCE])[0, :6], expected, atol=1e-5)


def test_shape_length_and_repeatability(encoder):
  vectors = encoder([SENTENCE, "", SENTENCE, "字 花"])
  assert vectors.shape == (4, 256) and vectors.dtype == np.float32 and encoder.size == 256 and encoder.name == "hashed"
  np.testing.assert_array_equal(vectors[0], vectors[2])
  np.testing.assert_array_equal(vectors[1], np.zeros(256))
  assert 0.7 < np.linalg.norm(vectors[0]) < 1.3 and np.linalg.norm(vectors[3]) > 0.5
  np.testing.assert_array_equal(hashed.Encoder()([SENTENCE])[0], vectors[0])


def test_inner_products_approximate_the_counts(encoder):
  # The mean squared length of many different sentences is 1, and the mean product of unrelated ones 0.
  rng = np.random.default_rng(0)
  sentences = [" ".join("".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 6)) for _ in range(6)) for _ in range(300)]
  products = encoder(sentences) @ encoder(sentences).T
  assert np.mean(np.diag(products)) == pytest.approx(1.0, abs=0.02)
  others = products[~np.eye(300, dtype=bool)]
  assert abs(others.mean()) < 0.01 and others.std() == pytest.approx(1 / 16, rel=0.1)


def test_similarity_depends_on_the_surface(encoder):
  changed = ["a man riding a horse on a hill", "a beach on a horse a riding man a", "two cats sleeping in the sink"]
  vectors = encoder([SENTENCE, *changed, SENTENCE.upper()])
  distances = np.linalg.norm(vectors[1:] - vectors[0], axis=1)
  # The same words in another order differ; other words differ more.
  assert 0.1 < distances[0] < distances[2] and 0.1 < distances[1] < distances[2]
  # Case matters.
  assert distances[3] > distances[0]
