"""How well scores tell real sequences from written ones. A score is a logit of "real"; the two samples are independent.

On sequences that the scorer was not trained on, these are lower bounds, up to sampling noise, on what the best adversary of its kind could tell.
"""

import math

import numpy as np
from scipy import stats

from tf_textgan.metrics import estimates


def accuracy(real, fake, threshold=0.0, seed=0):
  """Balanced accuracy: the mean of the share of real scores above the threshold and that of fake ones below it; a score equal to it counts half.

  Args:
    real: float `[N]`.
    fake: float `[M]`.
    threshold: number.
    seed: integer, of the bootstrap, which draws from both samples.

  Returns:
    `estimates.Estimate`, 0.5 at chance; its n is N + M.

  Raises:
    ValueError: a sample is empty, not of rank 1, or not finite.
  """
  real, fake = _checked("real", real), _checked("fake", fake)
  shares = _right(real, threshold), _right(-fake, -threshold)
  return estimates.of_two(estimates.row_means, shares[0], estimates.row_means, shares[1], lambda one, other: 0.5 * (one + other), seed)


def auc(real, fake):
  """The area under the ROC curve: the probability that a real score is above a fake one, ties counted half (Mann-Whitney). Takes O(n log n).

  The interval is 1.96 standard errors by DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988. It has no width where nothing overlaps.

  Args:
    real: float `[N]`; only the order of the scores matters.
    fake: float `[M]`.

  Returns:
    `estimates.Estimate`, 0.5 at chance; its n is N + M. Its ci is NaN if a sample has one score only.

  Raises:
    ValueError: a sample is empty, not of rank 1, or not finite.
  """
  real, fake = _checked("real", real), _checked("fake", fake)
  joint = stats.rankdata(np.concatenate([real, fake]))
  # Of each score, the share of the other sample that it is on the right side of: a rank among all less that among its own.
  above = (joint[: len(real)] - stats.rankdata(real)) / len(fake)
  below = 1.0 - (joint[len(real) :] - stats.rankdata(fake)) / len(real)
  ci = math.nan
  if min(len(real), len(fake)) > 1:
    ci = estimates.NORMAL * math.sqrt(above.var(ddof=1) / len(real) + below.var(ddof=1) / len(fake))
  return estimates.Estimate(float(above.mean()), len(real) + len(fake), float(ci))


def density_ratio_gain(real, fake, seed=0):
  """Donsker and Varadhan's lower bound of KL(truth || model) by a scorer f, nats per sequence:

    E_real[f] - log E_fake[exp f].

  It is the gain in mean log-likelihood of real sequences when the model's probabilities are multiplied by exp f and normalised. A constant added to
  f changes nothing; the bound is tight where f = log(truth / model) + constant, as the best logit is. On held-out sequences it is what the best
  adversary of this kind could still give at least. By chance the estimate is too large by about Var(exp f) / (2 M mean(exp f)^2), and it cannot
  show a gain far above log M.

  Donsker and Varadhan, Communications on Pure and Applied Mathematics 28, 1975; with a network as f, https://arxiv.org/abs/1801.04062.

  Args:
    real: float `[N]`.
    fake: float `[M]`.
    seed: integer, of the bootstrap, which draws from both samples.

  Returns:
    `estimates.Estimate`, 0 where f is constant, below 0 where f is worse than a constant; its n is N + M.

  Raises:
    ValueError: a sample is empty, not of rank 1, or not finite.
  """
  real, fake = _checked("real", real), _checked("fake", fake)
  return estimates.of_two(estimates.row_means, real, _row_log_mean_exps, fake, lambda one, other: one - other, seed)


def _right(scores, threshold):
  return 0.5 * ((scores > threshold) + (scores >= threshold).astype(np.float64))


def _row_log_mean_exps(values):
  # Each row's own maximum: one that lacks the largest score of all must not underflow.
  top = values.max(axis=-1)
  return top + np.log(np.mean(np.exp(values - top[..., None]), axis=-1))


def _checked(name, scores):
  scores = np.asarray(scores, np.float64)
  if scores.ndim != 1 or not len(scores):
    raise ValueError(f"expected {name} scores [N], at least one; got the shape {scores.shape}")
  if not np.isfinite(scores).all():
    raise ValueError(f"expected finite {name} scores; {np.count_nonzero(~np.isfinite(scores))} of {len(scores)} are not")
  return scores
