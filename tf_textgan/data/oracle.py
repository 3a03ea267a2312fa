"""The random LSTM that defines the true distribution in SeqGAN's synthetic task: exact log-probabilities and samples, in NumPy.

Letters: N sequences, T tokens in a sequence, V vocabulary, E = H = 32 units. With x_t the embedding of the previous token (token 0 before
the first), h_0 = c_0 = 0 and each gate g = act(x_t W_g + h_{t-1} U_g + b_g):

    c_t = f * c_{t-1} + i * tanh(...),  h_t = o * tanh(c_t),  p(token t) = softmax(h_t W_out + b_out)

There is no forget bias. Yu et al. 2017, "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient",
https://arxiv.org/abs/1609.05473, section 4.
"""

import os
from typing import Any
import zipfile

import numpy as np

from tf_textgan import arrays
from tf_textgan import errors
from tf_textgan import files
from tf_textgan.data import corpus

UNITS = 32
_GATES = "ifoc"

# Rows computed together: probabilities of 5,000 tokens then take 10 MB.
_CHUNK = 512


def _shapes(vocab_size):
  """Names and shapes of the parameters, in the order of drawing."""
  shapes = {"embedding": (vocab_size, UNITS)}
  for gate in _GATES:
    shapes |= {f"W{gate}": (UNITS, UNITS), f"U{gate}": (UNITS, UNITS), f"b{gate}": (UNITS,)}
  return shapes | {"W_out": (UNITS, vocab_size), "b_out": (vocab_size,)}


def random_parameters(vocab_size: int, seed: int) -> dict[str, np.ndarray]:
  """Draws all parameters from N(0, 1): a dict of float32 arrays."""
  rng = np.random.default_rng(seed)
  return {name: rng.standard_normal(shape, np.float32) for name, shape in _shapes(vocab_size).items()}


def read_parameters(path: str | os.PathLike, vocab_size: int) -> dict[str, np.ndarray]:
  """Reads the parameters from an .npz file: a dict of float32 arrays.

  Raises:
    UserError: the file cannot be read, or an array is missing or has another shape.
  """
  shapes = _shapes(vocab_size)
  try:
    with files.open_regular(path) as file, zipfile.ZipFile(file) as archive:
      headers = arrays.headers(archive)
      if missing := [name for name in shapes if name not in headers]:
        raise errors.UserError(f"the oracle file {path} has no array {', '.join(missing)}; it needs {', '.join(shapes)}")
      for name, shape in shapes.items():
        if headers[name].shape != shape:
          raise errors.UserError(
              f"the array {name} of the oracle file {path} must have shape {shape} for a vocabulary of {vocab_size}, but has "
              f"{headers[name].shape}")
        if headers[name].dtype.kind not in "fiu":
          raise errors.UserError(f"the array {name} of the oracle file {path} must hold numbers, but has type {headers[name].dtype}")
      parameters = {name: arrays.read(archive, name).astype(np.float32) for name in shapes}
  except OSError as error:
    raise errors.UserError(f"cannot read the oracle file {path}: {error.strerror or error}") from error
  except arrays.DAMAGES as error:
    raise errors.UserError(f"the oracle file {path} is not an .npz file of arrays: {' '.join(str(error).split())}") from error
  if not_finite := [name for name, parameter in parameters.items() if not np.isfinite(parameter).all()]:
    raise errors.UserError(f"the array {not_finite[0]} of the oracle file {path} holds numbers that are not finite")
  return parameters


