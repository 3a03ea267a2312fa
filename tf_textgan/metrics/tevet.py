"""Likelihood of implicit generators, estimated from samples: generators that give a next token but not its probability.

Given the true prefix, the generator predicts the next token N times, each time with new noise. The mean of its one-hot predictions approximates

  p(x_t | x_1..x_{t-1}) = E_z[G_z(x_t | x_1..x_{t-1})],

Tevet et al., NAACL 2019, https://arxiv.org/abs/1810.12686, there for characters and N = 2000. Limits of the method:

* If the generator samples from a softmax, the mean of the softmax rows estimates the same p with less variance (Rao-Blackwell). If it takes the
  argmax of the softmax, the mean of the rows is a different p.
* -log is convex: for tokens with N p well above 1, the estimate of -log p is too high by about (1 - p) / (2 N p) with one-hot predictions (Jensen).
  For tokens with N p below 1 the smoothing decides; a token costs at most log(V (N + alpha) / alpha), which may be too little. Compare generators at
  the same N, and check whether a larger N changes the number; words need a far larger N than characters.
* The noise is drawn separately for each token. This defines a language model, but a different one for a generator that keeps one z per sentence:
  prod_t E_z[..] is not E_z[prod_t ..], and may be above or below it.
"""

import numpy as np

from tf_textgan.metrics import estimates


def log_probs(sums: np.ndarray, num_samples: int, vocab_size: int, alpha: float = 1.0) -> np.ndarray:
  """Estimates the log-probability of each true token as log((sums + alpha / V) / (N + alpha)).

  Args:
    sums: `[...]`, usually `[B, T]`: sum over the N predictions of the value at the true token. For one-hot predictions the number of correct ones,
      for softmax rows the sum of the true token's probabilities.
    num_samples: N, predictions per token.
    vocab_size: V.
    alpha: weight of a uniform distribution added to the N predictions, so that tokens never predicted are possible. 0 suits softmax rows.

  Returns:
    float64 of the same shape, nats; minus infinity where both the sum and alpha are 0.

  Raises:
    ValueError: if a sum is NaN, negative or above N, if N or V is below 1, or if alpha is negative.
  """
  sums = np.asarray(sums, np.float64)
  if num_samples < 1 or vocab_size < 1 or not alpha >= 0:
    raise ValueError(f"expected num_samples and vocab_size of at least 1 and alpha of at least 0; got {num_samples}, {vocab_size} and {alpha}")
  # Sums of float32 softmax rows may exceed N by rounding.
  if not np.all((sums >= 0) & (sums <= num_samples * (1 + 1e-4))):
    raise ValueError(f"expected sums of {num_samples} predictions, so from 0 to {num_samples}; got NaN or numbers outside")
  # The authors' code adds 1e-20 to the mean instead: each unseen token then costs 46 nats, and their number dominates the result.
  with np.errstate(divide="ignore"):
    return np.log((sums + alpha / vocab_size) / (num_samples + alpha))


def nll(token_log_probs: np.ndarray, mask: np.ndarray) -> estimates.Estimate:
  """Computes the mean negative log-likelihood over unmasked tokens.

  Args:
    token_log_probs: float `[B, T]`, nats, from `log_probs`.
    mask: `[B, T]`, 1 or True up to and including the end token, 0 on padding, where log-probabilities are ignored.

  Returns:
    Estimate, nats per token, with n = B. The interval resamples sentences and ignores the bias of a finite N. Infinite, with ci NaN, if a token is
    impossible.

  Raises:
    ValueError: if the shapes differ or are not `[B, T]`, if the log-probability of an unmasked token is NaN, or if all are masked.
  """
  token_log_probs, mask = np.asarray(token_log_probs, np.float64), np.asarray(mask) != 0
  if token_log_probs.ndim != 2 or token_log_probs.shape != mask.shape:
    raise ValueError(f"expected log-probabilities and a mask of one shape, sentences x tokens; got {token_log_probs.shape} and {mask.shape}")
  if not mask.any() or np.isnan(token_log_probs[mask]).any():
    raise ValueError("expected a log-probability for each token that counts, and at least one such token; got NaN or none")
  costs = -np.where(mask, token_log_probs, 0.0).sum(axis=1)
  return estimates.mean(costs, mask.sum(axis=1))
