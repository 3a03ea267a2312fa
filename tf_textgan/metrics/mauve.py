"""MAUVE, the overlap of two sets of sentence embeddings: from about 0 (disjoint) to 1 (equal).

Both samples' embeddings are clustered together; the histograms p and q are each sample's fractions per cluster. With mixtures
r = w p + (1 - w) q, w from 0 to 1, the points

  (exp(-c KL(q | r)), exp(-c KL(p | r)))

form a curve, and MAUVE is the area under it. Pillutla et al., https://arxiv.org/abs/2102.01454. Two samples of one distribution stay below 1,
further below with fewer sentences per cluster. Compare only values with equal N, M, number of clusters and encoder, and report the value of two real
samples beside them.
"""

import math

import numpy as np
from scipy import integrate
from scipy import special
from sklearn import cluster
from sklearn import decomposition
from sklearn import preprocessing

from tf_textgan.metrics import estimates

# Largest sample of `estimate`, the authors' own (https://github.com/krishnap25/mauve). The time of k-means grows with the square of the sample,
# because the number of clusters grows with it.
LARGEST = 5000

# As in the authors' implementation: fraction of variance kept before clustering, number of k-means starts, points of the curve.
_VARIANCE = 0.9
_CLUSTERINGS = 5
_ITERATIONS = 500
# Resamples of each clustering's histograms.
_RESAMPLES = 100
_WEIGHTS = np.linspace(1e-6, 1.0 - 1e-6, 25)


def mauve(x: np.ndarray, y: np.ndarray, num_clusters: int | None = None, seed: int = 0, scale: float = 5.0) -> estimates.Estimate:
  """Computes MAUVE of two sets of embeddings; see the module for its dependence on sample sizes and encoder.

  Embeddings are scaled to length 1 and reduced to the principal components with 90 % of the variance. K-means runs from five starts. Departure: the
  authors' implementation keeps the clustering with the least squared error, and its value then depends on the seed; here the value is the mean over
  the five clusterings.

  Args:
    x: float `[N, E]`.
    y: float `[M, E]`.
    num_clusters: number of clusters; None for a tenth of the smaller sample, at least 2.
    seed: of k-means and the bootstrap.
    scale: c of the paper.

  Returns:
    Estimate with n = min(N, M), from about 0.004 to 1 at the default scale. The interval covers the choice of both samples, by a bootstrap of the
    histograms, and the five clusterings.

  Raises:
    ValueError: for other shapes.
  """
  x, y = np.asarray(x), np.asarray(y)
  if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
    raise ValueError(f"expected embeddings [N, E] and [M, E], but got {list(x.shape)} and {list(y.shape)}")
  if num_clusters is None:
    num_clusters = max(2, round(min(len(x), len(y)) / 10))
  union = preprocessing.normalize(np.concatenate([x, y]))
  union = decomposition.PCA(_VARIANCE, random_state=seed).fit_transform(union)
  values, resampled = [], []
  generator = np.random.default_rng(seed)
  for number in range(_CLUSTERINGS):
    # Random starts, as in the authors' code; for a thousand clusters k-means++ takes ten times as long and lowers the error by 1 %.
    means = cluster.KMeans(num_clusters, init="random", n_init=1, max_iter=_ITERATIONS, random_state=np.random.RandomState([seed % 2**32, number]))
    labels = means.fit_predict(union)
    p, q = (np.bincount(part, minlength=num_clusters) / len(part) for part in (labels[: len(x)], labels[len(x) :]))
    values.append(area(p, q, scale))
    draws = zip(*(generator.multinomial(n, histogram, size=_RESAMPLES) / n for n, histogram in ((len(x), p), (len(y), q))))
    resampled.append([area(*pair, scale) for pair in draws])
  # The same sentences are behind all clusterings: their errors do not average out.
  spread = np.std(resampled, axis=1).mean()
  ci = estimates.NORMAL * math.hypot(spread, np.std(values, ddof=1) / _CLUSTERINGS**0.5)
  return estimates.Estimate(float(np.mean(values)), min(len(x), len(y)), ci)


def estimate(x: np.ndarray, y: np.ndarray, seed: int = 0) -> estimates.Estimate:
  """Computes MAUVE of at most 5,000 embeddings of each set, drawn at random from a larger one.

  Args:
    x: float `[N, E]`.
    y: float `[M, E]`.
    seed: of the draws and of k-means.

  Returns:
    See `mauve`; n is the number of embeddings of the smaller set that were compared.
  """
  random = np.random.default_rng(seed)
  x, y = (part if len(part) <= LARGEST else part[np.sort(random.choice(len(part), LARGEST, replace=False))] for part in map(np.asarray, (x, y)))
  return mauve(x, y, seed=seed)


def area(p: np.ndarray, q: np.ndarray, scale: float = 5.0) -> float:
  """Computes the area under the divergence curve of two histograms, by the trapezoid rule over 25 mixtures and the ends (0, 1) and (1, 0).

  Args:
    p, q: float `[K]`, non-negative, each with sum 1.
    scale: c, above 0.

  Returns:
    float: 1 for equal histograms; for disjoint ones c B(c, c + 1) in the limit of many mixtures, 1/252 for c = 5.
  """
  p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
  mixtures = _WEIGHTS[:, None] * p + (1.0 - _WEIGHTS[:, None]) * q
  across, up = (np.exp(-scale * special.rel_entr(histogram, mixtures).sum(axis=1)) for histogram in (q, p))
  # The curve runs from right to left as the weight of p grows, so it is reversed for the integral.
  return float(integrate.trapezoid([1.0, *up[::-1], 0.0], [0.0, *across[::-1], 1.0]))
