"""How far apart two sets of sentence embeddings are, as Gaussians: the Frechet distance.

  d = |m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2)),

m and S being means and unbiased covariances. Heusel et al., https://arxiv.org/abs/1706.08500; of sentences, Semeniuta et al.,
https://arxiv.org/abs/1806.04936 and de Masson d'Autume et al., https://arxiv.org/abs/1905.09922.

The distance of two samples is too large, by an amount that falls as about 1/N: samples of one and the same distribution are not at 0. Compare only
distances of the same N, M and encoder, and show that of two real samples beside them.
"""

from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates


class _Moments(NamedTuple):
  """A set of embeddings: a point near its mean `[E]`, its size; of the differences from that point the sum `[E]` and the sum of squares `[E, E]`."""

  centre: np.ndarray
  n: int
  total: np.ndarray
  products: np.ndarray

  def without(self, other):
    return _Moments(self.centre, self.n - other.n, self.total - other.total, self.products - other.products)


def distance(x, y):
  """The squared Frechet distance of Gaussians fitted to two sets of embeddings; see the module for its bias.

  Args:
    x: float `[N, E]`, N at least 2; it may be below E.
    y: float `[M, E]`, M at least 2.

  Returns:
    float, 0 or more, in the square of the embeddings' unit.
  """
  x, y = _checked(x, y)
  return _between(_gaussian(_moments(x)), _gaussian(_moments(y)))


def estimate(x, y, groups=25):
  """The distance and a 95 % interval: of the random error of samples of this size, not of their bias.

  The interval is a jackknife's: each sample is cut into groups, and the distance computed without each in turn (Efron and Stein, 1981). A bootstrap
  would repeat sentences, which doubles the bias and makes the interval too wide. Both samples are cut as they stand, so neighbours that depend on
  each other, such as sentences of one document, mostly stay together; a sorted file must be shuffled first.

  Args:
    x: float `[N, E]`, N at least 3.
    y: float `[M, E]`, M at least 3.
    groups: of each sample, at least 3. Each costs one distance: 25 take seconds for 10,000 embeddings of size 256.

  Returns:
    `estimates.Estimate`; its n is the smaller of N and M.
  """
  x, y = _checked(x, y)
  value = _between(_gaussian(_moments(x)), _gaussian(_moments(y)))
  variance = _jackknife(x, y, groups) + _jackknife(y, x, groups)
  return estimates.Estimate(value, min(len(x), len(y)), estimates.NORMAL * float(variance) ** 0.5)


def _checked(x, y):
  x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
  if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
    raise ValueError(f"expected embeddings [N, E] and [M, E], at least two each, but got {list(x.shape)} and {list(y.shape)}")
  return x, y


def _moments(x, centre=None):
  centre = x.mean(axis=0) if centre is None else centre
  x = x - centre
  return _Moments(centre, len(x), x.sum(axis=0), x.T @ x)


def _gaussian(moments):
  """The mean `[E]` and A `[E, E]` with A A^T = S, also for a singular S."""
  shift = moments.total / moments.n
  covariance = (moments.products - moments.n * np.outer(shift, shift)) / (moments.n - 1)
  values, vectors = np.linalg.eigh(covariance)
  # Rounding leaves zeros as tiny numbers of either sign, whose roots would not be tiny.
  values[values < max(0.0, values[-1]) * len(values) * np.finfo(np.float64).eps] = 0.0
  return moments.centre + shift, vectors * np.sqrt(values)


def _between(one, other):
  (mean, root), (other_mean, other_root) = one, other
  # S_x S_y has the eigenvalues of (A_x^T A_y)(A_x^T A_y)^T: squares of singular values, so their roots are never complex.
  trace = np.linalg.svd(root.T @ other_root, compute_uv=False).sum()
  squared = np.sum((mean - other_mean) ** 2) + np.sum(root**2) + np.sum(other_root**2) - 2.0 * trace
  return max(0.0, float(squared))


def _jackknife(x, y, groups):
  """Variance of the distance that comes from x."""
  whole, other = _moments(x), _gaussian(_moments(y))
  parts = np.array_split(x, min(groups, len(x)))
  values = [_between(_gaussian(whole.without(_moments(part, whole.centre))), other) for part in parts]
  return (len(parts) - 1) * np.var(values)
