"""Divergences of a model from a truth that is known, from both log-probabilities of whole sequences. All are in nats per sequence.

With p the truth and q the model:

  forward KL = E_p[log p - log q]     large where the model misses what the truth writes,
  reverse KL = E_q[log q - log p]     large where the model writes what the truth does not,
  JS = 1/2 E_p[log p - log m] + 1/2 E_q[log q - log m],   m = (p + q) / 2     from 0, alike, to log 2, nothing in common.

Each is an average over a sample, so by chance it may fall below 0. The intervals are bootstrapped; the standard error of an estimate is its
ci / 1.96. Distances between explicit densities as scores of text generators: Montahaei et al., https://arxiv.org/abs/1904.03971.
"""

import math
from typing import NamedTuple

import numpy as np

from tf_textgan.metrics import estimates


class Coverage(NamedTuple):
  """Attributes: model, truth: `estimates.Estimate`, the true probability of the distinct sequences in a sample of each, from 0 to 1."""

  model: estimates.Estimate
  truth: estimates.Estimate


def forward_kl(real_under_truth, real_under_model, seed=0):
  """Estimates E_truth[log p - log q].

  Args:
    real_under_truth: float `[N]`, log-probabilities, nats, of sequences drawn from the truth.
    real_under_model: float `[N]`, of the same sequences under the model; minus infinity where it cannot write them.
    seed: integer, of the bootstrap.

  Returns:
    `estimates.Estimate`, nats per sequence; infinite, with a ci of NaN, if the model cannot write one of the sequences.

  Raises:
    ValueError: of a wrong shape, NaN, or a sequence that the truth it was drawn from forbids.
  """
  truth, model = _checked("real", "truth", real_under_truth, "model", real_under_model)
  return estimates.mean(truth - model, seed=seed)


def reverse_kl(fake_under_truth, fake_under_model, seed=0):
  """Estimates E_model[log q - log p].

  Args:
    fake_under_truth: float `[M]`, log-probabilities, nats, of sequences drawn from the model under the truth; minus infinity where it forbids them.
    fake_under_model: float `[M]`, of the same sequences under what they were drawn from.
    seed: integer, of the bootstrap.

  Returns:
    `estimates.Estimate`, nats per sequence; infinite, with a ci of NaN, if the truth forbids one of the sequences.

  Raises:
    ValueError: of a wrong shape, NaN, or a sequence that the model it was drawn from forbids.
  """
  model, truth = _checked("fake", "model", fake_under_model, "truth", fake_under_truth)
  return estimates.mean(model - truth, seed=seed)


def jensen_shannon(real_under_truth, real_under_model, fake_under_truth, fake_under_model, seed=0):
  """Estimates the Jensen-Shannon divergence; sequences that one side forbids count as the log 2 that they are.

  Args:
    real_under_truth, real_under_model: float `[N]`, see `forward_kl`.
    fake_under_truth, fake_under_model: float `[M]`, see `reverse_kl`.
    seed: integer, of the bootstrap, which draws from both samples.

  Returns:
    `estimates.Estimate`, nats per sequence; its n is N + M.

  Raises:
    ValueError: of a wrong shape, NaN, or a sequence that what it was drawn from forbids.
  """
  truth, model = _checked("real", "truth", real_under_truth, "model", real_under_model)
  real = _from_middle(truth, model)
  model, truth = _checked("fake", "model", fake_under_model, "truth", fake_under_truth)
  fake = _from_middle(model, truth)
  return estimates.of_two(estimates.row_means, real, estimates.row_means, fake, lambda one, other: 0.5 * (one + other), seed)


def mass_covered(fake, fake_under_truth, real, real_under_truth):
  """Sums the true probability of the distinct sequences of a sample, and of an equally large sample of the truth to compare with.

  A model that has lost modes covers less than the truth does; one that prefers the likeliest sequences may cover more. The sum grows with the sample.

  Args:
    fake: N sequences of hashable tokens, drawn from the model.
    fake_under_truth: float `[N]`, their log-probabilities under a discrete truth, nats; minus infinity where it forbids them, which covers nothing.
    real: N sequences drawn from the truth.
    real_under_truth: float `[N]`, their log-probabilities under it, nats.

  Returns:
    `Coverage`; no intervals, as these are not averages.

  Raises:
    ValueError: if the samples or their log-probabilities do not have the same N, or of NaN.
  """
  if not len(fake) == len(fake_under_truth) == len(real) == len(real_under_truth):
    sizes = f"{len(fake)} and {len(fake_under_truth)} of the model, {len(real)} and {len(real_under_truth)} of the truth"
    raise ValueError(f"expected as many sequences and log-probabilities of the model as of the truth; got {sizes}")
  return Coverage(_mass(fake, _log_probs("fake_under_truth", fake_under_truth)), _mass(real, _log_probs("real_under_truth", real_under_truth)))


def _mass(sequences, log_probs):
  probabilities = {tuple(sequence): math.exp(value) for sequence, value in zip(sequences, log_probs.tolist())}
  return estimates.Estimate(math.fsum(probabilities.values()), len(log_probs))


def _from_middle(own, other):
  # log p - log m = log 2 - log(1 + q / p): exact at both ends, and no probability leaves the logarithms.
  return math.log(2.0) - np.logaddexp(0.0, other - own)


def _checked(sample, own_name, own, other_name, other):
  """The log-probabilities of one sample under what it was drawn from and under the other side."""
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
