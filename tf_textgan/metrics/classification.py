"""Separation of real and generated sequences by a scorer. A score is the logit of "real"; the two samples are independent.

On sequences held out from the scorer's training, these are lower bounds, up to sampling noise, on the separation by the best adversary of its kind.
"""

import math

import numpy as np
from scipy import stats

from tf_textgan.metrics import estimates


def accuracy(real: np.ndarray, fake: np.ndarray, threshold: float = 0.0) -> estimates.Estimate:
  """Computes the balanced accuracy: the mean of the fractions of real scores above and fake scores below the threshold; ties count half.

  Args:
    real: float `[N]`.
    fake: float `[M]`.
    threshold: decision threshold.

  Returns:
    Estimate with n = N + M, 0.5 at chance; its interval is made from those of both fractions, see `estimates.share`.

  Raises:
    ValueError: for a sample that is empty, not of rank 1, or not finite.
  """
  real, fake = _checked("real", real), _checked("fake", fake)
  shares = [estimates.share(_right(scores, limit)) for scores, limit in ((real, threshold), (-fake, -threshold))]
  return estimates.Estimate(sum(share.value for share in shares) / 2, len(real) + len(fake), math.hypot(*(share.ci for share in shares)) / 2)


def auc(real: np.ndarray, fake: np.ndarray) -> estimates.Estimate:
  """Computes the area under the ROC curve: the probability that a real score exceeds a fake one, ties counted half (Mann-Whitney), in O(n log n).

  The interval is 1.96 standard errors after DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988, which has no width if the samples do not overlap:
  it is at least Wilson's, see `estimates.share`, for a fraction of 1 in the smaller sample.

  Args:
    real: float `[N]`; only the order of the scores matters.
    fake: float `[M]`.

  Returns:
    Estimate with n = N + M, 0.5 at chance. Its ci is NaN if a sample has a single score.

  Raises:
    ValueError: for a sample that is empty, not of rank 1, or not finite.
  """
  real, fake = _checked("real", real), _checked("fake", fake)
  joint = stats.rankdata(np.concatenate([real, fake]))
  # Fraction of the other sample on the right side of each score: its rank in both samples minus its rank in its own.
  above = (joint[: len(real)] - stats.rankdata(real)) / len(fake)
  below = 1.0 - (joint[len(real) :] - stats.rankdata(fake)) / len(real)
  ci = math.nan
  if min(len(real), len(fake)) > 1:
    ci = estimates.NORMAL * math.sqrt(above.var(ddof=1) / len(real) + below.var(ddof=1) / len(fake))
    ci = max(ci, estimates.share(np.ones(min(len(real), len(fake)))).ci)
  return estimates.Estimate(float(above.mean()), len(real) + len(fake), float(ci))


def density_ratio_gain(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> estimates.Estimate:
  """Estimates the Donsker-Varadhan lower bound of KL(truth || model) from a scorer f, in nats per sequence:

    E_real[f] - log E_fake[exp f].

  This is the gain in mean log-likelihood of real sequences if the model's probabilities are multiplied by exp f and normalized. A constant added to f
  changes nothing; the bound is tight for f = log(truth / model) + constant, as for the optimal logit. On held-out sequences it bounds from below the
  gain that the best adversary of this kind could give. The estimate is biased upwards by about Var(exp f) / (2 M mean(exp f)^2), and cannot show a
  gain far above log M.

  Donsker and Varadhan, Communications on Pure and Applied Mathematics 28, 1975; with a network as f, https://arxiv.org/abs/1801.04062.

  Args:
    real: float `[N]`.
    fake: float `[M]`.
    seed: of the bootstrap, which resamples both samples.

  Returns:
    Estimate with n = N + M: 0 for a constant f, negative for an f worse than a constant.

  Raises:
    ValueError: for a sample that is empty, not of rank 1, or not finite.
  """
  real, fake = _checked("real", real), _checked("fake", fake)
  return estimates.of_two(estimates.row_means, real, _row_log_mean_exps, fake, lambda one, other: one - other, seed)


def _right(scores, threshold):
  return 0.5 * ((scores > threshold) + (scores >= threshold).astype(np.float64))


def _row_log_mean_exps(values):
  # The maximum of each row: a row without the overall largest score must not underflow.
  top = values.max(axis=-1)
  return top + np.log(np.mean(np.exp(values - top[..., None]), axis=-1))


def _checked(name, scores):
  scores = np.asarray(scores, np.float64)
  if scores.ndim != 1 or not len(scores):
    raise ValueError(f"expected {name} scores [N], at least one; got the shape {scores.shape}")
  if not np.isfinite(scores).all():
    raise ValueError(f"expected finite {name} scores; {np.count_nonzero(~np.isfinite(scores))} of {len(scores)} are not")
  return scores
