"""Tests of oracle.py."""

import math
import pathlib

import numpy as np
import pytest

from tf_textgan import errors
from tf_textgan.data import oracle

DATA = pathlib.Path(__file__).parents[3] / "shared/data"


def _slow_log_prob(parameters, tokens):
  """The recurrence for one sequence, in loops over Python numbers."""

  def affine(x, w, h, u, b):
    return [sum(x[k] * w[k, j] for k in range(32)) + sum(h[k] * u[k, j] for k in range(32)) + b[j] for j in range(32)]

  def sigmoid(x):
    return 1 / (1 + math.exp(-x))
  parameters = {name: value.astype(np.float64) for name, value in parameters.items()}
  h, c, previous, total = [0.] * 32, [0.] * 32, 0, 0.
  for token in tokens:
    x = parameters["embedding"][previous]
    pre = {gate: affine(x, parameters["W" + gate], h, parameters["U" + gate], parameters["b" + gate]) for gate in "ifoc"}
    for j in range(32):
      c[j] = sigmoid(pre["f"][j]) * c[j] + sigmoid(pre["i"][j]) * math.tanh(pre["c"][j])
      h[j] = sigmoid(pre["o"][j]) * math.tanh(c[j])
    logits = [sum(h[k] * parameters["W_out"][k, v] for k in range(32)) + b for v, b in enumerate(parameters["b_out"])]
    total += logits[token] - math.log(sum(math.exp(logit) for logit in logits))
    previous = token
  return total


def test_log_prob_equals_slow_twin():
  parameters = oracle.random_parameters(20, seed=3)
  truth = oracle.LstmOracle(parameters, 5)
  tokens = truth.sample(4, seed=0)
  log_probs = truth.log_prob(tokens)
  assert log_probs.dtype == np.float64
  np.testing.assert_allclose(log_probs, [_slow_log_prob(parameters, row) for row in tokens], rtol=1e-5)


def test_probabilities_sum_to_one():
  truth = oracle.LstmOracle(oracle.random_parameters(9, seed=1), 3)
  everything = np.stack(np.meshgrid(*[np.arange(9)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
  assert len(everything) > oracle._CHUNK  # more than one chunk
  assert math.isclose(np.exp(truth.log_prob(everything)).sum(), 1., rel_tol=1e-5)


def test_samples_follow_the_probabilities():
  truth = oracle.LstmOracle(oracle.random_parameters(5, seed=1), 2)
  num = 30000
  samples = truth.sample(num, seed=5)
  counts = np.bincount(samples[:, 0] * 5 + samples[:, 1], minlength=25)
  everything = np.stack(np.meshgrid(np.arange(5), np.arange(5), indexing="ij"), axis=-1).reshape(-1, 2)
  expected = num * np.exp(truth.log_prob(everything))
  assert (np.abs(counts - expected) < 4.5 * np.sqrt(expected) + 1).all()


def test_samples_depend_on_the_seed():
  truth = oracle.LstmOracle(oracle.random_parameters(50, seed=1), 6)
  samples = truth.sample(600, seed=5)
  assert samples.dtype == np.int32 and samples.shape == (600, 6)
  np.testing.assert_array_equal(samples, truth.sample(600, seed=5))
  assert (samples != truth.sample(600, seed=6)).any()
  assert truth.sample(0, seed=0).shape == (0, 6) and truth.log_prob(samples[:0]).shape == (0,)


@pytest.mark.parametrize("size", [1, 2, 7, 16, 23])
def test_inverse_cdf(size):
  weights = np.random.default_rng(size).random(size).astype(np.float32) + .01
  weights[size // 2 + 1:size // 2 + 3] = 0  # never drawn
  uniforms = (np.arange(20000) + .5) / 20000
  drawn = oracle.inverse_cdf(np.tile(weights, [20000, 1]), uniforms)
  # Evenly spaced uniforms: every index as often as its weight says, to within one; larger uniforms give larger indices.
  np.testing.assert_allclose(np.bincount(drawn, minlength=size), 20000 * weights / weights.sum(), atol=1.01)
  assert (np.diff(drawn) >= 0).all()


def test_inverse_cdf_at_the_ends():
  weights = np.array([[0, 3, 0, 1, 0]], np.float32)
  assert oracle.inverse_cdf(weights, np.array([0.])) == 1
  assert oracle.inverse_cdf(weights, np.array([np.nextafter(1, 0)])) == 3


def test_wrong_length():
  truth = oracle.LstmOracle(oracle.random_parameters(5, seed=1), 2)
  with pytest.raises(ValueError, match=r"shape \[N, 2\], but got \[4, 3\]"):
    truth.log_prob(np.zeros([4, 3], np.int32))


def test_parameter_file(tmp_path):
  path = tmp_path / "oracle.npz"
  parameters = oracle.random_parameters(20, seed=3)
  np.savez(path, **parameters)
  read = oracle.read_parameters(path, 20)
  assert read.keys() == parameters.keys()
  for name, value in parameters.items():
    np.testing.assert_array_equal(read[name], value)
  with pytest.raises(errors.UserError, match=r"array embedding .* must have shape \(30, 32\) for a vocabulary of 30, but has \(20, 32\)"):
    oracle.read_parameters(path, 30)
  del parameters["Uf"]
  np.savez(path, **parameters)
  with pytest.raises(errors.UserError, match="has no array Uf; it needs embedding, Wi"):
    oracle.read_parameters(path, 20)
  for content in (b"", b"text", b"PK\x03\x04broken"):
    path.write_bytes(content)
    with pytest.raises(errors.UserError, match="is not an .npz file"):
      oracle.read_parameters(path, 20)
  parameters = oracle.random_parameters(20, seed=3)
  for value, message in (
    (np.zeros([20, 32], object), "is not an .npz file of arrays: 'embedding': its elements are objects; expected numbers$"),
    (np.full([20, 32], "a"), "array embedding .* must hold numbers, but has type <U1$"),
    (np.full([20, 32], np.nan), "array embedding .* holds numbers that are not finite$"),
    (np.zeros([10**6, 32], bool), r"array embedding .* must have shape \(20, 32\) .* but has \(1000000, 32\)$"),
  ):
    np.savez_compressed(path, **{**parameters, "embedding": value})
    with pytest.raises(errors.UserError, match=message):
      oracle.read_parameters(path, 20)
  # As other programs may save it.
  np.savez_compressed(path, **{**parameters, "embedding": np.asfortranarray(parameters["embedding"], np.float64)})
  np.testing.assert_array_equal(oracle.read_parameters(path, 20)["embedding"], parameters["embedding"])
  np.save(tmp_path / "array.npy", np.zeros(3))
  with pytest.raises(errors.UserError, match="is not an .npz file"):
    oracle.read_parameters(tmp_path / "array.npy", 20)
  with pytest.raises(errors.UserError, match="cannot read the oracle file .*: No such file"):
    oracle.read_parameters(tmp_path / "absent.npz", 20)


@pytest.mark.skipif(not DATA.exists(), reason="the folder shared/data beside the repository is absent")
def test_published_entropy():
  truth = oracle.LstmOracle(oracle.read_parameters(DATA / "seqgan_oracle.npz", 5000), 20)
  nll = -truth.log_prob(truth.sample(2000, seed=0)) / 20
  assert abs(nll.mean() - 5.745) < 3 * nll.std() / np.sqrt(len(nll))
  assert nll.std() / np.sqrt(len(nll)) < .013
