"""Divergences between a model and a known true distribution, from the log-probabilities of whole sequences under both. All in nats per sequence.

With p the truth and q the model:

  forward KL = E_p[log p - log q]     large if the model misses sequences of the truth,
  reverse KL = E_q[log q - log p]     large if the model generates sequences unlikely under the truth,
  JS = 1/2 E_p[log p - log m] + 1/2 E_q[log q - log m],   m = (p + q) / 2     from 0 (equal) to log 2 (disjoint).

Each is a sample mean, so an estimate may be negative by chance. The intervals are bootstrapped; an estimate's standard error is ci / 1.96.
Divergences between explicit densities as scores of text generators: Montahaei et al., https://arxiv.org/abs/1904.03971.
"""

import math
from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates
from tf_textgan.metrics import numbering


class Coverage(NamedTuple):
  """True probability of the distinct sequences in a sample, in [0, 1].

  Attributes:
    model: of a sample of the model.
    truth: of an equally large sample of the truth.
  """

  model: estimates.Estimate
  truth: estimates.Estimate


def forward_kl(real_under_truth: np.ndarray, real_under_model: np.ndarray, seed: int = 0) -> estimates.Estimate:
  """Estimates E_truth[log p - log q].

  Args:
    real_under_truth: float `[N]`, log-probabilities of sequences drawn from the truth, nats.
    real_under_model: float `[N]`, of the same sequences under the model; minus infinity for sequences it cannot generate.
    seed: of the bootstrap.

  Returns:
    Estimate, nats per sequence; infinite, with ci NaN, if the model cannot generate one of the sequences.

  Raises:
    ValueError: for wrong shapes, NaN, or a sequence with probability zero under the truth.
  """
  truth, model = _checked("real", "truth", real_under_truth, "model", real_under_model)
  return estimates.mean(truth - model, seed=seed, shared=True)


def reverse_kl(fake_under_truth: np.ndarray, fake_under_model: np.ndarray, seed: int = 0) -> estimates.Estimate:
  """Estimates E_model[log q - log p].

  Args:
    fake_under_truth: float `[M]`, log-probabilities under the truth of sequences drawn from the model, nats; minus infinity for impossible ones.
    fake_under_model: float `[M]`, of the same sequences under the model.
    seed: of the bootstrap.

  Returns:
    Estimate, nats per sequence; infinite, with ci NaN, if one of the sequences is impossible under the truth.

  Raises:
    ValueError: for wrong shapes, NaN, or a sequence with probability zero under the model.
  """
  model, truth = _checked("fake", "model", fake_under_model, "truth", fake_under_truth)
  return estimates.mean(model - truth, seed=seed)


def jensen_shannon(
  real_under_truth: np.ndarray, real_under_model: np.ndarray, fake_under_truth: np.ndarray, fake_under_model: np.ndarray, seed: int = 0
) -> estimates.Estimate:
  """Estimates the Jensen-Shannon divergence; it is finite even if sequences are impossible on one side.

  Args:
    real_under_truth, real_under_model: float `[N]`, see `forward_kl`.
    fake_under_truth, fake_under_model: float `[M]`, see `reverse_kl`.
    seed: of the bootstrap, which resamples both samples.

  Returns:
    Estimate with n = N + M, nats per sequence.

  Raises:
    ValueError: for wrong shapes, NaN, or a sequence with probability zero under the distribution it was drawn from.
  """
  truth, model = _checked("real", "truth", real_under_truth, "model", real_under_model)
  real = _from_middle(truth, model)
  model, truth = _checked("fake", "model", fake_under_model, "truth", fake_under_truth)
  fake = _from_middle(model, truth)
  of_real, of_fake = estimates.mean(0.5 * real, seed=seed, shared=True), estimates.mean(0.5 * fake, seed=seed + 1)
  return estimates.Estimate(
    of_real.value + of_fake.value, len(real) + len(fake), math.hypot(of_real.ci, of_fake.ci), of_real.shared, own_ci=of_fake.ci
  )


def mass_covered(fake: numbering.Sentences, fake_under_truth: np.ndarray, real: numbering.Sentences, real_under_truth: np.ndarray) -> Coverage:
  """Sums the true probability of the distinct sequences in a sample of the model, and in an equally large sample of the truth for comparison.

  A model that has lost modes covers less than the truth; a model that prefers the likeliest sequences may cover more. The sum grows with N.

  Args:
    fake: N sequences of hashable tokens, drawn from the model.
    fake_under_truth: float `[N]`, their log-probabilities under a discrete truth, nats; minus infinity for impossible ones, which add nothing.
    real: N sequences drawn from the truth.
    real_under_truth: float `[N]`, their log-probabilities under the truth, nats.

  Returns:
    `Coverage`; the intervals are a jackknife's over groups of consecutive sequences.

  Raises:
    ValueError: if the sizes differ, or for NaN.
  """
  if not len(fake) == len(fake_under_truth) == len(real) == len(real_under_truth):
    sizes = f"{len(fake)} and {len(fake_under_truth)} of the model, {len(real)} and {len(real_under_truth)} of the truth"
    raise ValueError(f"expected as many sequences and log-probabilities of the model as of the truth; got {sizes}")
  return Coverage(_mass(fake, _log_probs("fake_under_truth", fake_under_truth)), _mass(real, _log_probs("real_under_truth", real_under_truth)))


def _mass(sequences, log_probs):
  places = {}
  ids = np.array([places.setdefault(tuple(sequence), len(places)) for sequence in sequences])
  probabilities = np.zeros(len(places))
  probabilities[ids] = np.exp(log_probs)
  counts = np.bincount(ids)
  without = [probabilities[counts > np.bincount(group, minlength=len(counts))].sum() for group in estimates.groups(ids)]
  return estimates.with_jackknife(estimates.Estimate(math.fsum(probabilities), len(log_probs)), without)


def _from_middle(own, other):
  # log p - log m = log 2 - log(1 + q / p): exact at both extremes, and computed in log space throughout.
  return math.log(2.0) - np.logaddexp(0.0, other - own)


def _checked(sample, own_name, own, other_name, other):
  """Checks and returns the log-probabilities of one sample under the distribution it was drawn from and under the other one."""
  own, other = _log_probs(f"{sample}_under_{own_name}", own), _log_probs(f"{sample}_under_{other_name}", other)
  if own.shape != other.shape:
    raise ValueError(f"expected the same sequences under both; got {len(own)} {sample}_under_{own_name} and {len(other)} {sample}_under_{other_name}")
  impossible = int(np.isneginf(own).sum())
  if impossible:
    raise ValueError(f"expected sequences drawn from the {own_name}; {impossible} of {len(own)} have probability zero in {sample}_under_{own_name}")
  return own, other


def _log_probs(name, values):
  values = np.asarray(values, np.float64)
  if values.ndim != 1 or not len(values):
    raise ValueError(f"expected {name} as a vector, one number for each sequence; got the shape {values.shape}")
  if np.isnan(values).any() or np.isposinf(values).any():
    raise ValueError(f"expected log-probabilities in {name}; got NaN or plus infinity")
  return values
