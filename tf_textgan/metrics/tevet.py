"""The likelihood of generators that have none, by sampling: they give the next token, but not its probability.

Given the true prefix, the generator predicts the next token N times, with fresh noise each time. The average of its one-hot predictions approximates

  p(x_t | x_1..x_{t-1}) = E_z[G_z(x_t | x_1..x_{t-1})],

Tevet et al., NAACL 2019, https://arxiv.org/abs/1810.12686, there of characters and with N = 2000. What to know:

* If the generator draws its token from a softmax, the average of the softmax rows estimates the same p with less variance (Rao-Blackwell). If it
  takes the softmax's largest entry, the rows are another p.
* -log is convex: of tokens with N p well above 1, the estimate of -log p is too high by about (1 - p) / (2 N p) with one-hot predictions (Jensen).
  Of tokens with N p below 1 the smoothing decides; log(V (N + alpha) / alpha) is the most that a token can cost, which may be too low. Compare
  generators at one N, and see whether a larger one changes the number; words need a far larger N than characters.
* The noise is drawn anew for each token. That defines a language model, but of a generator that keeps one z for a whole sentence it is another one:
  prod_t E_z[..] is not E_z[prod_t ..], and may be above or below it.
"""

import numpy as np

from tf_textgan.metrics import estimates


def log_probs(sums, num_samples, vocab_size, alpha=1.0):
  """Estimates the log-probability of each true token, log((sums + alpha / V) / (N + alpha)).

  Args:
    sums: `[...]`, mostly `[B, T]`: the N predictions for the true token, added up. Of one-hot predictions that is how many of them were the true
      token, of softmax rows the sum of the true token's probabilities.
    num_samples: N, predictions for each token.
    vocab_size: V.
    alpha: predictions of a uniform distribution to add, so that what was never predicted is not impossible. 0 for none, as fits softmax rows.

  Returns:
    float64 of the same shape, nats; minus infinity where both the sum and alpha are 0.

  Raises:
    ValueError: if a sum is NaN, negative or above N, or if N or V is below 1 or alpha below 0.
  """
  sums = np.asarray(sums, np.float64)
  if num_samples < 1 or vocab_size < 1 or not alpha >= 0:
    raise ValueError(f"expected num_samples and vocab_size of at least 1 and alpha of at least 0; got {num_samples}, {vocab_size} and {alpha}")
  # Sums of float32 softmax rows may be above N by rounding.
  if not np.all((sums >= 0) & (sums <= num_samples * (1 + 1e-4))):
    raise ValueError(f"expected sums of {num_samples} predictions, so from 0 to {num_samples}; got NaN or numbers outside")
  # The authors' code adds 1e-20 to the average instead: each unseen token then costs 46 nats, and their number decides the result.
  with np.errstate(divide="ignore"):
    return np.log((sums + alpha / vocab_size) / (num_samples + alpha))


def nll(token_log_probs, mask):
  """Averages the log-probabilities over the tokens that count.

  Args:
    token_log_probs: float `[B, T]`, nats, as `log_probs` gives them.
    mask: `[B, T]`, 1 or True on tokens up to and including the end token, 0 on padding, whose log-probabilities do not matter.

  Returns:
    `estimates.Estimate`, nats per token, with n = B and the interval of resampled sentences, which knows nothing of the bias that a finite N brings;
    infinite, with a ci of NaN, if a token is impossible.

  Raises:
    ValueError: if the shapes differ or are not `[B, T]`, if a token that counts has the log-probability NaN, or if none counts.
  """
  token_log_probs, mask = np.asarray(token_log_probs, np.float64), np.asarray(mask) != 0
  if token_log_probs.ndim != 2 or token_log_probs.shape != mask.shape:
    raise ValueError(f"expected log-probabilities and a mask of one shape, sentences x tokens; got {token_log_probs.shape} and {mask.shape}")
  if not mask.any() or np.isnan(token_log_probs[mask]).any():
    raise ValueError("expected a log-probability for each token that counts, and at least one such token; got NaN or none")
  costs = -np.where(mask, token_log_probs, 0.0).sum(axis=1)
  return estimates.mean(costs, mask.sum(axis=1))