class LstmOracle(corpus.Truth):
  """The distribution of sequences of a fixed length."""

  full_support = True

  def __init__(self, parameters: dict[str, np.ndarray], length: int):
    """Concatenates the gates' weights.

    Args:
      parameters: dict of float32 arrays, see `random_parameters`.
      length: T.
    """
    self._length = length
    self._embedding = parameters["embedding"]
    # One matrix product for the four gates instead of eight.
    self._w = np.concatenate([np.concatenate([parameters[kind + gate] for gate in _GATES], axis=1) for kind in "WU"])
    self._b = np.concatenate([parameters["b" + gate] for gate in _GATES])
    self._w_out, self._b_out = parameters["W_out"], parameters["b_out"]

  def log_prob(self, tokens: np.ndarray) -> np.ndarray:
    """Log-probabilities of sequences, int32 `[N, T]`: float64 `[N]`, nats."""
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or tokens.shape[1] != self._length:
      raise ValueError(f"expected tokens of shape [N, {self._length}], but got {list(tokens.shape)}")
    return np.concatenate([np.zeros(0)] + [self._chunk_log_prob(tokens[i:i + _CHUNK]) for i in range(0, len(tokens), _CHUNK)])

  def sample(self, num: int, seed: Any) -> np.ndarray:
    """Draws `num` sequences: int32 `[num, T]`."""
    rng = np.random.default_rng(seed)
    chunks = [self._chunk_sample(min(_CHUNK, num - i), rng) for i in range(0, num, _CHUNK)]
    return np.concatenate([np.zeros([0, self._length], np.int32)] + chunks)

  def _chunk_log_prob(self, tokens):
    total = np.zeros(len(tokens))
    rows = np.arange(len(tokens))
    previous, state = np.zeros(len(tokens), np.int32), self._initial_state(len(tokens))
    for current in tokens.T:
      logits, state = self._step(previous, state)
      total += logits[rows, current] - np.log(np.exp(logits).sum(axis=1))
      previous = current
    return total

  def _chunk_sample(self, num, rng):
    tokens = np.zeros([num, self._length], np.int32)
    previous, state = np.zeros(num, np.int32), self._initial_state(num)
    for t in range(self._length):
      logits, state = self._step(previous, state)
      previous = tokens[:, t] = inverse_cdf(np.exp(logits), rng.random(num))
    return tokens

  def _initial_state(self, num):
    return np.zeros([num, UNITS], np.float32), np.zeros([num, UNITS], np.float32)

  def _step(self, tokens, state):
    """Logits `[N, V]` after tokens `[N]`, shifted so that each row's maximum is 0, and the new state."""
    h, c = state
    gates = np.concatenate([self._embedding[tokens], h], axis=1) @ self._w + self._b
    i, f, o, candidate = np.split(gates, 4, axis=1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(candidate)
    h = _sigmoid(o) * np.tanh(c)
    logits = h @ self._w_out + self._b_out
    logits -= logits.max(axis=1, keepdims=True)
    return logits, (h, c)


def inverse_cdf(weights: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
  """Draws one index per row with probability proportional to its weight, from one uniform number per row.

  The vocabulary is cut into about sqrt(V) blocks. Cumulative sums are taken over the blocks' sums, then inside the chosen block only.

  Args:
    weights: float array `[N, V]`, not negative.
    uniforms: float array `[N]` in [0, 1).

  Returns:
    int32 array `[N]`.
  """
  num, size = weights.shape
  block = int(np.ceil(np.sqrt(size)))
  padded = np.pad(weights, ((0, 0), (0, -size % block))) if size % block else weights
  blocks = padded.reshape(num, -1, block)
  outer = np.cumsum(blocks.sum(axis=2), axis=1, dtype=np.float64)
  # Rounding must not move the target past the last positive weight.
  target = np.minimum(uniforms * outer[:, -1], np.nextafter(outer[:, -1], 0))
  hit = (outer <= target[:, None]).sum(axis=1)
  rows = np.arange(num)
  inner = np.cumsum(blocks[rows, hit], axis=1, dtype=np.float64)
  rest = np.minimum(target - np.where(hit > 0, outer[rows, hit - 1], 0.), np.nextafter(inner[:, -1], 0))
  return (hit * block + (inner <= rest[:, None]).sum(axis=1)).astype(np.int32)


def _sigmoid(x):
  return .5 * (1 + np.tanh(.5 * x))
