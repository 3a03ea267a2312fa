"""MAUVE: how much two sets of sentence embeddings overlap, from about 0, nothing in common, to 1, alike.

Both samples' embeddings are sorted into clusters found in their union; p and q are the shares of the samples in each. With mixtures
r = w p + (1 - w) q, w from 0 to 1, the points

  (exp(-c KL(q | r)), exp(-c KL(p | r)))

make a curve, and MAUVE is the area under it. Pillutla et al., https://arxiv.org/abs/2102.01454. Two samples of one distribution do not reach 1,
less so the fewer sentences there are for each cluster. Compare only values of the same N, M, number of clusters and encoder, and show that of two
real samples beside them.
"""

import numpy as np
from scipy import integrate
from scipy import special
from sklearn import cluster
from sklearn import decomposition
from sklearn import preprocessing

# As in the authors' implementation: the variance kept before clustering, the clusterings of which the tightest is taken, the points of the curve.
_VARIANCE = 0.9
_CLUSTERINGS = 5
_ITERATIONS = 500
_WEIGHTS = np.linspace(1e-6, 1.0 - 1e-6, 25)


def mauve(x, y, num_clusters=None, seed=0, scale=5.0):
  """The MAUVE of two sets of embeddings; see the module for what it depends on.

  Embeddings are scaled to length 1 and reduced to the principal components with 90 % of the variance. K-means runs from five starts and the
  clustering with the least squared error counts, as in the authors' implementation; MAUVE itself is not averaged. For its spread over clusterings,
  vary `seed`.

  Args:
    x: float `[N, E]`.
    y: float `[M, E]`.
    num_clusters: of k-means; None for a tenth of the smaller sample, at least 2.
    seed: integer, of k-means.
    scale: the paper's c.

  Returns:
    float, from about 0.004 to 1 where the scale is 5.
  """
  x, y = np.asarray(x), np.asarray(y)
  if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
    raise ValueError(f"expected embeddings [N, E] and [M, E], but got {list(x.shape)} and {list(y.shape)}")
  if num_clusters is None:
    num_clusters = max(2, round(min(len(x), len(y)) / 10))
  union = preprocessing.normalize(np.concatenate([x, y]))
  union = decomposition.PCA(_VARIANCE, random_state=seed).fit_transform(union)
  # Random starts are the authors' too; k-means++ takes ten times as long for a thousand clusters and tightens them by 1 %.
  labels = cluster.KMeans(num_clusters, init="random", n_init=_CLUSTERINGS, max_iter=_ITERATIONS, random_state=seed).fit_predict(union)
  p, q = (np.bincount(part, minlength=num_clusters) / len(part) for part in (labels[: len(x)], labels[len(x) :]))
  return area(p, q, scale)


def area(p, q, scale=5.0):
  """The area under the divergence curve of two histograms, by the trapezoid rule over 25 mixtures and the ends (0, 1) and (1, 0).

  Args:
    p, q: float `[K]`, non-negative, each of sum 1.
    scale: c, above 0.

  Returns:
    float: 1 for equal histograms; c B(c, c + 1) in the limit of many mixtures if they share nothing, 1/252 for c = 5.
  """
  p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
  mixtures = _WEIGHTS[:, None] * p + (1.0 - _WEIGHTS[:, None]) * q
  across, up = (np.exp(-scale * special.rel_entr(histogram, mixtures).sum(axis=1)) for histogram in (q, p))
  # As the weight of p grows the curve goes from right to left: it is integrated backwards.
  return float(integrate.trapezoid([1.0, *up[::-1], 0.0], [0.0, *across[::-1], 1.0]))
